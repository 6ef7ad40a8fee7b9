# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Find out what a configuration expects of the robot: topics, action servers, services, tf.

All parts of a bridge are made of it, as a start makes them, in a ROS context that nobody finds;
so what commands and trees of other packages expect is known as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
import os

import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions

from ..configuration import Configuration
from ..errors import BadInput, BridgeError
from ..own_node import declare_parameters
from ..process import make_parts
from ..robot.telemetry.groups import make_group
from ..robot.telemetry.settings import Settings
from ..ros.logs import silenced
from ..ros.presence import Name, own_profiles, Presence
from ..ros.subscription import Subscriptions, TopicSubscription
from ..without_files import without_files


class RosArgumentsError(BadInput):
    """ROS does not take the arguments after --ros-args."""


@dataclass(frozen=True)
class ExpectedTopic:
    """A topic that is read: its full name, its type if one is configured, and for what."""

    topic: str
    kind: str
    by: str
    seldom: bool = False


@dataclass
class Expectations:
    """What a configuration expects of the robot, by full names."""

    # Full name of the bridge's node.
    bridge: str
    topics: list[ExpectedTopic] = field(default_factory=list)
    # Actions, services and topics that somebody else has to serve, and who wants it.
    names: dict[Name, tuple[str, ...]] = field(default_factory=dict)
    # QoS of the bridge's publishers.
    profiles: dict[str, list[QoSProfile]] = field(default_factory=dict)
    # Frames between which tf is asked; None if it is not.
    frames: tuple[str, str] | None = None
    problems: list[str] = field(default_factory=list)


def expectations(configuration: Configuration, ros_args: Sequence[str]) -> Expectations:
    """
    Return what a configuration expects, with its names as a bridge with these would have.

    :raises RosArgumentsError: if ROS does not take its arguments.
    """
    with _alone(ros_args) as node:
        found = Expectations(node.get_fully_qualified_name())
        try:
            bridge = make_parts(node, without_files(configuration), ())
        except BridgeError as error:
            found.problems = str(error).splitlines()
            _read_telemetry(node, configuration, found)
            return found
        try:
            found.names = dict(Presence.of(node).expected)
            for name in found.names:
                if name.form == 'topic':
                    found.profiles[name.name] = own_profiles(node, name.name)
            _read_telemetry(node, configuration, found)
        finally:
            bridge.close(up_to_date=True)
    return found


def _read_telemetry(node: Node, configuration: Configuration, found: Expectations) -> None:
    telemetry = configuration['telemetry']
    topics: dict[str, ExpectedTopic] = {}

    def add(topic: str, kind: str, by: str, seldom: bool = False) -> None:
        full = node.resolve_topic_name(topic)
        topics.setdefault(full, ExpectedTopic(full, kind, by, seldom))

    for name, settings in telemetry['groups'].items():
        if not settings.get('enabled', True):
            continue
        by = f'telemetry group {name}'
        if name == 'pose' and not settings['topic']:
            found.frames = (settings['map_frame'], settings['base_frame'])
            continue
        for one in _taken_up(node, name, settings):
            # Whether an action has a server is asked elsewhere.
            if one.expected and '/_action/' not in one.topic:
                add(one.topic, one.kind, by, one.seldom)
        if name == 'nodes':
            for topic in settings['topics']:
                add(topic, '', by)
    for entry in telemetry['topics']:
        if '*' not in entry['topic'] and entry['enabled']:
            kind, seldom = entry.get('type', ''), bool(entry.get('on_change'))
            add(entry['topic'], kind, 'telemetry.topics', seldom)
    base = configuration['base']
    if base['odom_topic']:
        add(base['odom_topic'], 'nav_msgs/msg/Odometry', 'base.odom_topic')
    found.topics = list(topics.values())


def _taken_up(node: Node, group: str, settings: Settings) -> list[TopicSubscription]:
    """Return the topics that a group reads, by their names."""
    subscriptions = Subscriptions.of(node)
    before = set(subscriptions)
    source = make_group(group, node, settings)
    taken = sorted(set(subscriptions) - before, key=lambda one: one.topic)
    source.close()
    return taken


@contextmanager
def _alone(ros_args: Sequence[str]) -> Iterator[Node]:
    """Make the node of a bridge that nobody finds."""
    names = ('ROS_AUTOMATIC_DISCOVERY_RANGE', 'XPARO_SECRET_KEY', 'XPARO_PROJECT_ID')
    before = {name: os.environ.get(name) for name in names}
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'OFF'
    # No protocol looks at what they are.
    os.environ['XPARO_SECRET_KEY'] = os.environ['XPARO_PROJECT_ID'] = 'of-no-robot'
    context = rclpy.Context()
    node = None
    try:
        try:
            rclpy.init(
                args=list(ros_args),
                context=context,
                signal_handler_options=SignalHandlerOptions.NO,
            )
        except Exception as error:  # rclpy's classes for it differ by release.
            raise RosArgumentsError(str(error)) from error
        node = Node('xparo_bridge', context=context, start_parameter_services=False)
        with silenced(node.get_logger().name, 'rcl'):
            declare_parameters(node)
            yield node
    finally:
        if node is not None:
            # Action clients and servers would keep the node in the graph.
            for waitable in list(node.waitables):
                if hasattr(waitable, 'destroy'):
                    waitable.destroy()
            node.destroy_node()
        context.try_shutdown()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
