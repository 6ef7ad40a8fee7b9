# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Check the network interfaces of this machine."""

from __future__ import annotations

from collections.abc import Iterator
import ipaddress
from pathlib import Path
import socket

import psutil

from .finding import Finding, ok, problem


def check_interfaces() -> Iterator[Finding]:
    """Check that this machine has a network, and a way out of it."""
    stats = psutil.net_if_stats()
    addresses = psutil.net_if_addrs()
    families = (socket.AF_INET, socket.AF_INET6)
    up = [
        name
        for name, state in sorted(stats.items())
        if state.isup
        and any(
            one.family in families and not _is_loopback_address(one.address)
            for one in addresses.get(name, ())
        )
    ]
    if not up:
        yield problem(
            'network',
            'interfaces',
            'no network interface but the loopback is up with an address',
            'plug in the cable or join the wireless network; `ip address` lists the interfaces',
        )
        return
    routes = _default_routes()
    yield ok(
        'network',
        'interfaces',
        f'up: {", ".join(up)}; '
        + (
            f'default route by {", ".join(routes)}' if routes else 'no default route, only its own'
        ),
    )


def _is_loopback_address(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.partition('%')[0]).is_loopback
    except ValueError:
        return True


def _default_routes() -> list[str]:
    found = set()
    for file, column, nothing in (('route', 1, '0' * 8), ('ipv6_route', 0, '0' * 32)):
        try:
            lines = Path('/proc/net', file).read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            words = line.split()
            interface = words[0] if file == 'route' else words[-1]
            if words[column] == nothing and interface != 'lo':
                found.add(interface)
    return sorted(found)
