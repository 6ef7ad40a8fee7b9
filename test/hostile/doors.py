# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
A hostile node of the robot's own graph.

It finds every subscription, service and action server that the bridge has, and every topic that it
hears, and fills messages of their types with anything. So what is added later is tried as well.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
import re
from typing import Any

from fixtures.ros_graph import RosGraph
from rclpy.action import ActionClient, get_action_server_names_and_types_by_node
from rclpy.serialization import serialize_message

from hostile.trees import tree
from hostile.values import dumps, NAMES, TEXTS, value
from xparo_bridge.ros.fields import load_type

BRIDGE = 'xparo_bridge'
# Bytes; DDS has room for any number before the bridge sees them.
_LARGEST = 2_000_000
# How much at once of each door; more is a flood of DDS, not of the bridge.
_BURST = (1, 1, 1, 20)
# The clock is the test's own subject; these would only stop what the test measures with.
_NOT = re.compile(r'/(clock|parameter_events|rosout|cmd_vel)$|/_action/')
_PRIMITIVE = re.compile(r'^(sequence<)?([a-z0-9]+)(<\d+>)?(, *\d+)?>?(\[\d+\])?$')
_INTEGERS = {
    f'{sign}int{bits}': (-(2 ** (bits - 1)) if not sign else 0, 2 ** (bits - (not sign)) - 1)
    for sign in ('', 'u')
    for bits in (8, 16, 32, 64)
}
_FLOATS = (0.0, -0.0, 1.0, -1.0, 1e300, -1e300, float('nan'), float('inf'), 5e-324, 8700.0)


def text(random: Random) -> str:
    """Return a text as a node might send it: names, JSON, trees, and what is none of it."""
    choice = random.random()
    if choice < 0.3:
        return random.choice(NAMES)
    if choice < 0.6:
        made = dumps(value(random))
    elif choice < 0.7:
        made = tree(random)
    elif choice < 0.8:
        made = '{"text": ' + '[' * random.choice((10, 900, 5_000)) + ']' * 900 + '}'
    else:
        made = random.choice(TEXTS)
    return made.encode('utf-8', 'replace').decode()[:400_000].replace('\x00', ' ')


def fill(message: Any, random: Random, depth: int = 0) -> Any:
    """Put anything into the fields of a message; some are left as they are."""
    for name, kind in message.get_fields_and_field_types().items():
        if random.random() < 0.3:
            continue
        try:
            setattr(message, name, field(kind, getattr(message, name), random, depth))
        except (AssertionError, ValueError, TypeError, OverflowError):
            pass  # A value that the generated code refuses cannot be sent.
    return message


def field(kind: str, old: Any, random: Random, depth: int) -> Any:
    """Return a value for a field of a ROS type."""
    many = kind.startswith('sequence<') or kind.endswith(']')
    base = re.sub(r'^sequence<|>$|\[\d+\]$|, *\d+>$|<\d+>$', '', kind)
    if base == 'string' or base.startswith('wstring'):
        make: Callable[[], Any] = lambda: text(random)  # noqa: E731
    elif base in ('boolean',):
        make = lambda: random.random() < 0.5  # noqa: E731
    elif base in ('double', 'float'):
        make = lambda: random.choice(_FLOATS)  # noqa: E731
    elif base in _INTEGERS:
        low, high = _INTEGERS[base]
        make = lambda: random.choice((low, high, 0, 1, min(100, high)))  # noqa: E731
    elif base in ('octet', 'uint8'):
        make = lambda: random.randrange(256)  # noqa: E731
    elif '/' in base and depth < 4:
        cls = load_type(base if base.count('/') == 2 else base.replace('/', '/msg/', 1))
        make = lambda: fill(cls(), random, depth + 1)  # noqa: E731
    else:
        return old
    if not many:
        return make()
    count = len(old) if kind.endswith(']') else random.choice((0, 1, 3, 200))
    first = [make() for _ in range(min(count, 5))]
    return [first[number % len(first)] for number in range(count)] if first else []


class HostileNode:
    """A node that knows the bridge's doors."""

    def __init__(self, graph: RosGraph) -> None:
        self._node = graph.node
        self._random = Random(0)
        self._publishers: dict[str, Any] = {}
        self._clients: dict[str, Any] = {}
        self._servers: dict[str, Any] = {}

    def doors(self) -> list[tuple[str, str, str]]:
        """Return what can be tried: topic, service, action or answer; name; type."""
        node = self._node
        served = {name for name, _ in node.get_service_names_and_types()} - self._servers.keys()
        found: list[tuple[str, str, str]] = []
        for what, names in (
            ('topic', node.get_subscriber_names_and_types_by_node(BRIDGE, '/')),
            ('service', node.get_service_names_and_types_by_node(BRIDGE, '/')),
            ('action', get_action_server_names_and_types_by_node(node, BRIDGE, '/')),
            # What the bridge asks for and nobody serves.
            (
                'answer',
                [
                    (name, kinds)
                    for name, kinds in node.get_client_names_and_types_by_node(BRIDGE, '/')
                    if name not in served
                ],
            ),
        ):
            found += [(what, name, kinds[0]) for name, kinds in names if not _NOT.search(name)]
        return sorted(found)

    def attack(self, random: Random) -> str:
        """Try one door with one message or some; what was done, to be printed if it hurt."""
        self._random = random
        doors = self.doors()
        if not doors:
            return 'no door'
        what, name, kind = self._random.choice(doors)
        count = self._random.choice(_BURST)
        shown = ''
        for _ in range(count):
            message = getattr(self, f'_{what}')(name, kind)
            shown = shown or repr(message)[:2_000]
        return f'{count} x {what} {name} [{kind}] {shown}'

    def _filled(self, cls: Any) -> Any:
        """Return a filled message that is not so large that DDS alone fills the memory with it."""
        for _ in range(10):
            message = fill(cls(), self._random)
            if len(serialize_message(message)) <= _LARGEST:
                return message
        return cls()

    def _topic(self, name: str, kind: str) -> Any:
        cls = load_type(kind)
        if name not in self._publishers:
            self._publishers[name] = self._node.create_publisher(cls, name, 10)
        message = self._filled(cls)
        self._publishers[name].publish(message)
        return message

    def _service(self, name: str, kind: str) -> Any:
        cls = load_type(kind)
        if name not in self._clients:
            self._clients[name] = self._node.create_client(cls, name)
        request = self._filled(cls.Request)
        if self._clients[name].service_is_ready():
            self._clients[name].call_async(request)
        return request

    def _action(self, name: str, kind: str) -> Any:
        cls = load_type(kind)
        if name not in self._clients:
            self._clients[name] = ActionClient(self._node, cls, name)
        goal = self._filled(cls.Goal)
        if self._clients[name].server_is_ready():
            self._clients[name].send_goal_async(goal)
        return goal

    def _answer(self, name: str, kind: str) -> Any:
        """Serve what the bridge asks for, with any answer, from now on."""
        cls = load_type(kind)
        random = Random(self._random.random())

        def serve(request: Any, response: Any) -> Any:
            return fill(response, random)

        if name not in self._servers:
            self._servers[name] = self._node.create_service(cls, name, serve)
        return name

    def close(self) -> None:
        """Destroy what was made."""
        for client in self._clients.values():
            if isinstance(client, ActionClient):
                client.destroy()
