# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Follow the topics that are recorded, and hand over each of their messages as it is on the wire.

Names are looked for on the ROS thread, a few at a time; messages come in a thread of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import json
import re
from typing import Any

from rclpy.node import Node
from rclpy.topic_endpoint_info import TopicEndpointInfo

from ...black_box.recorder import Stream
from ...faults import FAULTS
from ...ros.problems import Problems
from ...ros.samples import Info, SampleThread
from ...ros.subscription import Rounds, TopicSubscription
from ...turns import Turns
from ..telemetry.source import topic_pattern

# Messages that wait for the thread, of one topic.
_DEPTH = 200
_MOST_TOPICS = 500
_FOREVER = {'sec': 9223372036, 'nsec': 854775807}

# Makes the condition that freezes, for a message class; its result as of Stream.check.
Check = Callable[[type], Callable[[bytes], str]]
Put = Callable[[Stream, bytes, int, int], None]


class RecordedTopics:
    """The topics of the graph that fit; on the ROS thread."""

    def __init__(
        self,
        node: Node,
        selected: Sequence[str],
        left_out: Sequence[str],
        checks: Mapping[str, Sequence[Check]],
        put: Put,
    ) -> None:
        """
        Take names or patterns, as of telemetry, and the conditions on some topics by full name.

        `put` is called in a thread with each message, and its times.
        """
        self._node = node
        self._checks = checks
        self._put = put
        resolve = node.resolve_topic_name
        names = [resolve(name) for name in selected if '*' not in name]
        self._names = [*dict.fromkeys((*names, *checks))]
        self._patterns = [topic_pattern(name) for name in selected if '*' in name]
        self._left_out = [
            topic_pattern(name if '*' in name else resolve(name)) for name in left_out
        ]
        self._samples = SampleThread(node, 'recorded', Turns())
        self._topics: dict[str, TopicSubscription] = {}
        self._found: set[str] = set()
        self._rounds = Rounds()

    @property
    def names(self) -> list[str]:
        """Topics that are listened to now."""
        return [name for name, one in self._topics.items() if one.publishers]

    def refresh(self) -> None:
        """Look for topics, and at the publishers of some."""
        self._look()
        for subscription in self._rounds.next_of_round(self._topics.values()):
            topic = subscription.topic
            try:
                subscription.refresh()
            except Exception as error:  # The middleware's, of one topic, which the others outlive.
                FAULTS.note(f'recording {topic}', error)
            if topic in self._found and not subscription.publishers:
                subscription.forget()
                del self._topics[topic]
                self._found.discard(topic)

    def close(self) -> None:
        """End all subscriptions."""
        for subscription in self._topics.values():
            subscription.close()
        self._topics.clear()

    def _look(self) -> None:
        for topic in self._names:
            if topic not in self._topics and not self._is_left_out(topic):
                self._add(topic)
        if not self._patterns:
            return
        for topic, _ in self._node.get_topic_names_and_types():
            if topic in self._topics or self._is_left_out(topic):
                continue
            hidden = '/_' in topic
            if any(
                pattern.fullmatch(topic) and not (hidden and '/_' not in pattern.pattern)
                for pattern in self._patterns
            ):
                if len(self._topics) >= _MOST_TOPICS:
                    Problems.of(self._node).report(
                        'black box topics',
                        f'more than {_MOST_TOPICS} topics fit; others are not recorded',
                    )
                    return
                self._found.add(topic)
                self._add(topic)

    def _is_left_out(self, topic: str) -> bool:
        return any(pattern.fullmatch(topic) for pattern in self._left_out)

    def _add(self, topic: str) -> None:
        stream: Stream | None = None

        def on_type(cls: type) -> None:
            nonlocal stream
            package, kind = cls.__module__.split('.')[:2]
            profiles = list(map(_profile, self._node.get_publishers_info_by_topic(topic)))
            kept = [one['durability'] == 'transient_local' for one in profiles]
            made = Stream(
                topic,
                f'{package}/{kind}/{cls.__name__}',
                json.dumps(profiles),
                keep=bool(kept) and all(kept),
            )
            checks = [make(cls) for make in self._checks.get(topic, ())]
            if checks:
                made.check = lambda data: next(filter(None, (check(data) for check in checks)), '')
            stream = made

        def on_message(data: bytes, info: Info) -> None:
            assert stream is not None  # A subscription begins after its type is settled.
            self._put(stream, data, info['received_timestamp'], info['source_timestamp'])

        self._topics[topic] = TopicSubscription(
            self._node,
            topic,
            on_type=on_type,
            depth=_DEPTH,
            on_message=on_message,
            samples=self._samples,
            expected=False,
        )


def _profile(publisher: TopicEndpointInfo) -> dict[str, Any]:
    """QoS as rosbag2 keeps it."""
    qos = publisher.qos_profile
    return {
        'history': _word(qos.history),
        'depth': qos.depth,
        'reliability': _word(qos.reliability),
        'durability': _word(qos.durability),
        'deadline': _FOREVER,
        'lifespan': _FOREVER,
        'liveliness': _word(qos.liveliness),
        'liveliness_lease_duration': _FOREVER,
        'avoid_ros_namespace_conventions': False,
    }


def _word(policy: Any) -> str:
    return re.sub(r'[^a-z_]', '', policy.name.lower())
