# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The bridge: reads the configuration, builds the parts, joins the two threads, spins.

A remote command's way through the code: docs/architecture.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
import socket
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node

from . import __version__
from . import messages as msg
from .audit import Audit
from .behavior.ros.tree_services import TreeServices
from .behavior.ros.trees import Trees
from .configuration import Configuration
from .configuration import Problems as FoundProblems
from .credentials import IssuedCredentials
from .crossing import Crossing
from .faults import FAULTS
from .link.links import Link, LinkError, LinkThread, make_link
from .messages import ErrorCode
from .observers import notify, Observers
from .robot.commands.base import RobotBase
from .robot.commands.base_settings import base_settings
from .robot.commands.for_trees import CommandsForTrees
from .robot.commands.journal import Journal
from .robot.commands.link_loss import LinkLoss
from .robot.commands.order_log import OrderLog
from .robot.commands.places import Places
from .robot.commands.ros_service import CommandService
from .robot.commands.router import Router
from .robot.commands.run import Rejection
from .robot.fault_answers import answers_of_fault
from .robot.features import Feature, FeatureContext, make_features
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
from .rollout.trial import promised
from .ros.entities import guard_condition
from .ros.problems import Problems
from .ros.walls import guard_services
from .state import NoRoom, State, state_path

# How long the start waits for the guard of the base, which starts beside it, s.
_GUARD_TIMEOUT = 3.0
# s of one turn of the ROS thread for what came by the links.
_TURN = 0.02
# Characters of what a link says that are logged.
_MAX_WORDS = 5000
# Kinds of commands that no limit of a link holds up.
_URGENT = ('stop', 'pause', 'cancel', 'resume')
# What else than a command changes the robot: noted in the audit log.
_CHANGING = (
    msg.BehaviorUpdate,
    msg.RunTask,
    msg.TreePush,
    msg.FilePush,
    msg.ConfigChange,
    msg.Schedule,
    msg.DeleteFile,
)


class Bridge:
    """The parts of one bridge and what flows between them; everything here is the ROS thread's."""

    def __init__(
        self,
        node: Node,
        configuration: Configuration,
        problems: Sequence[str] = (),
        running: Running | None = None,
    ) -> None:
        """
        Build everything, without dialling.

        Known `problems` of the configuration are reported with those that are found;
        `running` knows where it came from.

        :raises ConfigurationError: with all that cannot work in the configuration.
        :raises StateInUse: if another bridge uses the state directory.
        """
        self._node = node
        # What a bridge lets go that cannot be made, the last part first.
        self._opened = ExitStack()
        try:
            self._make(configuration, FoundProblems(problems), running)
        except BaseException:
            self._opened.close()
            raise

    def _make(
        self, configuration: Configuration, found: FoundProblems, running: Running | None
    ) -> None:
        node = self._node
        self._logger = node.get_logger()
        FAULTS.log_to(self._logger.error)
        self._order_log = OrderLog(self._logger)
        self._robot_id = (
            node.get_parameter('robot_id').value
            or configuration.data.get('robot_id')
            or socket.gethostname()
        )
        # Keys of the telemetry that were handed to the links.
        self.telemetry_keys: set[str] = set()
        self.configuration: Mapping[str, Any] = configuration.data
        self._link_settings = {link['name']: link for link in configuration['links']}
        self._guard = guard_condition(node, self._from_platform)
        self._crossing = Crossing(self._guard.trigger)
        self.state = State(
            state_path(configuration['state_dir'], self._robot_id),
            self._logger.error,
            durable=any(link['outbox']['durability'] == 'full' for link in configuration['links']),
        )
        self._opened.callback(self.state.close)
        self._issued = IssuedCredentials(self.state)
        self.running = running or Running(configuration)
        info = self._info = msg.RobotInfo(RobotFacts(self._robot_id, self.running.facts))
        self._audit = Audit(self.state.path / 'audit.jsonl', self._logger.error)
        self._opened.callback(self._audit.close)
        self._observers = observers = Observers()
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
                    self._crossing,
                    info,
                    self.state,
                    self._issued,
                    urgent,
                    observers,
                )
            except LinkError as error:
                found.found.append(configuration.problem(('links', index), str(error)))
        self.link_thread = LinkThread(list(links.values()), self._crossing)
        self.links = Links(
            {name: link.carries for name, link in links.items()},
            self._crossing.send,
            lambda name: links[name].lanes.live.waiting,
        )
        # What is wrong with one part must not hide what is wrong with the next: that gets the part
        # as it would be without the fault, and all problems are raised at the end.
        # A route to a link that could not be made is no further problem.
        no_routes = configuration.replacing('routes', {})
        self._roles = found.attempt(
            lambda: LinkRoles(no_routes if found.found else configuration, self.links.carriers),
            lambda: LinkRoles(no_routes, self.links.carriers),
        )
        self._telemetry = found.attempt(
            lambda: TelemetryPublisher(
                node, TelemetryConfig.of(configuration), self._send_telemetry
            ),
            lambda: TelemetryPublisher(
                node, TelemetryConfig.names_of(configuration), self._send_telemetry
            ),
        )
        self._log_sessions = LogSessions(
            node,
            configuration['telemetry']['log'],
            self.links.send,
            self.links.that_carry(msg.AskLogSession),
        )
        self._telemetry_control = TelemetryControl(node, self._telemetry)
        bags = BagUploads(
            node, configuration['bags'], self.links.send_first, self._recordings(configuration)
        )

        def make_trees(configuration: Configuration) -> Trees:
            return Trees(
                node,
                configuration,
                self.state,
                self.links.send,
                lambda: self.links.any_connected,
                self._audit.note,
            )

        trees = configuration['trees']
        self.trees = found.attempt(
            lambda: make_trees(configuration),
            lambda: make_trees(
                configuration.replacing('trees', {**trees, 'nodes': {}, 'run_at_start': ''})
            ),
        )
        self._opened.callback(self.trees.close)
        self._journal = Journal(
            self.state,
            configuration['command_limits']['remembered'],
            self._logger.error,
        )
        places = self._places = Places(configuration['places'], self.state, self._logger.error)
        self._base = RobotBase(node, base_settings(configuration))
        self._opened.callback(self._base.close)

        def make_router(configuration: Configuration) -> Router:
            return Router(
                node,
                configuration,
                self._telemetry,
                self.trees,
                places,
                self._journal,
                self._base,
                self._report,
                self._note_order,
                self.links.clock_offset,
                observers=observers,
            )

        commands = configuration['commands']
        self.router = found.attempt(
            lambda: make_router(configuration),
            lambda: make_router(
                configuration.replacing('commands', found.without_wrong('commands', commands))
            ),
        )
        self.trees.bind_commands(CommandsForTrees(self.router), self.links.send)
        self._order_log.leave_out(
            name for name, kind in self.router.kinds.items() if kind.asks or kind.streams
        )
        self._tree_services = TreeServices(node, self.trees)
        self._status = Status(
            node,
            self._robot_id,
            {name: link['protocol'] for name, link in self._link_settings.items()},
            lambda: [run.id for run in self.router.open_runs],
            self._describe_features,
            lambda: self.state.problem,
            lambda: self.state.damage,
            Health(self._waiting),
            self.running.facts,
            self._diagnostics,
        )
        self._command_service = CommandService(node, self.router)
        # A command that could not be made may be named without being a further problem.
        made = set(self.router.kinds)
        loss = configuration['link_loss']
        silent = configuration.replacing('link_loss', {**loss, 'command': None, 'back': None})
        named = {loss['command'], (loss['back'] or {}).get('command')} - {None} - made
        whole = 'commands' not in configuration.broken
        self._link_loss = found.attempt(
            lambda: LinkLoss(
                node,
                self.router,
                silent if named and (named & set(commands) or not whole) else configuration,
            ),
            lambda: LinkLoss(node, self.router, silent),
        )
        guard_services(node)
        context = FeatureContext(
            node,
            configuration,
            self.links,
            self._roles,
            self._robot_id,
            self.state,
            self._on_command,
            self.trees,
            self._status.publish,
            observers,
        )
        self._features: list[Feature] = (
            found.attempt(lambda: make_features(context), list)
            if whole and made == set(commands)
            else []
        )
        for feature in self._features:
            self._opened.callback(feature.close)
        found.raise_if_any()
        own: dict[type, Callable[[str, Any], object]] = {
            msg.PeerError: lambda link, error: self._warn(link, error.text),
            msg.LogSession: self._log_sessions.session,
            msg.UploadProgress: bags.progress,
            msg.UploadEnded: bags.ended,
            msg.RemoteCommand: self._on_command,
            msg.BehaviorUpdate: self._on_behavior_update,
            msg.LinkStateChanged: self._on_link_change,
            msg.LinkStatistics: self._on_statistics,
            msg.LinkProblem: lambda link, problem: self._warn(link, problem.problem),
            msg.LinkCredential: self._on_credential,
            msg.RobotInfoRequest: lambda link, ask: self.links.send(info, link),
            msg.TurnReached: lambda link, turn: self.router.turn_reached(link, turn.received_at),
            msg.RefusedPush: lambda link, push: self._warn(
                link, f'{push.kind} refused: {push.reason}'
            ),
        }
        self._handlers: dict[type, list[Callable[[str, Any], object]]] = defaultdict(list)
        for handlers in (own, *(feature.handlers for feature in self._features)):
            for kind, handler in handlers.items():
                self._handlers[kind].append(handler)
        self._base.wait_ready(_GUARD_TIMEOUT)
        self._opened.pop_all()

    @property
    def summary(self) -> str:
        """Who it is and how much it is configured for, in a line of the log."""
        topics = len(self.configuration['telemetry']['topics'])
        groups = len(self.configuration['telemetry']['groups'])
        return (
            f'xparo_bridge {__version__}: robot {self._robot_id}, '
            f'links {", ".join(self._link_settings)}; {len(self.router.kinds)} commands, '
            f'{len(self._places.names)} places, {len(self.trees.names)} behavior trees; '
            f'telemetry: {groups} groups, {topics} topics'
        )

    def _from_platform(self) -> None:
        give_way = time.monotonic() + _TURN
        while (item := self._crossing.take()) is not None:
            self._dispatch(*item)
            if time.monotonic() > give_way:
                # A full crossing takes a while: the deadman of teleop has its turn in between.
                self._guard.trigger()
                return

    def _dispatch(self, link: str, message: Any) -> None:
        """Give a message to all that want it; a fault of one stops none of the others."""
        kind = type(message).__name__
        if isinstance(message, _CHANGING):
            try:
                self._audit.note('received', source=link, kind=kind, content=message)
            except Exception as error:
                FAULTS.note(f'the audit of {kind}', error)
        handlers = self._handlers.get(type(message), ())
        for handler in handlers:
            try:
                handler(link, message)
            except Exception as error:
                self._answer_fault(link, message, FAULTS.note(f'what handles {kind}', error))
        if not handlers:
            self._logger.debug(f'{link}: nothing on this robot wants {kind}')

    def _answer_fault(self, link: str, message: Any, text: str) -> None:
        """Answer a message whose handling failed, if its sender waits for an answer."""
        try:
            for answer in answers_of_fault(message, text):
                if not isinstance(answer, msg.CommandStatus):
                    self.links.send(answer, link)
                elif self.router.status(answer.command_id) is None:
                    # What the router knows is ended by the router, and only by the router.
                    self._report(link, answer)
        except Exception as error:
            FAULTS.note(f'the answer to {type(message).__name__}', error)

    def _waiting(self) -> dict[str, int]:
        """How much waits where, in the bridge."""
        return {**self._crossing.waiting, 'open commands': len(self.router.open_runs)}

    def _warn(self, link: str, problem: str) -> None:
        # A peer's words may be megabytes, and the log keeps no more than this of them.
        self._logger.warning(f'{link}: {problem[:_MAX_WORDS]}')

    def _send_telemetry(self, telemetry: msg.Telemetry) -> None:
        self.links.send(telemetry)
        if not self.telemetry_keys.issuperset(telemetry.values):
            self.telemetry_keys = self.telemetry_keys.union(telemetry.values)
        if not telemetry.every_sample:  # Sent in a thread of their own, and never metrics.
            self._log_sessions.telemetry(telemetry)

    def _report(self, source: str, status: msg.CommandStatus) -> None:
        notify(self._observers.command, source, status)
        if status.state is not msg.CommandState.RUNNING:
            self._audit.note(
                'command',
                source=source,
                command=status.command,
                command_id=status.command_id,
                state=status.state.value,
                **({'error': status.error} if status.error else {}),
            )
        self._order_log.status(source, status)
        # What came by no link is every platform's business.
        self.links.send(status, source if source in self._link_settings else None)
        self._command_service.publish(source, status)

    def _note_order(self, source: str, command: msg.RemoteCommand) -> None:
        notify(self._observers.order, source, command)
        self._order_log.order(source, command)
        self._audit.note(
            'ordered',
            source=source,
            command=command.command,
            command_id=command.command_id,
            parameters=dict(command.parameters),
            **({'operator': command.operator} if command.operator else {}),
        )

    def _on_command(self, link: str, command: msg.RemoteCommand) -> bool:
        """Run a command that a link gave; whether it was not rejected."""
        if command.refused is not None and command.command not in self.router.urgent_commands:
            self._refuse(link, command, command.refused)
            return False
        if self._roles.may_command(link):
            run = self.router.execute(command, link)
            return run.state is not msg.CommandState.REJECTED
        self.router.refuse(
            command, link, Rejection(ErrorCode.NOT_ALLOWED, 'this link may not command')
        )
        return False

    def _refuse(self, link: str, command: msg.RemoteCommand, refusal: msg.Refusal) -> None:
        """Answer a command that its link did not let in; one that is known is not ended by it."""
        known = self.router.status(command.command_id)
        if known is not None:
            self._report(link, replace(known, resent=True))
            return
        state = msg.CommandState.REJECTED
        self._report(
            link,
            msg.CommandStatus(command.command_id, command.command, state, error=refusal.error),
        )

    def _on_behavior_update(self, link: str, update: msg.BehaviorUpdate) -> None:
        if self._roles.may_command(link):
            self.trees.push(link, update)
        else:
            self.links.send(
                msg.BehaviorStatus(
                    update.tree_name, 'rejected', errors=[{'message': 'this link may not command'}]
                ),
                link,
            )

    def _on_link_change(self, link: str, change: msg.LinkStateChanged) -> None:
        self.links.changes[link] = change
        self._status.on_change(link, change)
        if change.state is not msg.LinkState.CONNECTING:
            self._audit.note('link', link=link, state=change.state.value, error=change.error)
        if change.error:
            self._warn(link, change.error + (f' ({change.remedy})' if change.remedy else ''))
        else:
            self._logger.info(f'{link}: {change.state.value}')
        if change.state is not msg.LinkState.CONNECTED:
            self.router.turn_reached(link, time.monotonic())  # Nothing that waits is read now.
        self._link_loss.change(link, connected=change.state is msg.LinkState.CONNECTED)
        if change.state is msg.LinkState.CONNECTED:
            self.trees.introduce(link)
            self._log_sessions.connected(link)
        for feature in self._features:
            up = change.state is msg.LinkState.CONNECTED
            try:
                (feature.connected if up else feature.lost)(link)
            except Exception as error:
                FAULTS.note(f'{type(feature).__name__} at the change of a link', error)

    def _on_statistics(self, link: str, numbers: msg.LinkStatistics) -> None:
        self.links.numbers[link] = numbers
        self._status.on_statistics(link, numbers)

    def _on_credential(self, link: str, credential: msg.LinkCredential) -> None:
        try:
            self._issued.keep(link, credential.value)
        except NoRoom as error:
            self._warn(link, f'its credential is not kept: {error}')

    def _describe_features(self, status: Any) -> None:
        for feature in self._features:
            try:
                feature.on_status(status)
            except Exception as error:
                FAULTS.note(f'the status of {type(feature).__name__}', error)

    def _recordings(self, configuration: Configuration) -> Path | None:
        """Return the folder of the black box's recordings, None if it is off."""
        if not configuration['black_box']['enabled']:
            return None
        from .robot.black_box.black_box import recordings_folder

        return recordings_folder(configuration, self.state.path)

    def _diagnostics(self, name: str, robot_id: str) -> list[DiagnosticStatus]:
        found = []
        for feature in getattr(self, '_features', ()):  # It is asked for at the start already.
            try:
                part = feature.diagnostic(name, robot_id)
            except Exception as error:
                FAULTS.note(f'the diagnostics of {type(feature).__name__}', error)
                continue
            if part is not None:
                found.append(part)
        return found

    def start(self, *, dial: bool = True) -> None:
        """Begin to send, and to dial; without `dial` somebody else has the links' part."""
        self.router.recover()
        self.running.start(self._report_configuration)
        self._telemetry.start()
        if dial:
            self.link_thread.start()
        self.trees.start()

    def taking(self, configuration: Configuration) -> Iterator[str]:
        """
        Return the steps of taking what a configuration changes that needs no restart.

        Called on any thread; each step is to run on the ROS thread, with others between them.

        :raises ConfigurationError: before anything has changed.
        """
        telemetry = TelemetryConfig.of(configuration)

        def steps() -> Iterator[str]:
            # What these send is to be seen anew.
            changed = self._telemetry.changed(telemetry)
            self.telemetry_keys = self.telemetry_keys - promised(self.configuration, changed)
            self._places.configure(configuration['places'])
            self.configuration = configuration.data
            yield from self._telemetry.change(telemetry)

        return steps()

    def _report_configuration(self, problem: str) -> None:
        """Report how the configuration stands, and what is wrong with it; from any thread."""
        problems = Problems.of(self._node)
        if problem:
            problems.report('configuration', problem)
        else:
            problems.solved('configuration', 'it is as it was made again')
        if self.links.any_connected:
            self.links.send(self._info)

    @property
    def crossing(self) -> Crossing:
        """Where messages of the links and for them pass."""
        return self._crossing

    @property
    def idle(self) -> bool:
        """Whether nothing moves the robot any more."""
        return self.trees.idle and not self.router.open_runs

    def close(self, *, up_to_date: bool) -> None:
        """Let another bridge go on here; `up_to_date`: the platform has every report."""
        if up_to_date:
            self._journal.close()
        self.running.stop()
        self._telemetry.stop()
        self.trees.close()
        self._base.close()
        self._audit.close()
        self.state.close()
        for feature in self._features:
            try:
                feature.close()
            except Exception as error:
                FAULTS.note(f'the end of {type(feature).__name__}', error)

    def stop(self) -> None:
        """Begin to end the tree that runs and every open command, and end the log sessions."""
        self._log_sessions.stop()
        self.trees.stop()
        self.router.turn_reached(None, time.monotonic())
        for run in self.router.open_runs:
            self.router.cancel(run)
