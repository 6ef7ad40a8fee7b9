# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How benchmarks compare the bridge with another program that does the same work.

The one measured has a core, publisher and receiver have another; both run in turn, several times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
import json
import os
import socket
from statistics import median, quantiles
from threading import Event
from time import monotonic, sleep, time
from typing import Any

from bridge_process import bridge, Sink
import psutil
from rows import Row, row

_WARM_UP = 4.0
_START = 60.0  # At most, s; a busy machine takes its time.
_ROUNDS = 3
CORES = ('0', '1') if (os.cpu_count() or 1) > 1 else ('', '')
SECONDS = 10.0

# Takes the moments at which a message was published and at which its frame was here, before
# anything was read of it: to read JSON takes the receiver as long as the bridge. s since 1970.
Take = Callable[[float, float], None]
Role = Callable[[Take], AbstractContextManager[Any]]


class Measured:
    """What one run took and gave."""

    def __init__(self) -> None:
        self.ages: list[float] = []
        self.counting = False
        self.begun = Event()
        self.cpu = self.rss = 0.0

    def take(self, stamp: float, received: float) -> None:
        """Take a message that came: when it was published and when its frame was here."""
        self.begun.set()
        if self.counting:
            self.ages.append((received - stamp) * 1e3)

    @property
    def cpu_per_message(self) -> float:
        """CPU time a message, us."""
        return self.cpu / max(1, len(self.ages)) * 1e6

    @property
    def share(self) -> float:
        """CPU time, % of a core."""
        return self.cpu / SECONDS * 100

    @property
    def rate(self) -> float:
        """Messages a second."""
        return len(self.ages) / SECONDS

    @property
    def megabytes(self) -> float:
        """Memory, MB."""
        return self.rss / 1e6

    def age(self, part: int) -> float:
        """Percentile of the ages, ms."""
        return quantiles(self.ages, n=100)[part - 1]


class Comparison:
    """Several runs of the bridge and of another in turn."""

    def __init__(
        self, what: str, ours: Role, theirs: Role, publisher: Callable[[], Any], note: str
    ) -> None:
        self._what, self._note = what, note
        self._ours: list[Measured] = []
        self._theirs: list[Measured] = []
        for _ in range(_ROUNDS):
            self._theirs.append(_measure(theirs, publisher))
            self._ours.append(_measure(ours, publisher))

    def row(
        self, name: str, unit: str, of: Callable[[Measured], float], goal: float | None = None
    ) -> Row:
        """Medians of both; the other's is the floor."""
        ours, theirs = (median(map(of, runs)) for runs in (self._ours, self._theirs))
        return row(
            f'{self._what}: {name}',
            ours,
            unit,
            floor=theirs,
            goal=goal,
            goal_is_ratio=goal is not None,
            note=self._note,
        )


def _measure(role: Role, publisher: Callable[[], Any]) -> Measured:
    measured = Measured()
    with publisher(), role(measured.take) as process:
        measured.begun.wait(_START)
        sleep(_WARM_UP)
        program = psutil.Process(process.pid)
        before, begin = program.cpu_times(), monotonic()
        measured.counting = True
        sleep(SECONDS - (monotonic() - begin))
        measured.counting = False
        after = program.cpu_times()
        measured.cpu = after.user + after.system - before.user - before.system
        measured.rss = program.memory_info().rss
    if len(measured.ages) < 2:
        raise RuntimeError(f'{role}: no messages came')
    return measured


@contextmanager
def bridge_with(telemetry: Mapping[str, Any], take: Take) -> Iterator[Any]:
    """Be the bridge that sends such telemetry."""

    def frame(text: str) -> None:
        received = time()
        for value in json.loads(text).get('data', {}).values():
            if isinstance(value, dict) and ('header' in value or 'stamp' in value):
                stamp = value['header']['stamp'] if 'header' in value else value['stamp']
                take(stamp, received)

    sink = Sink(frame)
    with bridge(sink.url, {'period': 1.0, 'groups': {}, **telemetry}, CORES[0]) as process:
        yield process
    sink.close()


def free_port() -> int:
    """Port of this machine that nobody has."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return int(free.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(('127.0.0.1', port)) == 0
