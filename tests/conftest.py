"""Shared by all tests: where the real images are, and quiet libraries."""

from pathlib import Path

import pytest

REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real images beside the checkout; skips the test where it is absent."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"real images are not here: {REAL_DATA} does not exist")
    return REAL_DATA
