# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How the simulated robot's action servers take goals, end them, and fail on demand.

They behave as Nav2's SimpleActionServer: every goal is accepted, one runs, and a new one preempts
it, by which the old one ends aborted. Nothing blocks: goals advance in `step`, and rclpy's execute
callbacks only wait for the result.
"""

from __future__ import annotations

from typing import Any

from builtin_interfaces.msg import Time
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.task import Future

from .robot import Robot
from .task import Task, TaskFailed

FEEDBACK_PERIOD = 0.1
FAULT_DELAY = 0.5  # How long a goal that is told to abort goes on before it does.


class Faults:
    """What shall go wrong with the next goal, whichever server gets it."""

    KINDS = {
        'none': 'nothing',
        'reject': 'the goal is rejected',
        'abort': 'it aborts a while after its start',
        'error:CODE': 'it aborts so with an error code',
        'hang': 'it is accepted and then nothing comes of it; it can be canceled',
        'ignore_cancel': 'it runs, and no cancel is accepted',
    }

    def __init__(self) -> None:
        self.next = 'none'
        self.accept_delay = 0.0

    def pop(self) -> str:
        """Fault for the goal that just came; the one after it has none."""
        fault, self.next = self.next, 'none'
        return fault

    @classmethod
    def check(cls, fault: str) -> str:
        """Why this is not a fault; empty if it is one."""
        kind, _, code = fault.partition(':')
        known = code.isdecimal() if kind == 'error' else not code and kind in cls.KINDS
        return '' if known else f'"{fault}" is none of {", ".join(cls.KINDS)}'


class _Goal:
    """A goal between its acceptance and its end."""

    def __init__(self, handle: ServerGoalHandle, task: Task, fault: str) -> None:
        self.handle = handle
        self.task = task
        self.fault = fault
        self._result = Future()
        self._steps = task.run()
        self._feedback_due = 0.0
        handle.execute(self._wait_for_result)

    async def _wait_for_result(self, handle: ServerGoalHandle) -> Any:
        return await self._result

    def step(self, dt: float) -> bool:
        """Go on by dt; True at the end, TaskFailed if it failed."""
        self.task.elapsed += dt
        if self.fault == 'hang':
            return False
        kind, _, code = self.fault.partition(':')
        if kind in ('abort', 'error') and self.task.elapsed >= FAULT_DELAY:
            raise TaskFailed(int(code or 0), 'failed on demand')
        try:
            next(self._steps)
        except StopIteration:
            return True
        if self.task.elapsed >= self._feedback_due:
            self._feedback_due = self.task.elapsed + FEEDBACK_PERIOD
            feedback = self.task.feedback()
            if feedback is not None:
                self.handle.publish_feedback(feedback)
        return False

    def succeed(self) -> None:
        self._steps.close()
        self.handle.succeed()
        self._result.set_result(self._make_result())

    def cancel_or_abort(self, error: TaskFailed | None = None) -> None:
        """End canceled if that was asked for, aborted otherwise."""
        self._steps.close()
        if self.handle.is_cancel_requested:
            self.handle.canceled()
        else:
            self.handle.abort()
        self._result.set_result(self._make_result(error))

    def abandon(self) -> None:
        """Let nothing come of it, as when its server dies."""
        self._steps.close()

    def preempt(self) -> None:
        """End aborted, even while being canceled: that is what Nav2 does."""
        self._steps.close()
        self.handle.abort()
        self._result.set_result(self._make_result())

    def _make_result(self, error: TaskFailed | None = None) -> Any:
        result = self.task.action.Result()
        self.task.complete(result)
        if error is not None:
            result.error_code = error.code
            if hasattr(result, 'error_msg'):  # Older Nav2 has the code alone.
                result.error_msg = str(error)
        return result


class TaskActionServer:
    """One action of the simulated robot."""

    def __init__(
        self, node: Node, name: str, task_type: type[Task], robot: Robot, faults: Faults
    ) -> None:
        self._logger = node.get_logger().get_child(name)
        self._robot = robot
        self._task_type = task_type
        self._faults = faults
        self._fault = 'none'  # Of the goal accepted last.
        self._current: _Goal | None = None
        self._pending: _Goal | None = None
        self._now = 0.0
        self._delayed: list[tuple[float, Future]] = []
        # Each goal brings its own execute callback. The group is the server's own: while it delays
        # an acceptance nothing else of the node waits.
        self._server = ActionServer(
            node,
            task_type.action,
            name,
            lambda handle: None,
            goal_callback=self._on_goal,
            handle_accepted_callback=self._on_accepted,
            cancel_callback=self._on_cancel,
            callback_group=ReentrantCallbackGroup(),
        )

    def destroy(self) -> None:
        """Leave the graph."""
        self._server.destroy()

    def die(self) -> None:
        """Leave the graph in the middle of things: goals get no end."""
        for goal in (self._current, self._pending):
            if goal is not None:
                goal.abandon()
        self._current = self._pending = None
        self._stand_still()
        self.destroy()

    async def _on_goal(self, goal: Any) -> GoalResponse:
        fault = self._faults.pop()
        if self._faults.accept_delay > 0.0:
            accepted = Future()
            self._delayed.append((self._now + self._faults.accept_delay, accepted))
            await accepted
        self._fault = fault
        return GoalResponse.REJECT if fault == 'reject' else GoalResponse.ACCEPT

    def _on_accepted(self, handle: ServerGoalHandle) -> None:
        goal = _Goal(handle, self._task_type(self._robot, handle.request), self._fault)
        if self._current is None:
            self._begin(goal)
            return
        if self._pending is not None:
            self._pending.cancel_or_abort()
        self._pending = goal

    def _on_cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        for goal in (self._current, self._pending):
            if goal is not None and goal.handle == handle and goal.fault != 'ignore_cancel':
                return CancelResponse.ACCEPT
        return CancelResponse.REJECT

    def step(self, dt: float, stamp: Time) -> None:
        """Let the server go on by dt seconds, at the ROS time `stamp`."""
        self._now += dt
        while self._delayed and self._now >= self._delayed[0][0]:
            self._delayed.pop(0)[1].set_result(None)
        if self._pending is not None:
            self._preempt(self._pending)
        goal = self._current
        if goal is None:
            return
        goal.task.stamp = stamp
        try:
            if goal.handle.is_cancel_requested:
                goal.cancel_or_abort()
                self._logger.info('goal canceled')
            elif goal.step(dt):
                goal.succeed()
                self._logger.info('goal succeeded')
            else:
                return
        except TaskFailed as error:
            goal.cancel_or_abort(error)
            self._logger.warning(f'goal aborted: {error} ({error.code})')
        self._current = None
        self._stand_still()

    def _begin(self, goal: _Goal) -> None:
        self._current = goal
        self._logger.info('goal begins')

    def _preempt(self, goal: _Goal) -> None:
        self._pending = None
        current = self._current
        assert current is not None  # Only a goal that finds another one running is left pending.
        if not current.task.yields_to(goal.handle.request):
            goal.cancel_or_abort()
            return
        current.preempt()
        self._current = None
        self._logger.info('goal preempted')
        if goal.task.preemption_ends_both:
            goal.cancel_or_abort()
            self._stand_still()
        else:
            self._begin(goal)

    def _stand_still(self) -> None:
        if self._task_type.moves:
            self._robot.drive.command(0.0, 0.0)
