# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What becomes of the commands of a bridge that died, and of the goals it left behind.

A goal is cancelled, unless it may go on; its command ends as failed, interrupted, once it is known
how its goals stand. One whose goals are not on record waits until the servers were asked for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import time
from typing import Any

from rclpy.node import Node

from ...messages import CommandState, CommandStatus, ErrorCode
from ...ros.goal_ids import GOAL_IDS
from .journal import Interrupted, Journal
from .kind import Kind
from .orphaned_goal import OrphanedGoal
from .stray_goals import StrayGoals

# How long it may take to find out what became of the goals of a bridge that died, s.
_TIMEOUT = 5.0


class Recovery:
    """Ends the commands of a bridge that died, as soon as it is known how they stand."""

    def __init__(
        self,
        node: Node,
        journal: Journal,
        kinds: Mapping[str, Kind[Any]],
        on_end: Callable[[str, CommandStatus], object],
        on_doubt: Callable[[str], object],
    ) -> None:
        """
        Take what the journal has open; `on_end(source, status)` hears how each command ends.

        `on_doubt(action)` hears of each goal that may go on though it was to be cancelled.
        `kinds` are those of the commands that there are now.
        """
        GOAL_IDS.begin(journal.mark)
        self._node = node
        self._kinds = kinds
        self._on_doubt = on_doubt
        self._journal = journal
        self._on_end = on_end
        self._logger = node.get_logger().get_child('commands')
        self._left = [
            (command, [OrphanedGoal(node, goal, _TIMEOUT) for goal in command.goals])
            for command in journal.interrupted
        ]
        self._strays: StrayGoals | None = None
        if journal.died:
            known = (goal.goal_id for command in journal.interrupted for goal in command.goals)
            self._strays = StrayGoals(node, known, self._may_go_on, _TIMEOUT)

    @property
    def open(self) -> bool:
        """Whether it is not yet known of all how they stand."""
        return bool(self._left) or self._strays is not None

    def knows(self, command_id: str) -> bool:
        """Whether a command is one of those."""
        return any(command.command_id == command_id for command, _ in self._left)

    def poll(self) -> None:
        """Go on; a few times a second."""
        for command, goals in self._left[:]:
            for goal in goals:
                goal.poll()
            if not goals and self._strays is not None and self._sends_goals(command.command):
                continue
            if all(goal.outcome for goal in goals):
                self._left.remove((command, goals))
                for goal in goals:
                    goal.close()
                self._end(command, goals)
        self._poll_strays()

    def _poll_strays(self) -> None:
        strays = self._strays
        if strays is None:
            return
        strays.poll()
        if strays.open:
            return
        self._strays = None
        strays.close()
        for goal in strays.found:
            self._logger.warning(
                f'a goal of {goal.record.action} was not on record: {goal.outcome}'
            )
        # Which of the commands sent which is not known.
        for command, goals in self._left[:]:
            if not goals:
                self._left.remove((command, goals))
                self._end(command, strays.found)
        self._doubt(strays.found)

    def _sends_goals(self, command: str) -> bool:
        """Whether a command may send goals to action servers; one that is not known may."""
        kind = self._kinds.get(command)
        return kind is None or bool(kind.actions)

    def _may_go_on(self, action: str) -> bool:
        """Whether goals of an action outlive the bridge, by the settings of all that send them."""
        kinds = [
            kind
            for kind in self._kinds.values()
            if action in map(self._node.resolve_topic_name, kind.actions)
        ]
        return bool(kinds) and all(kind.settings.get('after_crash') == 'leave' for kind in kinds)

    def _doubt(self, goals: list[OrphanedGoal]) -> None:
        for goal in goals:
            if goal.running and not goal.record.leave:
                self._on_doubt(goal.record.action)

    def _end(self, command: Interrupted, goals: list[OrphanedGoal]) -> None:
        self._doubt(goals)
        outcomes = '; '.join(f'{goal.record.action}: {goal.outcome}' for goal in goals)
        if not command.command:
            self._journal.drop(command.command_id)
            self._logger.warning(f'a tree was interrupted; its goals: {outcomes}')
            return
        status = CommandStatus(
            command.command_id,
            command.command,
            CommandState.FAILED,
            error={
                'code': ErrorCode.INTERRUPTED,
                'message': 'the bridge was restarted while it was under way; '
                + (outcomes or 'no goal had been sent for it'),
                'goal_may_be_running': any(goal.running for goal in goals),
            },
            source=command.source,
            time=round(time.time(), 3),
        )
        self._on_end(command.source, status)
