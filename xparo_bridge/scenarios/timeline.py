# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Everything that happened in a run, in order: what the expectations judge and the report shows.

| kind | data |
|---|---|
| step | {number, text}: a step begins |
| fault | {text, for}: something was broken; fault_end {text}: it was mended |
| sent, received, named, disconnected, error | of the platform: local/platform_store.py |
| truth | where a robot really is: local/sim/simulation.py |
| ended | {process, code}: a process of the run ended by itself |
| failed | {text, cause}: an expectation was not met |
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
import time
from typing import Any, TypeVar

T = TypeVar('T')

_NOTICED = 2.0  # s of real time for the platform to hear that a connection broke


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: when, s of the world's time, and what, to which robot."""

    at: float
    kind: str
    robot: str = ''
    data: dict[str, Any] = field(default_factory=dict)
    wall: float = field(default_factory=time.time)


class Timeline:
    """The events so far, and the world's time."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._of: dict[str, list[Event]] = {}
        # Numbers of the connections that the platform has of each robot.
        self._open: dict[str, set[int]] = {}
        self.now = 0.0  # s of the world's time since the start
        self.moved_at = time.monotonic()  # when the world's time last went on
        self._news = asyncio.Event()

    def add(self, kind: str, robot: str = '', **data: Any) -> Event:
        """Note that something happens now."""
        event = Event(self.now, kind, robot, data)
        self.events.append(event)
        self._of.setdefault(kind, []).append(event)
        if kind == 'named':
            self._open.setdefault(robot, set()).add(data['connection'])
        elif kind == 'disconnected':
            self._open.get(robot, set()).discard(data['connection'])
        self.wake()
        return event

    def go_on(self, now: float) -> None:
        """Set the world's time, which never goes back."""
        if now > self.now:
            self.now = now
            self.moved_at = time.monotonic()
        self.wake()

    def begin(self) -> None:
        """Let the world's time be 0 now; what happened before is at negative times."""
        shift, self.now = self.now, 0.0
        self.events = [replace(event, at=event.at - shift) for event in self.events]
        self._of = {}
        for event in self.events:
            self._of.setdefault(event.kind, []).append(event)

    def wake(self) -> None:
        """Let who waits look again."""
        self._news.set()
        self._news = asyncio.Event()

    async def change(self) -> None:
        """Wait until something happens or time goes on."""
        await self._news.wait()

    async def until(
        self, condition: Callable[[], T | None], within: float, real: float = 0.0
    ) -> T | None:
        """
        Return what a condition returns that is not None, or None after so many s.

        `real`: and not before so many s of real time, however fast the world runs.
        """
        end, end_of_real = self.now + within, time.monotonic() + real
        while True:
            found = condition()
            if found is not None or (self.now >= end and time.monotonic() >= end_of_real):
                return found
            await self.change()

    async def sleep(self, seconds: float) -> None:
        """Wait for so many s of the world's time."""
        await self.until(lambda: None, seconds)

    def of(self, kind: str, robot: str | None = None) -> Iterator[Event]:
        """Events of a kind, of one robot or of any."""
        for event in self._of.get(kind, ()):
            if robot in (None, event.robot):
                yield event

    def last(self, kind: str, robot: str | None = None) -> Event | None:
        """Return the latest event of a kind."""
        for event in reversed(self._of.get(kind, ())):
            if robot in (None, event.robot):
                return event
        return None

    def received(self, kind: str, robot: str | None = None) -> Iterator[Event]:
        """Messages of a kind that robots sent, as the platform has them."""
        for event in self.of('received', robot):
            if event.data.get('type') == kind:
                yield event

    def statuses(self, command_id: str) -> list[dict[str, Any]]:
        """Each status of a command, with `at`."""
        return [
            {**event.data['data'], 'at': event.at}
            for event in self.received('command_status')
            if event.data['data']['command_id'] == command_id
        ]

    def connected(self, robot: str) -> bool:
        """Whether the platform has a connection of a robot."""
        return bool(self._open.get(robot))

    async def until_disconnected(self, robot: str) -> None:
        """Wait until the platform knows that a robot's connection broke, which it may never do."""
        await self.until(lambda: not self.connected(robot) or None, 0.0, _NOTICED)

    def platform_gone(self) -> None:
        """Note that all connections ended with the platform."""
        for robot, numbers in self._open.items():
            for number in list(numbers):
                self.add('disconnected', robot, connection=number, code=1001, reason='restarted')

    def outages(self, robot: str) -> list[tuple[float, float]]:
        """From when to when the platform had no connection of a robot that had one before."""
        spans = self.connections(robot)
        gaps = [(before[1], after[0]) for before, after in zip(spans, spans[1:], strict=False)]
        if spans and not self.connected(robot):
            gaps.append((spans[-1][1], float('inf')))
        return [(begin, end) for begin, end in gaps if end > begin]

    def connections(self, robot: str) -> list[tuple[float, float]]:
        """From when to when the platform had a connection of a robot, and its line was whole."""
        changes: list[tuple[float, bool]] = []
        changes += [(event.at, True) for event in self.of('named', robot)]
        changes += [(event.at, False) for event in self.of('disconnected', robot)]
        changes += [(e.at, False) for e in self.of('fault', robot) if 'link' in e.data['text']]
        spans: list[tuple[float, float]] = []
        begin = None
        for at, up in sorted(changes, key=lambda change: change[0]):
            if up:
                begin = at if begin is None else begin
            elif begin is not None:
                spans.append((begin, at))
                begin = None
        if begin is not None:
            spans.append((begin, self.now))
        return spans
