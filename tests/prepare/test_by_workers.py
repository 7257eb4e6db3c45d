"""Images decoded by workers of a real Ray: what is stored is what this process would have stored."""

import contextlib
import importlib.util
import os
import re
from pathlib import Path

import numpy as np
import psutil
import pytest
from support import made_trees as made
from support.deep_files import png16
from support.ray_nodes import running_cluster

from jaxpix.cluster import mapping
from jaxpix.config import PrepareConfig, RayConfig
from jaxpix.errors import InputError
from jaxpix.prepare import __main__ as prepare
from jaxpix.prepare.preparation import prepare_dataset
from jaxpix.prepare.working import alone, workers

if importlib.util.find_spec("ray") is None:
    pytest.skip("workers need the extra ray", allow_module_level=True)

BY_RAY = RayConfig(ray=True, workers=2)


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """A cluster that runs already, so that each test joins it at once; few images are enough for many tasks."""
    with pytest.MonkeyPatch.context() as patch:
        tests = Path(__file__).resolve().parents[1]
        patch.setenv("PYTHONPATH", os.pathsep.join(map(str, (tests, tests.parent))))
        patch.setattr(mapping, "ITEMS_PER_TASK", 4)
        with running_cluster(num_cpus=2):
            yield


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Images of 8 and 16 bits, one of them twice, one that is none and one whose end is missing."""
    values = np.random.default_rng(0).integers(0, 4096, (20, 16, 30, 1))
    files = {
        f"{name}/{index}.png": made.encoded(100 * len(name) + index)
        for name in ("ill", "normal")
        for index in range(20)
    }
    files |= {f"ill/deep-{index}.png": png16(one, 0) for index, one in enumerate(values)}
    files["normal/again.png"] = files["normal/3.png"]
    files["normal/text.png"] = b"no picture"
    files["ill/cut.png"] = files["ill/4.png"][:200]
    return made.pack(tmp_path_factory.mktemp("source") / "source.zip", files)


def stored(folder: Path) -> dict[str, bytes]:
    """Every file below a data folder but locks."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def config(source: Path, data_dir: Path, max_corrupt: int = 2) -> PrepareConfig:
    return PrepareConfig(
        source=source,
        name="mine",
        image_size=16,
        data_dir=data_dir,
        max_corrupt=max_corrupt,
        window=(0, 4095),
    )


@contextlib.contextmanager
def killed_in_the_middle(killed: list[int]):
    """Workers of whom all are killed once while looking, and once in each split."""
    with workers(BY_RAY, lambda text: None)() as work:

        def by(tasks, read, function, told):
            for number, result in enumerate(work(tasks, read, function, told)):
                if number == 5:
                    killed.extend(kill_workers())
                yield result

        yield by


def kill_workers() -> list[int]:
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.cmdline()[:1] in (["ray::_work"], ["ray::IDLE"]):
                process.kill()
                found.append(process.pid)
    return found


def test_every_file_is_the_same_though_workers_are_killed(source, tmp_path):
    killed: list[int] = []
    plain = prepare_dataset("folder", config(source, tmp_path / "plain"))
    by_workers = prepare_dataset(
        "folder", config(source, tmp_path / "ray"), workers=lambda: killed_in_the_middle(killed)
    )
    assert len(killed) >= 3
    assert by_workers.fingerprint == plain.fingerprint
    assert stored(tmp_path / "ray") == stored(tmp_path / "plain")
    summary = by_workers.summary
    assert summary["duplicates"]["images"] == 1
    assert [name.partition(" (")[0] for name in sorted(summary["skipped"]["corrupt"]["files"])] == [
        "ill/cut.png",
        "normal/text.png",
    ]


def test_too_many_corrupt_images_end_it_with_the_same_words(source, tmp_path):
    said = []
    for number, by in enumerate((alone, workers(BY_RAY, said.append))):
        with pytest.raises(InputError, match="1 corrupt image, 0 allowed") as error:
            prepare_dataset("folder", config(source, tmp_path / str(number), max_corrupt=0), workers=by)
        said.append(str(error.value))
        assert stored(tmp_path / str(number)) == {}
    assert said[0] == said[-1]


def test_the_door_says_who_did_what(tmp_path, capsys):
    """Drawn images have their labels only when they are drawn, in this process."""
    options = ["phantom-chest", "--num-images", "30", "--image-size", "16", "--data-dir"]
    prepare.main([*options, str(tmp_path / "plain")])
    capsys.readouterr()
    prepare.main([*options, str(tmp_path / "ray"), "--ray", "--workers", "2", "--verbose"])
    said = " ".join(capsys.readouterr().out.split())
    assert "images are decoded by Ray, the cluster at 127.0.0.1:" in said
    done = re.findall(r", process (\d+): (\d+) images", said)
    assert sum(int(count) for _, count in done) == 30
    assert str(os.getpid()) not in dict(done)
    assert stored(tmp_path / "ray") == stored(tmp_path / "plain")


def test_workers_are_described_only_where_there_are_some(tmp_path):
    with pytest.raises(InputError, match="--worker-cpus is for workers of Ray: give --ray, too"):
        prepare.main(["phantom-xray", "--worker-cpus", "2", "--data-dir", str(tmp_path)])
