"""Ports for processes that talk to each other: test workers draw from ranges of their own, so that no two meet."""

import os
import random
import socket


def free_port() -> int:
    """A port that nobody listens on, below the range from which the system draws."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    first = 12000 + 500 * worker
    for port in random.sample(range(first, first + 500), 500):
        with socket.socket() as probe:
            if probe.connect_ex(("localhost", port)) != 0:
                return port
    raise RuntimeError(f"no free port from {first} on")
