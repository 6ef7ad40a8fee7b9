# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Watch what a configuration expects of the ROS graph: topics, servers, subscribers, transforms.

Each is looked at again and again until it is satisfied or the time is over; then it says what it
found. An action server is asked to cancel a goal that nobody has: each answers that, and none does
anything.
"""

from __future__ import annotations

from collections.abc import Iterable
import time
from typing import Any, Protocol
import uuid

from action_msgs.srv import CancelGoal
from rclpy.client import Client
from rclpy.node import Node
from rclpy.task import Future
from unique_identifier_msgs.msg import UUID

from ..ros import entities, presence
from ..ros.lifecycle import ACTIVE, StateOfServer
from ..ros.problems import Problems
from ..ros.subscription import TopicSubscription
from ..ros.transforms import TransformListener
from .expectations import Expectations, ExpectedTopic
from .finding import Finding, not_checked, ok, problem

# Messages of a topic that may wait between two looks; enough for 1000 Hz.
_DEPTH = 100
# How often the graph is looked at for a topic, s.
_REFRESH_PERIOD = 0.3
# Messages after which the rate of a topic is known.
_ENOUGH = 20


class Watch(Protocol):
    """Something that is looked at until it is satisfied."""

    check: str
    subject: str

    @property
    def satisfied(self) -> bool:
        """Whether there is nothing more to see."""

    def look(self) -> None:
        """Look at it now."""

    def finding(self) -> Finding:
        """Say what was found."""

    def close(self) -> None:
        """Leave the graph."""


class TopicWatch:
    """A topic that is read: whether it is there, of which type, how often."""

    check = 'topic'

    def __init__(self, node: Node, expected: ExpectedTopic) -> None:
        self.subject = expected.topic
        self._node = node
        self._expected = expected
        self._subscription = TopicSubscription(
            node, expected.topic, expected.kind, depth=_DEPTH, expected=False
        )
        self._count = 0
        self._first = self._last = 0.0
        self._looks_at = 0.0

    def look(self) -> None:
        now = time.monotonic()
        if now >= self._looks_at:
            self._looks_at = now + _REFRESH_PERIOD
            self._subscription.refresh()
        for _ in self._subscription.drain():
            self._count += 1
            self._first = self._first or now
            self._last = now

    @property
    def satisfied(self) -> bool:
        """Whether there is nothing more to see: a rate needs the whole time, unless it is high."""
        kept = self._expected.seldom or self._subscription.latched
        return self._count >= (1 if kept else _ENOUGH)

    def finding(self) -> Finding:
        by, publishers = self._expected.by, self._subscription.publishers
        wrong = Problems.of(self._node).now.get(f'topic {self.subject}', '')
        if not publishers:
            hint = presence.topic_hint(self._node, self.subject, self._expected.kind)
            return problem(
                self.check,
                self.subject,
                f'configured for {by}, but nobody publishes it{hint}',
                'start its publisher, or correct the name in the configuration',
            )
        if wrong and not self._count:
            remedy = 'correct type in the configuration, install the package of the type, or '
            remedy += 'mend the publisher'
            return problem(self.check, self.subject, wrong, remedy)
        if not self._count and self._expected.seldom:
            words = f'{publishers} publishers, nothing came; it is published only on change'
            return not_checked(self.check, self.subject, words, 'allow it more by --timeout')
        if not self._count:
            return problem(
                self.check,
                self.subject,
                f'{publishers} publishers ({self._names()}), but nothing came from them',
                'look whether the publisher is active and has its sensor, and whether UDP and '
                'shared memory pass between the two; if it is published more seldom, allow it '
                'more by --timeout',
            )
        rate = ''
        if self._count > 1 and self._last > self._first:
            rate = f', {(self._count - 1) / (self._last - self._first):.3g} Hz'
        words = f'{self._kinds()} of {publishers} publishers{rate}, {self._qos()}'
        return ok(self.check, self.subject, words + (f'; {wrong}' if wrong else ''))

    def _infos(self) -> list[Any]:
        return list(self._node.get_publishers_info_by_topic(self.subject))

    def _names(self) -> str:
        return ', '.join(sorted({info.node_name for info in self._infos()})[:3])

    def _kinds(self) -> str:
        return ' and '.join(sorted({info.topic_type for info in self._infos()}))

    def _qos(self) -> str:
        forms = {
            f'{info.qos_profile.reliability.name} {info.qos_profile.durability.name}'
            for info in self._infos()
        }
        return ' and '.join(sorted(forms)).replace('_', ' ').lower()

    def close(self) -> None:
        self._subscription.forget()


class ServerWatch:
    """An action, a service or a topic that others serve: whether they are there and answer."""

    def __init__(
        self, node: Node, expected: Expectations, name: presence.Name, by: Iterable[str]
    ) -> None:
        self.check = 'subscriber' if name.form == 'topic' else name.form
        self.subject = name.name
        self._node = node
        self._name = name
        self._by = ', '.join(by)
        self._own = name.name.startswith(f'{expected.bridge}/')
        self._bridge = expected.bridge
        self._profiles = expected.profiles.get(name.name, [])
        self._missing = 'it was not looked at'
        self._client: Client | None = None
        self._answer: Future | None = None
        self._ask_at = 0.0
        self._lifecycle: StateOfServer | None = None

    def look(self) -> None:
        name, node = self._name, self._node
        if name.form == 'topic':
            self._missing = presence.no_subscriber(node, name.name, name.kind, self._profiles)
        elif name.form == 'service':
            self._missing = presence.no_service_server(node, name.name, name.kind)
        else:
            self._missing = presence.no_action_server(node, name.name, name.kind)
            if not self._missing:
                self._ask()

    def _ask(self) -> None:
        if self._client is None:
            service = f'{self._name.name}/_action/cancel_goal'
            self._client = entities.client(self._node, CancelGoal, service)
            self._lifecycle = StateOfServer(self._node, self._name.name)
        if self._lifecycle is not None and not self._lifecycle.done:
            self._lifecycle.poll()
        now = time.monotonic()
        answered = self._answer is not None and self._answer.done()
        if not answered and now >= self._ask_at and self._client.service_is_ready():
            # An answer is lost that is sent before its reader was discovered.
            self._ask_at = now + 1.0
            request = CancelGoal.Request()
            # With an id and without a time it is this goal that is meant, which nobody has.
            request.goal_info.goal_id = UUID(uuid=list(uuid.uuid4().bytes))
            self._answer = self._client.call_async(request)

    @property
    def satisfied(self) -> bool:
        """Whether it is there and has answered."""
        if self._missing or self._name.form != 'action':
            return not self._missing
        known = self._lifecycle is None or self._lifecycle.done
        return known and self._answer is not None and self._answer.done()

    def finding(self) -> Finding:
        kind = self._name.kind
        if self._missing and self._own:
            words = f'the bridge {self._bridge} serves it, which does not run'
            return not_checked(self.check, self.subject, words, 'start the bridge')
        if self._missing:
            return problem(
                self.check,
                self.subject,
                f'configured for {self._by}, but {self._missing}{self._hint()}',
                'start the node that serves it, or correct name, type or QoS',
            )
        state = self._lifecycle.state if self._lifecycle else ''
        if state and state != ACTIVE and self._lifecycle is not None:
            node = self._lifecycle.node_name
            words = f'{node} serves it, but is {state}: it rejects all goals'
            return problem(
                self.check, self.subject, words, f'run: ros2 lifecycle set {node} activate'
            )
        if self._name.form == 'action' and not self.satisfied:
            return problem(
                self.check,
                self.subject,
                f'there is a server ({kind}), but it does not answer',
                'look whether its node hangs, and whether UDP and shared memory pass between the '
                'two; start it anew',
            )
        answers = ' and answers' if self._name.form == 'action' else ''
        return ok(self.check, self.subject, f'{kind} is there{answers}')

    def _hint(self) -> str:
        hint = {
            'action': presence.action_hint,
            'service': presence.service_hint,
            'topic': presence.topic_hint,
        }[self._name.form]
        count = (self._node.count_subscribers,) if self._name.form == 'topic' else ()
        return hint(self._node, self._name.name, self._name.kind, *count)

    def close(self) -> None:
        if self._lifecycle is not None:
            self._lifecycle.close()
        if self._client is not None:
            self._node.destroy_client(self._client)


class TransformsWatch:
    """The transform that says where the robot is in the map."""

    check = 'tf'

    def __init__(self, node: Node, target: str, source: str) -> None:
        self.subject = f'{target} to {source}'
        self._frames = target, source
        self._listener = TransformListener.acquire(node)
        self._found = False

    @property
    def satisfied(self) -> bool:
        """Whether the transform is known."""
        return self._found

    def look(self) -> None:
        self._listener.refresh()
        self._listener.update()
        self._found = self._listener.tree.place(*self._frames) is not None

    def finding(self) -> Finding:
        target, source = self._frames
        if self.satisfied:
            return ok(self.check, self.subject, 'the transform is known')
        if not self._listener.has_publishers:
            return problem(
                self.check,
                self.subject,
                f'nobody publishes {self._listener.topic}',
                'start robot_state_publisher and the localization; tf of a namespace needs '
                '--ros-args -r /tf:=tf -r /tf_static:=tf_static',
            )
        return problem(
            self.check,
            self.subject,
            f'there are transforms on {self._listener.topic}, but none leads from {target} to '
            f'{source}',
            f'start the localization, which says where {source} is in {target}, or correct '
            'map_frame and base_frame of the group pose',
        )

    def close(self) -> None:
        self._listener.close()
