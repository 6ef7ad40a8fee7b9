# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Check that ROS can load the middleware that the environment names."""

from __future__ import annotations

from collections.abc import Iterator
import os
import subprocess
import sys

from .finding import Finding, problem

# Times that a check may take: a small computer loads ROS in some seconds.
_LOADING = 3


def check_middleware(timeout: float) -> Iterator[Finding]:
    """
    Check RMW_IMPLEMENTATION; nothing if ROS takes it, or there is none.

    Asked in a process of its own: where the middleware is another, or is not installed, ROS ends
    the process that loads it.
    """
    requested = os.environ.get('RMW_IMPLEMENTATION', '')
    if not requested:
        return
    try:
        loaded = subprocess.run(
            [sys.executable, '-c', 'from rclpy.impl import implementation_singleton'],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors='replace',
            timeout=timeout * _LOADING,
            check=False,
        )
    except subprocess.TimeoutExpired:
        words = f'ROS was not loaded with {requested} in {timeout * _LOADING:g} s'
        yield problem('RMW', requested, words, 'look whether it is installed whole')
        return
    if loaded.returncode:
        said = [line for line in loaded.stderr.splitlines() if line.strip()]
        package = requested.replace('_', '-')
        yield problem(
            'RMW',
            requested,
            f'ROS does not start with it: {said[-1][:300] if said else loaded.returncode}',
            f'install it (apt install ros-…-{package} of your distribution), or set '
            "RMW_IMPLEMENTATION to that of the robot's nodes",
        )
