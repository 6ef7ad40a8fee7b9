# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The one crossing between the link thread and the ROS thread.

Towards the platform: `send` puts a message down and wakes the asyncio loop once, however many
messages follow before it runs. Towards the robot: `deliver` puts a message down and triggers a
guard condition; the links take turns, and what is urgent goes before everything else. Deques are
safe to append to and pop from in two threads, so no lock is held and neither side ever waits for
the other. Samples of fast topics do not cross: the link thread takes them itself (`watch`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from threading import get_ident
from typing import Any

from .errors import NotNow
from .faults import FAULTS
from .messages import DURABLE

# What of one link may wait for the ROS thread before the link refuses more.
INBOUND_BYTES = 8 * 1024 * 1024
# So many messages may wait for a links' loop that stands still, 20 s of a topic at 1000 Hz; beyond
# them, only what is kept until the platform has it.
MAX_OUTBOUND = 20_000
# How many messages towards the platform are put on lanes at a time.
_TURN = 100


class LinksStandStill(NotNow):
    """The links' loop takes nothing of what is to go to the platform."""


class _Item:
    """A message on its way to the robot."""

    __slots__ = ('message', 'size')

    def __init__(self, message: Any, size: int) -> None:
        self.message = message
        self.size = size


class _Inbox:
    """What waits of one link; each of the two counters has one writer, so there is no lock."""

    __slots__ = ('delivered', 'items', 'taken')

    def __init__(self) -> None:
        self.items: deque[_Item] = deque()
        self.delivered = 0
        self.taken = 0


class Crossing:
    """Messages on their way between the two threads, each with the name of its link."""

    def __init__(self, wake_robot: Callable[[], object]) -> None:
        """Take what wakes the ROS thread; it must be callable from any thread."""
        self._wake_robot = wake_robot
        self._to_platform: deque[tuple[str, Any]] = deque()
        self._urgent: deque[tuple[str, Any]] = deque()
        self._urgent_waits = False
        self._inboxes: dict[str, _Inbox] = {}
        # Links in the order of their turns; the ROS thread's alone.
        self._turns: deque[str] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._on_outbound: Callable[[str, Any], None] = lambda link, message: None
        self._loop_woken = False
        self._link_thread = 0
        self._watched: list[tuple[int, Callable[[], object]]] = []

    def watch(self, descriptor: int, ready: Callable[[], object]) -> None:
        """Have the link thread, which is yet to start, call back when a descriptor is readable."""
        self._watched.append((descriptor, ready))

    def send(self, link: str, message: Any) -> None:
        """Hand a message to a link; never blocks, from any thread."""
        if len(self._to_platform) >= MAX_OUTBOUND and type(message) not in DURABLE:
            error = LinksStandStill(f'{MAX_OUTBOUND} messages wait; what is new is left out')
            FAULTS.note('messages to the links', error)
            return
        if get_ident() == self._link_thread and not self._to_platform:
            self._on_outbound(link, message)
            return
        self._to_platform.append((link, message))
        if not self._loop_woken and self._loop is not None:
            self._loop_woken = True
            try:
                self._loop.call_soon_threadsafe(self._drain)
            except RuntimeError:  # The loop is closed: the bridge is shutting down.
                pass

    # --- ROS thread ---

    def pop(self) -> tuple[str, Any] | None:
        """Return the next message for the robot, or None: urgent ones, then a link's by turns."""
        if self._urgent:
            return self._urgent.popleft()
        self._urgent_waits = False
        if len(self._turns) < len(self._inboxes):
            self._turns.extend(link for link in list(self._inboxes) if link not in self._turns)
        for _ in range(len(self._turns)):
            link = self._turns[0]
            self._turns.rotate(-1)
            inbox = self._inboxes[link]
            if inbox.items:
                item = inbox.items.popleft()
                inbox.taken += item.size
                return link, item.message
        return None

    # --- link thread ---

    def attach(self, on_outbound: Callable[[str, Any], None]) -> None:
        """Bind to the running loop; `on_outbound` gets what `send` was given, in order."""
        self._on_outbound = on_outbound
        self._loop = asyncio.get_running_loop()
        self._link_thread = get_ident()
        self._loop_woken = False
        for descriptor, ready in self._watched:
            self._loop.add_reader(descriptor, ready)
        self._drain()

    @property
    def waiting(self) -> dict[str, int]:
        """How many messages wait on each side, by whither they go; from any thread."""
        to_robot = len(self._urgent) + sum(len(b.items) for b in list(self._inboxes.values()))
        return {'to the robot': to_robot, 'to the links': len(self._to_platform)}

    def deliver(self, link: str, message: Any, size: int = 0, *, urgent: bool = False) -> None:
        """
        Hand a message that came as `size` bytes to the robot; never blocks.

        Only the link thread gives a size, as only it may touch the counter. What is `urgent` is
        taken before anything else.
        """
        if urgent:
            self._urgent.append((link, message))
            self._urgent_waits = True
        else:
            inbox = self._inboxes.get(link) or self._inboxes.setdefault(link, _Inbox())
            if size:
                inbox.delivered += size
            inbox.items.append(_Item(message, size))
        self._wake_robot()

    @property
    def urgent_waits(self) -> bool:
        """Whether the robot has not taken, or not yet done, something urgent."""
        return self._urgent_waits

    @property
    def urgent(self) -> int:
        """How many urgent messages the robot has not taken."""
        return len(self._urgent)

    def full(self, link: str) -> bool:
        """Whether so much of a link waits for the robot that it should let no more in."""
        inbox = self._inboxes.get(link)
        return inbox is not None and inbox.delivered - inbox.taken > INBOUND_BYTES

    def _drain(self) -> None:
        # Cleared first: whoever appends from here on wakes the loop again.
        self._loop_woken = False
        for _ in range(_TURN):
            if not self._to_platform:
                return
            self._on_outbound(*self._to_platform.popleft())
        # Let the sockets have their turn too.
        assert self._loop is not None
        self._loop_woken = True
        self._loop.call_soon(self._drain)
