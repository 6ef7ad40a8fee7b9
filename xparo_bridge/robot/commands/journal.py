# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What must be known of commands after the bridge died: which were open, and how the last ones ended.

A file of JSON lines, appended to as things happen and rewritten when it has grown. Every line is
handed to the operating system before anybody is told what it says, so it survives the death of the
process; a power cut may cost the last seconds. A last line that is torn counts as not written.
While the disk does not take lines, the memory is all there is; it is tried again now and then.

| line | says |
|---|---|
| {open, command, source} | a command was accepted; without its name, a tree of no command moves |
| {goal, action, goal_id, leave} | a goal is about to be sent for it |
| {end, status, at} | it has ended |
| {latch} | the robot is stopped or paused, or neither |
| {closed} | the bridge ended as it should, and the platform has all that was told |
"""

from __future__ import annotations

import base64
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
import errno
import json
import os
import time
from typing import Any, BinaryIO

from ...messages import CommandState, CommandStatus
from ...state_directory import StateFile

# The file is rewritten when it has so many more lines than the memory needs.
_SLACK = 4000
# A result larger than this is not kept for a command that is sent twice, bytes.
_MAX_STATUS = 16384
# Ends younger than this when the bridge died may not have reached the platform, s.
_FRESH = 60.0
_MAX_FRESH = 200
# How often a disk that failed is tried again, s.
_RETRY_PERIOD = 2.0


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
    """The memory of commands in one file."""

    def __init__(
        self, file: StateFile, remembered: int, complain: Callable[[str], object]
    ) -> None:
        """Read what an earlier bridge left; keep the ends of so many commands."""
        self._whole = file
        self._remembered = remembered
        self._complain = complain
        self._file: BinaryIO | None = None
        self._retry_at = 0.0
        self._lines = 0
        self._ended: OrderedDict[str, tuple[str, CommandStatus, float, str]] = OrderedDict()
        self._open: dict[str, Interrupted] = {}
        self._latch: str | None = None
        # Why it is not known whether the robot was stopped; empty if it is.
        self.damaged = ''
        for line in self._read():
            self._lines += 1
            self._replay(line)
        self._forget()
        if self._lines and self._latch is None:
            self.damaged = self.damaged or f'{file.path} does not say'
        last = max((at for _, _, at, _ in self._ended.values()), default=0.0)
        self._fresh = (
            [
                (source, status)
                for source, status, at, _ in self._ended.values()
                if at > last - _FRESH
            ][-_MAX_FRESH:]
            if self._lines
            else []
        )
        self._rewrite()

    @property
    def interrupted(self) -> list[Interrupted]:
        """Commands that are open; read it before any is opened."""
        return list(self._open.values())

    @property
    def untold(self) -> list[tuple[str, CommandStatus]]:
        """Sources and ends that a bridge which died may have taken with it."""
        return self._fresh

    def ended(self, command_id: str) -> CommandStatus | None:
        """How a command ended, if it is remembered."""
        entry = self._ended.get(command_id)
        return entry[1] if entry else None

    def digest(self, command_id: str) -> str:
        """Return the digest of a command that is open or remembered; empty if it has none."""
        if command_id in self._open:
            return self._open[command_id].digest
        entry = self._ended.get(command_id)
        return entry[3] if entry else ''

    def open(self, command_id: str, command: str, source: str, digest: str = '') -> None:
        """Note that a command was accepted, or that a tree ('') is about to send goals."""
        if command_id not in self._open:
            self._open[command_id] = Interrupted(command_id, command, source, digest=digest)
            self._append(_open_line(self._open[command_id]))

    def goal(self, command_id: str, goal: GoalRecord) -> None:
        """Note that a goal is about to be sent."""
        self._open[command_id].goals.append(goal)
        self._append(_goal_line(command_id, goal))

    def end(
        self, source: str, status: CommandStatus, *, remember: bool = True, digest: str = ''
    ) -> None:
        """Note how a command ended; `digest` is that of what was commanded."""
        if not remember:
            self.drop(status.command_id)
            return
        self._open.pop(status.command_id, None)
        at = time.time()
        kept = _kept(status)
        self._ended[status.command_id] = source, kept, at, digest
        self._forget()
        self._append(_end_line(source, kept, at, digest))

    def drop(self, command_id: str) -> None:
        """Note that something has ended, but not how."""
        if self._open.pop(command_id, None) is not None:
            self._append({'end': command_id})

    @property
    def value(self) -> str:
        """Whether the robot is 'stopped' or 'paused', else empty: the record of the lock."""
        return self._latch or ''

    def set(self, value: str) -> None:  # noqa: A003
        """Note that the robot is stopped, paused, or neither ('')."""
        self._latch = value
        self.damaged = ''
        self._append({'latch': value})

    def close(self) -> None:
        """Note that all was told, and let go of the file."""
        self._append({'closed': True})
        self._release()

    def _release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _forget(self) -> None:
        while len(self._ended) > self._remembered:
            self._ended.popitem(last=False)

    def _read(self) -> Iterator[dict[str, Any]]:
        text = self._whole.read()
        for line in text.splitlines(keepends=True):
            try:
                value = json.loads(line)
                if not isinstance(value, dict):
                    raise ValueError('expected a JSON object')
            except (ValueError, RecursionError) as error:
                # A last line that is torn is what a death in the middle of writing leaves.
                if line.endswith('\n'):
                    self.damaged = f'{self._whole.path}: a line is damaged: {error}'
                continue
            yield value

    def _replay(self, line: dict[str, Any]) -> None:
        try:
            if 'open' in line:
                self._open[line['open']] = Interrupted(
                    line['open'], line['command'], line['source'], digest=line.get('digest', '')
                )
            elif 'goal' in line and line['goal'] in self._open:
                self._open[line['goal']].goals.append(
                    GoalRecord(line['action'], line['goal_id'], line['leave'])
                )
            elif 'end' in line:
                self._open.pop(line['end'], None)
                if 'status' in line:
                    status = line['status']
                    self._ended[line['end']] = (
                        line['source'],
                        CommandStatus(
                            line['end'],
                            status['command'],
                            CommandState(status['state']),
                            result=status.get('result'),
                            error=status.get('error'),
                        ),
                        line['at'],
                        line.get('digest', ''),
                    )
            elif 'latch' in line:
                self._latch = line['latch']
                if not isinstance(self._latch, str):
                    raise TypeError('expected a string')
            elif 'closed' in line:
                self._lines = 0
        except (KeyError, TypeError, ValueError) as error:
            self.damaged = f'{self._whole.path}: a line is not understood: {error!r}'
            self._complain(self.damaged)

    def _append(self, line: dict[str, Any]) -> None:
        if self._file is None:
            if time.monotonic() >= self._retry_at:
                self._rewrite()  # What the line says is in memory by now.
            return
        data = _dumps(line).encode()
        try:
            if self._file.write(data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self._failed(error)
            return
        self._lines += 1
        if self._lines > self._remembered + _SLACK:
            self._rewrite()

    def _rewrite(self) -> None:
        self._release()
        lines = [_end_line(*entry) for entry in self._ended.values()]
        for entry in self._open.values():
            lines += [
                _open_line(entry),
                *(_goal_line(entry.command_id, goal) for goal in entry.goals),
            ]
        lines.append({'latch': self.value})
        self._lines = len(lines) - len(self._ended)
        self._retry_at = time.monotonic() + _RETRY_PERIOD
        if self._whole.write(''.join(map(_dumps, lines)), sync=False):
            try:
                self._file = self._whole.path.open('ab', buffering=0)
            except OSError as error:
                self._failed(error)

    def _failed(self, error: OSError) -> None:
        """Go on without the disk: what commands lose is their memory of a crash."""
        self._release()
        self._retry_at = time.monotonic() + _RETRY_PERIOD
        self._whole.outcome(self._whole.path, error)


def _open_line(entry: Interrupted) -> dict[str, Any]:
    return {
        'open': entry.command_id,
        'command': entry.command,
        'source': entry.source,
        'digest': entry.digest,
    }


def _goal_line(command_id: str, goal: GoalRecord) -> dict[str, Any]:
    return {
        'goal': command_id,
        'action': goal.action,
        'goal_id': goal.goal_id,
        'leave': goal.leave,
    }


def _kept(status: CommandStatus) -> CommandStatus:
    """Return a status as it is remembered: without what is too large."""
    result, error = status.result, status.error
    if result and len(_dumps(result)) > _MAX_STATUS:
        result = {'omitted': 'the result was too large to be kept'}
    if error and len(_dumps(error)) > _MAX_STATUS:
        error = {key: str(error.get(key, ''))[:1000] for key in ('code', 'message')}
    return replace(status, result=result, error=error, progress=None)


def _end_line(source: str, status: CommandStatus, at: float, digest: str) -> dict[str, Any]:
    return {
        'end': status.command_id,
        'source': source,
        'status': {
            'command': status.command,
            'state': status.state.value,
            'error': status.error,
            'result': status.result,
        },
        'at': at,
        'digest': digest,
    }


def _dumps(value: Any) -> str:
    return json.dumps(value, separators=(',', ':'), default=_plain) + '\n'


def _plain(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    return str(value)
