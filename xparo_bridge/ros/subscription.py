# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Hold a topic for telemetry: serialized, with the publishers' QoS, at no cost while not read.

No executor serves it. Where not every sample is sent, the middleware replaces the sample in its
history, and only who wants one takes it: a topic at 1000 Hz that is sent once a second wakes
Python once a second.

DDS gives a late joiner the last message of a publisher that keeps it (transient local) only if it
asks for that, and whoever asks hears no publisher that does not keep it (volatile). So where a
topic has both, as /tf_static and /map have on some robots, there is a subscription for each.
"""

from __future__ import annotations

from collections import deque, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
import importlib
from threading import Lock
import time
from typing import Any
import weakref

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from rclpy.topic_endpoint_info import TopicEndpointInfo

from . import entities, presence
from .fields import load_type, UnknownType
from .of_node import one_of
from .problems import Problems
from .samples import Info, Samples

# How often a type that could not be loaded is tried again, s: it may have been installed since.
_RETRY = 10.0
# For how long subscriptions are refreshed in one turn of the ROS thread, s.
_BUDGET = 0.02


class Unscheduled(CallbackGroup):
    """Callback group whose members no executor waits for."""

    def can_execute(self, entity: Any) -> bool:
        return False

    def beginning_execution(self, entity: Any) -> bool:
        return False

    def ending_execution(self, entity: Any) -> None:
        pass


def matching_qos(publishers: Sequence[TopicEndpointInfo], depth: int) -> list[QoSProfile]:
    """
    QoS of the subscriptions, one or two, that hear every publisher and all that it keeps.

    Reliable where all of its publishers are, as `ros2 topic echo` chooses; transient local for
    those that keep their last messages, volatile if there are others.
    """
    kept = [one for one in publishers if _keeps(one)]
    chosen = []
    if kept:
        chosen.append(_qos(kept, depth, DurabilityPolicy.TRANSIENT_LOCAL))
    if len(kept) < len(publishers):
        chosen.append(_qos(publishers, depth, DurabilityPolicy.VOLATILE))
    return chosen


def _keeps(publisher: TopicEndpointInfo) -> bool:
    return bool(publisher.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL)


def _qos(
    publishers: Sequence[TopicEndpointInfo], depth: int, durability: DurabilityPolicy
) -> QoSProfile:
    reliable = all(one.qos_profile.reliability == ReliabilityPolicy.RELIABLE for one in publishers)
    return QoSProfile(
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=durability,
    )


def _ignore(message: bytes) -> None:
    """Stand where a callback has to, in a group that never calls it."""


class Subscriptions(weakref.WeakSet['TopicSubscription']):
    """The topics that a node has taken up."""

    @classmethod
    def of(cls, node: Node) -> Subscriptions:
        """Return the node's, the same for all who ask."""
        return one_of(node, cls, cls)


class Rounds:
    """
    Goes round many subscriptions, as far at a time as the ROS thread has room for.

    To refresh one takes 0.04 ms, the first time 0.6 ms and more.
    """

    def __init__(self) -> None:
        self._round: deque[TopicSubscription] = deque()

    def next_of_round(
        self, subscriptions: Iterable[TopicSubscription]
    ) -> Iterator[TopicSubscription]:
        """Yield those of the subscriptions that are to be refreshed now."""
        there = dict.fromkeys(subscriptions)
        if not self._round:
            self._round.extend(there)
        end = time.monotonic() + _BUDGET
        while self._round and time.monotonic() < end:
            one = self._round.popleft()
            if one in there:
                yield one


class TopicSubscription:
    """
    One topic's serialized messages, from the first publisher on.

    `refresh` looks at the graph, and subscribes anew where type or QoS of the publishers changed;
    `on_type` is called with the message class each time that is settled, and may refuse it by
    ValueError. With `samples` every message is handed to `callback` in their thread, or to
    `on_message` with what rclpy says of it; otherwise `take` and `drain` are asked. Everything
    else on the ROS thread. What keeps a topic from being read is a problem of the node under the
    topic's name.
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
        on_message: Callable[[bytes, Info], None] | None = None,
        samples: Samples | None = None,
        brief: bool = False,
        expected: bool = True,
        seldom: bool = False,
    ) -> None:
        """
        Take the resolved topic name and the type's name, or none to go by the publishers.

        A callback that is `brief` takes no longer for large messages.
        It is a problem when nobody publishes what is `expected`; what is published `seldom` comes
        only while something happens, so silence says nothing.
        """
        self.topic = topic
        self.kind = full_type_name(kind)
        self.expected = expected
        self.seldom = seldom
        self.publishers = 0
        # Whether every publisher keeps its last message for whoever comes later.
        self.latched = False
        self._node = node
        self._depth = depth
        self._on_type = on_type
        self._callback = callback
        self._on_message = on_message
        self._samples = samples
        self._brief = brief
        self._absent_since: float | None = None
        self._hint_at = 0.0
        self._hint = ''
        self._problems = Problems.of(node)
        self._problem = f'topic {topic}'
        self._reported = False
        self._class: type | None = None
        self._chosen = ''
        self._failure = ''
        self._retry_at: float | None = None
        self._subscriptions: dict[DurabilityPolicy, Subscription] = {}
        self._reliabilities: dict[DurabilityPolicy, ReliabilityPolicy] = {}
        self._seen = _Seen(2 * depth)
        # What had come by subscriptions that another has taken the place of, and nobody has taken.
        self._left: deque[tuple[bytes, Info]] = deque(maxlen=depth)
        Subscriptions.of(node).add(self)

    def refresh(self) -> None:
        """Match type and QoS to the publishers there are now."""
        publishers = self._node.get_publishers_info_by_topic(self.topic)
        self.publishers = len(publishers)
        self.latched = bool(publishers) and all(map(_keeps, publishers))
        kind, remark = self._choose_type(publishers)
        alike = [publisher for publisher in publishers if publisher.topic_type == kind]
        if alike and self._settle(kind):
            self._match(kind, alike)
        text = self._failure or remark or self._absence()
        if text:
            self._reported = True
            self._problems.report(self._problem, text)
        elif self._reported and (self.publishers or not self.expected):
            # Not what another reader of the topic has reported and this one has yet to find.
            self._reported = False
            self._problems.solved(self._problem)

    def _absence(self) -> str:
        """What is wrong if nobody has published the topic for long."""
        if self.publishers or not self.expected:
            self._absent_since = None
            return ''
        now = time.monotonic()
        if self._absent_since is None:
            self._absent_since = now
        if now - self._absent_since < presence.GRACE:
            return ''
        if now >= self._hint_at:
            self._hint_at = now + presence.HINT_PERIOD
            self._hint = presence.topic_hint(self._node, self.topic, self.kind or self._chosen)
        return f'configured, but nobody publishes {self.topic}{self._hint}'

    def _choose_type(self, publishers: Sequence[TopicEndpointInfo]) -> tuple[str, str]:
        """Type to subscribe to, and what there is to say about it."""
        kinds = [publisher.topic_type for publisher in publishers]
        if not kinds:
            return '', ''
        # The type most publishers have, the first by name among equals; but never without need
        # another one than before.
        chosen = self.kind or max(
            sorted(set(kinds)), key=lambda kind: (kinds.count(kind), kind == self._chosen)
        )
        found = ' and '.join(sorted(set(kinds)))
        if chosen not in kinds:
            return chosen, f'is published as {found}, expected {chosen}; nothing can arrive'
        if len(set(kinds)) > 1:
            return chosen, f'is published as {found}; taking {chosen}'
        return chosen, ''

    def _settle(self, kind: str) -> bool:
        """Whether messages of this type can be read."""
        if kind == self._chosen:
            if self._retry_at is None:
                return self._class is not None
            if time.monotonic() < self._retry_at:
                return False
            importlib.invalidate_caches()
        self.close()
        self._chosen, self._class, self._retry_at, self._failure = kind, None, None, ''
        try:
            cls = load_type(kind)
            if self._on_type is not None:
                self._on_type(cls)
        except UnknownType as problem:
            self._fail(f'cannot be read: {problem}')
        except ValueError as problem:  # Of the settings, which do not change.
            self._failure = str(problem)
        except Exception as error:  # Whatever a half installed package raises when it is imported.
            self._fail(f'cannot be read: {kind}: {error}')
        else:
            self._class = cls
        return self._class is not None

    def _match(self, kind: str, publishers: Sequence[TopicEndpointInfo]) -> None:
        profiles = {qos.durability: qos for qos in matching_qos(publishers, self._depth)}
        for durability in list(self._subscriptions):
            found = profiles.get(durability)
            if found is None or found.reliability != self._reliabilities[durability]:
                self._replace(durability)
        try:
            for durability, qos in profiles.items():
                if durability not in self._subscriptions:
                    self._subscribe(durability, qos)
        except Exception as error:  # The middleware's, or a library of the type that is missing.
            self.close()
            self._fail(f'cannot be subscribed to as {kind}: {error}')

    def _fail(self, text: str) -> None:
        self._retry_at = time.monotonic() + _RETRY
        self._failure = text

    def _subscribe(self, durability: DurabilityPolicy, qos: QoSProfile) -> None:
        subscription = entities.subscription(
            self._node,
            self._class,
            self.topic,
            _ignore,
            qos,
            raw=True,
            callback_group=Unscheduled(),
        )
        self._subscriptions[durability] = subscription
        self._reliabilities[durability] = qos.reliability
        if self._samples is not None:
            self._samples.add(subscription, self._on_sample, self._brief)

    def _on_sample(self, data: bytes, info: Info) -> None:
        """In the sample thread."""
        if len(self._subscriptions) < 2 or self._seen.is_new(data, info):
            if self._on_message is not None:
                self._on_message(data, info)
            else:
                self._callback(data)

    def take(self) -> bytes | None:
        """Newest message that came since the last `take`."""
        newest = None
        for message, _ in self.drain_with_info():
            newest = message
        return newest

    def drain(self) -> Iterator[bytes]:
        """Messages that came since, oldest first, as many as the depth kept."""
        for message, _ in self.drain_with_info():
            yield message

    def drain_with_info(self) -> Iterator[tuple[bytes, Info]]:
        """As `drain`, each with what rclpy says of it."""
        subscriptions = tuple(self._subscriptions.values())
        while self._left:
            yield self._left.popleft()
        if len(subscriptions) == 1:
            yield from self._drain(subscriptions[0])
            return
        # What a publisher that keeps its messages sends now comes by both.
        taken = [one for subscription in subscriptions for one in self._drain(subscription)]
        taken.sort(key=lambda one: one[1]['received_timestamp'])
        for data, info in taken:
            if self._seen.is_new(data, info):
                yield data, info

    def _drain(self, subscription: Subscription) -> Iterator[tuple[bytes, Info]]:
        for _ in range(self._depth):
            with subscription.handle:
                taken = subscription.handle.take_message(subscription.msg_type, True)
            if taken is None:
                return
            yield taken

    def close(self) -> None:
        """End the subscription; a later `refresh` may begin it again."""
        for durability in list(self._subscriptions):
            self._drop(durability)
        self._left.clear()  # It may be of another type than what comes next.

    def forget(self) -> None:
        """End it for good, and what was said of it."""
        self.close()
        self._problems.forget(self._problem)

    def _replace(self, durability: DurabilityPolicy) -> None:
        """Make room for one with another QoS, and keep what waits to be taken."""
        if self._samples is None:
            self._left.extend(self._drain(self._subscriptions[durability]))
        self._drop(durability)

    def _drop(self, durability: DurabilityPolicy) -> None:
        subscription = self._subscriptions.pop(durability)
        if self._samples is not None:
            self._samples.remove(subscription)
        self._node.destroy_subscription(subscription)


class _Seen:
    """Tells apart what comes twice, by two subscriptions of one topic."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()  # The two subscriptions may be served in two threads.
        self._keys: OrderedDict[tuple[int, int], None] = OrderedDict()

    def is_new(self, data: bytes, info: Info) -> bool:
        key = info['source_timestamp'], hash(data)
        with self._lock:
            if key in self._keys:
                del self._keys[key]  # It comes twice at most, and may then be said again.
                return False
            self._keys[key] = None
            if len(self._keys) > self._most:
                self._keys.popitem(last=False)
        return True


def full_type_name(kind: str) -> str:
    """`nav_msgs/msg/Odometry` also of the short `nav_msgs/Odometry`."""
    package, _, name = kind.partition('/')
    return kind if not name or '/' in name else f'{package}/msg/{name}'
