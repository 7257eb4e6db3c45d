"""Shared by all tests: where the real images are, and a JAX that guesses no broadcast."""

from collections.abc import Iterator
from pathlib import Path

import jax
import pytest

# A vector that meets a batch by accident would go on as if it had been meant.
jax.config.update("jax_numpy_rank_promotion", "raise")

REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real images beside the checkout; skips the test where it is absent."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"real images are not here: {REAL_DATA} does not exist")
    return REAL_DATA


@pytest.fixture(scope="module")
def quick_compilation() -> Iterator[None]:
    """Programs are hardly optimised, for modules whose time is compiling."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
