# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Hold what one tree has of ROS: a node of its own, and what its leaves have under way.

Leaves that use the same server share one client. All of it goes when the tree goes, but not before
everything that was begun has ended: a goal that is cancelled still moves the robot until its
server says that it stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

from rclpy.action import ActionClient
from rclpy.client import Client
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile

from ...ros import entities
from ...ros.action_goal import ActionGoal, IN_DOUBT, Outcome
from ...ros.entities import publisher
from ...ros.presence import interface_name
from ...ros.problems import Problems
from ...ros.rclpy_internals import action_name, action_type
from ..context import TreeContext
from .leaf_goal import Abandoned, Goal
from .topic import LatestMessage

SERVICE = 'ros'
# A server that acknowledges a goal is given this long at least, s; Nav2's trees say 20 ms, which
# is less than the time between two looks at it here.
_MIN_ACCEPT_TIMEOUT = 1.0

# How much longer than a cancel may take a goal is watched whose own code fails, s.
_ABANDONED_FOR = 5.0

_numbers = count(1)


class Pending(Protocol):
    """Something a leaf began that has to end before another tree may begin."""

    @property
    def ended(self) -> bool:
        """Whether it has."""

    @property
    def ending(self) -> bool:
        """Whether it was told to end and has not yet."""

    def poll(self) -> None:
        """Look after it."""

    def cancel(self) -> None:
        """Begin to end it."""


@dataclass
class Timeouts:
    """How long servers are waited for, s."""

    server: float = 5.0
    cancel: float = 10.0


class TreeRos:
    """The ROS side of one tree; everything on the ROS thread."""

    def __init__(
        self, bridge: Node, timeouts: Timeouts | None = None, *, has_parameters: bool = False
    ) -> None:
        """
        Make nothing yet: a tree that is refused leaves no trace in the graph.

        `has_parameters` gives the node the services for parameters, at some cost for every tick.
        """
        self._has_parameters = has_parameters
        self.bridge = bridge
        self.timeouts = timeouts or Timeouts()
        self._node: Node | None = None
        self._clients: dict[tuple[Any, str], Any] = {}
        self._publishers: dict[tuple[Any, str, bool], Publisher] = {}
        self._topics: dict[tuple[str, str, int], LatestMessage] = {}
        self._pending: list[Pending] = []
        # Called with the action and the id of each goal before it is sent.
        self.on_sending: Callable[[str, bytes], None] = lambda action, goal_id: None
        # Called with the action and its type for each goal that may still go on.
        self.on_doubt: Callable[[str, str], None] = lambda action, kind: None

    @property
    def node(self) -> Node:
        """The tree's own node, beside the bridge's and named after it."""
        if self._node is None:
            name = f'{self.bridge.get_name()}_tree_{next(_numbers)}'
            namespace = self.bridge.get_namespace()
            # The process may have been given a name and parameters meant for the bridge alone.
            self._node = Node(
                name,
                namespace=namespace,
                context=self.bridge.context,
                cli_args=['--ros-args', '-r', f'__node:={name}', '-r', f'__ns:={namespace}'],
                parameter_overrides=[self.bridge.get_parameter('use_sim_time')],
                enable_rosout=False,
                start_parameter_services=self._has_parameters,
            )
            Problems.share(self._node, self.bridge)
            executor = self.bridge.executor
            if executor is not None:
                executor.add_node(self._node)
        return self._node

    def action_client(self, cls: Any, name: str) -> ActionClient:
        """The tree's client of an action."""
        return self._client((cls, name), lambda: entities.action_client(self.node, cls, name))

    def service_client(self, cls: Any, name: str) -> Client:
        """The tree's client of a service."""
        return self._client((cls, name), lambda: entities.client(self.node, cls, name))

    def _client(self, key: tuple[Any, str], make: Callable[[], Any]) -> Any:
        if key not in self._clients:
            self._clients[key] = make()
        return self._clients[key]

    def publisher(self, cls: Any, topic: str, latched: bool = False) -> Publisher:
        """The tree's publisher on a topic."""
        key = (cls, topic, latched)
        if key not in self._publishers:
            durability = DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE
            self._publishers[key] = publisher(
                self.node, cls, topic, QoSProfile(depth=10, durability=durability)
            )
        return self._publishers[key]

    def topic(self, kind: str, topic: str, depth: int = 1) -> LatestMessage:
        """The newest messages of a topic."""
        key = (kind, topic, depth)
        if key not in self._topics:
            self._topics[key] = LatestMessage(self.node, kind, topic, depth)
        return self._topics[key]

    def refresh(self) -> None:
        """Follow changes of the graph; about once a second."""
        for topic in self._topics.values():
            topic.refresh()

    @property
    def connected(self) -> bool:
        """Whether topics have spoken and subscribers are reached, as far as there are any."""
        return all(topic.ready for topic in self._topics.values()) and all(
            publisher.get_subscription_count()
            or not self.node.count_subscribers(publisher.topic_name)
            for publisher in self._publishers.values()
        )

    # What is under way

    def send_goal(
        self,
        client: ActionClient,
        message: Any,
        *,
        server_timeout: float | None,
        cancel_timeout: float | None,
        on_news: Callable[[], None],
        repeatable: bool = False,
    ) -> Goal:
        """Send a goal; `on_news` is called when it is accepted and when it has ended."""
        server = max(
            self.timeouts.server if server_timeout is None else server_timeout, _MIN_ACCEPT_TIMEOUT
        )
        cancel = self.timeouts.cancel if cancel_timeout is None else cancel_timeout
        goal = Goal(
            message,
            lambda goal, message: ActionGoal(
                self.node,
                client,
                message,
                server_timeout=server,
                accept_timeout=server,
                cancel_timeout=cancel,
                on_end=lambda outcome: self._on_end(goal, client, outcome),
                on_accepted=goal.accept,
                on_feedback=goal.feed,
                on_sending=lambda goal_id: self.on_sending(action_name(client), goal_id),
            ),
            on_news,
            lambda action: self._abandon(action, client, cancel),
            repeatable,
        )
        self.watch(goal)
        return goal

    def _abandon(self, action: ActionGoal, client: ActionClient, cancel_timeout: float) -> None:
        def in_doubt() -> None:
            self.on_doubt(action_name(client), interface_name(action_type(client)))

        self.watch(Abandoned(action, in_doubt, cancel_timeout + _ABANDONED_FOR))

    def _on_end(self, goal: Goal, client: ActionClient, outcome: Outcome) -> None:
        goal.on_outcome(outcome)
        if outcome.ending in IN_DOUBT:
            self.on_doubt(action_name(client), interface_name(action_type(client)))

    def watch(self, pending: Pending) -> None:
        """See to the end of something that a leaf began."""
        self._pending.append(pending)

    def poll(self) -> None:
        """Look after what is under way and take what came; before every tick."""
        for topic in self._topics.values():
            topic.poll()
        for pending in list(self._pending):
            if not pending.ended:
                pending.poll()
        self._pending = [pending for pending in self._pending if not pending.ended]

    @property
    def ending(self) -> bool:
        """Whether something that was told to end has not ended yet."""
        return any(pending.ending and not pending.ended for pending in self._pending)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return all(pending.ended for pending in self._pending)

    @property
    def _goals(self) -> list[Goal]:
        return [pending for pending in self._pending if isinstance(pending, Goal)]

    def pause(self) -> bool:
        """Take all goals from their servers until `resume`; whether all could be."""
        paused = [goal.pause() for goal in self._goals]
        return all(paused)

    def resume(self) -> None:
        """Send again what is left of the goals that were paused."""
        for goal in self._goals:
            goal.resume()

    @property
    def pausing(self) -> bool:
        """Whether a server still has a goal that is paused or to end."""
        left = any(isinstance(one, Abandoned) and not one.ended for one in self._pending)
        return left or any(goal.pausing for goal in self._goals)

    def cancel(self) -> None:
        """Begin to end everything under way."""
        for pending in self._pending:
            pending.cancel()

    def close(self, destroy: Callable[[], None] | None = None) -> None:
        """
        Leave the graph, once the callback that runs now is over.

        `destroy` takes the place of destroying the node where an executor does that itself.
        """
        node, self._node = self._node, None
        if node is None:
            return
        clients, self._clients = self._clients, {}

        def leave() -> None:
            for client in clients.values():
                if isinstance(client, ActionClient):
                    client.destroy()
            for topic in self._topics.values():
                topic.close()
            if node.executor is not None:
                node.executor.remove_node(node)
            (destroy or node.destroy_node)()

        executor = self.bridge.executor
        if executor is None:
            leave()
        else:
            # As a task: what the executor found ready in this round may belong to the node.
            executor.create_task(leave)


def tree_ros(context: TreeContext) -> TreeRos:
    """The ROS side that was lent to a tree."""
    found: TreeRos = context.services[SERVICE]
    return found
