# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Check that what the configuration names is there: topics, services, action servers, by type.

What stays away longer than `GRACE` is a problem of the node, with what is there instead: the same
name with another type, other names with the right type, names that look alike. When it comes the
problem is solved. Telemetry's topics say so by themselves (`subscription`); who has a client or a
publisher for a name of the configuration expects it here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
import os
import re
import time
from typing import Any

from rclpy.node import Node
from rclpy.qos import qos_check_compatible, QoSCompatibility, QoSProfile

from ..alike import alike, likeness
from .every import every
from .of_node import one_of
from .problems import Problems

# How long something may be missing before that is said, s: robots start in any order.
GRACE = 10.0
_PERIOD = 2.0
# How often it is looked again at what is there instead, s.
HINT_PERIOD = 10.0
_MOST_NAMES = 3
# Types that each node serves, so that who else does says nothing.
_OF_ALL_NODES = 'rcl_interfaces/srv/'
_SEND_GOAL = '/_action/send_goal'


@dataclass(frozen=True)
class Name:
    """A name that others have to serve: its form (action, service, topic), its type."""

    form: str
    name: str
    kind: str


@dataclass
class _Expected:
    served: Name
    problem: str
    # '' if it is there, else what is wrong without a hint.
    missing: Callable[[], str]
    hint: Callable[[], str]
    by: set[str] = field(default_factory=set)
    since: float = 0.0
    hint_at: float = 0.0
    hinted: str = ''


class Presence:
    """What one node expects of the others; on the ROS thread."""

    def __init__(self, node: Node) -> None:
        """Expect nothing yet; see `of` for the one of a node."""
        self._node = node
        self._problems = Problems.of(node)
        self._expected: dict[str, _Expected] = {}
        self._end_looking: Callable[[], object] | None = None
        self._alone_since = time.monotonic()

    @classmethod
    def of(cls, node: Node) -> Presence:
        """Return the node's, the same for all who ask."""
        return one_of(node, cls, lambda: cls(node))

    def expect_action(self, name: str, kind: type, by: str) -> None:
        """Expect a server of an action, such as nav2_msgs.action.NavigateToPose."""
        node, expected = self._node, interface_name(kind)
        service = node.resolve_service_name(name + _SEND_GOAL)
        action = service.removesuffix(_SEND_GOAL)
        self._expect(
            Name('action', action, expected),
            f'action {action}',
            lambda: no_action_server(node, action, expected),
            lambda: action_hint(node, action, expected),
            by,
        )

    def expect_service(self, name: str, kind: type, by: str) -> None:
        """Expect a server of a service, such as std_srvs.srv.Trigger."""
        node, expected = self._node, interface_name(kind)
        service = node.resolve_service_name(name)
        self._expect(
            Name('service', service, expected),
            f'service {service}',
            lambda: no_service_server(node, service, expected),
            lambda: service_hint(node, service, expected),
            by,
        )

    def expect_subscriber(self, name: str, kind: type, by: str) -> None:
        """Expect somebody to hear what this node publishes on a topic, by type and QoS."""
        node, expected = self._node, interface_name(kind)
        topic = node.resolve_topic_name(name)
        self._expect(
            Name('topic', topic, expected),
            f'subscribers of {topic}',
            lambda: no_subscriber(node, topic, expected, own_profiles(node, topic)),
            lambda: topic_hint(node, topic, expected, node.count_subscribers),
            by,
        )

    @property
    def expected(self) -> dict[Name, tuple[str, ...]]:
        """What is expected now, with who expects it."""
        return {one.served: tuple(sorted(one.by)) for one in self._expected.values()}

    def forget(self, by: str) -> None:
        """Expect no more what was expected for this one alone."""
        for name, expected in list(self._expected.items()):
            expected.by.discard(by)
            if not expected.by:
                del self._expected[name]
                self._problems.forget(name)
        if not self._expected and self._end_looking is not None:
            self._end_looking()
            self._end_looking = None

    def _expect(
        self,
        served: Name,
        name: str,
        missing: Callable[[], str],
        hint: Callable[[], str],
        by: str,
    ) -> None:
        if name not in self._expected:
            self._expected[name] = _Expected(served, name, missing, hint, since=time.monotonic())
        self._expected[name].by.add(by)
        if self._end_looking is None:
            self._end_looking = every(self._node, _PERIOD, self._look)

    def _look(self) -> None:
        now = time.monotonic()
        if not _is_alone(self._node):
            self._alone_since = now
            self._problems.solved('ROS graph', 'other nodes are there now')
        elif now - self._alone_since >= GRACE:
            # Before what is missing for want of it, which may be all there is.
            self._problems.report(
                'ROS graph',
                f'no other node is found in domain {os.environ.get("ROS_DOMAIN_ID") or 0}: are '
                'ROS_DOMAIN_ID, RMW_IMPLEMENTATION and ROS_AUTOMATIC_DISCOVERY_RANGE those of the '
                "robot's nodes, and do they run?",
            )
        for name, expected in self._expected.items():
            missing = expected.missing()
            if not missing:
                expected.since = now
                self._problems.solved(name, 'is there now')
            elif now - expected.since >= GRACE:
                if now >= expected.hint_at:
                    expected.hint_at = now + HINT_PERIOD
                    expected.hinted = expected.hint()
                by = ', '.join(sorted(expected.by))
                self._problems.report(name, f'configured for {by}, but {missing}{expected.hinted}')


def _is_alone(node: Node) -> bool:
    """Whether there are no nodes but the bridge's own, other bridges and tools of a shell."""
    own = ('xparo_bridge', '_', node.get_name())
    return all(name.startswith(own) for name in node.get_node_names())


def why_unheard(node: Node, topic: str, kind: type) -> str:
    """Say why nobody hears what a node publishes on a topic; '' if somebody does."""
    expected = interface_name(kind)
    why = no_subscriber(node, topic, expected, own_profiles(node, topic))
    return why and why + topic_hint(node, topic, expected, node.count_subscribers)


def instead_of_action(node: Node, name: str, kind: Any) -> str:
    """Say what there is in place of the server of an action's class; '' if nothing is known."""
    action = node.resolve_service_name(name + _SEND_GOAL).removesuffix(_SEND_GOAL)
    expected = interface_name(kind)
    return _instead(no_action_server(node, action, expected), action_hint(node, action, expected))


def instead_of_service(node: Node, name: str, kind: Any) -> str:
    """Say what there is in place of the server of a service's class; '' if nothing is known."""
    service, expected = node.resolve_service_name(name), interface_name(kind)
    return _instead(
        no_service_server(node, service, expected), service_hint(node, service, expected)
    )


def _instead(why: str, hint: str) -> str:
    # That there is none is what was said before.
    return (f': {why}' if why.startswith('it is') else '') + hint


def interface_name(kind: Any) -> str:
    """Full name of a message, service or action class, such as nav_msgs/msg/Odometry."""
    package, form = kind.__module__.split('.')[:2]
    return f'{package}/{form}/{kind.__name__}'


def topic_hint(
    node: Node, topic: str, kind: str, count: Callable[[str], int] | None = None
) -> str:
    """Topics that may be meant by one that nobody publishes; '' if there are none."""
    counted = count or node.count_publishers
    return _hint(
        {
            name: kinds
            for name, kinds in node.get_topic_names_and_types()
            if '/_action/' not in name and not name.endswith(('/rosout', '/parameter_events'))
        },
        topic,
        kind,
        lambda name: bool(counted(name)),
    )


def service_hint(node: Node, service: str, kind: str) -> str:
    """Services that may be meant by one that is not there; '' if there are none."""
    return _hint(
        {name: kinds for name, kinds in _served(node).items() if '/_action/' not in name},
        service,
        kind,
        lambda name: bool(node.count_services(name)),
    )


def action_hint(node: Node, action: str, kind: str) -> str:
    """Action servers that may be meant by one that is not there; '' if there are none."""
    return _hint(
        {
            name.removesuffix(_SEND_GOAL): [one.removesuffix('_SendGoal') for one in kinds]
            for name, kinds in _served(node).items()
            if name.endswith(_SEND_GOAL)
        },
        action,
        kind,
        lambda name: bool(node.count_services(name + _SEND_GOAL)),
    )


def _served(node: Node) -> dict[str, list[str]]:
    """Services there are or are asked for, with their types."""
    return dict(node.get_service_names_and_types())


def no_action_server(node: Node, action: str, kind: str) -> str:
    """Return why an action has no server of its type; '' if it has one."""
    return _no_server(node, action + _SEND_GOAL, kind + '_SendGoal', 'action server')


def no_service_server(node: Node, service: str, kind: str) -> str:
    """Return why a service has no server of its type; '' if it has one."""
    return _no_server(node, service, kind, 'service server')


def _no_server(node: Node, service: str, kind: str, what: str) -> str:
    if not node.count_services(service):
        return f'there is no {what}'
    # The own client is in the list as well, so the expected type says nothing.
    others = [other for other in _served(node).get(service, ()) if other != kind]
    if not others:
        return ''
    found = ' and '.join(others).replace('_SendGoal', '')
    return f'it is served as {found}, expected {kind.removesuffix("_SendGoal")}'


def own_profiles(node: Node, topic: str) -> list[QoSProfile]:
    """QoS of a node's own publishers of a topic, with all that a profile leaves open decided."""
    return [
        one.qos_profile
        for one in node.get_publishers_info_by_topic(topic)
        if (one.node_name, one.node_namespace) == (node.get_name(), node.get_namespace())
    ]


def no_subscriber(node: Node, topic: str, kind: str, own: Iterable[QoSProfile]) -> str:
    """Return why nobody would hear a publisher of a type with one of these QoS; '' if one does."""
    found = node.get_subscriptions_info_by_topic(topic)
    if not found:
        return 'nobody subscribes to it'
    alike = [one for one in found if one.topic_type == kind]
    if not alike:
        kinds = ' and '.join(sorted({one.topic_type for one in found}))
        return f'it is subscribed to as {kinds}, expected {kind}'
    profiles = list(own)
    reasons = []
    for one in alike:
        for qos in profiles:
            fits, reason = qos_check_compatible(qos, one.qos_profile)
            if fits != QoSCompatibility.ERROR:
                return ''
            # Of several it makes one text, `ERROR: …;ERROR: …;`.
            words = ', '.join(filter(None, re.split(r'(?:^|;)(?:ERROR|WARNING): |;$', reason)))
            reasons.append(f'the QoS of {one.node_name} does not fit: {words}')
    return '; '.join(reasons[:_MOST_NAMES])


def _hint(
    there: dict[str, list[str]], expected: str, kind: str, served: Callable[[str], bool]
) -> str:
    """Words for names of the right type, and for names that look alike, that somebody serves."""
    others = [name for name in there if name != expected]
    if kind.startswith(_OF_ALL_NODES):
        near = _of_nodes_alike(expected, others)
    else:
        same = [name for name in others if kind and kind in there[name]]
        right = _closest(expected, same, served)
        if right:
            return f'; {_listed(right)} {"has" if len(right) == 1 else "have"} this type'
        near = [name for name in others if _ends_alike(expected, name)]
        near += alike(expected, others, _MOST_NAMES, 0.75)
    near = [name for name in dict.fromkeys(near) if served(name)][:_MOST_NAMES]
    return f'; did you mean {_listed(near)}?' if near else ''


def _ends_alike(expected: str, name: str) -> bool:
    """Whether a name is the expected one in another namespace, or with more words behind it."""
    last = expected.rpartition('/')[2]
    return name.rpartition('/')[2] == last or name.startswith(f'{expected}_')


def _of_nodes_alike(expected: str, names: Iterable[str]) -> list[str]:
    """Services as the expected one, of nodes whose names are like that of its node."""
    node, _, last = expected.rpartition('/')
    nodes = [one for one, _, of in (name.rpartition('/') for name in names) if of == last]
    return [f'{one}/{last}' for one in alike(node, nodes, _MOST_NAMES, 0.75)]


def _closest(expected: str, names: Iterable[str], served: Callable[[str], bool]) -> list[str]:
    def unlike(name: str) -> tuple[bool, float]:
        last = name.rpartition('/')[2] == expected.rpartition('/')[2]
        return not last, -likeness(name, expected)

    return [name for name in sorted(names, key=unlike) if served(name)][:_MOST_NAMES]


def _listed(names: list[str]) -> str:
    return ', '.join(names[:-1]) + (' and ' if names[1:] else '') + names[-1]
