# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Everything that happened in a run, in order: what the expectations judge and the report shows.

| kind | data |
|---|---|
| step | {number, text}: a step begins |
| fault | {text, for}: something was broken; fault_end {text}: it was mended |
| sent, received, connected, disconnected, error | of the platform: local/platform_store.py |
| truth | where a robot really is: local/sim/simulation.py |
| ended | {process, code}: a process of the run ended by itself |
| failed | {text, cause}: an expectation was not met |
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
import time
from typing import Any, TypeVar

T = TypeVar('T')


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
        self.now = 0.0  # s of the world's time since the start
        self.moved_at = time.monotonic()  # when the world's time last went on
        self._news = asyncio.Event()

    def add(self, kind: str, robot: str = '', **data: Any) -> Event:
        """Note that something happens now."""
        event = Event(self.now, kind, robot, data)
        self.events.append(event)
        self.wake()
        return event

    def go_on(self, now: float) -> None:
        """Set the world's time, which never goes back."""
        if now > self.now:
            self.now = now
            self.moved_at = time.monotonic()
        self.wake()

    def wake(self) -> None:
        """Let who waits look again."""
        self._news.set()
        self._news = asyncio.Event()

    async def change(self) -> None:
        """Wait until something happens or time goes on."""
        await self._news.wait()

    async def until(self, condition: Callable[[], T | None], within: float) -> T | None:
        """Return what a condition returns that is not None, or None after so many s."""
        end = self.now + within
        while True:
            found = condition()
            if found is not None or self.now >= end:
                return found
            await self.change()

    async def sleep(self, seconds: float) -> None:
        """Wait for so many s of the world's time."""
        await self.until(lambda: None, seconds)

    def of(self, kind: str, robot: str | None = None, since: int = 0) -> Iterator[Event]:
        """Events of a kind, of one robot or of any, from an index on."""
        for event in self.events[since:]:
            if event.kind == kind and robot in (None, event.robot):
                yield event

    def last(self, kind: str, robot: str | None = None) -> Event | None:
        """Return the latest event of a kind."""
        for event in reversed(self.events):
            if event.kind == kind and robot in (None, event.robot):
                return event
        return None

    def statuses(self, command_id: str) -> list[dict[str, Any]]:
        """Each status of a command, with `at`."""
        return [
            {**event.data['data'], 'at': event.at}
            for event in self.of('received')
            if event.data.get('type') == 'command_status'
            and event.data['data']['command_id'] == command_id
        ]
