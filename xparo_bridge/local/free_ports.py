# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Find a TCP port, or a ROS domain, that nobody on this machine uses."""

from __future__ import annotations

import random
import socket


def is_free(port: int) -> bool:
    """Whether a server may listen on a port of the loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(('127.0.0.1', port))
        except OSError:
            return False
        return True


def free_domain() -> int:
    """
    ROS domain in which nobody on this machine is.

    The first participant of a domain has the UDP port 7410 + 250 * domain; above domain 101 it
    may be one that Linux hands out.
    """
    for domain in random.sample(range(1, 102), 101):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(('', 7410 + 250 * domain))
            except OSError:
                continue
            return domain
    return 0
