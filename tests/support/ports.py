"""Ports of this machine."""

import socket


def free_port() -> int:
    """A port on which nobody listens, at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
