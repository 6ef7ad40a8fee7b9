# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
One goal of one ROS action, from sending it to its one outcome.

rclpy's client leaves to its user what a moving robot needs: a cancel that comes before the goal
was accepted is remembered and sent on acceptance; a server that is absent, dies, or was restarted
and forgot the goal ends it with a reason; an answer that DDS lost is made up for. Nothing here
blocks; `poll` must be called some times a second and does the waiting.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
import time
from typing import Any

from action_msgs.msg import GoalStatus, GoalStatusArray
from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle
from rclpy.node import Node
from rclpy.qos import qos_profile_action_status_default
from rclpy.subscription import Subscription
from rclpy.task import Future
from unique_identifier_msgs.msg import UUID

from . import nav2_errors
from .action_requests import ActionRequests, cancel
from .entities import subscription
from .goal_ids import GOAL_IDS
from .lifecycle import ACTIVE, StateOfServer
from .of_node import one_of
from .presence import instead_of_action, interface_name
from .rclpy_internals import action_name, action_type, goal_handle
from .walls import guarded, when_done

# How long a server may be missing from the ROS graph before its goal is given up, s: discovery
# itself may flicker for a moment.
_MISSING_GRACE = 2.0
# How often the graph is asked whether the server is still the same one, s.
_WATCH_PERIOD = 1.0
# How long the answer to a goal may take before the server's list of goals is looked at, s.
_ANSWER_PERIOD = 1.0
# How long the result of a goal that is over may take before it is asked for again, s.
_RESULT_PERIOD = 1.0
# How often a server that rejects goals because it is not active yet is asked again, s.
_RETRY_PERIOD = 1.0
# How long a server may take to end a goal until it is asked again to cancel it, s.
_CANCEL_PERIOD = 1.0


class Ending(StrEnum):
    """How a goal ended."""

    SUCCEEDED = 'succeeded'
    ABORTED = 'aborted'
    CANCELED = 'canceled'
    REJECTED = 'goal_rejected'
    NO_SERVER = 'no_action_server'
    NOT_ANSWERED = 'goal_not_answered'
    SERVER_LOST = 'action_server_lost'
    CANCEL_IGNORED = 'cancel_ignored'
    # Of whoever sent it: a fault in its own code, after which the server may still have it.
    INTERNAL_ERROR = 'internal_error'


# Ends after which nobody knows whether the goal still moves the robot.
IN_DOUBT = (Ending.SERVER_LOST, Ending.CANCEL_IGNORED)


@dataclass(frozen=True)
class Outcome:
    """The end of a goal: `result` is the action's result message where the server gave one."""

    ending: Ending
    text: str = ''
    result: Any = None


_NAVIGATION = ('nav2_msgs/action/NavigateToPose', 'nav2_msgs/action/NavigateThroughPoses')
_ENDINGS = {
    GoalStatus.STATUS_SUCCEEDED: Ending.SUCCEEDED,
    GoalStatus.STATUS_ABORTED: Ending.ABORTED,
    GoalStatus.STATUS_CANCELED: Ending.CANCELED,
}


def cancel_all(client: ActionClient) -> None:
    """Cancel every goal its server has, whoever sent it."""
    if client.server_is_ready():
        cancel(client)


class ActionGoal:
    """
    Sends a goal and reports how it goes.

    Calls `on_sending(goal_id)`, `on_accepted()`, `on_feedback(feedback)` and, exactly once,
    `on_end(outcome)`; all on the ROS thread. Times in s.
    """

    def __init__(
        self,
        node: Node,
        client: ActionClient,
        goal: Any,
        *,
        server_timeout: float,
        accept_timeout: float,
        cancel_timeout: float,
        on_end: Callable[[Outcome], None],
        on_sending: Callable[[bytes], None] = lambda goal_id: None,
        on_accepted: Callable[[], None] = lambda: None,
        on_feedback: Callable[[Any], None] = lambda feedback: None,
    ) -> None:
        """
        Send `goal` as soon as the server is there.

        The server may be missing for `server_timeout`, take `accept_timeout` to accept or reject,
        and `cancel_timeout` to end a goal that is cancelled.
        """
        self._node = node
        self._client = client
        self._requests = one_of(client, ActionRequests, ActionRequests)
        self._goal = goal
        self._cancel_timeout = cancel_timeout
        self._on_sending = on_sending
        self._on_accepted = on_accepted
        self._on_feedback = on_feedback
        self._on_end = on_end
        self._goal_id: UUID | None = None  # set once the goal is sent
        self._goals: Subscription | None = None
        self._look_at = 0.0
        self._handle: ClientGoalHandle | None = None
        self._cancel_by: float | None = None  # set once a cancel is requested
        self._ended = False
        self._servers: set[tuple[int, ...]] = set()
        self._missing_since: float | None = None
        self._next_watch = 0.0
        self._ask_again: float | None = None
        self._wait_until = self._server_until = time.monotonic() + server_timeout
        self._send_at = 0.0
        self._cancel_again = 0.0
        self._state: StateOfServer | None = None  # while it is asked why it rejects goals
        self._was_active = False
        self._server_timeout = server_timeout
        self._accept_timeout = accept_timeout
        try:
            self.poll()
        except BaseException:
            self._ended = True  # Its acceptance, if it was sent already, has it cancelled.
            raise

    @property
    def name(self) -> str:
        """Name of the action."""
        return action_name(self._client)

    @property
    def ended(self) -> bool:
        """Whether the outcome is there."""
        return self._ended

    def abandon(self, on_end: Callable[[Outcome], None]) -> None:
        """Cancel it for somebody else, who hears only how it ends; `poll` goes on to be called."""
        self._on_end = on_end
        self._on_sending = self._on_feedback = lambda ignored: None
        self._on_accepted = lambda: None
        self.cancel()

    def cancel(self) -> None:
        """End the goal as canceled; the outcome comes when the server has confirmed it."""
        if self._ended or self._cancel_by is not None:
            return
        self._cancel_by = time.monotonic() + self._cancel_timeout
        self._look_at = 0.0
        if self._goal_id is None:
            self._end(Ending.CANCELED, 'cancelled before the goal was sent')
        elif self._handle is not None:
            self._ask_to_cancel(self._handle)

    def poll(self) -> None:
        """Go on with whatever waits for time or for the server."""
        if self._ended:
            return
        now = time.monotonic()
        if self._handle is not None and self._handle.status in _ENDINGS:
            self._ask_for_result(now)
        if self._state is not None:
            self._look_at_state(now, self._state)
        elif self._goal_id is None:
            if now < self._send_at:
                return
            if self._client.server_is_ready():
                if self._requests.goals.room:
                    self._send()
            elif now > self._wait_until:
                self._end(
                    Ending.NO_SERVER,
                    f'no action server {self.name} within {self._server_timeout:g} s'
                    + self._hint(),
                )
        elif self._handle is None and now > self._wait_until:
            cancel(self._client, goal_handle(self._client, self._goal_id))
            self._end(
                Ending.NOT_ANSWERED,
                f'{self.name} neither accepted nor rejected the goal '
                f'within {self._accept_timeout:g} s',
            )
        elif self._handle is None and self._goals is None and now > self._look_at:
            self._look_for_goal()
        elif self._cancel_by is not None and now > self._cancel_by:
            self._end(
                Ending.CANCEL_IGNORED,
                f'{self.name} did not end the goal within {self._cancel_timeout:g} s of the '
                'cancel; the robot may still be moving',
            )
        elif self._cancel_by is not None and self._handle and now >= self._cancel_again:
            self._ask_to_cancel(self._handle)
        elif now >= self._next_watch:
            self._next_watch = now + _WATCH_PERIOD
            self._watch(now)

    def _hint(self) -> str:
        """Say which action servers there are instead."""
        return instead_of_action(self._node, self.name, action_type(self._client))

    def _send(self) -> None:
        now = time.monotonic()
        self._wait_until = now + self._accept_timeout
        self._look_at = now + _ANSWER_PERIOD
        goal_id = GOAL_IDS.new()
        self._goal_id = UUID(uuid=list(goal_id))
        self._on_sending(goal_id)
        future = self._client.send_goal_async(
            self._goal,
            feedback_callback=guarded(
                lambda message: self._feedback(message.feedback), f'feedback of {self.name}'
            ),
            goal_uuid=self._goal_id,
        )
        self._requests.goals.add(future)
        self._servers = self._server_ids()  # Now, because the goal need not wait for it.
        sent = self._goal_id

        def answered(future: Future) -> None:
            if sent is self._goal_id or future.result().accepted:
                self._answered(future.result())

        when_done(future, answered)

    def _ask_to_cancel(self, handle: ClientGoalHandle) -> None:
        if self._requests.cancels.room:
            self._requests.cancels.add(cancel(self._client, handle))
            self._cancel_again = time.monotonic() + _CANCEL_PERIOD

    def _rejected(self) -> None:
        """End as rejected, unless the server only is not active yet, as Nav2's when they start."""
        self._goal_id = None
        if self._cancel_by is not None:
            self._end(Ending.CANCELED, 'cancelled, and rejected by the server')
            return
        self._state = StateOfServer(self._node, self.name)
        self._look_at_state(time.monotonic(), self._state)

    def _look_at_state(self, now: float, state: StateOfServer) -> None:
        state.poll()
        if not state.done:
            return
        state.close()
        self._state = None
        again = now + _RETRY_PERIOD
        if not state.state or self._was_active:
            self._end(Ending.REJECTED, f'{self.name} rejected the goal{self._lacking_pose(state)}')
        elif state.state == ACTIVE:
            # It may have become so since, so it is asked once more.
            self._was_active = True
            self._send_at = now
        elif again > self._server_until:
            self._end(
                Ending.REJECTED,
                f'{self.name} rejected the goal: {state.node_name} is {state.state}, and takes '
                'goals only while it is active',
            )
        else:
            self._send_at = again

    def _lacking_pose(self, state: StateOfServer) -> str:
        """Say what an active navigator may lack."""
        kind = interface_name(action_type(self._client))
        if not state.state or kind not in _NAVIGATION:
            return ''
        return (
            f', though {state.node_name} is active: Nav2 does so while the robot has no initial '
            'pose, and for a behavior tree that it cannot load'
        )

    def _look_for_goal(self) -> None:
        """
        Look whether the server has the goal although it did not answer.

        Its answer is lost if it was sent before the server had discovered this client's reader;
        the list of its goals reaches whoever subscribes, however late.
        """

        def look(message: GoalStatusArray) -> None:
            for listed in message.status_list:
                if listed.goal_info.goal_id == self._goal_id:
                    self._answered(goal_handle(self._client, self._goal_id, status=listed.status))

        self._goals = subscription(
            self._node,
            GoalStatusArray,
            f'{self.name}/_action/status',
            look,
            qos_profile_action_status_default,
        )

    def _answered(self, handle: ClientGoalHandle) -> None:
        if self._handle is not None:
            return
        if not handle.accepted:
            if not self._ended:
                self._rejected()
            return
        self._handle = handle
        if self._cancel_by is not None or self._ended:
            # Requested before there was anything to cancel; also when nobody waits for the end any
            # more, because a goal that nobody knows of must not move the robot.
            self._ask_to_cancel(handle)
        if not self._ended:
            when_done(handle.get_result_async(), self._result)
            self._on_accepted()

    def _feedback(self, feedback: Any) -> None:
        if not self._ended:
            self._on_feedback(feedback)

    def _result(self, future: Future) -> None:
        response = future.result()
        ending = _ENDINGS.get(response.status)
        if ending is None:
            self._end(
                Ending.SERVER_LOST,
                f'{self.name} no longer knows the goal: the server was restarted',
            )
        else:
            text = getattr(response.result, 'error_msg', '') or f'{self.name} {ending} the goal'
            if ending is Ending.ABORTED and nav2_errors.is_silent(response.result):
                text += f' without saying why; {nav2_errors.SILENCE}'
            self._end(ending, text, response.result)

    def _ask_for_result(self, now: float) -> None:
        """Ask again for a result that is late: a response is lost while DDS still matches."""
        if self._ask_again is not None and now >= self._ask_again:
            if self._handle is None or not self._requests.results.room:
                return
            when_done(self._requests.results.add(self._handle.get_result_async()), self._result)
            self._ask_again = None
        if self._ask_again is None:
            self._ask_again = now + _RESULT_PERIOD

    def _watch(self, now: float) -> None:
        """Notice a server that is gone, or another one in its place."""
        if self._client.server_is_ready():
            self._missing_since = None
        elif self._missing_since is None:
            self._missing_since = now
        elif now - self._missing_since >= _MISSING_GRACE:
            self._end(Ending.SERVER_LOST, f'the action server {self.name} went away')
            return
        servers = self._server_ids()
        if servers - self._servers and self._handle is not None:
            # A new server may know nothing of the goal; asked for its result it says so at once.
            when_done(self._handle.get_result_async(), self._result)
        self._servers |= servers

    def _server_ids(self) -> set[tuple[int, ...]]:
        publishers = self._node.get_publishers_info_by_topic(f'{self.name}/_action/status')
        return {tuple(info.endpoint_gid) for info in publishers}

    def _end(self, ending: Ending, text: str, result: Any = None) -> None:
        if not self._ended:
            self._ended = True
            if self._goals is not None:
                self._node.destroy_subscription(self._goals)
            if self._state is not None:
                self._state.close()
            self._on_end(Outcome(ending, text, result))
