# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Make the parts of a bridge from its configuration, and say all that cannot work in it.

What is wrong with one part must not hide what is wrong with the next: that gets the part as it
would be without the fault, and all problems are raised at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
import socket
from typing import Protocol

from rclpy.node import Node

from . import messages as msg
from .audit import Audit
from .behavior.ros.tree_services import TreeServices
from .behavior.ros.trees import Trees
from .configuration import Configuration, Problems
from .credentials import IssuedCredentials
from .crossing import Crossing
from .faults import FAULTS
from .link.links import Link, LinkError, LinkThread, make_link
from .observers import Observers
from .robot.commands.base import RobotBase
from .robot.commands.base_settings import base_settings
from .robot.commands.for_trees import CommandsForTrees
from .robot.commands.journal import Journal
from .robot.commands.link_loss import LinkLoss
from .robot.commands.order_log import OrderLog
from .robot.commands.places import Places
from .robot.commands.ros_service import CommandService
from .robot.commands.router import Router
from .robot.features import FeatureContext, Features, make_features
from .robot.links.health import Health
from .robot.links.identity import RobotFacts
from .robot.links.links import Links
from .robot.links.log_sessions import LogSessions
from .robot.links.roles import LinkRoles
from .robot.links.status import Status
from .robot.platform_data.bag_uploads import BagUploads
from .robot.telemetry.control import TelemetryControl
from .robot.telemetry.publisher import TelemetryPublisher
from .robot.telemetry.settings import TelemetryConfig
from .rollout.running import Running
from .ros.entities import guard_condition
from .ros.sample_events import SampleEvents
from .ros.samples import Samples, SampleThread
from .ros.walls import guard_services
from .state import State, state_path

# How long the start waits for the guard of the base, which starts beside it, s.
_GUARD_TIMEOUT = 3.0
# Kinds of commands that no limit of a link holds up.
_URGENT = ('stop', 'pause', 'cancel', 'resume')


class Callbacks(Protocol):
    """What the parts of a bridge call, on the ROS thread; telemetry also comes from others."""

    def take_from_links(self) -> None:
        """Take what waits on the crossing."""

    def send_telemetry(self, telemetry: msg.Telemetry) -> None:
        """Send telemetry to the platforms."""

    def report(self, source: str, status: msg.CommandStatus) -> None:
        """Report how a command goes."""

    def note_command(self, source: str, command: msg.RemoteCommand) -> None:
        """Note that a command came."""

    def execute(self, link: str, command: msg.RemoteCommand) -> bool:
        """Run a command that a link gave; whether it was not rejected."""


class Parts:
    """The parts of one bridge."""

    def __init__(
        self,
        node: Node,
        configuration: Configuration,
        problems: Sequence[str],
        running: Running | None,
        callbacks: Callbacks,
    ) -> None:
        """
        Make them all, without dialling.

        :raises ConfigurationError: with all that cannot work in the configuration.
        :raises StateInUse: if another bridge uses the state directory.
        """
        self._node = node
        self._configuration = configuration
        self._callbacks = callbacks
        self._found = Problems(problems)
        self.observers = Observers()
        self.features = Features()
        # What a bridge lets go that cannot be made, the last part first.
        with ExitStack() as opened:
            self._opened = opened
            self._make_state(running)
            self._make_links()
            self._make_telemetry()
            self._make_trees()
            self._make_commands()
            self._make_status()
            self._make_link_loss()
            guard_services(node)
            self._make_features()
            self._found.raise_if_any()
            self.base.wait_ready(_GUARD_TIMEOUT)
            opened.pop_all()

    def _make_state(self, running: Running | None) -> None:
        node, configuration = self._node, self._configuration
        logger = node.get_logger()
        FAULTS.log_to(logger.error)
        self.order_log = OrderLog(logger)
        self.robot_id = (
            node.get_parameter('robot_id').value
            or configuration.data.get('robot_id')
            or socket.gethostname()
        )
        self.state = State(
            state_path(configuration['state_dir'], self.robot_id),
            logger.error,
            durable=any(link['outbox']['durability'] == 'full' for link in configuration['links']),
        )
        self._opened.callback(self.state.close)
        self.issued = IssuedCredentials(self.state)
        self.running = running or Running(configuration)
        self.info = msg.RobotInfo(RobotFacts(self.robot_id, self.running.facts))
        self.audit = Audit(self.state.path / 'audit.jsonl', logger.error)
        self._opened.callback(self.audit.close)

    def _make_links(self) -> None:
        configuration = self._configuration
        self.guard = guard_condition(self._node, self._callbacks.take_from_links)
        self.crossing = Crossing(self.guard.trigger)
        self.link_settings = {link['name']: link for link in configuration['links']}
        urgent = {
            name: command['kind']
            for name, command in configuration['commands'].items()
            if command['kind'] in _URGENT
        }
        links: dict[str, Link] = {}
        for index, settings in enumerate(configuration['links']):
            try:
                links[settings['name']] = make_link(
                    settings,
                    self.crossing,
                    self.info,
                    self.state,
                    self.issued,
                    urgent,
                    self.observers,
                )
            except LinkError as error:
                self._found.found.append(configuration.problem(('links', index), str(error)))
        self.link_thread = LinkThread(list(links.values()), self.crossing)
        self.links = Links(
            {name: link.carries for name, link in links.items()},
            self.crossing.send,
            lambda name: links[name].lanes.live.waiting,
        )
        # A route to a link that could not be made is no further problem.
        no_routes = configuration.replacing('routes', {})
        self.roles = self._found.attempt(
            lambda: LinkRoles(
                no_routes if self._found.found else configuration, self.links.carriers
            ),
            lambda: LinkRoles(no_routes, self.links.carriers),
        )

    def _make_telemetry(self) -> None:
        node, configuration = self._node, self._configuration
        send = self._callbacks.send_telemetry
        samples: Samples = SampleThread(node)
        if self.link_settings:  # Else the link thread ends at once.
            samples = SampleEvents(node)
            self.crossing.watch(samples.descriptor, samples.serve)
        self.telemetry = self._found.attempt(
            lambda: TelemetryPublisher(node, TelemetryConfig.of(configuration), send, samples),
            lambda: TelemetryPublisher(
                node, TelemetryConfig.names_of(configuration), send, samples
            ),
        )
        self.log_sessions = LogSessions(
            node,
            configuration['telemetry']['log'],
            self.links.send,
            self.links.that_carry(msg.AskLogSession),
        )
        self._telemetry_control = TelemetryControl(node, self.telemetry)
        self.bags = BagUploads(
            node, configuration['bags'], self.links.send_first, self._recordings()
        )

    def _recordings(self) -> Path | None:
        """Return the folder of the black box's recordings, None if it is off."""
        if not self._configuration['black_box']['enabled']:
            return None
        from .robot.black_box.black_box import recordings_folder

        return recordings_folder(self._configuration, self.state.path)

    def _make_trees(self) -> None:
        def make(configuration: Configuration) -> Trees:
            return Trees(
                self._node,
                configuration,
                self.state,
                self.links.send,
                lambda: self.links.any_connected,
                self.audit.note,
            )

        configuration = self._configuration
        trees = configuration['trees']
        self.trees = self._found.attempt(
            lambda: make(configuration),
            lambda: make(
                configuration.replacing('trees', {**trees, 'nodes': {}, 'run_at_start': ''})
            ),
        )
        self._opened.callback(self.trees.close)

    def _make_commands(self) -> None:
        node, configuration = self._node, self._configuration
        error = node.get_logger().error
        self.journal = Journal(self.state, configuration['command_limits']['remembered'], error)
        self.places = Places(configuration['places'], self.state, error)
        self.base = RobotBase(node, base_settings(configuration))
        self._opened.callback(self.base.close)

        def make(configuration: Configuration) -> Router:
            return Router(
                node,
                configuration,
                self.telemetry,
                self.trees,
                self.places,
                self.journal,
                self.base,
                self._callbacks.report,
                self._callbacks.note_command,
                self.links.clock_offset,
                observers=self.observers,
            )

        commands = configuration['commands']
        self.router = self._found.attempt(
            lambda: make(configuration),
            lambda: make(
                configuration.replacing(
                    'commands', self._found.without_wrong('commands', commands)
                )
            ),
        )
        self.trees.bind_commands(CommandsForTrees(self.router), self.links.send)
        self.order_log.leave_out(
            name for name, kind in self.router.kinds.items() if kind.asks or kind.streams
        )
        self._tree_services = TreeServices(node, self.trees)
        self.command_service = CommandService(node, self.router)

    def _make_status(self) -> None:
        self.status = Status(
            self._node,
            self.robot_id,
            {name: link['protocol'] for name, link in self.link_settings.items()},
            lambda: [run.id for run in self.router.open_runs],
            self.features.describe,
            lambda: self.state.problem,
            lambda: self.state.damage,
            Health(self._waiting),
            self.running.facts,
            self.features.diagnostics,
        )

    def _waiting(self) -> dict[str, int]:
        """How much waits where, in the bridge."""
        return {**self.crossing.waiting, 'open commands': len(self.router.open_runs)}

    def _make_link_loss(self) -> None:
        configuration = self._configuration
        loss = configuration['link_loss']
        silent = configuration.replacing('link_loss', {**loss, 'command': None, 'back': None})
        # A command that could not be made may be named without being a further problem.
        named = {loss['command'], (loss['back'] or {}).get('command')} - {None}
        named -= set(self.router.kinds)
        known = named & set(configuration['commands']) or not self._commands_are_whole
        self.link_loss = self._found.attempt(
            lambda: LinkLoss(
                self._node, self.router, silent if named and known else configuration
            ),
            lambda: LinkLoss(self._node, self.router, silent),
        )

    @property
    def _commands_are_whole(self) -> bool:
        """Whether nothing of the commands was left out because it was wrong."""
        return 'commands' not in self._configuration.broken

    def _make_features(self) -> None:
        context = FeatureContext(
            self._node,
            self._configuration,
            self.links,
            self.roles,
            self.robot_id,
            self.state,
            self._callbacks.execute,
            self.trees,
            self.status.publish,
            self.observers,
        )
        # They name commands: of one that is missing they would say so again.
        if self._commands_are_whole and set(self.router.kinds) == set(
            self._configuration['commands']
        ):
            self.features += self._found.attempt(lambda: make_features(context), list)
        for feature in self.features:
            self._opened.callback(feature.close)
