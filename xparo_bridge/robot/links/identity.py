# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Who and what the robot is: what the platform is told once after each connect."""

from __future__ import annotations

import os
import platform
import socket
from typing import Any

import psutil

from ... import __version__


def robot_info(robot_id: str) -> dict[str, Any]:
    """Facts about this machine; memory in bytes."""
    return {
        'robot_id': robot_id,
        'hostname': socket.gethostname(),
        'os': platform.platform(terse=True),
        'cpu': f'{platform.machine()}, {psutil.cpu_count()} cores',
        'memory': psutil.virtual_memory().total,
        'ip_address': _address(),
        'ros_distro': os.environ.get('ROS_DISTRO', ''),
        'bridge_version': __version__,
    }


def _address() -> str:
    """Address of the interface that leads out; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(('192.0.2.1', 9))
        except OSError:
            return '127.0.0.1'
        return str(probe.getsockname()[0])
