"""Shared by all tests: how programs are compiled, where the real images are, and a JAX that guesses no broadcast."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Most of a test's time is XLA optimising programs that run once. JAX reads this when it is imported, and processes
# that tests start inherit it. What must be seen of optimised programs asks for `full_optimisation`.
QUICK = "JAX_DISABLE_MOST_OPTIMIZATIONS"
os.environ[QUICK] = "1"
# Ray reads this when it is imported: nobody listens where another machine could reach him.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"

import jax  # noqa: E402
import pytest  # noqa: E402
from jax.experimental.compilation_cache import compilation_cache  # noqa: E402

# A vector that meets a batch by accident would go on as if it had been meant.
jax.config.update("jax_numpy_rank_promotion", "raise")
assert jax.config.values["jax_disable_most_optimizations"], (
    "JAX was imported before it was told how to compile"
)

TESTS = Path(__file__).resolve().parent
REAL_DATA = TESTS.parents[1] / "shared" / "data"

# These take longest, so they begin first: no worker is left with one of them at the end.
LONGEST = (
    "windows/test_incremental.py",
    "bench/test_measurements.py",
    "train/test_training.py",
    "attack/test_campaign.py",
    "attack/test_experiments.py",
    "bench/test_visit.py",
    "search/test_flatness.py",
    "study/test_door.py",
    "search/test_layout.py",
    "study/test_gpu.py",
    "test_notebooks.py",
    "report/page/test_browser.py",
    "attack/test_library.py",
    "train/test_door.py",
    "search/test_engine.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files in the order of `LONGEST`, then the others; their tests stay as they are."""
    rank = {TESTS / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


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


@pytest.fixture(scope="module")
def kept_programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compiled programs are kept, for modules that compile the same ones again: for new victims, in new processes."""
    settings = {
        "jax_compilation_cache_dir": str(tmp_path_factory.mktemp("programs")),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name.upper(), str(value))
        before = {name: jax.config.values[name] for name in settings}
        _use(settings)
        yield
        _use(before)


def _use(settings: dict[str, Any]) -> None:
    for name, value in settings.items():
        jax.config.update(name, value)
    # JAX decides once whether it keeps programs, and where.
    compilation_cache.reset_cache()
