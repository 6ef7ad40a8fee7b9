# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What every command that is a goal of a ROS action shares: its life from goal to outcome."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...faults import FAULTS
from ...ros import nav2_errors
from ...ros.action_goal import ActionGoal, cancel_all, Ending, IN_DOUBT, Outcome
from ...ros.entities import action_client, timer
from ...ros.goal_progress import begins_anew, remaining
from ...ros.presence import Presence
from ...ros.walls import guarded, owned_by
from . import kind
from .kind import Kind, Robot, Schema
from .run import Rejection, Run

_UNEXPLAINED = (
    ' and gave no reason, as Nav2 does if the frame of the goal is unknown, or if it was '
    'deactivated on the way; its log says more'
)
# How often a goal is looked after whose command was ended by a fault, s.
_POLL_PERIOD = 0.1
_MAY_MOVE = '; the robot may still be moving'


@dataclass(frozen=True)
class Target:
    """What is to be done: a goal message for an action, and what its places are called."""

    action: str
    goal: Any
    names: tuple[str, ...] = ()


@dataclass
class ActiveGoal:
    """
    A run's target and the goal that is at it; none while it is paused.

    Of the rounds of the command some were done `earlier`, before a pause, and `rounds` since.
    """

    target: Target
    goal: ActionGoal | None = None
    feedback: Any = None
    earlier: int = 0
    rounds: int = 0
    pausing: bool = False  # its goal is being cancelled only to be sent again later


def action_settings(own: Mapping[str, Any] | None = None, **common: Any) -> Schema:
    """Schema of a command's settings: its kind's own, and those all that send goals have."""
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


def _note(error: BaseException) -> None:
    FAULTS.note('a goal whose command a fault has ended', error)


class ActionKind(Kind[ActiveGoal]):
    """
    A command that sends one goal and follows it.

    A subclass says which target a run has, and what of the feedback and of the result is worth
    a report. A pause cancels the goal and sends what `remaining` says when it is over.
    """

    pausable = True

    def __init__(
        self, name: str, settings: Mapping[str, Any], robot: Robot, actions: Mapping[str, Any]
    ) -> None:
        """Take also the type of each action it may send goals to."""
        super().__init__(name, settings, robot)
        self._clients = {
            action: action_client(robot.node, action_type, action)
            for action, action_type in actions.items()
        }
        for action, action_type in actions.items():
            Presence.of(robot.node).expect_action(action, action_type, f'command {name}')
        # Goals of runs that were ended by a fault, until their servers have ended them.
        self._abandoned: list[ActionGoal] = []
        self._timer = timer(robot.node, _POLL_PERIOD, self._look_after, running=False)

    @property
    def actions(self) -> tuple[str, ...]:
        return tuple(self._clients)

    @abstractmethod
    def target(self, run: Run[ActiveGoal]) -> Target | Rejection:
        """Return what is to be done, or why it cannot be."""

    def progress(self, active: ActiveGoal, feedback: Any) -> dict[str, Any]:
        """Return what of the feedback is reported to the platform."""
        return {}

    def result(self, target: Target, result: Any) -> dict[str, Any]:
        """Return what of the result is reported to the platform."""
        return {}

    def prepare(self, run: Run[ActiveGoal]) -> Rejection | None:
        target = self.target(run)
        if isinstance(target, Rejection):
            return target
        run.work = ActiveGoal(target)
        return None

    def start(self, run: Run[ActiveGoal]) -> None:
        if self.motion and self.robot.runs.lock.paused:
            self._set_paused(run)
        else:
            self._send(run)

    def cancel(self, run: Run[ActiveGoal]) -> None:
        goal = run.work.goal
        if goal is None:
            run.canceled('cancelled while it was paused')
        else:
            goal.cancel()

    def abandon(self, run: Run[ActiveGoal]) -> None:
        goal = run.work.goal
        if goal is None or goal.ended:
            return
        self._abandoned.append(goal)
        if self._timer.is_canceled():
            self._timer.reset()
        with owned_by(_note):
            goal.abandon(self._left)

    def _look_after(self) -> None:
        with owned_by(_note):
            for goal in self._abandoned:
                guarded(goal.poll, '')()
        self._abandoned = [goal for goal in self._abandoned if not goal.ended]
        if not self._abandoned:
            self._timer.cancel()

    def _left(self, outcome: Outcome) -> None:
        if outcome.ending in IN_DOUBT and self.motion:
            self.robot.runs.motion_in_doubt()

    def pause(self, run: Run[ActiveGoal]) -> bool:
        active = run.work
        if not run.paused:
            run.paused = active.pausing = True
            if active.goal is not None:
                active.goal.cancel()
        return True

    def idle(self, run: Run[ActiveGoal]) -> bool:
        return run.work.goal is None

    def resume(self, run: Run[ActiveGoal]) -> None:
        if run.paused:
            run.paused = False
            if run.work.goal is None:
                self._send(run)

    def takes_over(self, run: Run[ActiveGoal], old: Run[Any]) -> bool:
        # A goal of the same action replaces the running one without a stop in between.
        return (
            isinstance(old.kind, ActionKind)
            and not old.paused
            and old.work.target.action == run.work.target.action
        )

    def poll(self, run: Run[ActiveGoal]) -> None:
        if run.work.goal is not None:
            run.work.goal.poll()

    def emergency_stop(self) -> None:
        for client in self._clients.values():
            cancel_all(client)

    def _send(self, run: Run[ActiveGoal]) -> None:
        active = run.work
        active.pausing = False
        target = active.target
        leave = self.settings['after_crash'] == 'leave'
        active.goal = ActionGoal(
            self.robot.node,
            self._clients[target.action],
            target.goal,
            server_timeout=self.settings['server_timeout'],
            accept_timeout=self.settings['accept_timeout'],
            cancel_timeout=self.settings['cancel_timeout'],
            on_sending=lambda goal_id: self.robot.runs.record_goal(
                run, target.action, goal_id, leave=leave
            ),
            on_accepted=lambda: self._accepted(run),
            on_feedback=lambda feedback: self._on_feedback(run, feedback),
            on_end=lambda outcome: self._ended(run, outcome),
        )

    def _set_paused(self, run: Run[ActiveGoal]) -> None:
        run.paused = True
        run.report_paused()

    def _accepted(self, run: Run[ActiveGoal]) -> None:
        run.running()
        if run.replaces is not None:
            # A server that keeps one goal has ended the old one already; ask any other to cancel.
            self.robot.runs.cancel(run.replaces)

    def _on_feedback(self, run: Run[ActiveGoal], feedback: Any) -> None:
        active = run.work
        active.rounds += begins_anew(active.feedback, feedback)
        active.feedback = feedback
        if not run.paused:
            run.running(self.progress(active, feedback))

    def _ended(self, run: Run[ActiveGoal], outcome: Outcome) -> None:
        active = run.work
        ending = outcome.ending
        requested = run.canceling or run.preempted_by or active.pausing
        # Some servers abort what they were asked to cancel, and what a newer goal replaces.
        canceled = ending is Ending.CANCELED or (ending is Ending.ABORTED and requested)
        if canceled and active.pausing and not run.canceling:
            active.goal = None
            left = remaining(active.target.goal, active.feedback, active.rounds)
            active.earlier, active.rounds = active.earlier + active.rounds, 0
            active.target = replace(active.target, goal=left)
            active.feedback = None
            if run.paused:
                self._set_paused(run)
            else:
                self._send(run)
        elif ending is Ending.SUCCEEDED:
            run.succeed(self.result(active.target, outcome.result))
        elif canceled:
            text = outcome.text
            if outcome.result is not None and (run.overdue or run.preempted_by):
                # That the server did as it was asked, or aborted instead, is not why it ended.
                text = getattr(outcome.result, 'error_msg', '')
            run.canceled(text)
        elif ending is Ending.REJECTED:
            run.reject(Rejection(ending, outcome.text))
        elif ending in IN_DOUBT and self.motion:
            self.robot.runs.motion_in_doubt()
            said = '' if 'may still be moving' in outcome.text else _MAY_MOVE
            run.fail(ending, outcome.text + said)
        else:
            result = outcome.result
            name, words = nav2_errors.describe(result)
            details = {'error_code': result.error_code, 'error_name': name} if name else {}
            # Nav2 calls it error_msg; others, as ~/upload_rosbag, say it in plain words.
            said = next(
                (
                    text
                    for name in ('error_msg', 'error', 'error_message')
                    if isinstance(text := getattr(result, name, ''), str) and text
                ),
                '',
            )
            said = said or words
            if not said and ending is Ending.ABORTED and nav2_errors.is_nav2(result):
                said = f'{outcome.text}{_UNEXPLAINED}'
            run.fail(ending, said or outcome.text, **details)
