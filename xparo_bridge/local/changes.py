# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Thin a stream of events to what a person who watches wants to read: what has changed.

A robot at rest says the same each second, in which the one line that counts is not seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .event_lines import brief, is_heartbeat
from .platform_client import Event

PERIOD = 2.0  # s in which the telemetry of a robot becomes one line


class Changes:
    """What was shown of each robot's telemetry, and what waits to be shown."""

    def __init__(self) -> None:
        self._shown: dict[str, dict[str, str]] = {}
        self._waiting: dict[str, Event] = {}
        self._since: dict[str, float] = {}

    def of(self, event: Event) -> Iterator[Event]:
        """Give what is to be shown now that an event has come: it, or what waited before it."""
        if is_heartbeat(event):
            return
        if event.get('type') != 'telemetry':
            yield event
            return
        robot = event['robot']
        # By the time of the events, so that what was kept is not all of one moment.
        if robot in self._since and event['time'] - self._since[robot] >= PERIOD:
            yield from self._show(robot)
        before: dict[str, Any] = self._waiting.get(robot, {'data': {}})['data']
        self._waiting[robot] = {**event, 'data': {**before, **event['data']}}
        self._since.setdefault(robot, event['time'])

    def waiting(self) -> Iterator[Event]:
        """Give what waits, of all robots."""
        for robot in list(self._waiting):
            yield from self._show(robot)

    def _show(self, robot: str) -> Iterator[Event]:
        event = self._waiting.pop(robot, None)
        self._since.pop(robot, None)
        if event is None:
            return
        shown = self._shown.setdefault(robot, {})
        said = {key: brief(value, True) for key, value in event['data'].items()}
        changed = {key: event['data'][key] for key, text in said.items() if shown.get(key) != text}
        shown.update(said)
        if changed:
            yield {**event, 'data': changed}


def of_interest(event: Event, names: set[str]) -> Event | None:
    """
    Return an event with only what has these names, None if it has nothing of it.

    A name is that of an event, of a kind of message, or of a value of the telemetry.
    """
    if not names or {event['event'], event.get('type')} & names:
        return event
    if event.get('type') != 'telemetry':
        return None
    data = {key: value for key, value in event['data'].items() if key in names}
    return {**event, 'data': data} if data else None
