# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Cancels all goals of actions, whoever sent them, and watches until none runs.

Knows actions by the cancel service and the status topic alone (action_msgs), without their types.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Set
import time

from action_msgs.msg import GoalStatus, GoalStatusArray
from action_msgs.srv import CancelGoal
from rclpy.action import get_action_names_and_types
from rclpy.client import Client
from rclpy.node import Node
from rclpy.qos import qos_profile_action_status_default
from rclpy.subscription import Subscription
from rclpy.task import Future

from . import entities
from .action_requests import ask
from .every import every
from .walls import when_done

# How often a server is asked again to cancel what it still runs, s, and of how many requests an
# answer is waited for: on a busy machine it may take longer than that, and a late one counts too.
_ASK_AGAIN = 0.5
_MOST_ASKED = 40
# How long a server that has answered may take to list its goals, s: one without any lists none.
_LIST_PERIOD = 0.4
# How often the graph is looked at for actions that move the base, s; a look takes about 1 ms.
_LOOK_PERIOD = 2.0
ACTIVE = (
    GoalStatus.STATUS_ACCEPTED,
    GoalStatus.STATUS_EXECUTING,
    GoalStatus.STATUS_CANCELING,
)
# How long DDS may take to find the nodes that are there when the bridge starts, s.
_DISCOVERY = 3.0
# Packages whose actions move the base, but for those that only compute or wait.
_PACKAGES = (
    'nav2_msgs',
    'opennav_docking_msgs',
    'opennav_coverage_msgs',
    'opennav_following_msgs',
)
_STANDING = frozenset(
    (
        'ComputeCoveragePath',
        'ComputePathThroughPoses',
        'ComputePathToPose',
        'ComputeRoute',
        'DummyBehavior',
        'SmoothPath',
        'Wait',
    )
)


def moves_base(kind: str) -> bool:
    """Whether goals of an action type, `package/action/Name`, move the robot's base."""
    package, _, name = kind.replace('/action/', '/').partition('/')
    return package in _PACKAGES and name not in _STANDING


class MotionActions:
    """The actions of the graph that move the base; on the ROS thread."""

    def __init__(
        self,
        node: Node,
        *,
        named: Iterable[str],
        covered: Iterable[str],
        on_found: Callable[[Set[str]], object],
    ) -> None:
        """
        Take the names of further actions that do.

        The goals of those `covered` are cancelled at once by somebody else. `on_found(names)`
        hears of the actions that were not there at the last look.
        """
        self._node = node
        # From when on what is not found is not there, on the monotonic clock, s.
        self.complete_at = time.monotonic() + _DISCOVERY
        self._named = frozenset(map(node.resolve_topic_name, named))
        self._covered = frozenset(map(node.resolve_topic_name, covered))
        self._on_found = on_found
        self._cancel_clients: dict[str, Client] = {}
        self._seen: Set[str] = frozenset()
        self._make_clients(self._found())
        self._end_looking = every(node, _LOOK_PERIOD, self.look)

    @property
    def names(self) -> set[str]:
        """Full names of the actions that were found or named."""
        return {*self._cancel_clients, *self._found()}

    def look(self) -> None:
        """Look at the graph for actions that came or went."""
        found = self._found()
        self._make_clients(found)
        new, self._seen = found - self._seen, found
        if new:
            self._on_found(new)

    def _make_clients(self, found: Set[str]) -> None:
        """
        Make a client of the cancel service of each action that is new.

        It must be there before it is needed: DDS takes some ten ms to join it to its server.
        """
        for name in found - self._covered - self._cancel_clients.keys():
            self._cancel_clients[name] = _cancel_client(self._node, name)
        for name in self._cancel_clients.keys() - found:
            self._node.destroy_client(self._cancel_clients.pop(name))

    def _found(self) -> Set[str]:
        return set(self._named).union(
            name
            for name, kinds in get_action_names_and_types(self._node)
            if any(map(moves_base, kinds))
        )

    def cancel_all(self) -> None:
        """Ask each server at once to cancel all its goals; whether it does is another matter."""
        for client in self._cancel_clients.values():
            if client.service_is_ready():
                ask(client, CancelGoal.Request())

    def close(self) -> None:
        """Leave the graph."""
        self._end_looking()
        for client in self._cancel_clients.values():
            self._node.destroy_client(client)


class GoalSweep:
    """
    Cancels all goals of one action, asking again until its server runs none.

    `problem` says what is left to do, empty once nothing is.
    """

    def __init__(self, node: Node, action: str) -> None:
        """Take the full name of the action."""
        self.action = action
        self._node = node
        self._client: Client | None = None
        self._subscription: Subscription | None = None
        self._asked: deque[Future] = deque()
        self._asked_at = 0.0
        self._answered_at: float | None = None
        self._active: int | None = None
        self.problem = f'{action} was not asked yet'

    def poll(self) -> None:
        """Go on; some times a second."""
        now = time.monotonic()
        if not self._node.count_publishers(f'{self.action}/_action/status'):
            # No server, no goals: they went with it.
            self.problem = ''
            return
        if self._client is None:
            self._client = _cancel_client(self._node, self.action)
            self._subscription = entities.subscription(
                self._node,
                GoalStatusArray,
                f'{self.action}/_action/status',
                self._on_status,
                qos_profile_action_status_default,
            )
        self.problem = self._judge(now)
        if self.problem and now - self._asked_at >= _ASK_AGAIN and self._client.service_is_ready():
            self._ask(now)

    def _judge(self, now: float) -> str:
        if self._answered_at is None:
            return f'{self.action} does not answer the cancel'
        if self._active:
            return f'{self.action} has {self._active} goals that have not ended'
        if self._active is None and now - self._answered_at < _LIST_PERIOD:
            return f'{self.action} has not listed its goals yet'
        return ''

    def _ask(self, now: float) -> None:
        assert self._client is not None
        self._asked_at = now
        while self._asked and (self._asked[0].done() or len(self._asked) >= _MOST_ASKED):
            # The oldest is lost rather than late.
            self._client.remove_pending_request(self._asked.popleft())
        # An id and a stamp of zero mean all goals.
        asked = self._client.call_async(CancelGoal.Request())
        self._asked.append(asked)
        when_done(asked, self._on_answer)

    def _on_answer(self, future: Future) -> None:
        response: CancelGoal.Response = future.result()
        if self._answered_at is None:
            self._answered_at = time.monotonic()
        if response.goals_canceling and self._active is None:
            self._active = len(response.goals_canceling)

    def _on_status(self, message: GoalStatusArray) -> None:
        self._active = sum(status.status in ACTIVE for status in message.status_list)

    def close(self) -> None:
        """Leave the graph."""
        if self._client is not None and self._subscription is not None:
            self._node.destroy_client(self._client)
            self._node.destroy_subscription(self._subscription)
            self._client = self._subscription = None


def _cancel_client(node: Node, action: str) -> Client:
    return entities.client(node, CancelGoal, f'{action}/_action/cancel_goal')
