# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Read from Linux how the robot's computer is doing: proc(5) and statvfs(3).

psutil says the same for 1.2 MB of memory and loads what most robots never ask; it is imported for
the temperatures alone (`telemetry.groups.system`).
"""

from __future__ import annotations

from dataclasses import dataclass
import os
from pathlib import Path
import time

_PROC = Path('/proc')
_CPUS = Path('/sys/devices/system/cpu')


class CpuUsage:
    """How much of all cores was used since the last look."""

    def __init__(self) -> None:
        self._idle, self._total = self._times()

    def percent(self) -> float:
        """Return 0 to 100, of all cores together."""
        before_idle, before = self._idle, self._total
        self._idle, self._total = self._times()
        elapsed = self._total - before
        if elapsed <= 0:
            return 0.0
        return round(min(100.0, max(0.0, 100.0 * (1 - (self._idle - before_idle) / elapsed))), 1)

    def _times(self) -> tuple[int, int]:
        """Ticks of all cores: those without work, and all."""
        first = (_PROC / 'stat').read_text().split('\n', 1)[0]
        # user nice system idle iowait irq softirq steal; what guests use is in user already.
        ticks = [int(word) for word in first.split()[1:9]]
        return sum(ticks[3:5]), sum(ticks)


class OwnCpuUsage:
    """How much of one core this process used since the last look."""

    def __init__(self) -> None:
        self._at, self._used = time.monotonic(), time.process_time()

    def percent(self) -> float:
        """Return per cent of one core; two busy threads may have more than 100."""
        before_at, before = self._at, self._used
        self._at, self._used = time.monotonic(), time.process_time()
        return round(100.0 * (self._used - before) / max(self._at - before_at, 1e-3), 1)


@dataclass(frozen=True)
class Room:
    """Bytes of memory, or of a disk: all, what is used, and what may still be had."""

    total: int
    used: int
    available: int

    @property
    def percent(self) -> float:
        """How much of what may be had is used."""
        whole = self.used + self.available
        return round(100.0 * self.used / whole, 1) if whole else 0.0


def memory() -> Room:
    """Return the memory of the computer; caches that would be given up count as available."""
    found = {}
    for line in (_PROC / 'meminfo').read_text().splitlines():
        name, _, rest = line.partition(':')
        found[name] = int(rest.split()[0]) * 1024
    total, available = found['MemTotal'], found['MemAvailable']
    return Room(total, total - available, available)


def disk(path: str) -> Room:
    """
    Return the disk that a path is on; what is kept for root is neither used nor available.

    :raises OSError: naming the path, where it is not there.
    """
    found = os.statvfs(path)
    return Room(
        found.f_blocks * found.f_frsize,
        (found.f_blocks - found.f_bfree) * found.f_frsize,
        found.f_bavail * found.f_frsize,
    )


def network() -> tuple[int, int]:
    """Return the bytes sent and received since boot, over all interfaces but the loopback."""
    sent = received = 0
    for line in (_PROC / 'net' / 'dev').read_text().splitlines()[2:]:
        name, _, rest = line.partition(':')
        if name.strip() != 'lo':
            counters = rest.split()
            received += int(counters[0])
            sent += int(counters[8])
    return sent, received


def own_rss() -> int:
    """Return the memory of this process that is in RAM, bytes."""
    return int((_PROC / 'self' / 'statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE')


def physical_cores() -> int | None:
    """Return how many cores there are without hyper-threads; None where Linux does not say."""
    found = set()
    for cpu in _CPUS.glob('cpu[0-9]*/topology'):
        for name in ('core_cpus_list', 'thread_siblings_list'):
            if (cpu / name).exists():
                found.add((cpu / name).read_text())
                break
    return len(found) or None
