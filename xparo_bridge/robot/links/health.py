# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""How the bridge itself is doing: its faults, its threads, what waits in it, what was refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from xparo_interfaces.msg import BridgeStatus, NamedCount, ThreadStatus

from ...faults import FAULTS
from ...messages import LinkStatistics
from ...turns import THREADS

# s that a thread may do one thing and nothing else; teleop's deadman and a pong wait for it.
STALL = 0.5
_MOST = 20


class Health:
    """What the bridge says of itself; `queues` gives how much waits, by queue."""

    def __init__(self, queues: Callable[[], Mapping[str, int]] = dict) -> None:
        self._queues = queues
        self._refused: dict[str, Mapping[str, int]] = {}

    def on_statistics(self, link: str, numbers: LinkStatistics) -> None:
        """Take note of what a link refused."""
        self._refused[link] = numbers.refused

    @property
    def refused(self) -> dict[str, int]:
        """What was refused of all links, by kind."""
        total: dict[str, int] = {}
        for counts in self._refused.values():
            for kind, count in counts.items():
                total[kind] = total.get(kind, 0) + count
        return total

    def on_status(self, status: BridgeStatus) -> None:
        """Put it into a BridgeStatus."""
        status.faults = _counts(_most_often(FAULTS.counts))
        status.queues = _counts(self._queues())
        status.refused = _counts(self.refused)
        status.threads = [
            ThreadStatus(
                name=name,
                longest_stall=turns.longest,
                longest_stall_ever=turns.longest_ever,
            )
            for name, turns in THREADS.items()
        ]

    def diagnostic(self, name: str, robot_id: str) -> DiagnosticStatus:
        """Judge it as a part of /diagnostics."""
        values: dict[str, Any] = {'faults': FAULTS.total}
        values |= {f'fault in {kind}': n for kind, n in _most_often(FAULTS.counts).items()}
        for thread, turns in THREADS.items():
            values[f'longest stall of {thread}, s'] = f'{turns.longest:.3f}'
            values[f'longest stall of {thread} ever, s'] = f'{turns.longest_ever:.3f}'
        values |= {f'waiting in {queue}': count for queue, count in self._queues().items()}
        values |= {f'refused {kind}': count for kind, count in self.refused.items()}
        stalled = [name for name, turns in THREADS.items() if turns.longest > STALL]
        if FAULTS.total:
            level = DiagnosticStatus.WARN
            message = f'{FAULTS.total} faults of the bridge itself; the log has the first of each'
        elif stalled:
            level = DiagnosticStatus.WARN
            message = f'within the last minute something held up: {", ".join(stalled)}'
        else:
            level, message = DiagnosticStatus.OK, 'works'
        return diagnostic(level, name, message, robot_id, values)


def diagnostic(
    level: bytes, name: str, message: str, robot_id: str, values: Mapping[str, object]
) -> DiagnosticStatus:
    """Return one part of the bridge as tools of diagnostics show it."""
    return DiagnosticStatus(
        level=level,
        name=name,
        message=message,
        hardware_id=robot_id,
        values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
    )


def _most_often(counts: Mapping[str, int]) -> dict[str, int]:
    often = sorted(counts.items(), key=lambda item: -item[1])
    return dict(often[:_MOST])


def _counts(counts: Mapping[str, int]) -> Iterable[NamedCount]:
    return [NamedCount(name=name, count=count) for name, count in counts.items()]
