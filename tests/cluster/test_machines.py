"""Several nodes of Ray, on one machine."""

import importlib.util

import pytest
from support.ray_nodes import running_cluster
from support.toy_tasks import Squares

from jaxpix.cluster.pool import Pool
from jaxpix.cluster.session import joined
from jaxpix.cluster.worker import Facts
from jaxpix.config import RayConfig

if importlib.util.find_spec("ray") is None:
    pytest.skip("workers need the extra ray", allow_module_level=True)


def test_machines_come_and_go(path_of_workers, tmp_path):
    """Two nodes on the loopback address; one leaves with all its workers, another one comes."""
    notices: list[str] = []
    with running_cluster(num_cpus=1) as cluster:
        second = cluster.add_node(num_cpus=1, node_ip_address="127.0.0.1")
        with joined(RayConfig(ray=True)) as session, Pool(session, Squares(tmp_path), notices.append) as pool:
            assert not session.is_local
            found: list[int] = []
            ready, given = 0, 1000
            for one in pool.run(range(given)):
                # However long it takes until the third is there.
                if ready < 3 and len(pool.todo) < 100:
                    pool.todo.extend(range(given, given := given + 100))
                if isinstance(one.content, Facts):
                    ready += 1
                    if ready == 2:
                        cluster.remove_node(second, allow_graceful=False)
                        cluster.add_node(num_cpus=1, node_ip_address="127.0.0.1")
                else:
                    found.append(one.content[0])
            assert sorted(found) == list(range(given))
    assert any("is lost" in notice for notice in notices)
