# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What a goal makes the simulated robot do: the shape every task has."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, ClassVar

from builtin_interfaces.msg import Time

from .robot import Robot

Steps = Generator[None, None, None]


class TaskFailed(Exception):
    """The goal aborts, with an error code of its action."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Task:
    """
    One goal at work.

    `run` is a generator: each `yield` waits for the next step of the simulation, its end is
    success, TaskFailed aborts the goal. On cancel and preemption it is closed.
    """

    action: ClassVar[Any]
    moves: ClassVar[bool] = True
    # Nav2's docking server ends both goals when a second one arrives; the others go on with it.
    preemption_ends_both: ClassVar[bool] = False

    def __init__(self, robot: Robot, goal: Any) -> None:
        self.robot = robot
        self.goal = goal
        self.elapsed = 0.0
        self.stamp = Time()  # The ROS time of the present step.

    def run(self) -> Steps:
        """Do it."""
        raise NotImplementedError

    def feedback(self) -> Any:
        """Feedback message of the present moment, None where the action has none."""
        return None

    def complete(self, result: Any) -> None:
        """Fill in what a result has beyond the error, however the goal ended."""

    def yields_to(self, goal: Any) -> bool:
        """Whether a new goal may take over; if not, it is the new one that aborts."""
        return True
