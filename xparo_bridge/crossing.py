# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The one crossing between the link thread and the ROS thread.

Towards the platform: `send` puts a message down and wakes the asyncio loop once, however many
messages follow before it runs. Towards the robot: `deliver` puts a message down and triggers a
guard condition. Deques are safe to append to and pop from in two threads, so no lock is held and
neither side ever waits for the other.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

# What may wait for the ROS thread before the sockets are no longer read.
INBOUND_BYTES = 8 * 1024 * 1024
# How many messages towards the platform are put on lanes at a time.
_TURN = 100


class Crossing:
    """Messages on their way between the two threads, each with the name of its link."""

    def __init__(self, wake_robot: Callable[[], object]) -> None:
        """Take what wakes the ROS thread; it must be callable from any thread."""
        self._wake_robot = wake_robot
        self._to_platform: deque[tuple[str, Any]] = deque()
        self._to_robot: deque[tuple[str, Any, int]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._on_outbound: Callable[[str, Any], None] = lambda link, message: None
        self._loop_woken = False
        # Two counters with one writer each instead of one that would need a lock.
        self._bytes_delivered = 0
        self._bytes_taken = 0

    # --- ROS thread ---

    def send(self, link: str, message: Any) -> None:
        """Hand a message to a link; never blocks, from any thread."""
        self._to_platform.append((link, message))
        if not self._loop_woken and self._loop is not None:
            self._loop_woken = True
            try:
                self._loop.call_soon_threadsafe(self._drain)
            except RuntimeError:  # The loop is closed: the bridge is shutting down.
                pass

    def take(self) -> tuple[str, Any] | None:
        """Return the next message for the robot, or None."""
        try:
            link, message, size = self._to_robot.popleft()
        except IndexError:
            return None
        self._bytes_taken += size
        return link, message

    # --- link thread ---

    def attach(self, on_outbound: Callable[[str, Any], None]) -> None:
        """Bind to the running loop; `on_outbound` gets what `send` was given, in order."""
        self._on_outbound = on_outbound
        self._loop = asyncio.get_running_loop()
        self._drain()

    def deliver(self, link: str, message: Any, size: int = 0) -> None:
        """Hand a message that came as `size` bytes to the robot; never blocks."""
        if size:  # Only the link thread gives one: others must not touch the counter.
            self._bytes_delivered += size
        self._to_robot.append((link, message, size))
        self._wake_robot()

    @property
    def full(self) -> bool:
        """Whether so much waits for the robot that sockets should not be read for now."""
        return self._bytes_delivered - self._bytes_taken > INBOUND_BYTES

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
