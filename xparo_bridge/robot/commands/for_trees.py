# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Give trees the robot's commands: what they may run, and whose turn it is to move the base."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...behavior.ros.robot_commands import RunOfTree, TREE
from ...messages import RemoteCommand
from .channels import BASE
from .journal import GoalRecord
from .router import Router
from .run import Run


class CommandsForTrees:
    """The router as trees see it (`RobotCommands`); on the ROS thread."""

    def __init__(self, router: Router) -> None:
        self._router = router

    @property
    def motion_lock(self) -> str:
        """'stopped' or 'paused' while nothing may move the robot, else empty."""
        return self._router.motion_lock

    def execute(self, command: RemoteCommand, source: str) -> Run[Any]:
        """Run a command and return its run."""
        return self._router.execute(command, source)

    def cancel(self, run: Run[Any]) -> None:
        """Begin to end a run as canceled."""
        self._router.cancel(run)

    def knows(self, command: str) -> bool:
        """Whether there is a command of a name."""
        return command in self._router.kinds

    def problems(self, command: str, parameters: Mapping[str, Any]) -> list[str]:
        """Return why a command could never be run with these parameters."""
        return list(self._router.admission.problems(command, parameters))

    def moves_base(self, command: str) -> bool:
        """Whether a command may move the base; of one not known it is not known either."""
        kind = self._router.kinds.get(command)
        return kind is None or (kind.motion and kind.channel == BASE)

    def clear_base(self, by: str) -> bool:
        """Cancel what moves the base in favour of a tree; whether the base is free."""
        self._router.runs.preempt(self._router.channels.clear(BASE), by)
        return self._router.channels.free(BASE)

    def record_tree_goal(self, tree: RunOfTree, action: str, goal_id: bytes) -> None:
        """Note that a goal is about to be sent by a tree."""
        self._router.doubts.end()
        if not tree.command_id:
            self._router.journal.open(tree.id, '', TREE)
        self._router.journal.goal(
            tree.command_id or tree.id, GoalRecord(action, goal_id.hex(), leave=False)
        )

    def goal_in_doubt(self, action: str, kind: str) -> None:
        """Make the robot stand if an action moves it, because a goal of it may still go on."""
        self._router.doubts.goal(action, kind)

    def tree_ended(self, tree: RunOfTree) -> None:
        """Go on with what waited for the end of a tree."""
        self._router.journal.drop(tree.id)
        self._router.tree_ended()
