# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Make the robot stand where nobody knows whether something still moves it."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import TYPE_CHECKING

from rclpy.node import Node

from .motion_lock import MotionLock
from .open_runs import OpenRuns
from .standstill import Standstill

if TYPE_CHECKING:
    from ...behavior.ros.trees import Trees


class Doubts:
    """What may move the robot though nothing that is known does; on the ROS thread."""

    def __init__(
        self,
        node: Node,
        standstill: Standstill,
        lock: MotionLock,
        runs: OpenRuns,
        trees: Trees,
        wake_up: Callable[[], object],
    ) -> None:
        """`wake_up` has what is begun here looked after: there may be no run."""
        self._logger = node.get_logger().get_child('commands')
        self._standstill = standstill
        self._lock = lock
        self._runs = runs
        self._trees = trees
        self._wake_up = wake_up

    def begin(self) -> None:
        """Make the robot stand, because it is not known of a goal whether it still moves it."""
        self._standstill.begin_in_doubt()
        self._wake_up()  # A tree may be all that is under way.

    def end(self) -> None:
        """End an effort to make the robot stand that nobody ordered: a newer order has it."""
        if not self._lock.locked:
            self._standstill.end()

    def goal(self, action: str, kind: str) -> None:
        """Make the robot stand if an action moves it, because a goal of it may still go on."""
        if self._standstill.concerns(action, kind):
            self.begin()

    def orphan(self, action: str) -> None:
        """Make the robot stand for a goal of an earlier bridge, unless a newer order has it."""
        if not any(self._runs.moving()) and not self._trees.moving:
            self.goal(action, '')

    def servers_found(self, names: Set[str]) -> None:
        """
        Cancel the goals of action servers that a stop could not reach yet.

        DDS may find a server seconds after the bridge started, or again after its machine was out
        of reach; its goal drove on meanwhile.
        """
        if self._lock.stopped and not self._standstill.active:
            self._logger.warning(
                f'found since the stop: {", ".join(sorted(names)[:5])}; their goals are cancelled'
            )
            self.begin()
