# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What the local platform remembers: of each robot, and of everything that happened, bounded."""

from __future__ import annotations

import asyncio
from collections import deque, OrderedDict
from dataclasses import dataclass, field
import json
import time
from typing import Any, IO

from .platform_frames import TERMINAL_STATES

EVENTS = 20_000
HISTORY = 1_000
COMMANDS = 10_000
EXCERPT = 2_000
EVENT_BYTES = 64 * 2**20  # of all events together, as text
_WELL = frozenset({'accepted', 'running', 'paused', 'succeeded'})
Entry = tuple[dict[str, Any], str]

LARGEST_KEPT = 2**18  # bytes of a message that is kept of a robot; a larger one is only counted


@dataclass
class RobotRecord:
    """One robot: what it said last and lately. It outlives its connections."""

    robot_id: str
    connected: bool = True
    connections: int = 0
    telemetry: dict[str, Any] = field(default_factory=dict)
    robot_info: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    chat: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=HISTORY))
    command_status: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=HISTORY))
    behavior_status: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=HISTORY))
    errors: deque[str] = field(default_factory=lambda: deque(maxlen=HISTORY))
    # Last status of each command; the oldest are forgotten.
    commands: OrderedDict[str, dict[str, Any]] = field(default_factory=OrderedDict)
    # Ids of the latest messages, to know one that is sent again.
    message_ids: OrderedDict[str, None] = field(default_factory=OrderedDict)
    seen: float = field(default_factory=time.time)  # when it said something last, Unix s
    times: dict[str, float] = field(default_factory=dict)  # when each telemetry key came
    last_failure: dict[str, Any] | None = None  # status of the command that failed last
    tree: dict[str, Any] = field(default_factory=dict)  # tree_name, run_id, state of the last run
    menu: dict[str, Any] = field(default_factory=dict)  # its commands, as list_commands said
    # Pose of each place {x, y, yaw, frame}, None where the robot did not say it.
    places: dict[str, Any] = field(default_factory=dict)

    @property
    def is_unnamed(self) -> bool:
        """Whether it has not said yet which robot it is."""
        return self.robot_id.startswith('connection_')

    def count(self, what: str) -> None:
        """Add one to a count."""
        if what in self.counts or len(self.counts) < HISTORY:
            self.counts[what] = self.counts.get(what, 0) + 1

    def receive(self, kind: str, data: dict[str, Any], size: int = 0) -> str:
        """
        Keep the data of a frame of so many bytes.

        Returns what it contradicts of earlier ones, empty if nothing.
        """
        self.count(kind)
        message_id = data.get('message_id')
        if not isinstance(message_id, str):
            message_id = ''
        if size > LARGEST_KEPT:
            if kind != 'command_status':
                return ''
            kept = ('command_id', 'command', 'state', 'resent')
            data = {key: data[key] for key in kept if key in data} | {'omitted': size}
        if message_id in self.message_ids:
            # Sent again because the link broke: at least once, never lost.
            self.count('duplicates')
            return '' if data.get('resent') else f'message {message_id} twice, and not marked so'
        if message_id:
            self.message_ids[message_id] = None
            if len(self.message_ids) > COMMANDS:
                self.message_ids.popitem(last=False)
        self.seen = time.time()
        if kind == 'telemetry':
            self.telemetry.update(data)
            self.times.update(dict.fromkeys(data, self.seen))
            while len(self.telemetry) > HISTORY:
                oldest = next(iter(self.telemetry))
                del self.telemetry[oldest]
                self.times.pop(oldest, None)
        elif kind == 'robot_info':
            self.robot_info = data
        elif kind == 'chat':
            self.chat.append({'from': 'robot', 'text': data['message']})
        elif kind == 'behavior_status':
            self.behavior_status.append(data)
            self.tree = {key: data.get(key) for key in ('tree_name', 'run_id', 'state')}
        elif kind == 'command_status':
            return self._receive_status(data)
        return ''

    def _receive_status(self, data: dict[str, Any]) -> str:
        if not self.is_repeat(data):
            self.command_status.append(data)
        last = self.commands.get(data['command_id'])
        if last is not None and last['state'] in TERMINAL_STATES:
            # Reported again by a robot that died in between, or that gives no message_id.
            if last == data or (data.get('resent') and last['state'] == data['state']):
                self.count('duplicates')
                return ''
            return (
                f'command {data["command_id"]} ended as {last["state"]} and then became '
                f'{data["state"]}'
            )
        if data['state'] in ('failed', 'timed_out'):
            self.last_failure = {**data, 'time': self.seen}
        if data['command'] == 'list_commands':
            self._learn_menu(data.get('result'))
        self.commands[data['command_id']] = data
        self.commands.move_to_end(data['command_id'])
        if len(self.commands) > COMMANDS:
            self.commands.popitem(last=False)
        return ''

    def _learn_menu(self, result: Any) -> None:
        found = read_menu(result)
        if found is not None:
            self.menu, self.places = found

    def drives(self, command: str) -> bool:
        """Whether a command drives the robot by hand."""
        known = self.menu.get(command)
        kind = known.get('kind') if isinstance(known, dict) else None
        return kind == 'teleop' or (kind is None and command == 'teleop')

    def is_repeat(self, status: dict[str, Any]) -> bool:
        """
        Whether a status is one of the many that come while somebody drives and all is well.

        They come 30 times a second, and would push all others out of what is kept.
        """
        return status['state'] in _WELL and self.drives(str(status['command']))

    def summary(self) -> dict[str, Any]:
        """What fits on a screen."""
        return {
            'robot_id': self.robot_id,
            'connected': self.connected,
            'connections': self.connections,
            'counts': self.counts,
            'telemetry': self.telemetry,
            'robot_info': self.robot_info,
            'seen': self.seen,
            'open': [
                status
                for status in self.commands.values()
                if status['state'] not in TERMINAL_STATES
            ],
            'last_failure': self.last_failure,
            'tree': self.tree,
        }

    def kept(self) -> dict[str, Any]:
        """What of it outlives the platform, beside the records of its history."""
        return {
            'telemetry': self.telemetry,
            'times': self.times,
            'robot_info': self.robot_info,
            'counts': self.counts,
            'connections': self.connections,
            'last_failure': self.last_failure,
            'tree': self.tree,
            'menu': self.menu,
            'places': self.places,
            'commands': [s for s in self.commands.values() if not self.is_repeat(s)][-200:],
        }

    @classmethod
    def restored(cls, robot_id: str, seen: float, kept: dict[str, Any]) -> RobotRecord:
        """Return the record of which `kept` is left."""
        commands = {status['command_id']: status for status in kept.pop('commands', ())}
        return cls(robot_id, connected=False, seen=seen, commands=OrderedDict(commands), **kept)

    def everything(self) -> dict[str, Any]:
        """All that is kept."""
        return {
            **self.summary(),
            'chat': list(self.chat),
            'command_status': list(self.command_status),
            'behavior_status': list(self.behavior_status),
            'errors': list(self.errors),
            'times': self.times,
            'menu': self.menu,
            'places': self.places,
        }


def read_menu(result: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """
    Return commands and places of an answer to `list_commands`, without what is none of them.

    None if there are no commands in it.
    """
    if not isinstance(result, dict) or not isinstance(result.get('commands'), dict):
        return None
    named, posed = result.get('places'), result.get('place_poses')
    names = [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
    return _objects(result['commands']), dict.fromkeys(names) | _objects(posed)


def _objects(value: Any) -> dict[str, Any]:
    items = value.items() if isinstance(value, dict) else ()
    return {name: item for name, item in items if isinstance(item, dict)}


def same_name(count: int) -> str:
    """Return what is said of a robot's name that several connections have at a time."""
    return (
        f'{count} connections have this name: give each robot a robot_id of its own, unless one '
        'came again before its old connection was closed; the newest is sent the commands'
    )


class EventLog:
    """
    Everything that happens, numbered, for those who watch: the last EVENTS of it, of EVENT_BYTES.

    An event is {seq, time, robot, event, …}: `connected`, `disconnected` {code, reason},
    `received` {type, data}, `sent` {frame, operator}, `error` {problem, frame},
    `warning` {problem}, `lease` {holder, reason, taken_from}, `chat` {from, text, operator}.
    """

    def __init__(self, record: IO[str] | None = None, *, after: int = 0) -> None:
        """Begin behind the number `after`."""
        self._events: deque[Entry] = deque()
        self._bytes = 0
        self._record = record
        self._news = asyncio.Event()
        self.last = after

    def add(self, robot: str, event: str, **fields: Any) -> None:
        """Number an event, keep it and wake who watches."""
        self.last += 1
        entry = {'seq': self.last, 'time': time.time(), 'robot': robot, 'event': event, **fields}
        text = json.dumps(entry)
        self._events.append((entry, text))
        self._bytes += len(text)
        while len(self._events) > EVENTS or (self._bytes > EVENT_BYTES and len(self._events) > 1):
            self._bytes -= len(self._events.popleft()[1])
        if self._record is not None:
            self._record.write(text + '\n')
            self._record.flush()
        self._news.set()
        self._news = asyncio.Event()

    def since(self, seq: int) -> list[dict[str, Any]]:
        """Events after number seq; the first is a `gap` if some are no longer kept."""
        return [entry for entry, _ in self.entries(seq)]

    def entries(self, seq: int) -> list[Entry]:
        """Return the same, each with its JSON text."""
        first = self._events[0][0]['seq'] if self._events else self.last + 1
        skip = seq + 1 - first
        if skip < 0:
            gap = {
                'seq': first - 1,
                'time': time.time(),
                'robot': '',
                'event': 'gap',
                'missed': -skip,
            }
            return [(gap, json.dumps(gap)), *self._events]
        # Counted from the end, where a deque is quick and who watches mostly is.
        return [self._events[index] for index in range(skip - len(self._events), 0)]

    async def wait(self, seq: int) -> None:
        """Until there is an event after number seq."""
        while self.last <= seq:
            await self._news.wait()
