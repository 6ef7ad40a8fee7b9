# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What every command that is a goal of a ROS action shares: its life from goal to outcome."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from rclpy.action import ActionClient

from ..action_goal import ActionGoal, Ending, Outcome
from .kind import Kind, Robot, Schema
from .run import Run


class ActionKind(Kind):
    """
    A command that sends one goal and follows it.

    A subclass names the `action_type`, makes the goal, and says what of the feedback and of the
    result is worth telling.
    """

    action_type: ClassVar[Any]

    @staticmethod
    def settings(action: str, timeout: float) -> Schema:
        """Return the schema of the settings all such commands have, with their defaults."""
        return {
            'type': 'object', 'additionalProperties': False,
            'properties': {
                'kind': {},
                'action': {
                    'description': 'Name of the action', 'type': 'string', 'default': action},
                'server_timeout': {
                    'description': 'How long an absent action server is waited for, s',
                    'type': 'number', 'minimum': 0, 'default': 5.0},
                'cancel_timeout': {
                    'description': 'How long the server may take to end a cancelled goal, s',
                    'type': 'number', 'exclusiveMinimum': 0, 'default': 10.0},
                'timeout': {
                    'description': 'How long the goal may take until it is cancelled, s',
                    'type': 'number', 'exclusiveMinimum': 0, 'default': timeout},
            },
        }

    def __init__(self, name: str, settings: Mapping[str, Any], robot: Robot) -> None:
        super().__init__(name, settings, robot)
        self._client = ActionClient(robot.node, self.action_type, settings['action'])

    @abstractmethod
    def make_goal(self, run: Run) -> Any:
        """Return the goal message, or None after rejecting the run."""

    def progress(self, feedback: Any) -> dict[str, Any]:
        """Return what of the feedback the platform is told."""
        return {}

    def result(self, result: Any) -> dict[str, Any]:
        """Return what of the result the platform is told."""
        return {}

    def start(self, run: Run) -> None:
        goal = self.make_goal(run)
        if goal is None:
            return
        run.accept()
        run.data = ActionGoal(
            self.robot.node, self._client, goal,
            server_timeout=self.settings['server_timeout'],
            cancel_timeout=self.settings['cancel_timeout'],
            on_accepted=lambda: self._accepted(run),
            on_feedback=lambda feedback: run.running(self.progress(feedback)),
            on_end=lambda outcome: self._ended(run, outcome))

    def cancel(self, run: Run) -> None:
        run.data.cancel()

    def takes_over(self, old: Run) -> bool:
        # A goal of the same action replaces the running one without a stop in between.
        return isinstance(old.kind, ActionKind) and (
            old.kind.settings['action'] == self.settings['action'])

    def poll(self, run: Run) -> None:
        run.data.poll()

    def _accepted(self, run: Run) -> None:
        run.running()
        if run.replaces is not None:
            # A server that keeps one goal has ended the old one already; any other must be told.
            self.robot.router.cancel(run.replaces)

    def _ended(self, run: Run, outcome: Outcome) -> None:
        ending = outcome.ending
        if ending is Ending.SUCCEEDED:
            run.succeed(self.result(outcome.result))
        elif ending is Ending.CANCELED:
            run.canceled(outcome.text)
        elif ending is Ending.ABORTED and (run.canceling or run.preempted_by):
            # Some servers abort what they were asked to cancel, and what a newer goal replaces.
            run.canceled(outcome.text)
        elif ending is Ending.REJECTED:
            run.reject(ending, outcome.text)
        elif ending is Ending.ABORTED:
            run.fail(ending, outcome.text, error_code=getattr(outcome.result, 'error_code', 0))
        else:
            run.fail(ending, outcome.text)
