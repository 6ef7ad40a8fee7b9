# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Is anything wrong with the robot, of diagnostic_msgs/DiagnosticArray (REP 107).

Sends `diagnostics`: {level, total, not_ok}: the worst level of all, how many parts report, and of
those that are not OK, the worst first, {name, level, message}. A part that fell silent is STALE.
"""

from __future__ import annotations

from time import monotonic
from typing import Any

from rclpy.node import Node

from ....ros.paths import parse_path
from ....ros.reader import make_reader
from ....ros.subscription import TopicSubscription
from ..settings import Settings
from ..source import Source, Values

_LEVELS = ('OK', 'WARN', 'ERROR', 'STALE')
_STALE = 3
_FORGOTTEN = 12  # Silent for so many times `stale_after`, a part is taken for removed.
_FIELDS = {name: parse_path(f'status[:].{name}') for name in ('name', 'level', 'message')}


def make(node: Node, settings: Settings) -> Source:
    return Diagnostics(node, settings)


class Diagnostics(Source):
    """See the module; every message counts, as many nodes share the topic."""

    def __init__(self, node: Node, settings: Settings) -> None:
        self._settings = settings
        self._parts: dict[str, tuple[int, str, float]] = {}
        self._subscription = TopicSubscription(
            node,
            node.resolve_topic_name(settings['topic']),
            'diagnostic_msgs/msg/DiagnosticArray',
            depth=100,
            on_type=self._on_type,
        )

    def _on_type(self, cls: type) -> None:
        self._read = make_reader(cls, _FIELDS)

    def refresh(self) -> None:
        self._subscription.refresh()

    def collect(self) -> Values:
        now = monotonic()
        for data in self._subscription.drain():
            found = self._read(data, monotonic)
            for name, level, message in zip(*found.values(), strict=True):
                self._parts[name] = min(level, _STALE), message, now
        oldest = now - self._settings['stale_after']
        forgotten = now - self._settings['stale_after'] * _FORGOTTEN
        self._parts = {name: part for name, part in self._parts.items() if part[2] > forgotten}
        if not self._parts:
            return {}
        levels = {
            name: level if heard > oldest else _STALE
            for name, (level, _, heard) in self._parts.items()
        }
        bad = sorted(
            (name for name, level in levels.items() if level),
            key=lambda name: (-levels[name], name),
        )
        not_ok: list[dict[str, Any]] = [
            {'name': name, 'level': _LEVELS[levels[name]], 'message': self._parts[name][1]}
            for name in bad[: self._settings['limit']]
        ]
        return {
            'diagnostics': {
                'level': _LEVELS[max(levels.values())],
                'total': len(levels),
                'not_ok': not_ok,
            }
        }

    def close(self) -> None:
        self._subscription.close()
