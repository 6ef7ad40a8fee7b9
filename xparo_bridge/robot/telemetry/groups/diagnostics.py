# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Report what is wrong with the robot, of diagnostic_msgs/DiagnosticArray (REP 107).

Sends `diagnostics`: {level, total, not_ok}: the worst level of all, how many parts report, and of
those that are not OK, the worst first, {name, level, message}, with `hardware_id` if it has one;
how many more there are is `left_out`. A part that fell silent is STALE.

A part is what has one name and hardware_id. Where several nodes publish, two may speak of one
part, and a message does not say which node it is of; so the worst that was said within
`stale_after` stands. Where one node publishes, its newest message does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
import struct
from time import monotonic
from typing import Any

from rclpy.node import Node

from ....ros.paths import parse_path
from ....ros.problems import Problems
from ....ros.reader import make_reader
from ....ros.subscription import TopicSubscription
from ..settings import Settings
from ..source import Source, Values

_LEVELS = ('OK', 'WARN', 'ERROR', 'STALE')
_OK, _WARN, _ERROR, _STALE = range(4)
# An error is worse than a part of which nothing is known.
_WORSE = {_OK: 0, _WARN: 1, _STALE: 2, _ERROR: 3}
_FORGOTTEN = 12  # Silent for so many times `stale_after`, a part is taken for removed.
_FIELDS = {
    name: parse_path(f'status[:].{name}') for name in ('name', 'hardware_id', 'level', 'message')
}
# Anybody may publish ever new names; these many are known at a time, and so long are texts.
_MOST = 2000
_LONGEST = 300
# How long nothing may go wrong until a problem is taken back, s: most come again with the next
# period, and a problem that comes and goes is no news.
_WELL_AFTER = 10.0
# How long messages of one period may be read for, s: 20,000 statuses take about as long.
_BUDGET = 0.02


def make(node: Node, settings: Settings) -> Source:
    return Diagnostics(node, settings)


@dataclass(slots=True)
class _Part:
    """What was said last of a part at each level: the words, and when."""

    said: dict[int, tuple[str, float]] = field(default_factory=dict)
    heard: float = 0.0

    def now(self, oldest: float) -> tuple[int, str]:
        """Level and message: the worst that is not older, else stale with the newest words."""
        fresh = [level for level, (_, at) in self.said.items() if at > oldest]
        if fresh:
            worst = max(fresh, key=_WORSE.__getitem__)
            return worst, self.said[worst][0]
        newest = max(self.said, key=lambda level: self.said[level][1])
        return _STALE, self.said[newest][0]


class Diagnostics(Source):
    """See the module; every message counts, as many nodes share the topic."""

    def __init__(self, node: Node, settings: Settings) -> None:
        self._node = node
        self._settings = settings
        self._problems = Problems.of(node)
        self._parts: dict[tuple[str, str], _Part] = {}
        self._many = False
        self._wrong_at = 0.0
        self._topic = node.resolve_topic_name(settings['topic'])
        self._problem = f'telemetry of {self._topic}'
        self._subscription = TopicSubscription(
            node,
            self._topic,
            'diagnostic_msgs/msg/DiagnosticArray',
            depth=100,
            on_type=self._on_type,
        )

    def _on_type(self, cls: type) -> None:
        self._read = make_reader(cls, _FIELDS)

    def refresh(self) -> None:
        self._subscription.refresh()
        # The bridge itself publishes too, about parts of its own.
        own = self._node.get_fully_qualified_name()
        others = [
            one
            for one in self._node.get_publishers_info_by_topic(self._topic)
            if f'{one.node_namespace.rstrip("/")}/{one.node_name}' != own
        ]
        self._many = len(others) > 1

    def collect(self) -> Values:
        now = monotonic()
        for data in self._subscription.drain():
            try:
                self._add(self._read(data, monotonic), now)
            except (ValueError, struct.error) as error:
                self._wrong(f'a message is no DiagnosticArray: {error}', now)
            else:
                if now - self._wrong_at >= _WELL_AFTER:
                    self._problems.solved(self._problem)
            if monotonic() - now > _BUDGET:
                break  # The rest is read in the next period, as far as it is kept.
        self._forget(now)
        if not self._parts:
            return {}
        oldest = now - self._settings['stale_after']
        found = {key: part.now(oldest) for key, part in self._parts.items()}
        bad = sorted(
            (key for key, (level, _) in found.items() if level != _OK),
            key=lambda key: (-_WORSE[found[key][0]], key),
        )
        limit = self._settings['limit']
        values: dict[str, Any] = {
            'level': _LEVELS[max((level for level, _ in found.values()), key=_WORSE.__getitem__)],
            'total': len(found),
            'not_ok': [_described(key, *found[key]) for key in bad[:limit]],
        }
        if len(bad) > limit:
            values['left_out'] = len(bad) - limit
        return {'diagnostics': values}

    def _add(self, read: Values, now: float) -> None:
        """Note what an array says; of what it says twice of one part, the worst."""
        worst: dict[tuple[str, str], tuple[int, str]] = {}
        for name, hardware, level, message in zip(*(read[key] for key in _FIELDS), strict=True):
            key = name[:_LONGEST], hardware[:_LONGEST]
            level = min(level, _STALE)
            if key not in worst or _WORSE[level] > _WORSE[worst[key][0]]:
                worst[key] = level, message[:_LONGEST]
        for key, (level, message) in worst.items():
            part = self._parts.get(key)
            if part is None:
                part = self._parts[key] = _Part()
            if not self._many:
                part.said.clear()
            part.said[level] = message, now
            part.heard = now

    def _wrong(self, text: str, now: float) -> None:
        self._problems.report(self._problem, text)
        self._wrong_at = now

    def _forget(self, now: float) -> None:
        oldest = now - self._settings['stale_after'] * _FORGOTTEN
        self._parts = {key: part for key, part in self._parts.items() if part.heard > oldest}
        more = len(self._parts) - _MOST
        if more <= 0:
            return
        # Those that are well go first, then those not heard of for long.
        by_worth = sorted(
            self._parts,
            key=lambda key: (
                max(map(_WORSE.__getitem__, self._parts[key].said)),
                self._parts[key].heard,
            ),
        )
        for key in by_worth[:more]:
            del self._parts[key]
        self._wrong(f'more than {_MOST} parts report; those that are well are left out first', now)

    def close(self) -> None:
        self._subscription.forget()
        self._problems.forget(self._problem)


def _described(key: tuple[str, str], level: int, message: str) -> dict[str, Any]:
    name, hardware = key
    found = {'name': name, 'level': _LEVELS[level], 'message': message}
    return found | {'hardware_id': hardware} if hardware else found
