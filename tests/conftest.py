"""Shared by all tests: how programs are compiled, where the real images are, and a JAX that guesses no broadcast."""

import os
from collections.abc import Iterator
from pathlib import Path

# Most of a test's time is XLA optimising programs that run once. JAX reads this when it is imported, and processes
# that tests start inherit it. What must be seen of optimised programs asks for `full_optimisation`.
QUICK = "JAX_DISABLE_MOST_OPTIMIZATIONS"
os.environ[QUICK] = "1"

import jax  # noqa: E402
import pytest  # noqa: E402

# A vector that meets a batch by accident would go on as if it had been meant.
jax.config.update("jax_numpy_rank_promotion", "raise")
assert jax.config.values["jax_disable_most_optimizations"], (
    "JAX was imported before it was told how to compile"
)

REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real images beside the checkout; skips the test where it is absent."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"real images are not here: {REAL_DATA} does not exist")
    return REAL_DATA


@pytest.fixture(scope="module")
def full_optimisation() -> Iterator[None]:
    """Programs are optimised as users have them, for modules about their bits, their operations or their speed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(QUICK)
        jax.config.update("jax_disable_most_optimizations", False)
        # What was compiled before is not what this module asks for, nor is this what the next one does.
        jax.clear_caches()
        yield
        jax.config.update("jax_disable_most_optimizations", True)
        jax.clear_caches()
