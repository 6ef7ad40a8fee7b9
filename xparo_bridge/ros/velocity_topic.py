# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Publishes velocities as the subscribers of a topic read them: Twist, TwistStamped or both."""

from __future__ import annotations

import time
from typing import Any

from geometry_msgs.msg import TwistStamped
import rclpy
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.topic_endpoint_info import TopicEndpointInfo

from .entities import publisher, TypeConflict
from .fields import load_type
from .velocity import TWIST, TWIST_STAMPED, Velocity

# What each value of `message` allows; the first is published while nobody subscribes.
TYPES = {
    'auto': (TWIST, TWIST_STAMPED),
    'Twist': (TWIST,),
    'TwistStamped': (TWIST_STAMPED,),
}
# How long what the graph says is believed, s: looking takes a third of a millisecond.
_LOOK_PERIOD = 0.2
# Nodes that listen to a topic and move nothing. Not every name with a `_`: a base of micro-ROS or
# of bare DDS is `_NODE_NAME_UNKNOWN_` or `_CREATED_BY_BARE_DDS_APP_` in the graph.
_ONLOOKERS = ('_ros2', 'rosbag2_recorder')


class VelocityTopic:
    """
    Where a base listens, or a multiplexer before it; lives on the ROS thread.

    `look` follows the subscribers: it makes the publishers of the types that they have, of both
    if both are there.
    """

    def __init__(
        self, node: Node, topic: str, *, message: str = 'auto', frame: str = 'base_link'
    ) -> None:
        """Take the topic's name as configured, one of `TYPES`, and the frame of TwistStamped."""
        self.name = node.resolve_topic_name(topic)
        self.frame = frame
        self._node = node
        self._allowed = TYPES[message]
        self._publishers: dict[str, Publisher] = {}
        self._asides: dict[str, Node] = {}
        self._subscribers: list[TopicEndpointInfo] = []
        self._looked_at = float('-inf')
        self.look()

    @property
    def types(self) -> frozenset[str]:
        """Which types are published now."""
        return frozenset(self._publishers)

    @property
    def matched(self) -> int:
        """How many subscriptions receive what is published, those of onlookers included."""
        return sum(each.get_subscription_count() for each in self._publishers.values())

    def publish(self, velocity: Velocity) -> None:
        """Publish a velocity to all who can hear it."""
        for kind, out in self._publishers.items():
            if kind == TWIST:
                out.publish(velocity.twist())
            else:
                stamped = TwistStamped(twist=velocity.twist())
                stamped.header.stamp = self._node.get_clock().now().to_msg()
                stamped.header.frame_id = self.frame
                out.publish(stamped)

    def look(self) -> None:
        """Look at who subscribes, and publish the types that they have."""
        self._looked_at = time.monotonic()
        self._subscribers = self._listeners(self.name)
        there = {subscriber.topic_type for subscriber in self._subscribers}
        selected = [kind for kind in self._allowed if kind in there]
        if not selected:  # A type that was found before is the likelier one to come back.
            selected = [kind for kind in self._allowed if kind in self._publishers][:1]
        selected = selected or [self._allowed[0]]
        for kind in self.types.difference(selected):
            self._remove(kind)
        for kind in selected:
            if kind not in self._publishers:
                self._publishers[kind] = self._make(kind)

    def unheard(self, matched: int | None = None) -> str | None:
        """
        Say why nobody hears what is published, None if somebody does.

        `matched` is how many subscriptions another publisher in this one's place has.
        """
        age = time.monotonic() - self._looked_at
        if age > 1.0 or (age > _LOOK_PERIOD and not matched and not self.matched):
            self.look()
        if matched is None:
            matched = self.matched
        alike = [each for each in self._subscribers if each.topic_type in self._publishers]
        if alike and matched:
            return None
        if alike:
            who = alike[0]
            return (
                f'{_full_name(who)} subscribes to {self.name}, but does not receive it: its QoS '
                'does not fit reliable and volatile, or it was not found yet'
            )
        if self._subscribers:
            has = ' and '.join(sorted({each.topic_type for each in self._subscribers}))
            selects = ' or '.join(self._allowed)
            return f'nobody subscribes to {self.name} as {selects}; {has} is what it has there'
        others = self._other_topics()
        return f'nobody subscribes to {self.name}' + (f'; {others}' if others else '')

    def close(self) -> None:
        """End the publishers."""
        for kind in list(self._publishers):
            self._remove(kind)

    def _listeners(self, topic: str) -> list[TopicEndpointInfo]:
        """Subscribers but this bridge itself, and those who only look on."""
        own = self._node.get_fully_qualified_name()
        return [
            info
            for info in self._node.get_subscriptions_info_by_topic(topic)
            if _full_name(info) != own and not info.node_name.startswith(_ONLOOKERS)
        ]

    def _other_topics(self) -> str:
        """Name other topics on which somebody waits for velocities."""
        found = []
        for topic, kinds in self._node.get_topic_names_and_types():
            if topic != self.name and set(kinds) & {TWIST, TWIST_STAMPED}:
                found += sorted(
                    f'{topic} has subscribers of {info.topic_type}'
                    for info in self._listeners(topic)[:1]
                    if info.topic_type in (TWIST, TWIST_STAMPED)
                )
        return ', '.join(found[:3])

    def _make(self, kind: str) -> Publisher:
        cls = load_type(kind)
        try:
            return publisher(self._node, cls, self.name)
        except (TypeConflict, rclpy_implementation.RCLError):
            # Somebody in this process has the topic with another type, and in most middlewares a
            # DDS participant, which is a context of rclpy, knows a topic by one type alone.
            self._asides[kind] = _aside(self._node)
            return publisher(self._asides[kind], cls, self.name)

    def _remove(self, kind: str) -> None:
        out = self._publishers.pop(kind)
        aside = self._asides.pop(kind, None)
        if aside is None:
            self._node.destroy_publisher(out)
        else:
            aside.destroy_node()
            aside.context.try_shutdown()


def enclave(node: Node) -> str:
    """Return the security enclave of a node's process, '/' for none."""
    own = (node.get_name(), node.get_namespace())
    for name, namespace, found in node.get_node_names_and_namespaces_with_enclaves():
        if (name, namespace) == own:
            return str(found)
    return '/'


def _aside(node: Node) -> Node:
    """Make a node beside this one in a context of its own; it takes names already remapped."""
    context = rclpy.Context()
    arguments: list[str] = ['--ros-args', '--enclave', enclave(node)]
    rclpy.init(args=arguments, context=context, domain_id=node.context.get_domain_id())
    return Node(
        f'{node.get_name()}_velocities',
        namespace=node.get_namespace(),
        context=context,
        use_global_arguments=False,
        enable_rosout=False,
        start_parameter_services=False,
    )


def _full_name(info: Any) -> str:
    return f'{info.node_namespace.rstrip("/")}/{info.node_name}'
