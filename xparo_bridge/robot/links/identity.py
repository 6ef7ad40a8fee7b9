# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Collect who and what the robot is, which is reported once after each connect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
import os
import platform
import socket
from typing import Any
from uuid import getnode

from ... import __version__
from .. import computer

# Addresses for documentation (RFC 5737, RFC 3849): on no network, so the way to them leads out.
_OUTSIDE = (
    (socket.AF_INET, ('192.0.2.1', 9)),
    (socket.AF_INET6, ('2001:db8::1', 9)),
)
_NOWHERE = '127.0.0.1'


def _room() -> dict[str, int]:
    """Memory and disk as they are at the start, bytes."""
    disk = computer.disk('/')
    return {
        'memory_available': computer.memory().available,
        'disk': disk.total,
        'disk_used': disk.used,
        'disk_free': disk.available,
    }


class RobotFacts(Mapping[str, Any]):
    """
    Facts about this machine, memory in bytes; its address is that of the moment it is read.

    A robot may get its address after the bridge has started, and another one later. May be read
    from any thread.
    """

    def __init__(
        self, robot_id: str, configuration: Callable[[], Mapping[str, Any]] = dict
    ) -> None:
        """Find what does not change; `configuration` says what the bridge runs."""
        self._configuration = configuration
        self._facts: dict[str, Any] = {
            'robot_id': robot_id,
            'hostname': socket.gethostname(),
            'os': platform.platform(terse=True),
            'cpu': f'{platform.machine()}, {os.cpu_count()} cores',
            'memory': computer.memory().total,
            'os_version': platform.version(),
            'os_release': platform.release(),
            'mac_address': ':'.join(f'{byte:02x}' for byte in getnode().to_bytes(6, 'big')),
            'cpu_count': os.cpu_count(),
            'cpu_physical_count': computer.physical_cores(),
            **_room(),
            'ip_address': '',
            'ros_distro': os.environ.get('ROS_DISTRO', ''),
            'bridge_version': __version__,
            'configuration': {},
        }

    def __getitem__(self, name: str) -> Any:
        if name == 'configuration':
            return dict(self._configuration())
        return address() if name == 'ip_address' else self._facts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)


def address() -> str:
    """Address of the interface that leads out, IPv4 first; nothing is sent to find it."""
    for family, outside in _OUTSIDE:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect(outside)
                return str(probe.getsockname()[0])
        except OSError:  # No way there, or a machine without such addresses.
            continue
    return _local_address()


def _local_address() -> str:
    """Address of a robot whose network leads nowhere else."""
    import psutil  # 1.2 MB, for robots that are on no network but their own.

    for name, addresses in sorted(psutil.net_if_addrs().items()):
        for found in addresses:
            if (
                found.family in (socket.AF_INET, socket.AF_INET6)
                and name != 'lo'
                and not found.address.startswith(('127.', '169.254.', 'fe80', '::1'))
            ):
                return str(found.address)
    return _NOWHERE


class AddressWatch:
    """
    Reports when the robot's address is no longer the one with which DDS has started.

    Fast DDS keeps to the interfaces it found at its start, so nodes beyond a newer one are not
    heard until the bridge is started again.
    """

    def __init__(self) -> None:
        """Take the address of now for that of DDS."""
        self._first = address()
        # With these DDS speaks to this machine only, which has one address for ever.
        self._local = os.environ.get('ROS_AUTOMATIC_DISCOVERY_RANGE', '') in ('LOCALHOST', 'OFF')

    def problem(self) -> str:
        """Return what is wrong now; '' if nothing is."""
        now = address()
        if self._local or now in (self._first, _NOWHERE):
            return ''
        return (
            f'the address is {now}, it was {self._first} when the bridge started; DDS keeps to '
            'the interfaces of its start, so restart the bridge to hear nodes of other machines'
        )
