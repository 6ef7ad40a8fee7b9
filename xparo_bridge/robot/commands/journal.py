# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What must be known of commands after the bridge died: which were open, and how the last ones ended.

A row for each command, in memory and behind that in the state's file. Nobody waits for the disk
here: a row is on record before the platform learns what it says, because the links send a status
once the state's writer has committed all that was put before it. While the disk fails the memory
is all there is.

| row of | value |
|---|---|
| an open command | {command, source, digest, goals: [[action, goal_id, leave]]} |
| a tree of no command that moves | the same, with an empty command |
| one that ended | {command, source, digest, state, result, error, at} |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
import re
import secrets
import time
from typing import Any

from ...json_reader import JsonError, read_own_object
from ...json_writer import dumps_any
from ...messages import CommandState, CommandStatus
from ...redaction import redacted, redacted_value
from ...ros.goal_ids import MARK_LENGTH
from ...state import NoRoom, State

# A result or an error larger than this is not kept for a command that is sent twice, bytes.
_MAX_RESULT, _MAX_ERROR = 16384, 4096
# Room for all: the oldest ends make room for newer ones, open commands never do.
_MAX_BYTES = 8 * 1024 * 1024
_MAX_OPEN = 10_000
# Ends younger than this when the bridge died may not have reached the platform, s.
_FRESH = 60.0
_MAX_FRESH = 200
_ENDED_WELL, _MARK = 'ended well', 'mark of goals'
_GOAL_ID = re.compile('[0-9a-f]{32}')


@dataclass(frozen=True)
class GoalRecord:
    """A goal that was sent; `leave` is whether it may go on without the bridge."""

    action: str
    goal_id: str
    leave: bool


@dataclass
class Interrupted:
    """A command that was open when the bridge died, or a tree that no command (then '') began."""

    command_id: str
    command: str
    source: str
    goals: list[GoalRecord] = field(default_factory=list)
    digest: str = ''


class Journal:
    """The memory of commands; lives on the ROS thread."""

    def __init__(self, state: State, remembered: int, complain: Callable[[str], object]) -> None:
        """Read what an earlier bridge left; keep the ends of so many commands."""
        self._table = state.table(
            'commands', max_entries=remembered + _MAX_OPEN, max_bytes=2 * _MAX_BYTES
        )
        self._facts = state.table('facts', max_entries=100, max_bytes=100_000)
        self._lock = state.motion_lock
        self._remembered = remembered
        self._complain = complain
        self._open: dict[str, Interrupted] = {}
        # Bytes of the ended ones, the oldest first.
        self._ended: dict[str, int] = {}
        self._ended_bytes = 0
        self._full = False
        # Whether the run before did not end as it should; a first start has none before.
        self.died = self._facts.get(_ENDED_WELL) == 'false'
        self._fresh = self._read()
        self._forget()
        self._facts.put(_ENDED_WELL, 'false')
        if self._lock.damaged:
            complain(
                f'the robot stays stopped until the command resume, because it is not known '
                f'whether it was stopped: {self._lock.damaged}'
            )

    @property
    def mark(self) -> bytes:
        """What the ids of all goals of this bridge begin with, over its restarts."""
        kept = self._facts.get(_MARK) or ''
        if not re.fullmatch(f'[0-9a-f]{{{2 * MARK_LENGTH}}}', kept):
            kept = secrets.token_hex(MARK_LENGTH)
            self._facts.put(_MARK, kept)
        return bytes.fromhex(kept)

    @property
    def interrupted(self) -> list[Interrupted]:
        """Commands that are open; read it before any is opened."""
        return list(self._open.values())

    @property
    def unreported(self) -> list[tuple[str, CommandStatus]]:
        """Sources and ends that a bridge which died may have taken with it."""
        return self._fresh

    @property
    def value(self) -> str:
        """Whether the robot is 'stopped' or 'paused', else empty: the record of the lock."""
        return self._lock.value

    @property
    def damaged(self) -> str:
        """Why it is not known whether the robot was stopped; empty if it is."""
        return self._lock.damaged

    def set(self, value: str) -> None:  # noqa: A003
        """Note that the robot is stopped, paused, or neither ('')."""
        self._lock.set(value)

    def ended(self, command_id: str) -> CommandStatus | None:
        """How a command ended, if it is remembered."""
        value = self._value(_key(command_id)) if _key(command_id) in self._ended else None
        return None if value is None else _status(command_id, value)

    def digest(self, command_id: str) -> str:
        """Return the digest of a command that is open or remembered; empty if it has none."""
        value = self._value(_key(command_id))
        return '' if value is None else str(value.get('digest', ''))

    def open(self, command_id: str, command: str, source: str, digest: str = '') -> None:
        """Note that a command was accepted, or that a tree ('') is about to send goals."""
        key = _key(command_id)
        if key not in self._open:
            self._close(key)
            self._open[key] = Interrupted(command_id, command, source, digest=digest)
            self._put_open(key)

    def goal(self, command_id: str, goal: GoalRecord) -> None:
        """Note that a goal is about to be sent."""
        key = _key(command_id)
        self._open[key].goals.append(goal)
        self._put_open(key)

    def end(
        self, source: str, status: CommandStatus, *, remember: bool = True, digest: str = ''
    ) -> None:
        """Note how a command ended."""
        if not remember:
            self.drop(status.command_id)
            return
        key = _key(status.command_id)
        opened = self._open.get(key)
        self._close(key)
        text = dumps_any(
            {
                'command': redacted(status.command),
                'source': source,
                'digest': opened.digest if opened else digest,
                'state': status.state.value,
                'result': _bounded(status.result, _MAX_RESULT, {}),
                'error': _bounded(status.error, _MAX_ERROR, _shortened(status.error)),
                'at': status.time or time.time(),
            }
        )
        self._ended[key] = len(text)
        self._ended_bytes += len(text)
        self._put(key, text)
        self._forget()

    def drop(self, command_id: str) -> None:
        """Note that something has ended, but not how."""
        if _key(command_id) in self._open:
            self._close(_key(command_id))

    def close(self) -> None:
        """Note that all was reported."""
        self._facts.put(_ENDED_WELL, 'true')

    def _close(self, key: str) -> None:
        self._open.pop(key, None)
        self._ended_bytes -= self._ended.pop(key, 0)
        self._table.delete(key)

    def _forget(self) -> None:
        while self._ended and (
            len(self._ended) > self._remembered or self._ended_bytes > _MAX_BYTES
        ):
            self._close(next(iter(self._ended)))

    def _put_open(self, key: str) -> None:
        entry = self._open[key]
        goals = [[goal.action, goal.goal_id, goal.leave] for goal in entry.goals]
        self._put(
            key,
            dumps_any(
                {
                    'command': redacted(entry.command),
                    'source': entry.source,
                    'digest': entry.digest,
                    'goals': goals,
                }
            ),
        )

    def _put(self, key: str, text: str) -> None:
        try:
            self._table.put(key, text)
        except NoRoom as error:
            if not self._full:
                self._complain(f'a command is not kept over a restart: {error}')
            self._full = True

    def _value(self, key: str) -> dict[str, Any] | None:
        text = self._table.get(key)
        return None if text is None else read_own_object(text)

    def _read(self) -> list[tuple[str, CommandStatus]]:
        """Take what an earlier bridge left; the ends that may have died with it."""
        ends: list[tuple[float, str, str, CommandStatus]] = []
        for key, text in self._table.items():
            try:
                value = read_own_object(text)
                if 'state' in value:
                    end = float(value['at']), key, str(value['source']), _status(key, value)
                    self._ended[key] = len(text)
                    self._ended_bytes += len(text)
                    ends.append(end)
                else:
                    self._open[key] = _interrupted(key, value)
            except (JsonError, KeyError, TypeError, ValueError) as error:
                self._complain(f'the record of command {key:.100} is not understood: {error!r}')
                self._table.delete(key)
        if self._facts.get(_ENDED_WELL) == 'true':
            return []
        last = max((at for at, *_ in ends), default=0.0)
        return [(source, status) for at, _, source, status in ends if at > last - _FRESH][
            -_MAX_FRESH:
        ]


def _key(command_id: str) -> str:
    # Whoever names a command after a secret shall not have it in a file.
    return redacted(command_id)


def _interrupted(key: str, value: dict[str, Any]) -> Interrupted:
    goals = [
        GoalRecord(str(action), goal_id, bool(leave))
        for action, goal_id, leave in value['goals']
        if _GOAL_ID.fullmatch(goal_id)
    ]
    return Interrupted(
        key, str(value['command']), str(value['source']), goals, str(value.get('digest', ''))
    )


def _status(command_id: str, value: dict[str, Any]) -> CommandStatus:
    return CommandStatus(
        command_id,
        str(value['command']),
        CommandState(value['state']),
        result=value.get('result'),
        error=value.get('error'),
        source=str(value.get('source', '')),
        time=_time(value.get('at')),
    )


def _time(value: Any) -> float | None:
    return round(float(value), 3) if isinstance(value, (int, float)) else None


def _bounded(value: Any, max_bytes: int, kept: dict[str, Any]) -> Any:
    """What can be kept of a result or an error."""
    value = redacted_value(value)
    if value and len(dumps_any(value)) > max_bytes:
        return {**kept, 'omitted': f'it was larger than {max_bytes} bytes'}
    return value


def _shortened(error: Any) -> dict[str, Any]:
    if not isinstance(error, dict):
        return {}
    return {key: redacted(str(error[key]))[:1000] for key in ('code', 'message') if key in error}
