# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The router: every remote command passes here, whichever door it came by.

It knows which commands exist, lets in what comes in time and is right, runs nothing twice, and
sees that each command ends in exactly one terminal state, also when the bridge died in between.
What a command does is its kind's business; docs/commands.md is the user's page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
import difflib
from importlib.metadata import entry_points
import time
from typing import Any, TYPE_CHECKING
import uuid

from rclpy.node import Node

from ...behavior.ros.robot_commands import TREE
from ...configuration import Configuration, ConfigurationError
from ...messages import CommandState, CommandStatus, RemoteCommand
from ...ros.entities import timer
from ..telemetry.publisher import TelemetryPublisher
from .admission import Checker, expired, RateLimit
from .base import RobotBase
from .channels import BASE, Channels
from .journal import GoalRecord, Interrupted, Journal
from .kind import Kind, Robot, SettingsError
from .places import Places
from .recovery import OrphanedGoal
from .run import Run

if TYPE_CHECKING:
    from ...behavior.ros.tree_run import TreeRun
    from ...behavior.ros.trees import Trees

_POLL_PERIOD = 0.1
# How long it may take to find out what became of the goals of a bridge that died, s.
_RECOVERY_TIMEOUT = 5.0
_LATCHES = {
    'stopped': 'the robot was stopped; it moves again after the command resume',
    'paused': 'the robot is paused; it moves again after the command resume',
}

Report = Callable[[str, CommandStatus], None]


class Router:
    """Runs commands and reports how they go; lives on the ROS thread."""

    def __init__(
        self,
        node: Node,
        configuration: Configuration,
        telemetry: TelemetryPublisher,
        trees: Trees,
        places: Places,
        journal: Journal,
        base: RobotBase,
        report: Report,
        ordered: Callable[[str, RemoteCommand], object] = lambda source, command: None,
        clock_offset: Callable[[str], float] = lambda source: 0.0,
    ) -> None:
        """
        Make the commands of the configuration.

        `report(source, status)` is told every change, `ordered` each command that comes, by
        whichever door; `clock_offset(source)` is its sender's clock minus the robot's, s. Raises
        ConfigurationError for a command that cannot work.
        """
        self._node = node
        self._report = report
        self._ordered = ordered
        self._clock_offset = clock_offset
        self._journal = journal
        self._limits = configuration['command_limits']
        self._logger = node.get_logger().get_child('commands')
        self._open: dict[str, Run] = {}
        self._trees = trees
        self._channels = Channels(self._start, self.cancel, trees)
        self.kinds = _make_kinds(configuration, Robot(node, places, self, telemetry, trees, base))
        self._checkers = _make_checkers(configuration, self.kinds)
        self._rate = RateLimit(self._limits['max_rate'], self._limits['burst'])
        self._rates = {
            name: RateLimit(kind.settings['max_rate'], kind.settings['burst'])
            for name, kind in self.kinds.items()
        }
        self._left = [
            (command, [OrphanedGoal(node, goal, _RECOVERY_TIMEOUT) for goal in command.goals])
            for command in journal.interrupted
        ]
        # Steady time: a simulation that stands still must not stop a timeout.
        self._timer = timer(node, _POLL_PERIOD, self._poll)

    def recover(self) -> None:
        """Tell what a bridge that died could not tell any more."""
        for source, status in self._journal.untold:
            self._report(source, replace(status, resent=True))

    # --- what happens to commands ---

    @property
    def open_runs(self) -> list[Run]:
        """Runs that have not ended, oldest first."""
        return list(self._open.values())

    @property
    def recovering(self) -> bool:
        """Whether it is not yet known what became of the goals of a bridge that died."""
        return bool(self._left)

    @property
    def latch(self) -> str:
        """'stopped' or 'paused' while no command may move the robot, else empty."""
        return self._journal.latch

    def set_latch(self, latch: str) -> None:
        """Stop, pause or (with '') free the robot; it stays so over a restart."""
        self._journal.set_latch(latch)

    def free(self) -> list[Run]:
        """Let the robot move again, and what was paused go on; the runs that do."""
        self.set_latch('')
        self._trees.resume()
        resumed = [run for run in self.open_runs if run.paused]
        for run in resumed:
            if run.kind is not None:
                run.kind.resume(run)
        return resumed

    def problems(self, command: str, parameters: Mapping[str, Any]) -> list[str]:
        """Why a command could never be run with these parameters."""
        if command not in self.kinds:
            return [self._unknown(command)]
        checker = self._checkers[command]
        return checker.problems(checker.fill(parameters))

    def menu(self) -> dict[str, Any]:
        """What can be commanded: kind, description and the schema of the parameters."""
        return {
            name: {
                'kind': kind.settings['kind'],
                'description': kind.settings['description'],
                'parameters': self._checkers[name].schema,
            }
            for name, kind in self.kinds.items()
        }

    def status(self, command_id: str) -> CommandStatus | None:
        """How a command stands or ended; None if it is not known."""
        run = self._open.get(command_id)
        return run.status if run else self._journal.ended(command_id)

    def execute(self, command: RemoteCommand, source: str) -> Run:
        """Run a command that came from `source`; its status is reported from here on."""
        self._ordered(source, command)
        if command.command_id:
            known = self._known(command, source)
            if known is not None:
                if known.status is not None:
                    self._report(source, replace(known.status, resent=True))
                return known
        else:
            command = replace(command, command_id=uuid.uuid4().hex)
        kind = self.kinds.get(command.command)
        if kind is not None:
            command = replace(
                command, parameters=self._checkers[kind.name].fill(command.parameters)
            )
        run = Run(command, source, kind, self._told, self._on_end)
        if kind is None:
            run.reject('unknown_command', self._unknown(command.command), known=sorted(self.kinds))
        else:
            self._admit(run, kind)
        return run

    def cancel(self, run: Run) -> None:
        """Begin to end a run as canceled."""
        if not run.open or run.canceling or run.kind is None:
            return
        run.canceling = True
        if self._channels.withdraw(run, run.kind):
            run.canceled('cancelled before it began')
        else:
            run.kind.cancel(run)

    def moves_base(self, command: str) -> bool:
        """Whether a command may move the base; of one not known it is not known either."""
        kind = self.kinds.get(command)
        return kind is None or (kind.motion and kind.channel == BASE)

    def clear_base(self, by: str) -> bool:
        """Cancel what moves the base in favour of a tree; whether the base is free."""
        return self._channels.clear(BASE, by)

    def record_tree_goal(self, tree: TreeRun, action: str, goal_id: bytes) -> None:
        """Note that a goal is about to be sent by a tree."""
        if not tree.command_id:
            self._journal.open(tree.id, '', TREE)
        self._journal.goal(
            tree.command_id or tree.id, GoalRecord(action, goal_id.hex(), leave=False)
        )

    def tree_ended(self, tree: TreeRun) -> None:
        """Go on with what waited for the end of a tree."""
        self._journal.drop(tree.id)
        self._channels.go_on(BASE)

    def record_goal(self, run: Run, action: str, goal_id: bytes, *, leave: bool) -> None:
        """Note that a goal is about to be sent for a run."""
        self._journal.goal(run.id, GoalRecord(action, goal_id.hex(), leave))

    def lose(self, source: str) -> None:
        """End at once what only goes on while its sender is there."""
        for run in self.open_runs:
            if run.source == source and run.kind is not None and run.kind.streams:
                self.cancel(run)

    # --- inside ---

    def _unknown(self, name: str) -> str:
        near = difflib.get_close_matches(name, sorted(self.kinds), 1)
        hint = f'; did you mean "{near[0]}"?' if near else ''
        return f'there is no command "{name}"{hint}'

    def _known(self, command: RemoteCommand, source: str) -> Run | None:
        run = self._open.get(command.command_id)
        if run is not None:
            return run
        status = self._journal.ended(command.command_id)
        if any(left.command_id == command.command_id for left, _ in self._left):
            status = CommandStatus(command.command_id, command.command, CommandState.ACCEPTED)
        return Run.remembered(command, source, status) if status else None

    def _admit(self, run: Run, kind: Kind) -> None:
        """Reject a run, or accept and start it."""
        self._check(run, kind)
        if run.open and not kind.urgent:
            self._channels.refuse(run, kind)
        if not run.open:
            return
        self._open[run.id] = run
        self._journal.open(run.id, run.command.command, run.source)
        if not kind.streams:
            run.accept()
        self._channels.enter(run, kind)
        if self._timer.is_canceled():  # A running one would be put off by each command.
            self._timer.reset()

    def _check(self, run: Run, kind: Kind) -> None:
        limits, command, checker = self._limits, run.command, self._checkers[kind.name]
        if not kind.urgent:
            self._check_load(run, kind)
        if not run.open:
            return
        if late := expired(
            command,
            kind.settings['max_age'] or limits['max_age'],
            limits['clock_skew'],
            self._clock_offset(run.source),
        ):
            run.reject('expired', late)
        elif problems := checker.problems(command.parameters):
            run.reject('bad_parameters', '; '.join(problems), schema=checker.schema)
        elif kind.motion and self.latch:
            run.reject(self.latch, _LATCHES[self.latch])
        else:
            self._guarded(run, kind.prepare)

    def _check_load(self, run: Run, kind: Kind) -> None:
        rates = self._rate, self._rates[kind.name]
        wait = max(rate.wait() for rate in rates)
        if wait > 0.0:
            run.reject(
                'rate_limited',
                f'too many commands; try again in {wait:.2f} s',
                retry_after=round(wait, 3),
            )
        elif len(self._open) >= self._limits['max_open']:
            run.reject('too_many_open', f'{len(self._open)} commands are open')
        else:
            for rate in rates:
                rate.take()

    def _start(self, run: Run) -> None:
        kind = run.kind
        assert kind is not None
        deadline = run.command.deadline
        if kind.motion and self.latch and not (kind.pausable and self.latch == 'paused'):
            run.canceled(_LATCHES[self.latch])
            return
        platform_time = time.time() + self._clock_offset(run.source)
        if deadline is not None and platform_time - deadline > self._limits['clock_skew']:
            run.overdue = 'its deadline passed while it waited'
            run.canceled('')
            return
        run.started = True
        run.give_up_at = time.monotonic() + kind.timeout
        self._guarded(run, kind.start)

    def _guarded(self, run: Run, do: Callable[[Run], None]) -> None:
        """Let a bug in one kind end one command, not the bridge."""
        try:
            do(run)
        except Exception as error:
            self._logger.error(f'{run.command.command} {run.id}: {error!r}')
            run.fail('internal_error', f'{type(error).__name__}: {error}')

    def _poll(self) -> None:
        now = time.monotonic()
        for run in self.open_runs:
            run.flush_progress(now)
            if run.kind is None or not run.open:
                continue
            self._guarded(run, run.kind.poll)
            if run.paused:
                run.give_up_at += _POLL_PERIOD
            elif run.open and now > run.give_up_at and not run.overdue:
                run.overdue = f'not done within {run.kind.timeout:g} s'
                self.cancel(run)
        self._settle_left()
        if not self._open and not self._left:
            self._timer.cancel()

    def _settle_left(self) -> None:
        """End the commands of a bridge that died, as soon as it is known how they stand."""
        for command, goals in self._left[:]:
            for goal in goals:
                goal.poll()
            if all(goal.fate for goal in goals):
                self._left.remove((command, goals))
                for goal in goals:
                    goal.close()
                self._tell_interrupted(command, goals)

    def _tell_interrupted(self, command: Interrupted, goals: list[OrphanedGoal]) -> None:
        running = any(goal.running for goal in goals)
        fates = '; '.join(f'{goal.record.action}: {goal.fate}' for goal in goals)
        if not command.command:
            self._journal.drop(command.command_id)
            self._logger.warning(f'a tree was interrupted; its goals: {fates}')
            return
        status = CommandStatus(
            command.command_id,
            command.command,
            CommandState.FAILED,
            error={
                'code': 'interrupted',
                'message': 'the bridge was restarted while it was under way; '
                + (fates or 'no goal had been sent for it'),
                'goal_may_be_running': running,
            },
        )
        self._journal.end(command.source, status)
        self._report(command.source, status)

    def _told(self, run: Run) -> None:
        status = run.status
        assert status is not None
        if status.state.terminal:
            # Before anybody is told, so that after a crash nobody is told otherwise. What came
            # too often may come again under its id.
            code = (status.error or {}).get('code')
            streams = run.kind is not None and run.kind.streams
            self._journal.end(run.source, status, remember=code != 'rate_limited' and not streams)
        self._report(run.source, status)

    def _on_end(self, run: Run) -> None:
        if self._open.pop(run.id, None) is not None and run.kind is not None:
            self._channels.leave(run, run.kind)


def _make_kinds(configuration: Configuration, robot: Robot) -> dict[str, Kind]:
    installed = {point.name: point for point in entry_points(group='xparo_bridge.commands')}
    kinds: dict[str, Kind] = {}
    problems: list[str] = []
    for name, settings in configuration['commands'].items():
        path = ('commands', name)
        point = installed.get(settings['kind'])
        if point is None:
            problems.append(
                configuration.problem(
                    (*path, 'kind'), f'no such kind; known: {", ".join(sorted(installed))}'
                )
            )
            continue
        try:
            cls: type[Kind] = point.load()
            kinds[name] = cls(name, configuration.section(path, cls.settings_schema), robot)
        except SettingsError as error:
            problems.append(configuration.problem((*path, *error.path), str(error)))
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    return kinds


def _make_checkers(configuration: Configuration, kinds: Mapping[str, Kind]) -> dict[str, Checker]:
    checkers = {name: Checker(kind) for name, kind in kinds.items()}
    problems = []
    for name, kind in kinds.items():
        known = checkers[name].schema.get('properties', {})
        for key, value in kind.settings['defaults'].items():
            path = ('commands', name, 'defaults', key)
            if key not in known:
                problems.append(
                    configuration.problem(
                        path, f'no such parameter; known: {", ".join(known) or "none"}'
                    )
                )
            else:
                problems += [
                    configuration.problem(path, text)
                    for text in checkers[name].problems_of(key, value)
                ]
    if problems:
        raise ConfigurationError(problems)
    return checkers
