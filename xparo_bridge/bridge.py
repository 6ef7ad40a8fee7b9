# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The bridge: what flows between its parts, on the ROS thread.

A remote command's way through the code: docs/architecture.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
import time
from typing import Any

from rclpy.node import Node

from . import __version__
from . import messages as msg
from .bridge_parts import Parts
from .configuration import Configuration
from .faults import FAULTS
from .messages import ErrorCode
from .observers import notify
from .robot.commands.run import Rejection
from .robot.fault_answers import answers_of_fault
from .robot.telemetry.settings import TelemetryConfig
from .rollout.running import Running
from .rollout.trial import promised
from .ros.problems import Problems
from .state import NoRoom

# s of one turn of the ROS thread for what came by the links.
_TURN = 0.02
# Characters of what a link says that are logged.
_MAX_WORDS = 5000
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
    """One bridge: `Callbacks` of its parts, and what goes to them; called on the ROS thread."""

    def __init__(
        self,
        node: Node,
        configuration: Configuration,
        problems: Sequence[str] = (),
        running: Running | None = None,
    ) -> None:
        """
        Make all parts, without dialling.

        Known `problems` of the configuration are reported with those that are found;
        `running` knows where it came from.

        :raises ConfigurationError: with all that cannot work in the configuration.
        :raises StateInUse: if another bridge uses the state directory.
        """
        self._node = node
        self._logger = node.get_logger()
        self.configuration: Mapping[str, Any] = configuration.data
        # Keys of the telemetry that were handed to the links.
        self.telemetry_keys: set[str] = set()
        parts = self._parts = Parts(node, configuration, problems, running, self)
        self.state, self.running = parts.state, parts.running
        # The crossing is where messages of the links and for them pass.
        self.crossing, self.link_thread, self.links = (
            parts.crossing,
            parts.link_thread,
            parts.links,
        )
        self.router, self.trees = parts.router, parts.trees
        own: dict[type, Callable[[str, Any], object]] = {
            msg.PeerError: lambda link, error: self._warn(link, error.text),
            msg.LogSession: parts.log_sessions.session,
            msg.UploadProgress: parts.bags.progress,
            msg.UploadEnded: parts.bags.ended,
            msg.RemoteCommand: self.execute,
            msg.BehaviorUpdate: self._on_behavior_update,
            msg.LinkStateChanged: self._on_link_change,
            msg.LinkStatistics: self._on_statistics,
            msg.LinkProblem: lambda link, problem: self._warn(link, problem.problem),
            msg.LinkCredential: self._on_credential,
            msg.RobotInfoRequest: lambda link, ask: self.links.send(parts.info, link),
            msg.TurnReached: lambda link, turn: self.router.turn_reached(link, turn.received_at),
            msg.RefusedPush: lambda link, push: self._warn(
                link, f'{push.kind} refused: {push.reason}'
            ),
        }
        self._handlers: dict[type, list[Callable[[str, Any], object]]] = defaultdict(list)
        for handlers in (own, *(feature.handlers for feature in parts.features)):
            for kind, handler in handlers.items():
                self._handlers[kind].append(handler)

    @property
    def summary(self) -> str:
        """Who it is and how much it is configured for, in a line of the log."""
        topics = len(self.configuration['telemetry']['topics'])
        groups = len(self.configuration['telemetry']['groups'])
        return (
            f'xparo_bridge {__version__}: robot {self._parts.robot_id}, '
            f'links {", ".join(self._parts.link_settings)}; {len(self.router.kinds)} commands, '
            f'{len(self._parts.places.names)} places, {len(self.trees.names)} behavior trees; '
            f'telemetry: {groups} groups, {topics} topics'
        )

    def take_from_links(self) -> None:
        """Take what waits on the crossing, for 20 ms; then others have their turn."""
        give_way = time.monotonic() + _TURN
        while (item := self.crossing.pop()) is not None:
            self._dispatch(*item)
            if time.monotonic() > give_way:
                # A full crossing takes a while: the deadman of teleop has its turn in between.
                self._parts.guard.trigger()
                return

    def _dispatch(self, link: str, message: Any) -> None:
        """Give a message to all that handle it; a fault of one stops none of the others."""
        kind = type(message).__name__
        if isinstance(message, _CHANGING):
            try:
                self._parts.audit.note('received', source=link, kind=kind, content=message)
            except Exception as error:
                FAULTS.note(f'the audit of {kind}', error)
        handlers = self._handlers.get(type(message), ())
        for handler in handlers:
            try:
                handler(link, message)
            except Exception as error:
                self._answer_fault(link, message, FAULTS.note(f'what handles {kind}', error))
        if not handlers:
            self._logger.debug(f'{link}: nothing on this robot handles {kind}')

    def _answer_fault(self, link: str, message: Any, text: str) -> None:
        """Answer a message whose handling failed, if its sender waits for an answer."""
        try:
            for answer in answers_of_fault(message, text):
                if not isinstance(answer, msg.CommandStatus):
                    self.links.send(answer, link)
                elif self.router.status(answer.command_id) is None:
                    # What the router knows is ended by the router, and only by the router.
                    self.report(link, answer)
        except Exception as error:
            FAULTS.note(f'the answer to {type(message).__name__}', error)

    def _warn(self, link: str, problem: str) -> None:
        # A peer's words may be megabytes, and the log keeps no more than this of them.
        self._logger.warning(f'{link}: {problem[:_MAX_WORDS]}')

    def send_telemetry(self, telemetry: msg.Telemetry) -> None:
        """Send telemetry by all links; from any thread."""
        self.links.send(telemetry)
        if not self.telemetry_keys.issuperset(telemetry.values):
            self.telemetry_keys = self.telemetry_keys.union(telemetry.values)
        if not telemetry.every_sample:  # Sent in a thread of their own, and never metrics.
            self._parts.log_sessions.telemetry(telemetry)

    def report(self, source: str, status: msg.CommandStatus) -> None:
        """Report how a command goes to whom it came from, and to ROS; log and audit it."""
        notify(self._parts.observers.command, source, status)
        if status.state is not msg.CommandState.RUNNING:
            self._parts.audit.note(
                'command',
                source=source,
                command=status.command,
                command_id=status.command_id,
                state=status.state.value,
                **({'error': status.error} if status.error else {}),
            )
        self._parts.order_log.status(source, status)
        # What came by no link is every platform's business.
        self.links.send(status, source if source in self._parts.link_settings else None)
        self._parts.command_service.publish(source, status)

    def note_command(self, source: str, command: msg.RemoteCommand) -> None:
        """Log and audit that a command came."""
        notify(self._parts.observers.order, source, command)
        self._parts.order_log.order(source, command)
        self._parts.audit.note(
            'ordered',
            source=source,
            command=command.command,
            command_id=command.command_id,
            parameters=dict(command.parameters),
            **({'operator': command.operator} if command.operator else {}),
        )

    def execute(self, link: str, command: msg.RemoteCommand) -> bool:
        """Run a command that a link gave; whether it was not rejected."""
        if command.refused is not None and command.command not in self.router.urgent_commands:
            self._refuse(link, command, command.refused)
            return False
        if self._parts.roles.may_command(link):
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
            self.report(link, replace(known, resent=True))
            return
        state = msg.CommandState.REJECTED
        self.report(
            link,
            msg.CommandStatus(command.command_id, command.command, state, error=refusal.error),
        )

    def _on_behavior_update(self, link: str, update: msg.BehaviorUpdate) -> None:
        if self._parts.roles.may_command(link):
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
        self._parts.status.on_change(link, change)
        if change.state is not msg.LinkState.CONNECTING:
            self._parts.audit.note('link', link=link, state=change.state.value, error=change.error)
        if change.error:
            self._warn(link, change.error + (f' ({change.remedy})' if change.remedy else ''))
        else:
            self._logger.info(f'{link}: {change.state.value}')
        if change.state is not msg.LinkState.CONNECTED:
            self.router.turn_reached(link, time.monotonic())  # Nothing that waits is read now.
        self._parts.link_loss.change(link, connected=change.state is msg.LinkState.CONNECTED)
        if change.state is msg.LinkState.CONNECTED:
            self.trees.introduce(link)
            self._parts.log_sessions.connected(link)
        self._parts.features.link_changed(link, change.state is msg.LinkState.CONNECTED)

    def _on_statistics(self, link: str, numbers: msg.LinkStatistics) -> None:
        self.links.numbers[link] = numbers
        self._parts.status.on_statistics(link, numbers)

    def _on_credential(self, link: str, credential: msg.LinkCredential) -> None:
        try:
            self._parts.issued.keep(link, credential.value)
        except NoRoom as error:
            self._warn(link, f'its credential is not kept: {error}')

    def start(self, *, dial: bool = True) -> None:
        """Begin to send, and to dial; without `dial` somebody else has the links' part."""
        self.router.recover()
        self.running.start(self._report_configuration)
        self._parts.telemetry.start()
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
            changed = self._parts.telemetry.changed(telemetry)
            self.telemetry_keys = self.telemetry_keys - promised(self.configuration, changed)
            self._parts.places.configure(configuration['places'])
            self.configuration = configuration.data
            yield from self._parts.telemetry.change(telemetry)

        return steps()

    def _report_configuration(self, problem: str) -> None:
        """Report how the configuration stands, and what is wrong with it; from any thread."""
        problems = Problems.of(self._node)
        if problem:
            problems.report('configuration', problem)
        else:
            problems.solved('configuration', 'it is as it was made again')
        if self.links.any_connected:
            self.links.send(self._parts.info)

    @property
    def idle(self) -> bool:
        """Whether nothing moves the robot any more."""
        return self.trees.idle and not self.router.open_runs

    def close(self, *, up_to_date: bool) -> None:
        """Let another bridge go on here; `up_to_date`: the platform has every report."""
        if up_to_date:
            self._parts.journal.close()
        self.running.stop()
        self._parts.telemetry.stop()
        self.trees.close()
        self._parts.base.close()
        self._parts.audit.close()
        self.state.close()
        self._parts.features.close()

    def stop(self) -> None:
        """Begin to end the tree that runs and every open command, and end the log sessions."""
        self._parts.log_sessions.stop()
        self.trees.stop()
        self.router.turn_reached(None, time.monotonic())
        for run in self.router.open_runs:
            self.router.cancel(run)
