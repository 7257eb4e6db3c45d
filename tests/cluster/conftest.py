"""Ray as these tests want it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from jaxpix.cluster.session import Session, joined
from jaxpix.config import RayConfig

TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def path_of_workers() -> Iterator[None]:
    """Workers find what tests let them do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(map(str, (TESTS, TESTS.parent))))
        yield


@pytest.fixture(scope="module")
def session(path_of_workers: None) -> Iterator[Session]:
    """Two workers of a cluster of this machine's own."""
    with joined(RayConfig(ray=True, workers=2)) as session:
        yield session
