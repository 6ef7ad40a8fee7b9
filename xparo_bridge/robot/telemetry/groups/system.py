# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How the robot's computer is doing, by psutil.

Sends `cpu_usage`, `memory_usage` and `disk_usage` in percent, as the platform's document has them,
and what else is asked for:

- `load`: `load`, the average number of waiting tasks over 1, 5 and 15 minutes
- `temperatures`: `temperatures`, degrees Celsius by sensor
- `network`: `network`, bytes a second {sent, received} over all interfaces but the loopback
- `uptime`: `uptime`, seconds since boot
- `bridge`: `bridge`, the bridge's own {cpu_usage in percent of one core, rss in bytes}
"""

from __future__ import annotations

import time
from typing import Any

import psutil
from rclpy.node import Node

from ..settings import Settings
from ..source import Source, Values


def make(node: Node, settings: Settings) -> Source:
    return System(settings)


class System(Source):
    """See the module."""

    def __init__(self, settings: Settings) -> None:
        """Start counting: usage is that since the last look."""
        self._settings = settings
        self._process = psutil.Process()
        self._process.cpu_percent()
        psutil.cpu_percent()
        self._network = _network()

    def collect(self) -> Values:
        settings = self._settings
        values: Values = {
            'cpu_usage': psutil.cpu_percent(),
            'memory_usage': psutil.virtual_memory().percent,
            'disk_usage': psutil.disk_usage(settings['disk']).percent,
        }
        if settings['load']:
            values['load'] = psutil.getloadavg()
        if settings['temperatures']:
            values['temperatures'] = _temperatures()
        if settings['network']:
            values['network'] = self._network_rates()
        if settings['uptime']:
            values['uptime'] = round(time.time() - psutil.boot_time(), 1)
        if settings['bridge']:
            with self._process.oneshot():
                values['bridge'] = {
                    'cpu_usage': self._process.cpu_percent(),
                    'rss': self._process.memory_info().rss,
                }
        return values

    def _network_rates(self) -> dict[str, float]:
        before, self._network = self._network, _network()
        at, sent, received = self._network
        elapsed = max(at - before[0], 1e-3)
        return {
            'sent': round((sent - before[1]) / elapsed, 1),
            'received': round((received - before[2]) / elapsed, 1),
        }


def _network() -> tuple[float, int, int]:
    counters = [
        counter for name, counter in psutil.net_io_counters(pernic=True).items() if name != 'lo'
    ]
    return (
        time.monotonic(),
        sum(counter.bytes_sent for counter in counters),
        sum(counter.bytes_recv for counter in counters),
    )


def _temperatures() -> dict[str, float]:
    # Some systems, and every container on some of them, have no such call.
    read: Any = getattr(psutil, 'sensors_temperatures', dict)
    return {
        f'{chip}/{sensor.label}' if sensor.label else chip: sensor.current
        for chip, sensors in read().items()
        for sensor in sensors
    }
