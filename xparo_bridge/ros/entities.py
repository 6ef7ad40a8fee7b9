# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Entities that cost the executor no more than they must, each behind a wall (`walls`).

The executor looks at all entities on every turn.

By default a publisher or subscription brings two or three event handlers, to log that a QoS does
not fit; the other side logs it as well. An action client brings five entities, and has nothing to
hear while it has no goal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rclpy.action import ActionClient, ActionServer, get_action_names_and_types
from rclpy.action.server import default_cancel_callback, default_goal_callback
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.client import Client
from rclpy.clock import Clock, ClockType
from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.exceptions import InvalidHandle
from rclpy.guard_condition import GuardCondition
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.service import Service
from rclpy.subscription import Subscription
from rclpy.timer import Timer

from ..errors import BadInput
from .rclpy_internals import awaits_answer
from .walls import answering, executing, guarded, guarded_cancel, guarded_goal, name_of

# References to entities, dead ones among them, after which a callback group is tidied.
_NAMED_BETWEEN = 256


class TypeConflict(BadInput):
    """A topic, service or action requested with one type while this process has another."""


def publisher(node: Node, kind: Any, topic: str, qos: Any = 10) -> Publisher:
    """
    Make a publisher without event handlers.

    :raises TypeConflict: if this process has the topic with another type.
    """
    with _one_type(node, kind, topic, _topic_types(node)):
        return node.create_publisher(
            kind, topic, qos, event_callbacks=PublisherEventCallbacks(use_default_callbacks=False)
        )


@contextmanager
def _one_type(
    node: Node, kind: Any, name: str, found: Callable[[str], Sequence[str]]
) -> Iterator[None]:
    """
    Say which types two parts of this process have for a name; `found` lists those in the graph.

    In most middlewares a DDS participant, which is a context of rclpy, knows a topic by one type
    alone, and says no more than that it failed. Services and actions are topics too.
    """
    try:
        yield
    except (rclpy_implementation.RCLError, ValueError) as error:  # The latter of action clients.
        name = node.resolve_topic_name(name)
        package, form = kind.__module__.split('.')[:2]
        expected = f'{package}/{form}/{kind.__name__}'
        others = sorted(set(found(name)) - {expected})
        if not others:
            raise
        raise TypeConflict(
            f'{name} is expected as {expected}, but this bridge has it as {" and ".join(others)} '
            'already; a process can have it with one type only'
        ) from error


def _topic_types(node: Node) -> Callable[[str], list[str]]:
    """Types that endpoints of this node have on a topic, or any of the graph if it has none."""

    def found(name: str) -> list[str]:
        infos = [
            *node.get_publishers_info_by_topic(name),
            *node.get_subscriptions_info_by_topic(name),
        ]
        own = [info for info in infos if info.node_name == node.get_name()]
        return [info.topic_type for info in own or infos]

    return found


def _service_types(node: Node) -> Callable[[str], list[str]]:
    return lambda name: dict(node.get_service_names_and_types()).get(name, [])


def _action_types(node: Node) -> Callable[[str], list[str]]:
    return lambda name: dict(get_action_names_and_types(node)).get(name, [])


def _forget_destroyed(node: Node) -> None:
    """Take what was destroyed out of a node's callback group, where rclpy keeps it for ever."""
    group = node.default_callback_group
    if len(group.entities) % _NAMED_BETWEEN == 0:
        group.entities = {entity for entity in group.entities if entity() is not None}


def subscription(
    node: Node,
    kind: Any,
    topic: str,
    callback: Callable[[Any], None],
    qos: Any = 10,
    **options: Any,
) -> Subscription:
    """
    Make a subscription without event handlers.

    :raises TypeConflict: if this process has the topic with another type.
    """
    _forget_destroyed(node)
    with _one_type(node, kind, topic, _topic_types(node)):
        return node.create_subscription(
            kind,
            topic,
            guarded(callback, f'subscription {topic}'),
            qos,
            event_callbacks=SubscriptionEventCallbacks(use_default_callbacks=False),
            **options,
        )


def timer(
    node: Node,
    period: float,
    callback: Callable[[], object],
    *,
    clock: Clock | None = None,
    running: bool = True,
) -> Timer:
    """
    Make a timer of a period, s, by steady time: a simulation that stands still stops no timeout.

    One that is not `running` begins with its `reset`.
    """
    _forget_destroyed(node)
    return node.create_timer(
        period,
        guarded(callback, f'timer {name_of(callback)}'),
        clock=clock or Clock(clock_type=ClockType.STEADY_TIME),
        autostart=running,
    )


class WakeUp:
    """Has a callback run on the ROS thread."""

    def __init__(self, condition: GuardCondition) -> None:
        self._condition = condition

    def trigger(self) -> None:
        """Have it run soon, from any thread; nothing happens once the node is gone."""
        try:
            self._condition.trigger()
        except InvalidHandle:
            # Threads that read a disk or a document may outlive the node by what they just do.
            pass


def guard_condition(node: Node, callback: Callable[[], object]) -> WakeUp:
    """Make a guard condition, which any thread may trigger."""
    return WakeUp(node.create_guard_condition(guarded(callback, f'waking {name_of(callback)}')))


def service(
    node: Node, kind: Any, name: str, callback: Callable[..., Any], **options: Any
) -> Service:
    """Serve a service; a fault of `callback`, also as a coroutine, is answered as an error."""
    return node.create_service(kind, name, answering(callback, kind, f'service {name}'), **options)


def action_server(
    node: Node,
    kind: Any,
    name: str,
    execute_callback: Callable[[Any], Any],
    *,
    goal_callback: Callable[[Any], Any] = default_goal_callback,
    cancel_callback: Callable[[Any], Any] = default_cancel_callback,
    **options: Any,
) -> ActionServer:
    """Serve an action; a fault of its callbacks aborts or rejects the goal."""
    where = f'action {name}'
    return ActionServer(
        node,
        kind,
        name,
        execute_callback=executing(execute_callback, kind, where),
        goal_callback=guarded_goal(goal_callback, where),
        cancel_callback=guarded_cancel(cancel_callback, where),
        **options,
    )


class _WhileAsked(ReentrantCallbackGroup):
    """
    Lets the executor wait for clients only while an answer of theirs is due.

    They must be asked on the executor's thread, which makes its wait set anew after each callback.
    """

    def can_execute(self, entity: Any) -> bool:
        return awaits_answer(entity)


def action_client(node: Node, kind: Any, name: str) -> ActionClient:
    """Make an action client that is waited for only while it has goals."""
    with _one_type(node, kind, name, _action_types(node)):
        return ActionClient(node, kind, name, callback_group=_WhileAsked())


def client(node: Node, kind: Any, name: str) -> Client:
    """Make a service client that is waited for only while an answer is due."""
    with _one_type(node, kind, name, _service_types(node)):
        return node.create_client(kind, name, callback_group=_WhileAsked())


class Demand:
    """Publishers of which some node listens to at least one; reports when that changes."""

    def __init__(self, changed: Callable[[], None]) -> None:
        """Take who is to be notified."""
        self._changed = changed
        self._counts: dict[str, int] = {}

    def __contains__(self, topic: str) -> bool:
        return self._counts.get(topic, 0) > 0

    def publisher(self, node: Node, kind: Any, topic: str, qos: Any = 10) -> Publisher:
        """Make a publisher whose subscriptions are counted."""

        def matched(info: Any) -> None:
            before = topic in self
            self._counts[topic] = info.current_count
            if before != (topic in self):
                self._changed()

        with _one_type(node, kind, topic, _topic_types(node)):
            return node.create_publisher(
                kind,
                topic,
                qos,
                event_callbacks=PublisherEventCallbacks(
                    matched=guarded(matched, f'publisher {topic}'), use_default_callbacks=False
                ),
            )
