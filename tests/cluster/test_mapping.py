"""A map in order over real workers of a real Ray on this machine."""

import importlib.util
import os

import pytest
from support.toy_tasks import squared

from jaxpix.cluster import mapping as mappings
from jaxpix.cluster.mapping import Mapping, room_of
from jaxpix.cluster.session import Session
from jaxpix.config import RayConfig
from jaxpix.data.unreadable import UnreadableImageError
from jaxpix.errors import InputError

if importlib.util.find_spec("ray") is None:
    pytest.skip("workers need the extra ray", allow_module_level=True)


@pytest.fixture
def notices():
    return []


@pytest.fixture
def mapping(session, notices, monkeypatch):
    monkeypatch.setattr(mappings, "ITEMS_PER_TASK", 4)
    return Mapping(session, ["pydicom"], notices.append)


def weigh(item) -> int:
    return 1


def test_results_are_in_order_though_workers_die(mapping, notices, tmp_path):
    items = [*range(50), "die a", *range(50, 100), "die b", *range(100, 111)]
    found = list(mapping(squared, tmp_path, items, weigh))
    assert [one for one, _ in found] == [item * 2 if isinstance(item, str) else item**2 for item in items]
    pids = {pid for _, pid in found}
    assert os.getpid() not in pids
    assert len(pids) >= 2, "whoever took the place of the dead is another one"
    assert sum(mapping.num_done.values()) == len(items)
    assert {int(where.rpartition(" ")[2]) for where in mapping.num_done} == pids
    assert notices == []
    assert list(mapping(squared, tmp_path, [], weigh)) == []


def test_waiting_is_said_once(mapping, notices, tmp_path, monkeypatch):
    monkeypatch.setattr(mappings, "ITEMS_PER_TASK", 64)
    monkeypatch.setattr(mappings, "_SECONDS_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(mappings, "_SECONDS_BEFORE_SAYING", 0)
    assert len(list(mapping(squared, tmp_path, range(256), weigh))) == 256
    assert notices == [
        f"no worker has finished anything for 0 seconds; each needs {room_of(mapping._session).cores} cores of the "
        "cluster, and memory"
    ]


def test_no_more_is_taken_than_there_is_room_for(mapping, tmp_path, monkeypatch):
    taken = []
    items = (taken.append(number) or number for number in range(10_000))
    results = mapping(squared, tmp_path, items, weigh)
    next(results)
    ahead = mappings._FINISHED_AHEAD * room_of(mapping._session).tasks * 4
    assert len(taken) <= ahead
    taken.clear()
    results.close()
    heavy = (taken.append(number) or number for number in range(10_000))
    next(mapping(squared, tmp_path, heavy, lambda item: mappings._BYTES_IN_HAND))
    assert len(taken) == 1, "one that is too large goes alone"


@pytest.mark.parametrize(
    ("item", "error", "message"),
    [
        ("refuse", InputError, "^this image has no logits$"),
        ("unreadable", UnreadableImageError, "^a decompression bomb$"),
        ("break", ZeroDivisionError, "a fault of ours"),
        ("always die", InputError, r"workers were lost 2 times with the same items.*fewer --workers"),
    ],
)
def test_what_a_task_raises_is_raised_here(mapping, tmp_path, monkeypatch, item, error, message):
    monkeypatch.setattr(mappings, "_RETRIES", 1)
    with pytest.raises(error, match=message):
        list(mapping(squared, tmp_path, [1, 2, item, 3], weigh))


def test_other_versions_are_refused(session, tmp_path, monkeypatch):
    other = {**mappings.versions_here("pydicom"), "pydicom": "0.1"}
    monkeypatch.setattr(mappings, "versions_here", lambda *packages: other)
    with pytest.raises(InputError, match=r"versions are not the driver's: pydicom \S+, the driver has 0\.1"):
        list(Mapping(session, ["pydicom"], print)(squared, tmp_path, [1], weigh))


@pytest.mark.parametrize(
    ("config", "resources", "cores", "tasks"),
    [
        (RayConfig(), {"CPU": 8.0}, 1, 16),
        (RayConfig(), {"CPU": 64.0, "GPU": 8.0}, 1, 128),
        (RayConfig(workers=2), {"CPU": 8.0}, 4, 4),
        (RayConfig(workers=2, worker_cpus=1), {"CPU": 8.0}, 1, 2),
        (RayConfig(worker_cpus=3), {"CPU": 8.0}, 3, 4),
        (RayConfig(workers=20), {"CPU": 8.0}, 1, 16),
    ],
)
def test_tasks_are_as_many_as_workers_can_take(monkeypatch, config, resources, cores, tasks):
    import ray

    monkeypatch.setattr(ray, "cluster_resources", lambda: resources)
    assert room_of(Session(config, is_local=True)) == (cores, tasks)
