# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Join ROS with the node of the bridge, and read what ROS says of its files and its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
import sys

from rcl_interfaces.msg import ParameterDescriptor
import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from .configuration import ConfigurationError
from .redaction import redact_everything
from .rollout.source import DEFAULT_CONFIG, package_files
from .ros.dds_memory import small_pools
from .ros.logs import RosLog
from .ros.type_support import leave_out_generator
from .ros_parameters import unknown_parameters
from .share import share

# How long a thread that computes keeps the interpreter from another, s. By Python's default of
# 5 ms a stop, which changes threads twice and lets go of the interpreter ten times, is late.
_SWITCH = 0.001


def declare_parameters(node: Node) -> None:
    """Declare what is set by ROS when it starts: which files to read, and the robot's name."""
    for name, default, description in (
        ('config', DEFAULT_CONFIG, 'Configuration files, in layers: the later win'),
        ('robot_id', '', "The robot's name towards the platform; wins over the configuration's"),
    ):
        # Any type: a wrong one is reported with what to write instead of by an exception of rclpy.
        node.declare_parameter(
            name,
            default,
            ParameterDescriptor(description=description, read_only=True, dynamic_typing=True),
        )


def config_files(node: Node) -> list[Path]:
    """Files of the parameter `config`; ConfigurationError if it names none."""
    value = node.get_parameter('config').value
    if isinstance(value, str):
        value = [name.strip() for name in value.split(',') if name.strip()]
    if not isinstance(value, Sequence) or not all(isinstance(name, str) for name in value):
        raise ConfigurationError(
            [f'parameter config: expected a list of files, such as [{", ".join(DEFAULT_CONFIG)}]']
        )
    return package_files(value or DEFAULT_CONFIG)


def launched(node: Node, ros_args: list[str], folder: Path) -> Node:
    """
    Return the node in the namespace and with the remappings of the folder that is read.

    What the command line says wins: one with a namespace is that of a launch file.

    :raises ConfigurationError: if ROS does not take them.
    """
    if not folder.is_dir() or node.get_namespace() != '/':
        return node
    from .rollout.launching import launch_arguments  # 0.1 MB, for robots that are given files.

    more = launch_arguments(folder, node.get_parameter('robot_id').value)
    if not more:
        return node
    node.destroy_node()
    rclpy.shutdown()
    try:
        return _make_node([*ros_args, '--ros-args', *more])
    except Exception as error:
        _make_node(ros_args)  # A node without them reports the error.
        raise ConfigurationError(
            [f'launch: ROS does not take {" ".join(more)}: {error}']
        ) from error


def _make_node(ros_args: list[str]) -> Node:
    # rclpy's own handler would shut ROS down before the goals on the robot are cancelled.
    with small_pools(share('config', 'fast_dds.xml')):
        rclpy.init(
            # What rclpy would write to a file, RosLog does.
            args=['bridge', *ros_args, '--ros-args', '--disable-external-lib-logs'],
            signal_handler_options=SignalHandlerOptions.NO,
        )
        node = Node('xparo_bridge', enable_rosout=False)
    if RosLog.current is not None:
        RosLog.current.publish_by(node)
    declare_parameters(node)
    return node


def join(ros_args: list[str]) -> Node | None:
    """Join ROS; None, reported on stderr, if its arguments are wrong."""
    redact_everything()
    RosLog.of(ros_args)
    leave_out_generator()
    sys.setswitchinterval(_SWITCH)
    try:
        node = _make_node(ros_args)
        wrong = unknown_parameters(node, ros_args)
    except Exception as error:
        print(f'bridge: ROS does not take its arguments: {error}', file=sys.stderr)
        return None
    if wrong:
        for line in wrong:
            print(f'bridge: {line}', file=sys.stderr)
        return None
    robot_id = node.get_parameter('robot_id').value
    if not isinstance(robot_id, str):
        print(
            f'bridge: parameter robot_id: expected text, not {robot_id!r}; put it in quotes, '
            f'such as -p "robot_id:=\'{robot_id}\'"',
            file=sys.stderr,
        )
        return None
    return node
