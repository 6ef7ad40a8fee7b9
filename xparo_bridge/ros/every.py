# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Call back every so many seconds, all who want that of a node at the same time.

Each time the executor wakes it makes a wait set of all the node's entities, in 0.8 ms. A dozen
parts of a bridge look around once or twice a second, which at rest is most of what it does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
import time

from rclpy.node import Node
from rclpy.timer import Timer

from . import entities
from .of_node import one_of
from .walls import guarded, name_of, owned_by

# For how long callbacks are called in one turn of the ROS thread, s.
_TURN = 0.01


def every(node: Node, period: float, callback: Callable[[], object]) -> Callable[[], object]:
    """
    Call back every `period` seconds of steady time, on the ROS thread; return what ends it.

    A period of whole seconds ends with a second of the node, at most one early for the first.
    """
    if period < 1 or period % 1:
        made = entities.timer(node, period, callback)
        return lambda: node.destroy_timer(made)
    return one_of(node, _Seconds, lambda: _Seconds(node)).add(int(period), callback)


@dataclass(eq=False)
class _Part:
    seconds: int
    callback: Callable[[], object]
    next: int  # second


class _Seconds:
    """The seconds of a node."""

    def __init__(self, node: Node) -> None:
        self._now = 0
        self._parts: dict[_Part, None] = {}
        self._waiting: deque[_Part] = deque()
        self._node = node
        self._timer: Timer | None = None
        with owned_by(None):
            self._go_on = entities.guard_condition(node, self._call)

    def add(self, seconds: int, callback: Callable[[], object]) -> Callable[[], None]:
        wall = guarded(callback, f'timer {name_of(callback)}')
        part = _Part(seconds, wall, self._now + seconds)
        self._parts[part] = None
        if self._timer is None:
            with owned_by(None):  # Whoever asks first does not own what the others do.
                self._timer = entities.timer(self._node, 1.0, self._tick)
        return lambda: self._remove(part)

    def _remove(self, part: _Part) -> None:
        self._parts.pop(part, None)
        if not self._parts and self._timer is not None:
            self._node.destroy_timer(self._timer)
            self._timer = None

    def _tick(self) -> None:
        self._now += 1
        for part in self._parts:
            if part.next <= self._now:
                part.next = self._now + part.seconds
                if part not in self._waiting:
                    self._waiting.append(part)
        self._call()

    def _call(self) -> None:
        """Call those whose time has come, as far as there is room in this turn."""
        end = time.monotonic() + _TURN
        while self._waiting:
            part = self._waiting.popleft()
            if part in self._parts:
                part.callback()
            if self._waiting and time.monotonic() > end:
                self._go_on.trigger()
                return
