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
from .crossing import Crossing
from .link.links import LinkError, LinkThread, make_link
from .messages import (
    BehaviorStatus,
    BehaviorUpdate,
    ChatReply,
    ChatRequest,
    CommandState,
    CommandStatus,
    LinkChange,
    LinkProblem,
    LinkState,
    LogSession,
    RemoteCommand,
    RobotInfo,
    Telemetry,
)
from .robot.audio import Audio
from .robot.bag_uploads import BagUploads
from .robot.chat import Chat
from .robot.commands.router import Router
from .robot.conversation import Conversation
from .robot.doors import Doors, LOCAL
from .robot.identity import robot_info
from .robot.log_sessions import LogSessions
from .robot.routes import RouteError, Routes
from .robot.speech import Speech
from .robot.telemetry.control import TelemetryControl
from .robot.telemetry.publisher import TelemetryPublisher
from .robot.telemetry.settings import TelemetryConfig
from .share import share
from .state import state_folder

DEFAULT_CONFIG = ['bridge.yaml', 'commands.yaml', 'places.yaml']
# How long open commands may take to end when the bridge stops, s.
_STOP_TIMEOUT = 3.0


class Bridge:
    """The parts of one bridge and what flows between them; everything here is the ROS thread's."""

    def __init__(self, node: Node, configuration: Configuration) -> None:
        """Build everything; LinkError or ConfigurationError says what cannot work."""
        self._node = node
        self._logger = node.get_logger()
        self._robot_id = (node.get_parameter('robot_id').value
                          or configuration.data.get('robot_id') or socket.gethostname())
        self._links = {link['name']: link for link in configuration['links']}
        self._changes: dict[str, LinkChange] = {}
        self._since: dict[str, Any] = {}
        guard = node.create_guard_condition(self._from_platform)
        self._crossing = Crossing(guard.trigger)
        info = RobotInfo(robot_info(self._robot_id))
        state = state_folder(self._robot_id)
        links = [make_link(link, self._crossing, info, state) for link in configuration['links']]
        self._carriers = {link.name: link.carries for link in links}
        self.link_thread = LinkThread(links, self._crossing)
        self._status = node.create_publisher(
            BridgeStatus, '~/status',
            QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
        self.router = Router(node, configuration, self._report)
        self._doors = Doors(node, self.router)
        self._log_sessions = LogSessions(node, configuration['telemetry']['log'], self._send)
        self._telemetry = TelemetryPublisher(
            node, TelemetryConfig.of(configuration), self._send_telemetry)
        self._telemetry_control = TelemetryControl(node, self._telemetry)
        bags = BagUploads(node, configuration['bags'], self._send_bag)
        try:
            self._routes = Routes(configuration['routes'], self._carriers)
        except RouteError as error:
            raise ConfigurationError([configuration.problem(('routes',), str(error))]) from None
        self._chat = Chat(node, configuration['chat']['timeout'], self._say)
        speech = Speech(node, self._send_speech)
        self._conversation = Conversation(
            self._chat, speech, self._send_speech, **configuration['speech'])
        audio = Audio(node, configuration['audio']['rate'], lambda frame: self._send_routed(
            frame, self._routes.microphone, 'no link hears the microphone'))
        self._handlers: dict[type, Callable[[str, Any], None]] = {
            RemoteCommand: self._on_command,
            ChatReply: self._on_chat_reply,
            msg.ChatDelta: lambda link, delta: self._chat.delta(link, delta.text, delta.final),
            msg.SpeechStarted: speech.started,
            msg.SpeechWord: speech.word,
            msg.SpeechEnded: speech.ended,
            msg.Heard: self._conversation.heard,
            msg.AudioFrame: audio.frame,
            msg.ClearAudio: audio.clear,
            msg.PeerActivity: lambda link, activity: self._chat.peer_state(activity.state.value),
            msg.Widget: lambda link, widget: self._chat.widget(widget.content),
            msg.PeerError: lambda link, error: self._logger.warning(f'{link}: {error.text}'),
            msg.RefusedPush: lambda link, push: self._logger.warning(
                f'{link}: {push.kind} refused: {push.reason}'),
            BehaviorUpdate: self._on_behavior_update,
            LinkChange: self._on_link_change,
            LinkProblem: lambda link, problem: self._logger.warning(f'{link}: {problem.problem}'),
            LogSession: self._log_sessions.session,
            msg.UploadProgress: bags.progress,
            msg.UploadEnded: bags.ended,
        }

    def _from_platform(self) -> None:
        while (item := self._crossing.take()) is not None:
            link, message = item
            handler = self._handlers.get(type(message))
            if handler is not None:
                handler(link, message)
            else:
                self._logger.debug(f'{link}: nothing on this robot wants {type(message).__name__}')

    def _send(self, message: Any, link: str | None = None) -> bool:
        """Send to one link, or to every link that can carry the message."""
        names = [name for name, carried in self._carriers.items()
                 if type(message) in carried and link in (None, name)]
        for name in names:
            self._crossing.send(name, message)
        return bool(names)

    def _send_telemetry(self, telemetry: Telemetry) -> None:
        self._send(telemetry)
        self._log_sessions.telemetry(telemetry)

    def _send_bag(self, message: Any, link: str) -> str:
        """Send to a link that takes bags, or to the first; why it cannot be done or ''."""
        for name, carried in self._carriers.items():
            if type(message) in carried and link in ('', name):
                self._crossing.send(name, message)
                return ''
        return f'no link {link or "of this bridge"} takes bags; one with rest: does'

    def _report(self, source: str, status: CommandStatus) -> None:
        self._send(status, None if source == LOCAL else source)
        self._doors.publish(source, status)

    def _say(self, text: str) -> str:
        return self._send_routed(
            ChatRequest(text, self._robot_id), self._routes.chat, 'no link carries chat')

    def _send_speech(self, message: Any, link: str) -> str:
        return self._send_routed(message, link or self._routes.speech, 'no link speaks')

    def _send_routed(self, message: Any, link: str, without: str) -> str:
        """Send to a link that must be up; why it cannot be done, empty if it was."""
        if not link:
            return without
        change = self._changes.get(link)
        if change is None or change.state is not LinkState.CONNECTED:
            why = (change.error or change.state.value) if change else 'not dialled yet'
            return f'not connected to the platform: {link}: {why}'
        return '' if self._send(message, link) else f'{link} cannot carry it'

    def _on_command(self, link: str, command: RemoteCommand) -> None:
        if self._routes.may_command(link):
            self.router.execute(command, link)
        else:
            self._send(CommandStatus(
                command.command_id, command.command, CommandState.REJECTED,
                error={'code': 'not_allowed', 'message': 'this link may not command'}), link)

    def _on_chat_reply(self, link: str, reply: ChatReply) -> None:
        if link == self._routes.chat:
            self._chat.reply(link, reply.text)
        else:
            self._chat.unasked(link, reply.text)

    def _on_behavior_update(self, link: str, update: BehaviorUpdate) -> None:
        self._send(BehaviorStatus(update.tree_name, 'rejected', errors=[
            {'message': 'this bridge has no behaviour tree engine yet'}]), link)

    def _on_link_change(self, link: str, change: LinkChange) -> None:
        self._changes[link] = change
        self._since[link] = self._node.get_clock().now().to_msg()
        if change.error:
            remedy = f' ({change.remedy})' if change.remedy else ''
            self._logger.warning(f'{link}: {change.error}{remedy}')
        else:
            self._logger.info(f'{link}: {change.state.value}')
        self._publish_status()
        if change.state is LinkState.CONNECTED and link == self._routes.speech:
            self._conversation.connected(link)

    def _publish_status(self) -> None:
        self._status.publish(BridgeStatus(
            stamp=self._node.get_clock().now().to_msg(), robot_id=self._robot_id,
            version=__version__,
            links=[LinkStatus(
                name=name, protocol=self._links[name]['protocol'], state=change.state.value,
                since=self._since[name], last_error=change.error, remedy=change.remedy)
                for name, change in self._changes.items()],
            active_commands=[run.id for run in self.router.open_runs]))

    def start(self) -> None:
        """Begin to dial and to tell."""
        self._telemetry.start()
        self.link_thread.start()

    def stop(self) -> None:
        """Begin to end every open command, and end the log sessions."""
        self._log_sessions.stop()
        for run in self.router.open_runs:
            self.router.cancel(run)


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
    except (ConfigurationError, LinkError) as error:
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
        stopped = executor.create_task(bridge.stop)
        give_up = time.monotonic() + _STOP_TIMEOUT
        while (not stopped.done() or bridge.router.open_runs) and time.monotonic() < give_up:
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
