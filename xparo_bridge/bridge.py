# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The bridge: reads the configuration, builds the parts, joins the two threads, spins.

A remote command's way through the code: link/connection → link/protocols/xparo → here →
robot/commands/router → robot/commands/navigate.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
import signal
import socket
import sys
import threading
import time
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.signals import SignalHandlerOptions
from xparo_interfaces.msg import BridgeStatus, LinkStatus

from . import __version__
from . import messages as msg
from .configuration import Configuration, ConfigurationError, load
from .credentials import IssuedCredentials
from .crossing import Crossing
from .link.links import LinkError, LinkThread, make_link
from .robot.commands.router import Router
from .robot.doors import Doors, LOCAL
from .robot.face import Surroundings
from .robot.faces import make_faces
from .robot.identity import robot_info
from .robot.peers import Peers
from .robot.routes import Routes
from .robot.telemetry.options import ConfigProblem
from .robot.telemetry.publisher import TelemetryPublisher
from .robot.telemetry.settings import TelemetryConfig
from .share import share
from .state_directory import state_path, StateDirectory, StateDirectoryError

DEFAULT_CONFIG = ['bridge.yaml', 'commands.yaml', 'places.yaml']
# How long open commands may take to end when the bridge stops, s.
_STOP_TIMEOUT = 3.0


class Bridge:
    """The parts of one bridge and what flows between them; everything here is the ROS thread's."""

    def __init__(self, node: Node, configuration: Configuration) -> None:
        """
        Build everything.

        LinkError, ConfigurationError or StateDirectoryError says what cannot work.
        """
        self._node = node
        self._logger = node.get_logger()
        self._robot_id = (node.get_parameter('robot_id').value
                          or configuration.data.get('robot_id') or socket.gethostname())
        self._links = {link['name']: link for link in configuration['links']}
        self._since: dict[str, Any] = {}
        guard = node.create_guard_condition(self._from_platform)
        self._crossing = Crossing(guard.trigger)
        self._state = StateDirectory(state_path(configuration['state_dir'], self._robot_id))
        self._issued = IssuedCredentials(self._state.path / 'credentials')
        info = msg.RobotInfo(robot_info(self._robot_id))
        links = {settings['name']: make_link(settings, self._crossing, info, self._issued)
                 for settings in configuration['links']}
        self.link_thread = LinkThread(list(links.values()), self._crossing)
        self._peers = Peers(
            {name: link.protocol.capabilities for name, link in links.items()},
            self._crossing.send, lambda name: links[name].lanes.live.waiting)
        self._routes = Routes(configuration, self._peers.carriers)
        self._status = node.create_publisher(
            BridgeStatus, '~/status',
            QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
        self.router = Router(node, configuration, self._report)
        self._doors = Doors(node, self.router)
        self._telemetry = TelemetryPublisher(
            node, _telemetry_config(configuration), self._peers.send)
        self._faces = make_faces(Surroundings(
            node, configuration, self._peers, self._routes, self._robot_id, self._state.path,
            self._on_command, self._publish_status))
        self._handlers: dict[type, Callable[[str, Any], object]] = {
            msg.PeerError: lambda link, error: self._warn(link, error.text),
            **{kind: handler for face in self._faces for kind, handler in face.handlers.items()},
            msg.RemoteCommand: self._on_command,
            msg.BehaviorUpdate: self._on_behavior_update,
            msg.LinkChange: self._on_link_change,
            msg.LinkProblem: lambda link, problem: self._warn(link, problem.problem),
            msg.LinkCredential: self._on_credential,
            msg.RobotInfoRequest: lambda link, ask: self._peers.send(info, link),
            msg.RefusedPush: lambda link, push: self._warn(
                link, f'{push.kind} refused: {push.reason}'),
        }

    def _from_platform(self) -> None:
        while (item := self._crossing.take()) is not None:
            link, message = item
            handler = self._handlers.get(type(message))
            if handler is not None:
                handler(link, message)
            else:
                self._logger.debug(f'{link}: nothing on this robot wants {type(message).__name__}')

    def _warn(self, link: str, problem: str) -> None:
        self._logger.warning(f'{link}: {problem}')

    def _report(self, source: str, status: msg.CommandStatus) -> None:
        self._peers.send(status, None if source == LOCAL else source)
        self._doors.publish(source, status)

    def _on_command(self, link: str, command: msg.RemoteCommand) -> bool:
        """Run a command that a link gave; whether it was not rejected."""
        if self._routes.may_command(link):
            run = self.router.execute(command, link)
            return run.state is not msg.CommandState.REJECTED
        self._report(link, msg.CommandStatus(
            command.command_id, command.command, msg.CommandState.REJECTED,
            error={'code': 'not_allowed', 'message': 'this link may not command'}))
        return False

    def _on_behavior_update(self, link: str, update: msg.BehaviorUpdate) -> None:
        self._peers.send(msg.BehaviorStatus(update.tree_name, 'rejected', errors=[
            {'message': 'this bridge has no behaviour tree engine yet'}]), link)

    def _on_link_change(self, link: str, change: msg.LinkChange) -> None:
        self._peers.changes[link] = change
        self._since[link] = self._node.get_clock().now().to_msg()
        if change.error:
            self._warn(link, change.error + (f' ({change.remedy})' if change.remedy else ''))
        else:
            self._logger.info(f'{link}: {change.state.value}')
        self._publish_status()
        for face in self._faces:
            if change.state is msg.LinkState.CONNECTED:
                face.connected(link)
            else:
                face.lost(link)

    def _on_credential(self, link: str, credential: msg.LinkCredential) -> None:
        try:
            self._issued.keep(link, credential.value)
        except OSError as error:
            self._warn(link, f'its credential cannot be kept: {error.strerror}')

    def _publish_status(self) -> None:
        status = BridgeStatus(
            stamp=self._node.get_clock().now().to_msg(), robot_id=self._robot_id,
            version=__version__,
            links=[LinkStatus(
                name=name, protocol=self._links[name]['protocol'], state=change.state.value,
                since=self._since[name], last_error=change.error, remedy=change.remedy)
                for name, change in self._peers.changes.items()],
            active_commands=[run.id for run in self.router.open_runs])
        for face in self._faces:
            face.tell(status)
        self._status.publish(status)

    def start(self) -> None:
        """Begin to dial and to tell."""
        self._telemetry.start()
        self.link_thread.start()

    def cancel_all(self) -> None:
        """Begin to end every open command."""
        for run in self.router.open_runs:
            self.router.cancel(run)


def _telemetry_config(configuration: Configuration) -> TelemetryConfig:
    try:
        return TelemetryConfig.from_mapping(configuration['telemetry'])
    except ConfigProblem as problem:
        raise ConfigurationError([configuration.problem(problem.path, problem.problem)]) from None


def declare_parameters(node: Node) -> None:
    """Declare what is set by ROS: which files to read, and the robot's name."""
    node.declare_parameter('config', Parameter.Type.STRING_ARRAY)
    node.declare_parameter('robot_id', '')


def config_files(node: Node) -> list[Path]:
    """Files of the parameter `config`; a bare name is one of the package's own files."""
    names = node.get_parameter_or('config').value or DEFAULT_CONFIG
    return [share('config', name) if Path(name).name == name and not Path(name).exists()
            else Path(name) for name in names]


def main(args: list[str] | None = None) -> int:
    """Run the bridge until it is told to stop by SIGINT or SIGTERM."""
    told_to_stop = _StopSignal()
    # rclpy's own handler would shut ROS down before the goals on the robot are cancelled.
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    node = Node('xparo_bridge')
    declare_parameters(node)
    try:
        bridge = Bridge(node, load(config_files(node)))
    except (ConfigurationError, LinkError, StateDirectoryError) as error:
        for line in str(error).splitlines():
            node.get_logger().fatal(line)
        rclpy.shutdown()
        return 1
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    failure: list[BaseException] = []

    def spin() -> None:
        try:
            executor.spin()
        except BaseException as error:
            failure.append(error)
            told_to_stop.set()

    ros_thread = threading.Thread(target=spin, name='ros')
    executor.create_task(bridge.start)
    ros_thread.start()
    told_to_stop.wait()
    if not failure:
        node.get_logger().info('stopping: cancelling what is open')
        executor.create_task(bridge.cancel_all)
        give_up = time.monotonic() + _STOP_TIMEOUT
        while bridge.router.open_runs and time.monotonic() < give_up:
            time.sleep(0.02)
    bridge.link_thread.stop()
    executor.shutdown()
    ros_thread.join()
    rclpy.shutdown()
    if failure:
        raise failure[0]
    return 0


class _StopSignal:
    """
    SIGINT or SIGTERM, waited for by the main thread.

    The kernel may hand a signal to any thread, those of numpy and DDS included; Python's wake-up
    descriptor is written by whichever it was.
    """

    def __init__(self) -> None:
        self._read, self._write = socket.socketpair()
        self._write.setblocking(False)
        signal.set_wakeup_fd(self._write.fileno())
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, frame: None)

    def set(self) -> None:  # noqa: A003
        """Stop for a reason of our own."""
        self._write.send(b'\0')

    def wait(self) -> None:
        """Return when it is time to stop."""
        self._read.recv(1)


if __name__ == '__main__':
    sys.exit(main())
