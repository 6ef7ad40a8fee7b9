# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How does telemetry hold a topic: serialized, with the publishers' QoS, at no cost while not read.

No executor serves it. Where not every sample is wanted, the middleware replaces the sample in its
history, and only who wants one takes it: a topic at 1000 Hz that is sent once a second wakes
Python once a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from rclpy.topic_endpoint_info import TopicEndpointInfo

from . import entities
from .fields import load_type, UnknownType
from .samples import SampleThread


class Unscheduled(CallbackGroup):
    """Callback group whose members no executor waits for."""

    def can_execute(self, entity: Any) -> bool:
        return False

    def beginning_execution(self, entity: Any) -> bool:
        return False

    def ending_execution(self, entity: Any) -> None:
        pass


def matching_qos(publishers: list[TopicEndpointInfo], depth: int) -> QoSProfile:
    """
    QoS that hears every publisher, by the rule of `ros2 topic echo`.

    Best effort if any publisher is, transient local only if all are.
    """
    profiles = [publisher.qos_profile for publisher in publishers]
    reliable = all(qos.reliability == ReliabilityPolicy.RELIABLE for qos in profiles)
    latched = all(qos.durability == DurabilityPolicy.TRANSIENT_LOCAL for qos in profiles)
    return QoSProfile(
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


def _ignore(message: bytes) -> None:
    """Stand where a callback has to, in a group that never calls it."""


class TopicSubscription:
    """
    One topic's serialized messages, from the first publisher on.

    `refresh` looks at the graph, and subscribes anew where type or QoS of the publishers changed;
    `on_type` is called with the message class each time that is settled, and may refuse it by
    ValueError. With `samples` every message is handed to `callback` in that thread; otherwise
    `take` and `drain` are asked. Everything else on the ROS thread.
    """

    def __init__(
        self,
        node: Node,
        topic: str,
        kind: str = '',
        *,
        depth: int = 1,
        on_type: Callable[[type], None] | None = None,
        callback: Callable[[bytes], None] = _ignore,
        samples: SampleThread | None = None,
    ) -> None:
        """Take the resolved topic name and the type's name, or none to go by the publishers."""
        self.topic = topic
        self.publishers = 0
        self._node = node
        self._kind = kind
        self._depth = depth
        self._on_type = on_type
        self._callback = callback
        self._samples = samples
        self._subscription: Subscription | None = None
        self._matched: tuple[Any, ...] = ()
        self._said = ''

    def refresh(self) -> None:
        """Match type and QoS to the publishers there are now."""
        publishers = self._node.get_publishers_info_by_topic(self.topic)
        self.publishers = len(publishers)
        kind = self._choose_type(publishers)
        alike = [publisher for publisher in publishers if publisher.topic_type == kind]
        if not alike:
            return
        qos = matching_qos(alike, self._depth)
        matched = (kind, qos.reliability, qos.durability)
        if matched != self._matched:
            self.close()
            self._matched = matched
            self._subscribe(kind, qos)

    def _choose_type(self, publishers: list[TopicEndpointInfo]) -> str:
        kinds = [publisher.topic_type for publisher in publishers]
        if not kinds:
            return ''
        # The type most publishers have, the first by name among equals; but never without need
        # another one than before.
        chosen = full_type_name(self._kind) or max(
            sorted(set(kinds)), key=lambda kind: (kinds.count(kind), kind == self._current_kind)
        )
        if len(set(kinds)) > 1 or chosen not in kinds:
            found = ' and '.join(sorted(set(kinds)))
            self._say(
                f'topic {self.topic} is published as {found}; taking {chosen}'
                + ('' if chosen in kinds else ', so nothing can arrive')
            )
        return chosen

    @property
    def _current_kind(self) -> str:
        return self._matched[0] if self._matched else ''

    def _subscribe(self, kind: str, qos: QoSProfile) -> None:
        try:
            cls = load_type(kind)
            if self._on_type is not None:
                self._on_type(cls)
        except UnknownType as problem:
            self._say(f'topic {self.topic} cannot be read: {problem}')
            return
        except ValueError as problem:
            self._say(f'topic {self.topic}: {problem}')
            return
        self._subscription = entities.subscription(
            self._node, cls, self.topic, _ignore, qos, raw=True, callback_group=Unscheduled()
        )
        if self._samples is not None:
            self._samples.add(self._subscription, self._callback)

    def _say(self, text: str) -> None:
        if text != self._said:
            self._said = text
            self._node.get_logger().warning(text)

    def take(self) -> bytes | None:
        """Newest message that came since the last `take`."""
        newest = None
        for message in self.drain():
            newest = message
        return newest

    def drain(self) -> Iterator[bytes]:
        """Messages that came since, oldest first, as many as the depth kept."""
        subscription = self._subscription
        if subscription is None:
            return
        for _ in range(self._depth):
            with subscription.handle:
                taken = subscription.handle.take_message(subscription.msg_type, True)
            if taken is None:
                return
            yield taken[0]

    def close(self) -> None:
        """End the subscription; a later `refresh` may begin it again."""
        if self._subscription is not None:
            if self._samples is not None:
                self._samples.remove(self._subscription)
            self._node.destroy_subscription(self._subscription)
        self._subscription, self._matched = None, ()


def full_type_name(kind: str) -> str:
    """`nav_msgs/msg/Odometry` also of the short `nav_msgs/Odometry`."""
    package, _, name = kind.partition('/')
    return kind if not name or '/' in name else f'{package}/msg/{name}'
