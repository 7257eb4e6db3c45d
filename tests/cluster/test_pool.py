"""Real workers of a real Ray on this machine, with work that needs no model."""

import importlib.util
import os
import random
import signal
import sys
import threading
import time

import pytest
from support.toy_tasks import Squares

from jaxpix.cluster import worker as workers
from jaxpix.cluster.hand import why_lost
from jaxpix.cluster.pool import Heard, Pool
from jaxpix.cluster.session import Session, joined, leave_gpus_to_workers
from jaxpix.cluster.worker import Facts, Stream, versions_here
from jaxpix.config import RayConfig
from jaxpix.errors import InputError

if importlib.util.find_spec("ray") is None:
    pytest.skip("workers need the extra ray", allow_module_level=True)


def done(heard: list[Heard]) -> list:
    return [one.content[0] for one in heard if not isinstance(one.content, Facts)]


def facts(heard: list[Heard]) -> list[Facts]:
    return [one.content for one in heard if isinstance(one.content, Facts)]


def test_everything_is_done_once_by_two_that_were_told_their_share_of_the_machine(session, tmp_path):
    notices: list[str] = []
    with Pool(session, Squares(tmp_path), notices.append) as pool:
        pool.word = "hello"
        heard = list(pool.run(range(300)))
        assert sorted(done(heard)) == list(range(300))
        by = {one.content[2] for one in heard if not isinstance(one.content, Facts)}
        assert by <= {one.environment["pid"] for one in facts(heard)}
        assert {one.content[1] for one in heard if not isinstance(one.content, Facts)} == {"hello"}
        cores = str(max(1, (os.cpu_count() or 1) // 2))
        for one in facts(heard):
            assert (one.environment["NPROC"], one.environment["JAX_PLATFORMS"]) == (cores, "cpu")
            assert one.environment["RAY_AUTH_MODE"] == "token", "strangers cannot give the cluster work"
        # The same workers begin anew, both of them by now.
        time.sleep(1)
        again = list(pool.run(range(300)))
        assert sorted(done(again)) == list(range(300))
        assert len({one.content[2] for one in again if not isinstance(one.content, Facts)}) == 2
    assert notices == []
    assert session.is_local
    import ray

    assert [node["NodeManagerAddress"] for node in ray.nodes()] == ["127.0.0.1"], (
        "no other machine can reach it"
    )


def test_workers_that_are_killed_at_any_moment_lose_nothing(session, tmp_path):
    draw = random.Random(int.from_bytes(os.urandom(4)))
    notices: list[str] = []
    kills = 0
    with Pool(session, Squares(tmp_path), notices.append) as pool:
        found: list = []
        for one in pool.run(range(600)):
            if not isinstance(one.content, Facts):
                found.append(one.content[0])
                if kills < 3 and draw.random() < 0.02:
                    kills += 1
                    os.kill(one.content[2], signal.SIGKILL)
    assert sorted(found) == list(range(600))
    assert sum("is lost" in notice for notice in notices) <= kills
    assert kills == 0 or notices


def test_one_that_dies_of_its_work_is_replaced_and_one_without_memory_leaves(session, tmp_path):
    notices: list[str] = []
    items = [*range(20), "die a", *range(20, 40), "leave b", *range(40, 60)]
    with Pool(session, Squares(tmp_path), notices.append) as pool:
        assert sorted(map(str, done(list(pool.run(items))))) == sorted(map(str, items))
        assert len(pool.hands) == 1
    said = " ".join(notices)
    assert "is lost" in said
    assert "leaves: its device is full" in said


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (["always die"], "5 workers were lost one after the other while nothing was finished"),
        (["leave a", "leave b"], "all workers have left"),
        (["refuse"], r"worker \d: this image has no logits"),
        (["break"], r"worker \d: [\s\S]*ZeroDivisionError: a fault of ours"),
        (["exit"], r"worker \d: [\s\S]*SystemExit: the victim ends its process"),
    ],
)
def test_what_nobody_can_do_ends_with_a_reason(session, tmp_path, items, message):
    with (
        pytest.raises(InputError, match=message),
        Pool(session, Squares(tmp_path), lambda text: None) as pool,
    ):
        list(pool.run(items))


@pytest.mark.parametrize(
    "reason", ["derma is not prepared in /data", "a.toml: a: unknown\n       b: unknown"]
)
def test_what_a_worker_lacks_is_said_in_its_words(session, tmp_path, reason):
    task = Squares(tmp_path, refuses=reason)
    with (
        pytest.raises(InputError, match=rf"^worker \d: {reason}$"),
        Pool(session, task, lambda text: None) as pool,
    ):
        list(pool.run([1, 2, 3]))


def test_other_versions_are_refused(session, tmp_path, monkeypatch):
    workers.Worker().check(versions_here())
    monkeypatch.setattr("jaxpix.cluster.pool.versions_here", lambda: {**versions_here(), "jax": "0.1"})
    with (
        pytest.raises(
            InputError, match=r"worker \d: its versions are not the driver's: jax \S+, the driver has 0\.1"
        ),
        Pool(session, Squares(tmp_path), lambda text: None) as pool,
    ):
        list(pool.run([1]))


def test_one_leaves_and_then_its_node_while_another_works(session, tmp_path, monkeypatch):
    import ray

    monkeypatch.setattr("jaxpix.cluster.pool._SECONDS_BETWEEN_LOOKS", 0.05)
    everywhere = Session(RayConfig(worker_cpus=max(1, (os.cpu_count() or 1) // 2)), is_local=True)
    whole = ray.cluster_resources()
    found = []
    with Pool(everywhere, Squares(tmp_path), lambda text: None) as pool:
        for one in pool.run(["leave a", *range(200)]):
            if not isinstance(one.content, Facts):
                found.append(one.content[0])
                if (tmp_path / "a").exists():
                    monkeypatch.setattr(ray, "cluster_resources", lambda: {**whole, "CPU": whole["CPU"] / 2})
    assert sorted(map(str, found)) == sorted(map(str, ["leave a", *range(200)]))


def test_where_every_gpu_has_left_no_cpu_takes_its_place(monkeypatch):
    import ray

    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 64.0, "GPU": 2.0})
    session = Session(RayConfig(), is_local=False)
    assert session.num_workers == 2
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 48.0})
    assert session.num_workers == 1
    assert session.needs["num_gpus"] == 1


def test_a_process_that_never_began_or_has_no_words_has_a_reason_all_the_same():
    import ray

    class Silent(ray.exceptions.RayError):
        pass

    assert why_lost(Silent()) == "Silent"
    lacks = ModuleNotFoundError("No module named 'jaxpix'")
    began = ray.exceptions.RayTaskError(
        "Worker.__init__", f"ray::Worker\nModuleNotFoundError: {lacks}", lacks
    )
    began._actor_id = "a0"
    died = ray.exceptions.ActorDiedError(began)
    assert why_lost(died) == (
        "jaxpix does not begin there: ModuleNotFoundError: No module named 'jaxpix'; install the same everywhere"
    )


def test_a_stream_gives_what_has_come_and_waits_only_for_the_first():
    stream, chunks = Stream(), []
    thread = threading.Thread(target=lambda: chunks.extend(stream.chunks(3)))
    thread.start()
    until = time.monotonic() + 10
    while not stream.is_waited_for and time.monotonic() < until:
        time.sleep(0.001)
    assert stream.is_waited_for
    stream.add([1], is_last=False)
    while chunks != [[1]] and time.monotonic() < until:
        time.sleep(0.001)
    stream.add([2, 3, 4, 5], is_last=True)
    thread.join(10)
    assert chunks[0] == [1]
    assert [item for chunk in chunks for item in chunk] == [1, 2, 3, 4, 5]
    assert max(map(len, chunks)) <= 3


def test_a_worker_without_a_stream_has_nothing_to_say():
    worker = workers.Worker()
    assert worker.exchange([], True, None) == ([], False, True, None)


def test_a_cluster_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(InputError, match=r"RAY_ADDRESS=127\.0\.0\.1:1"), joined(RayConfig(ray=True)):
        pass


@pytest.mark.parametrize("told", [None, "cuda,cpu"])
def test_a_driver_that_has_a_gpu_begins_again_without_and_workers_are_told_what_it_was_told(
    monkeypatch, told
):
    began: list = []
    monkeypatch.setattr("jax.default_backend", lambda: "gpu")
    monkeypatch.setattr("ray.cluster_resources", lambda: {"CPU": 8.0, "GPU": 1.0})
    monkeypatch.setattr(os, "execve", lambda *call: began.append(call))
    if told is None:
        monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    else:
        monkeypatch.setenv("JAX_PLATFORMS", told)
    leave_gpus_to_workers()
    [(program, arguments, environment)] = began
    assert (program, arguments) == (sys.executable, sys.orig_argv)
    assert environment["JAX_PLATFORMS"] == "cpu"
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    needs = Session(RayConfig(), is_local=True).needs
    assert needs["num_gpus"] == 1
    assert needs["runtime_env"]["env_vars"]["JAX_PLATFORMS"] == (told or "")


@pytest.mark.parametrize(
    ("config", "resources", "workers", "cores"),
    [
        (RayConfig(), {"CPU": 8.0}, 8, 1),
        (RayConfig(worker_cpus=4), {"CPU": 8.0}, 2, 4),
        (RayConfig(workers=2), {"CPU": 8.0}, 2, 4),
        (RayConfig(workers=20), {"CPU": 8.0}, 20, 1),
        (RayConfig(), {"CPU": 64.0, "GPU": 8.0}, 8, 1),
        (RayConfig(workers=3, worker_cpus=5), {"CPU": 64.0, "GPU": 8.0}, 3, 5),
    ],
)
def test_workers_are_as_many_as_there_is_room_for(monkeypatch, config, resources, workers, cores):
    import ray

    monkeypatch.setattr(ray, "cluster_resources", lambda: resources)
    session = Session(config, is_local=True)
    assert (session.num_workers, session.cpus_each) == (workers, cores)
    assert session.needs.get("num_gpus") == (1 if "GPU" in resources else None)
