# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What every command that is a goal of a ROS action shares: its life from goal to outcome."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...ros import nav2_errors
from ...ros.action_goal import ActionGoal, cancel_all, Ending, Outcome
from ...ros.entities import action_client
from ...ros.goal_progress import remaining
from . import kind
from .kind import Kind, Robot, Schema
from .run import Run


@dataclass(frozen=True)
class Target:
    """What is to be done: a goal message for an action."""

    action: str
    goal: Any


@dataclass
class ActiveGoal:
    """A run's target and the goal that is at it; none while it is paused."""

    target: Target
    goal: ActionGoal | None = None
    feedback: Any = None
    pausing: bool = False  # its goal is being cancelled only to be sent again later


class ActionKind(Kind):
    """
    A command that sends one goal and follows it.

    A subclass says which target a run has, and what of the feedback and of the result is worth
    telling. A pause cancels the goal and sends what `remaining` says when it is over.
    """

    pausable = True

    @staticmethod
    def settings(own: Mapping[str, Any] | None = None, **common: Any) -> Schema:
        """Return the schema of the settings all such commands have."""
        return kind.settings(
            {
                'server_timeout': {
                    'description': 'How long an absent action server is waited for, s',
                    'type': 'number',
                    'minimum': 0,
                    'default': 5.0,
                },
                'accept_timeout': {
                    'description': 'How long the server may take to accept the goal, s',
                    'type': 'number',
                    'exclusiveMinimum': 0,
                    'default': 10.0,
                },
                'cancel_timeout': {
                    'description': 'How long the server may take to end a cancelled goal, s',
                    'type': 'number',
                    'exclusiveMinimum': 0,
                    'default': 10.0,
                },
                'after_crash': {
                    'description': 'What becomes of the goal if the bridge died in between',
                    'enum': ['cancel', 'leave'],
                    'default': 'cancel',
                },
                **(own or {}),
            },
            **{'concurrency': 'preempt', 'motion': True, **common},
        )

    def __init__(
        self, name: str, settings: Mapping[str, Any], robot: Robot, actions: Mapping[str, Any]
    ) -> None:
        """Take also the type of each action it may send goals to."""
        super().__init__(name, settings, robot)
        self._clients = {
            action: action_client(robot.node, action_type, action)
            for action, action_type in actions.items()
        }

    @abstractmethod
    def target(self, run: Run) -> Target | None:
        """Return what is to be done, or None after rejecting the run."""

    def progress(self, target: Target, feedback: Any) -> dict[str, Any]:
        """Return what of the feedback the platform is told."""
        return {}

    def result(self, target: Target, result: Any) -> dict[str, Any]:
        """Return what of the result the platform is told."""
        return {}

    def prepare(self, run: Run) -> None:
        target = self.target(run)
        if target is not None:
            run.data = ActiveGoal(target)

    def start(self, run: Run) -> None:
        if self.motion and self.robot.router.latch == 'paused':
            self._hold(run)
        else:
            self._send(run)

    def cancel(self, run: Run) -> None:
        goal = run.data.goal
        if goal is None:
            run.canceled('cancelled while it was paused')
        else:
            goal.cancel()

    def pause(self, run: Run) -> bool:
        pursuit: ActiveGoal = run.data
        if not run.paused:
            run.paused = pursuit.pausing = True
            if pursuit.goal is not None:
                pursuit.goal.cancel()
        return True

    def held(self, run: Run) -> bool:
        return run.data.goal is None

    def resume(self, run: Run) -> None:
        if run.paused:
            run.paused = False
            if run.data.goal is None:
                self._send(run)

    def takes_over(self, run: Run, old: Run) -> bool:
        # A goal of the same action replaces the running one without a stop in between.
        return (
            isinstance(old.kind, ActionKind)
            and not old.paused
            and old.data.target.action == run.data.target.action
        )

    def poll(self, run: Run) -> None:
        if run.data.goal is not None:
            run.data.goal.poll()

    def halt(self) -> None:
        for client in self._clients.values():
            cancel_all(client)

    def _send(self, run: Run) -> None:
        pursuit: ActiveGoal = run.data
        pursuit.pausing = False
        target = pursuit.target
        leave = self.settings['after_crash'] == 'leave'
        pursuit.goal = ActionGoal(
            self.robot.node,
            self._clients[target.action],
            target.goal,
            server_timeout=self.settings['server_timeout'],
            accept_timeout=self.settings['accept_timeout'],
            cancel_timeout=self.settings['cancel_timeout'],
            on_sending=lambda goal_id: self.robot.router.record_goal(
                run, target.action, goal_id, leave=leave
            ),
            on_accepted=lambda: self._accepted(run),
            on_feedback=lambda feedback: self._on_feedback(run, feedback),
            on_end=lambda outcome: self._ended(run, outcome),
        )

    def _hold(self, run: Run) -> None:
        run.paused = True
        run.running({'paused': True})

    def _accepted(self, run: Run) -> None:
        run.running()
        if run.replaces is not None:
            # A server that keeps one goal has ended the old one already; any other must be told.
            self.robot.router.cancel(run.replaces)

    def _on_feedback(self, run: Run, feedback: Any) -> None:
        run.data.feedback = feedback
        if not run.paused:
            run.running(self.progress(run.data.target, feedback))

    def _ended(self, run: Run, outcome: Outcome) -> None:
        pursuit: ActiveGoal = run.data
        ending = outcome.ending
        wanted = run.canceling or run.preempted_by or pursuit.pausing
        # Some servers abort what they were asked to cancel, and what a newer goal replaces.
        canceled = ending is Ending.CANCELED or (ending is Ending.ABORTED and wanted)
        if canceled and pursuit.pausing and not run.canceling:
            pursuit.goal = None
            left = remaining(pursuit.target.goal, pursuit.feedback)
            pursuit.target = replace(pursuit.target, goal=left)
            pursuit.feedback = None
            if run.paused:
                self._hold(run)
            else:
                self._send(run)
        elif ending is Ending.SUCCEEDED:
            run.succeed(self.result(pursuit.target, outcome.result))
        elif canceled:
            run.canceled(outcome.text)
        elif ending is Ending.REJECTED:
            run.reject(ending, outcome.text)
        else:
            result = outcome.result
            name, words = nav2_errors.describe(result)
            details = {'error_code': result.error_code, 'error_name': name} if name else {}
            said = getattr(result, 'error_msg', '')
            run.fail(ending, said or words or outcome.text, **details)
