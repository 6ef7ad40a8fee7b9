# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The robot's side of a folder's tests: serves what the bridge calls, notes it, and publishes.

It is a node in the same context as the bridge, whose participant is discovered by nobody, so
nothing leaves the process.
"""

from __future__ import annotations

from collections.abc import Mapping
import time
from typing import Any

from rclpy.action import ActionServer, CancelResponse
from rclpy.action.graph import get_action_client_names_and_types_by_node
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data, QoSProfile, ReliabilityPolicy

from ..errors import BadInput
from ..robot.commands.kind import SettingsError
from ..robot.commands.template import Template
from ..ros.fields import load_type, UnknownType

# How often a value of a topic is published while a test runs, s.
_PERIOD = 0.02


class StandInError(BadInput):
    """Something that a test gives or expects which this robot cannot have."""


class StandIn:
    """What the bridge talks to instead of a robot; on the ROS thread."""

    def __init__(self, node: Node, bridge: Node) -> None:
        self._node = node
        self._bridge = bridge
        # Goals, requests and messages: kind, name, content.
        self.noted: list[tuple[str, str, Any]] = []
        self._values: dict[str, tuple[Any, Any]] = {}
        self._publishers: dict[str, Any] = {}
        self._kept: list[Any] = []
        self._serve_actions()
        self._serve_services()
        self._timer = node.create_timer(_PERIOD, self._publish)

    def full(self, name: str) -> str:
        """Return the full name of a topic, service or action as the bridge would have it."""
        return str(self._bridge.resolve_topic_name(name))

    def publisher_of(self, topic: str, type_name: str) -> None:
        """Be ready to publish a topic, which the bridge is to find when it starts."""
        name = self.full(topic)
        if name not in self._publishers:
            qos = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
            self._publishers[name] = self._node.create_publisher(_type(type_name), name, qos)

    def listen(self, topic: str) -> None:
        """Note what the bridge publishes on a topic."""
        name = self.full(topic)
        types = dict(
            self._node.get_publisher_names_and_types_by_node(
                self._bridge.get_name(), self._bridge.get_namespace()
            )
        )
        if name not in types:
            raise StandInError(f'the bridge publishes no topic {name}')
        self._kept.append(
            self._node.create_subscription(
                _type(types[name][0]),
                name,
                lambda message: self.noted.append(('message', name, message)),
                qos_profile_sensor_data,
            )
        )

    def give(self, topic: str, type_name: str, fields: Mapping[str, Any]) -> None:
        """Publish a message on a topic, again and again until `rest`."""
        cls = _type(type_name)
        try:
            template = Template(cls, dict(fields), {}, (), self._node.get_clock().now().to_msg)
            message = template.make({})
        except (SettingsError, BadInput) as error:
            raise StandInError(f'{topic}: {error}') from error
        self._values[self.full(topic)] = (message, self._publishers[self.full(topic)])

    def rest(self) -> None:
        """Publish nothing any more, and forget what was noted."""
        self._values.clear()
        self.noted.clear()

    def _publish(self) -> None:
        for message, publisher in list(self._values.values()):
            if hasattr(message, 'header'):
                message.header.stamp = self._node.get_clock().now().to_msg()
            publisher.publish(message)

    def _serve_actions(self) -> None:
        found = get_action_client_names_and_types_by_node(
            self._node, self._bridge.get_name(), self._bridge.get_namespace()
        )
        for name, types in found:
            kind = _type(types[0])
            self._kept.append(
                ActionServer(
                    self._node,
                    kind,
                    name,
                    execute_callback=lambda handle, kind=kind: _succeed(handle, kind),
                    goal_callback=lambda goal, name=name: self._on_goal(name, goal),
                    cancel_callback=lambda goal: CancelResponse.ACCEPT,
                )
            )

    def _on_goal(self, name: str, goal: Any) -> Any:
        from rclpy.action import GoalResponse

        self.noted.append(('goal', name, goal))
        return GoalResponse.ACCEPT

    def _serve_services(self) -> None:
        found = self._node.get_client_names_and_types_by_node(
            self._bridge.get_name(), self._bridge.get_namespace()
        )
        for name, types in found:
            if '/_action/' in name:
                continue
            self._kept.append(
                self._node.create_service(
                    _type(types[0]),
                    name,
                    lambda request, response, name=name: self._answer(name, request, response),
                )
            )

    def _answer(self, name: str, request: Any, response: Any) -> Any:
        self.noted.append(('call', name, request))
        if hasattr(response, 'success'):
            response.success = True
        return response

    def wait_until(self, condition: Any, seconds: float) -> bool:
        """Wait, off the ROS thread, until something holds; whether it does."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.002)
        return True


def _succeed(handle: Any, kind: Any) -> Any:
    handle.succeed()
    return kind.Result()


def _type(name: str) -> Any:
    try:
        return load_type(name)
    except UnknownType as error:
        raise StandInError(str(error)) from error
