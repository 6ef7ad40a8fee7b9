# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Publishes velocities without the Python package rclpy.

Only its extension module is loaded, and of geometry_msgs only the type support; the messages are
written as CDR here. That is 43 MB and a tenth of a second of CPU time instead of 76 MB and a
second, most of it for messages of other types and numpy, which a guard never uses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module, machinery, util
from pathlib import Path
import struct
import sys
from typing import Any

from .records import TWIST, TWIST_STAMPED

_LITTLE_ENDIAN = b'\x00\x01\x00\x00'
_SUPPORT = {
    TWIST: 'type_support_msg__msg__twist',
    TWIST_STAMPED: 'type_support_msg__msg__twist_stamped',
}


def twist(velocity: Sequence[float]) -> bytes:
    """Return geometry_msgs/msg/Twist of x, y and turn as CDR."""
    x, y, turn = velocity
    return _LITTLE_ENDIAN + struct.pack('<6d', x, y, 0.0, 0.0, 0.0, turn)


def twist_stamped(velocity: Sequence[float], stamp: int, frame: str) -> bytes:
    """Return geometry_msgs/msg/TwistStamped as CDR; `stamp` in ns."""
    text = frame.encode() + b'\0'
    seconds, nanoseconds = divmod(stamp, 1_000_000_000)
    header = struct.pack('<iII', seconds & 0x7FFFFFFF, nanoseconds, len(text)) + text
    header += bytes(-len(header) % 8)
    return _LITTLE_ENDIAN + header + twist(velocity)[4:]


class Ros:
    """Nodes of this process; one for each type of a topic that one participant cannot have."""

    def __init__(self, name: str, namespace: str, domain: int, enclave: str) -> None:
        self._rclpy = _load_rclpy()
        self._support = import_module('geometry_msgs.geometry_msgs_s__rosidl_typesupport_c')
        self._settings = name, namespace, domain, enclave
        self._nodes: list[tuple[Any, Any]] = []
        self._add_node()

    def publisher(self, topic: str, kind: int) -> Any:
        """Make a publisher with the default QoS: reliable, volatile, the last ten."""
        qos = self._rclpy.rmw_qos_profile_t.predefined('qos_profile_default')
        meta = type('Support', (type,), {'_TYPE_SUPPORT': getattr(self._support, _SUPPORT[kind])})
        message = meta('Message', (), {})
        for _, node in self._nodes:
            try:
                return self._rclpy.Publisher(node, message, topic, qos)
            except self._rclpy.RCLError:
                pass  # This participant has the topic with the other type.
        return self._rclpy.Publisher(self._add_node(), message, topic, qos)

    def close(self) -> None:
        """Leave the graph."""
        for context, node in reversed(self._nodes):
            node.destroy_when_not_in_use()
            context.shutdown()

    def _add_node(self) -> Any:
        name, namespace, domain, enclave = self._settings
        arguments = ['--ros-args', '--disable-rosout-logs', '--enclave', enclave]
        context = self._rclpy.Context(arguments, domain)
        name = f'{name}_{len(self._nodes) + 1}' if self._nodes else name
        for_node: Any = name, namespace, context, [], False, False
        try:
            node = self._rclpy.Node(*for_node)
        except TypeError:  # Kilted asks for the QoS of the log too, which this node does not have.
            qos = self._rclpy.rmw_qos_profile_t.predefined('qos_profile_default')
            node = self._rclpy.Node(*for_node, qos)
        self._nodes.append((context, node))
        return node


class Outlet:
    """One topic, with the publishers of the types that are requested."""

    def __init__(self, ros: Ros, topic: str, frame: str) -> None:
        self._ros = ros
        self._topic = topic
        self._frame = frame
        self._publishers: dict[int, Any] = {}

    @property
    def types(self) -> int:
        """Types that are published, as bits."""
        return sum(self._publishers)

    @property
    def matched(self) -> int:
        """How many subscriptions hear it."""
        return sum(int(each.get_subscription_count()) for each in self._publishers.values())

    def set_types(self, types: int) -> None:
        """Publish these types, and no other."""
        for kind in (TWIST, TWIST_STAMPED):
            if kind & ~types and kind in self._publishers:
                self._publishers.pop(kind).destroy_when_not_in_use()
        for kind in (TWIST, TWIST_STAMPED):
            if kind & types and kind not in self._publishers:
                self._publishers[kind] = self._ros.publisher(self._topic, kind)

    def publish(self, velocity: Sequence[float], stamp: int) -> None:
        """Publish a velocity at a ROS time in ns."""
        messages: Mapping[int, bytes] = {
            TWIST: twist(velocity),
            TWIST_STAMPED: twist_stamped(velocity, stamp, self._frame),
        }
        for kind, publisher in self._publishers.items():
            publisher.publish_raw(messages[kind])


def _load_rclpy() -> Any:
    """Load rclpy's extension module by itself; the package would import a hundred others."""
    package = util.find_spec('rclpy')
    if package is None or not package.submodule_search_locations:
        raise ImportError('rclpy is not there')
    name = '_rclpy_pybind11'
    for folder in package.submodule_search_locations:
        for suffix in machinery.EXTENSION_SUFFIXES:
            file = Path(folder, name + suffix)
            if file.exists():
                loader = machinery.ExtensionFileLoader(name, str(file))
                spec = util.spec_from_file_location(name, file, loader=loader)
                assert spec is not None
                module = sys.modules[name] = util.module_from_spec(spec)
                loader.exec_module(module)
                return module
    raise ImportError(f'{name} is not there')
