# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Report how the robot's computer is doing.

Sends `cpu_usage`, `memory_usage` and `disk_usage` in percent, as the platform's document has them,
and what else is asked for:

- `load`: `load`, the average number of waiting tasks over 1, 5 and 15 minutes
- `temperatures`: `temperatures`, degrees Celsius by sensor
- `network`: `network`, bytes a second {sent, received} over all interfaces but the loopback
- `uptime`: `uptime`, seconds since boot
- `bridge`: `bridge`, the bridge's own {cpu_usage in percent of one core, rss in bytes, faults,
  longest_stall in s of the last minute by thread}
"""

from __future__ import annotations

from collections.abc import Callable
import math
import os
import time
from typing import Any

from rclpy.node import Node

from ....faults import FAULTS
from ....ros.problems import Problems
from ....turns import THREADS
from ... import computer
from ..settings import Settings
from ..source import Source, Values


def make(node: Node, settings: Settings) -> Source:
    return System(settings, Problems.of(node))


class System(Source):
    """See the module; what cannot be read costs itself and no other."""

    def __init__(self, settings: Settings, problems: Problems) -> None:
        """Start counting: usage is that since the last look."""
        self._problems = problems
        self._own_cpu = computer.OwnCpuUsage()
        self._network = _network()
        self._parts: dict[str, Callable[[], Any]] = {
            'cpu_usage': computer.CpuUsage().percent,
            'memory_usage': lambda: computer.memory().percent,
            'disk_usage': lambda: computer.disk(settings['disk']).percent,
        }
        asked: dict[str, Callable[[], Any]] = {
            'load': os.getloadavg,
            'temperatures': _temperatures,
            'network': self._network_rates,
            'uptime': lambda: round(time.clock_gettime(time.CLOCK_BOOTTIME), 1),
            'bridge': self._own,
        }
        if settings['temperatures']:
            import psutil  # noqa: F401  Now, and not on the ROS thread at the first reading.
        self._parts |= {name: read for name, read in asked.items() if settings[name]}

    def collect(self) -> Values:
        values: Values = {}
        for name, read in self._parts.items():
            problem = f'telemetry {name}'
            try:
                values[name] = read()
            except Exception as error:  # A disk that is gone, a sensor whose driver hangs up.
                self._problems.report(problem, f'left out: {error}')
            else:
                self._problems.solved(problem)
        return values

    def close(self) -> None:
        for name in self._parts:
            self._problems.forget(f'telemetry {name}')

    def _own(self) -> Values:
        return {
            'cpu_usage': self._own_cpu.percent(),
            'rss': computer.own_rss(),
            'faults': FAULTS.total,
            'longest_stall': {name: round(turns.longest, 4) for name, turns in THREADS.items()},
        }

    def _network_rates(self) -> dict[str, float]:
        before, self._network = self._network, _network()
        at, sent, received = self._network
        elapsed = max(at - before[0], 1e-3)
        return {
            # An interface that went away takes its count with it.
            'sent': max(0.0, round((sent - before[1]) / elapsed, 1)),
            'received': max(0.0, round((received - before[2]) / elapsed, 1)),
        }


def _network() -> tuple[float, int, int]:
    return (time.monotonic(), *computer.network())


def _temperatures() -> dict[str, float]:
    import psutil  # Where it is asked for: 1.2 MB.

    # Some systems, and every container on some of them, have no such call.
    read: Any = getattr(psutil, 'sensors_temperatures', dict)
    found: dict[str, float] = {}
    for chip, sensors in read().items():
        for sensor in sensors:
            name = f'{chip}/{sensor.label}' if sensor.label else chip
            number, free = 1, name
            while free in found:  # Two disks have sensors of one name.
                number += 1
                free = f'{name}#{number}'
            if sensor.current is not None and math.isfinite(sensor.current):
                found[free] = sensor.current
    return found
