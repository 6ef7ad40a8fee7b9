# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Decide whether a command is let in: known, in time, not too often, right, and free to move.

Every check that can refuse a command is here or in its kind's `prepare`, which is asked last, and
each answers with a Rejection or None; nothing here acts on a run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
import time
from typing import Any

from ...alike import alike
from ...clock import CLOCK_SET, YEAR
from ...configuration import Configuration, ConfigurationError
from ...faults import FAULTS
from ...json_schema import SchemaError
from ...messages import ErrorCode, RemoteCommand
from ...token_bucket import TokenBucket
from .kind import Kind
from .motion_lock import MotionLock
from .parameter_check import Checker, clip
from .run import Rejection, Run


class Admission:
    """Decides for each command that comes whether it is run."""

    def __init__(
        self,
        configuration: Configuration,
        kinds: Mapping[str, Kind[Any]],
        lock: MotionLock,
        clock_offset: Callable[[str], float],
    ) -> None:
        """
        Take the commands there are, and each sender's clock minus the robot's, s.

        :raises ConfigurationError: for a default that its own command would refuse.
        """
        self._limits = configuration['command_limits']
        self._kinds = kinds
        self._lock = lock
        self._clock_offset = clock_offset
        self._checkers = _make_checkers(configuration, kinds)
        self._rate = TokenBucket(self._limits['max_rate'], self._limits['burst'])
        self._rates = {
            name: TokenBucket(kind.settings['max_rate'], kind.settings['burst'])
            for name, kind in kinds.items()
        }

    def read(self, command: RemoteCommand, source: str) -> tuple[RemoteCommand, tuple[str, ...]]:
        """
        Return a command with the defaults of what it leaves out, and notes on what is wrong.

        Only a command that acts unconditionally has notes: what of it cannot be used is left out.
        """
        checker = self._checkers.get(command.command)
        if checker is None:
            return command, ()
        kind = self._kinds[command.command]
        parameters, notes = command.parameters, list(command.problems)
        if kind.unconditional:
            try:
                parameters, wrong = checker.usable(parameters)
            except Exception as error:  # It acts all the same.
                parameters, wrong = {}, [FAULTS.note(f'the parameters of {kind.name}', error)]
            late = self._too_late(command, source, kind)
            notes += [*wrong, *([late.message] if late else [])]
        command = replace(command, parameters=checker.fill(parameters))
        return command, tuple(clip(note, 300) for note in notes[:10]) if kind.unconditional else ()

    def admit(self, run: Run[Any], kind: Kind[Any], number_open: int) -> Rejection | None:
        """Say why a run of a command that is known is not let in."""
        if kind.unconditional:
            return kind.prepare(run)
        return (
            (None if kind.urgent else self._too_many(kind, number_open))
            or self.unreadable(run.command)
            or self._too_late(run.command, run.source, kind)
            or self._bad_parameters(run.command, kind)
            or self.locked(run.command, kind)
            or kind.prepare(run)
        )

    def unreadable(self, command: RemoteCommand) -> Rejection | None:
        """Say what of a command could not be read."""
        if not command.problems:
            return None
        problems = '; '.join(clip(problem, 300) for problem in command.problems[:10])
        return Rejection(ErrorCode.BAD_PARAMETERS, problems)

    def of_no_kind(self, command: RemoteCommand) -> Rejection:
        """Say of a command why it has no kind: its name could not be read, or is not known."""
        unreadable = self.unreadable(command) if not command.command else None
        return unreadable or self.unknown(command.command)

    def unknown(self, name: str) -> Rejection:
        """Say that there is no command of a name, and which there are."""
        short = clip(name, 80)
        near = alike(short, sorted(self._kinds), 1)
        hint = f'; did you mean "{near[0]}"?' if near else ''
        return Rejection(
            ErrorCode.UNKNOWN_COMMAND,
            f'there is no command "{short}"{hint}',
            {'known': sorted(self._kinds)},
        )

    def problems(self, command: str, parameters: Mapping[str, Any]) -> list[str]:
        """Return why a command could never be run with these parameters."""
        if command not in self._kinds:
            return [self.unknown(command).message]
        checker = self._checkers[command]
        return _problems(self._kinds[command], checker, checker.fill(parameters))

    def menu(self) -> dict[str, Any]:
        """Return what can be commanded: kind, description and the schema of the parameters."""
        return {
            name: {
                'kind': kind.settings['kind'],
                'description': kind.settings['description'],
                'parameters': self._checkers[name].schema,
            }
            for name, kind in self._kinds.items()
        }

    def locked(self, command: RemoteCommand, kind: Kind[Any]) -> Rejection | None:
        """Say why a command may not begin to move the robot now."""
        if not kind.motion:
            return None
        if self._lock.locked:
            return Rejection(self._lock.state.value, self._lock.words)
        if self._lock.came_before_stop(command.received_at):
            return Rejection(ErrorCode.STOPPED, 'it came before the robot was stopped')
        return None

    def overdue(self, run: Run[Any]) -> bool:
        """Whether the deadline of a run that waited has passed."""
        deadline = run.command.deadline
        now = time.time() + self._clock_offset(run.source)
        return deadline is not None and now - deadline > self._limits['clock_skew']

    def _too_many(self, kind: Kind[Any], number_open: int) -> Rejection | None:
        rates = self._rate, self._rates[kind.name]
        wait = max(rate.wait() for rate in rates)
        if wait > 0.0:
            return Rejection(
                ErrorCode.RATE_LIMITED,
                f'too many commands; try again in {wait:.2f} s',
                {'retry_after': round(wait, 3)},
            )
        if number_open >= self._limits['max_open']:
            return Rejection(ErrorCode.TOO_MANY_OPEN, f'{number_open} commands are open')
        for rate in rates:
            rate.count()
        return None

    def _too_late(self, command: RemoteCommand, source: str, kind: Kind[Any]) -> Rejection | None:
        late = expired(
            command,
            kind.settings['max_age'] or self._limits['max_age'],
            self._limits['clock_skew'],
            self._clock_offset(source),
        )
        if late:
            return Rejection(ErrorCode.EXPIRED, late)
        ahead = far_ahead(command, self._clock_offset(source))
        return Rejection(ErrorCode.BAD_PARAMETERS, ahead) if ahead else None

    def _bad_parameters(self, command: RemoteCommand, kind: Kind[Any]) -> Rejection | None:
        checker = self._checkers[kind.name]
        problems = checker.problems(command.parameters)
        if not problems:
            return None
        return Rejection(ErrorCode.BAD_PARAMETERS, '; '.join(problems), {'schema': checker.schema})


def _make_checkers(
    configuration: Configuration, kinds: Mapping[str, Kind[Any]]
) -> dict[str, Checker]:
    checkers: dict[str, Checker] = {}
    problems = []
    for name, kind in kinds.items():
        try:
            checkers[name] = Checker(kind)
        except SchemaError as error:
            text = f'the schema of its parameters is no JSON Schema: {error.message}'
            problems.append(configuration.problem(('commands', name, 'kind'), text))
            continue
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
        if kind.settings['defaults'] and not problems:
            # As far as the defaults are a command by themselves.
            whole = checkers[name].fill({})
            if not checkers[name].problems(whole):
                problems += [
                    configuration.problem(('commands', name, 'defaults'), text)
                    for text in _problems(kind, checkers[name], whole)
                ]
    if problems:
        raise ConfigurationError(problems)
    return checkers


def _problems(kind: Kind[Any], checker: Checker, parameters: Mapping[str, Any]) -> list[str]:
    """Return why a command can never be run with parameters: wrong ones, and unknown places."""
    found = checker.problems(parameters)
    if found or kind.urgent:
        return found
    run: Run[Any] = Run(RemoteCommand(kind.name, parameters), '', kind, lambda run: None)
    rejection = kind.prepare(run)
    never = rejection is not None and rejection.code in (
        ErrorCode.BAD_PARAMETERS,
        ErrorCode.UNKNOWN_PLACE,
    )
    return [rejection.message] if rejection is not None and never else []


def far_ahead(command: RemoteCommand, clock_offset: float = 0.0) -> str:
    """Say which time of a command is so far ahead that it is none; empty if there is no such."""
    now = time.time() + clock_offset
    for key, moment in (('issued_at', command.issued_at), ('deadline', command.deadline)):
        if moment is not None and moment - now > YEAR and now > CLOCK_SET:
            return (
                f'"{key}" is {(moment - now) / 86400:.0f} days ahead; expected Unix seconds or an '
                'ISO 8601 text'
            )
    return ''


def expired(
    command: RemoteCommand, max_age: float, clock_skew: float, clock_offset: float = 0.0
) -> str:
    """
    Say why a command comes too late; empty if it does not.

    Its times are the sender's clock, which is `clock_offset` ahead of ours and may be `clock_skew`
    off that, s.
    """
    now = time.time() + clock_offset
    known = (
        f" by the platform's clock, which is {clock_offset:+.0f} s off the robot's"
        if abs(clock_offset) > clock_skew
        else ''
    )
    if command.deadline is not None and now - command.deadline > clock_skew:
        return f'its deadline was {now - command.deadline:.1f} s ago{known}'
    if command.issued_at is not None and now - command.issued_at > max_age + clock_skew:
        return (
            f'it was issued {now - command.issued_at:.1f} s ago{known}; '
            f'at most {max_age:g} s are allowed'
        )
    return ''
