# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Describe what Nav2's nodes want to know of the robot."""

from __future__ import annotations

from typing import Any, Protocol

from ..context import TreeContext
from ..errors import NodeError

SERVICE = 'nav2_robot'


class RobotStateSource(Protocol):
    """The robot as Nav2's nodes see it; lent to a tree as the service `nav2_robot`."""

    def listen(self) -> None:
        """Begin to listen to what is asked for below, before the first tick of a tree."""

    def position(self, global_frame: str, robot_base_frame: str) -> tuple[float, float] | None:
        """Where the robot is, in metres; '' means the robot's usual frame. None: not known."""

    def speed(self) -> float:
        """How fast the robot moves over the ground, smoothed, in m/s."""

    def updated_goal(self, goal: Any) -> Any:
        """The goal received since, if it is newer than `goal`, else `goal`."""

    def updated_goals(self, goals: Any) -> Any:
        """The goals received since, if they are newer than `goals`, else `goals`."""


def listen_to_robot(context: TreeContext) -> None:
    """Have the robot that was lent to the tree listen; for a node that is being made."""
    robot: RobotStateSource | None = context.services.get(SERVICE)
    if robot is not None:
        robot.listen()


def robot_state(context: TreeContext) -> RobotStateSource:
    """
    The robot that was lent to the tree.

    :raises NodeError: if none was.
    """
    robot: RobotStateSource | None = context.services.get(SERVICE)
    if robot is None:
        raise NodeError(f'the service {SERVICE!r} was not lent to the tree')
    return robot
