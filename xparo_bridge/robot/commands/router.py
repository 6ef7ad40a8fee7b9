# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The router: every remote command passes here, whichever door it came by.

It knows which commands exist, checks parameters, gives ids, keeps one command at a time on a
channel, and sees that each command ends in exactly one terminal state. What a command does is its
kind's business.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
import difflib
from importlib.metadata import entry_points
import time
from typing import Any, TYPE_CHECKING
import uuid

import jsonschema
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node

from ...configuration import Configuration, ConfigurationError
from ...messages import CommandStatus, RemoteCommand
from .kind import Kind, Robot
from .run import Run

if TYPE_CHECKING:
    from ...behavior.ros.trees import Trees

# How many ended commands are remembered, so that one that is sent twice is not run twice.
_REMEMBERED = 1000
_POLL_PERIOD = 0.1

Report = Callable[[str, CommandStatus], None]


class Router:
    """Runs commands and reports how they go; lives on the ROS thread."""

    def __init__(self, node: Node, configuration: Configuration, report: Report,
                 trees: Trees) -> None:
        """
        Make the commands of the configuration.

        `report(source, status)` is told every change. Raises ConfigurationError for a command
        that cannot work.
        """
        self._report = report
        self._logger = node.get_logger().get_child('commands')
        self._kinds = _make_kinds(configuration, Robot(
            node, configuration['places'], self, trees))
        self._open: dict[str, Run] = {}
        self._ended: OrderedDict[str, Run] = OrderedDict()
        self._holding: dict[str, Run] = {}
        self._waiting: dict[str, Run] = {}
        # Steady time: a simulation that stands still must not stop a timeout.
        self._timer = node.create_timer(
            _POLL_PERIOD, self._poll, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._timer.cancel()

    @property
    def open_runs(self) -> list[Run]:
        """Runs that have not ended, oldest first."""
        return list(self._open.values())

    def execute(self, command: RemoteCommand, source: str) -> Run:
        """Run a command that came from `source`; its status is reported from here on."""
        known = self._open.get(command.command_id) or self._ended.get(command.command_id)
        if known is not None:
            if known.status is not None:
                self._report(source, known.status)
            return known
        if not command.command_id:
            command = replace(command, command_id=uuid.uuid4().hex)
        kind = self._kinds.get(command.command)
        run = Run(command, source, kind, self._told, self._on_end)
        self._open[run.id] = run
        if kind is None:
            known_names = sorted(self._kinds)
            near = difflib.get_close_matches(command.command, known_names, 1)
            hint = f'; did you mean "{near[0]}"?' if near else ''
            run.reject('unknown_command', f'there is no command "{command.command}"{hint}',
                       known=known_names)
            return run
        problems = _check(kind, command.parameters)
        if problems:
            run.reject('bad_parameters', '; '.join(problems), schema=kind.parameters_schema())
            return run
        self._take_channel(run, kind)
        if self._timer.is_canceled() and self._open:
            self._timer.reset()
        return run

    def cancel(self, run: Run) -> None:
        """Begin to end a run as canceled."""
        if not run.open or run.canceling:
            return
        run.canceling = True
        channel = run.kind.channel if run.kind else None
        if channel is not None and self._waiting.get(channel) is run:
            del self._waiting[channel]
            run.canceled('cancelled before it began')
        elif run.kind is not None:
            run.kind.cancel(run)

    def _take_channel(self, run: Run, kind: Kind) -> None:
        """Start a run, or let it wait until the one it preempts has ended."""
        channel = kind.channel
        if channel is not None:
            waiting = self._waiting.pop(channel, None)
            if waiting is not None:
                waiting.preempted_by = run.id
                waiting.canceled('')
            old = self._holding.get(channel)
            if old is not None:
                old.preempted_by = run.id
                if not kind.takes_over(old):
                    self._waiting[channel] = run
                    self.cancel(old)
                    return
                run.replaces = old
            self._holding[channel] = run
        self._start(run, kind)

    def _start(self, run: Run, kind: Kind) -> None:
        run.give_up_at = time.monotonic() + kind.timeout
        try:
            kind.start(run)
        except Exception as error:  # A bug in one kind ends one command, not the bridge.
            self._logger.error(f'{run.command.command} {run.id}: {error!r}')
            run.fail('internal_error', f'{type(error).__name__}: {error}')

    def _poll(self) -> None:
        now = time.monotonic()
        for run in self.open_runs:
            run.flush_progress(now)
            if run.kind is None or not run.open:
                continue
            run.kind.poll(run)
            if run.open and now > run.give_up_at and not run.overdue:
                run.overdue = f'not done within {run.kind.timeout:g} s'
                self.cancel(run)
        if not self._open:
            self._timer.cancel()

    def _told(self, run: Run) -> None:
        assert run.status is not None
        self._report(run.source, run.status)

    def _on_end(self, run: Run) -> None:
        self._open.pop(run.id, None)
        self._ended[run.id] = run
        while len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)
        channel = run.kind.channel if run.kind else None
        if channel is None or self._holding.get(channel) is not run:
            return
        del self._holding[channel]
        old = run.replaces
        if old is not None and old.open and not old.canceling:
            # It was to be replaced by a run that never took over, so it goes on as if nothing was.
            old.preempted_by = ''
            self._holding[channel] = old
            return
        following = self._waiting.pop(channel, None)
        if following is not None and following.kind is not None:
            self._holding[channel] = following
            self._start(following, following.kind)


def _check(kind: Kind, parameters: Mapping[str, Any]) -> list[str]:
    validator = jsonschema.Draft202012Validator(kind.parameters_schema())
    return [(f'{".".join(map(str, error.path))}: ' if error.path else '') + error.message
            for error in validator.iter_errors(dict(parameters))]


def _make_kinds(configuration: Configuration, robot: Robot) -> dict[str, Kind]:
    installed = {point.name: point for point in entry_points(group='xparo_bridge.commands')}
    kinds: dict[str, Kind] = {}
    problems: list[str] = []
    for name, settings in configuration['commands'].items():
        path = ('commands', name)
        point = installed.get(settings['kind'])
        if point is None:
            problems.append(configuration.problem(
                (*path, 'kind'), f'no such kind; known: {", ".join(sorted(installed))}'))
            continue
        try:
            cls: type[Kind] = point.load()
            kinds[name] = cls(name, configuration.section(path, cls.settings_schema), robot)
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    return kinds
