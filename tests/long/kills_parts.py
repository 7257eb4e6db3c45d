"""What kills.py looks at and ends: nodes of Ray, its workers, and what an attack leaves in its folder."""

import contextlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from long.faults_doors import attacked


class Nodes:
    """Two nodes of one cluster on this machine's loopback address. The second may leave."""

    def __init__(self) -> None:
        # Before Ray is imported: its parts on a loopback address would not find each other otherwise.
        os.environ |= {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0"}
        # Else workers give way to whatever else this machine does, and are always killed before they begin.
        os.environ |= {"RAY_worker_niceness": "0"}
        from ray.cluster_utils import Cluster

        self._node = {"num_cpus": 2, "node_ip_address": "127.0.0.1", "object_store_memory": 2**27}
        self._cluster = Cluster(initialize_head=True, head_node_args=self._node)
        self._second = self._cluster.add_node(**self._node)
        self.address = self._cluster.address

    def leave(self) -> None:
        """The second node dies, and a third comes in its place."""
        self._cluster.remove_node(self._second, allow_graceful=False)
        self._second = self._cluster.add_node(**self._node)

    def end(self) -> None:
        """All nodes end."""
        self._cluster.shutdown()


def workers_here() -> Iterator[psutil.Process]:
    """Ray's processes that attack or will in a moment, of drivers and nodes that this process has started."""
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "ray::Worker" in " ".join(process.cmdline()):
                yield process


def num_finished(folder: Path) -> int:
    """Lines of the journal."""
    journal = folder / "journal.jsonl"
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def outcome(folder: Path) -> dict[str, Any]:
    """Records, pictures, selection, maps, and how often each image is in the journal."""
    records, pictures, selection = attacked(folder)
    maps = {path.name: path.read_bytes() for path in sorted(folder.glob("exhaustive/*"))}
    lines = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    times = Counter(name for line in lines for name in line.get("passed_over", [line.get("image_id")]))
    found = {"records": records, "pictures": pictures, "selection": selection, "maps": maps}
    return {**found, "images in the journal": times}
