# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Answers of links that services of the robot wait for, each for its time."""

from __future__ import annotations

import time
from typing import Any

from rclpy.node import Node
from rclpy.task import Future

from ...ros.entities import timer

_POLL_PERIOD = 0.05


class Replies:
    """Futures by what they wait for; on the ROS thread."""

    def __init__(self, node: Node) -> None:
        self._waiting: list[tuple[Any, float, Future]] = []
        self._timer = timer(node, _POLL_PERIOD, self._poll)
        self._timer.cancel()

    def expect(self, key: Any, timeout: float) -> Future:
        """Wait for what `arrived` brings for a key, s; the future gets it, or None."""
        future = Future()
        self._waiting.append((key, time.monotonic() + timeout, future))
        if self._timer.is_canceled():  # A reset at each question would put off the next poll.
            self._timer.reset()
        return future

    def arrived(self, key: Any, answer: Any) -> bool:
        """Hand an answer to everybody who waits for it; whether somebody did."""
        mine = [wait for wait in self._waiting if wait[0] == key]
        self._waiting = [wait for wait in self._waiting if wait[0] != key]
        for _, _, future in mine:
            future.set_result(answer)
        return bool(mine)

    def _poll(self) -> None:
        now = time.monotonic()
        late = [wait for wait in self._waiting if now > wait[1]]
        self._waiting = [wait for wait in self._waiting if now <= wait[1]]
        for _, _, future in late:
            future.set_result(None)
        if not self._waiting:
            self._timer.cancel()
