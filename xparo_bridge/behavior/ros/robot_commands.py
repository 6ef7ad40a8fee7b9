# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Describe what trees and the robot's commands ask of each other."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from ...alike import alike
from ...errors import NotNow
from ...messages import CommandState, RemoteCommand

# Where commands of trees come from, beside the names of links.
TREE = 'tree'


class CommandRun(Protocol):
    """A run of a command, as the router has it."""

    state: CommandState | None
    canceling: bool
    status: Any

    @property
    def open(self) -> bool:
        """Whether it has not ended."""


class RunOfTree(Protocol):
    """A run of a tree, as commands see it."""

    id: str
    name: str
    moves: bool
    command_id: str
    preempted_by: str


class KnownCommands(Protocol):
    """What can be said of commands before a tree runs."""

    def knows(self, command: str) -> bool:
        """Whether there is a command of a name."""

    def problems(self, command: str, parameters: Mapping[str, Any]) -> list[str]:
        """Say why a command could never be run with these parameters."""


class NamedCommands:
    """Commands of a configuration of which only the names are known."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names

    def knows(self, command: str) -> bool:
        return command in self._names

    def problems(self, command: str, parameters: Mapping[str, Any]) -> list[str]:
        if command in self._names:
            return []
        near = alike(command, sorted(self._names), 1)
        hint = f'; did you mean "{near[0]}"?' if near else ''
        return [f'there is no command "{command}" in the configuration{hint}']


class RobotCommands(KnownCommands, Protocol):
    """The robot's commands as its trees see them."""

    @property
    def motion_lock(self) -> str:
        """Why nothing may move the robot: `stopped`, `paused`, or '' if it may."""

    def execute(self, command: RemoteCommand, source: str) -> Any:
        """Run a command and return its run."""

    def cancel(self, run: Any) -> None:
        """Begin to end a run."""

    def moves_base(self, command: str) -> bool:
        """Whether a command may move the base."""

    def clear_base(self, by: str) -> bool:
        """End the commands that move the base; whether none does any more."""

    def record_tree_goal(self, tree: RunOfTree, action: str, goal_id: bytes) -> None:
        """Learn of a goal before a tree sends it."""

    def goal_in_doubt(self, action: str, kind: str) -> None:
        """
        Learn that it is not known of a tree's goal whether it still goes on.

        `kind` is the action's type, `package/action/Name`. The robot is made to stand if the
        action moves it.
        """

    def tree_ended(self, tree: RunOfTree) -> None:
        """Learn that a tree has ended."""


class NoCommands:
    """Stands for the robot's commands where there are none; nothing is in a tree's way."""

    motion_lock = ''

    def execute(self, command: RemoteCommand, source: str) -> Any:
        """
        Refuse a command.

        :raises NotNow: always.
        """
        raise NotNow('no commands are lent to this tree')

    def knows(self, command: str) -> bool:
        return True

    def problems(self, command: str, parameters: Mapping[str, Any]) -> list[str]:
        return []

    def cancel(self, run: Any) -> None:
        """Do nothing."""

    def moves_base(self, command: str) -> bool:
        return False

    def clear_base(self, by: str) -> bool:
        return True

    def record_tree_goal(self, tree: RunOfTree, action: str, goal_id: bytes) -> None:
        """Do nothing."""

    def goal_in_doubt(self, action: str, kind: str) -> None:
        """Do nothing."""

    def tree_ended(self, tree: RunOfTree) -> None:
        """Do nothing."""
