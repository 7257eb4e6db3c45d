"""Nodes of Ray on this machine, which run already when a test joins them."""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import pytest


@contextlib.contextmanager
def running_cluster(num_cpus: int) -> Iterator[Any]:
    """A cluster of one node, to which others may be added; `RAY_ADDRESS` names it meanwhile."""
    from ray.cluster_utils import Cluster

    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        # Nodes are others' programs, begun at once: what JAX warns of does not concern them.
        warnings.filterwarnings("ignore", message=r"os\.fork\(\) was called", category=RuntimeWarning)
        head = {"num_cpus": num_cpus, "node_ip_address": "127.0.0.1"}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        patch.setenv("RAY_ADDRESS", cluster.address)
        try:
            yield cluster
        finally:
            cluster.shutdown()
