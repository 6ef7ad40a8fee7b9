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
        if kind == 'telemetry':
            self.telemetry.update(data)
            while len(self.telemetry) > HISTORY:
                del self.telemetry[next(iter(self.telemetry))]
        elif kind == 'robot_info':
            self.robot_info = data
        elif kind == 'chat':
            self.chat.append({'from': 'robot', 'text': data['message']})
        elif kind == 'behavior_status':
            self.behavior_status.append(data)
        elif kind == 'command_status':
            return self._receive_status(data)
        return ''

    def _receive_status(self, data: dict[str, Any]) -> str:
        self.command_status.append(data)
        last = self.commands.get(data['command_id'])
        if last is not None and last['state'] in TERMINAL_STATES:
            # Told again by a robot that died in between, or that gives no message_id.
            if last == data or (data.get('resent') and last['state'] == data['state']):
                self.count('duplicates')
                return ''
            return (
                f'command {data["command_id"]} ended as {last["state"]} and then became '
                f'{data["state"]}'
            )
        self.commands[data['command_id']] = data
        self.commands.move_to_end(data['command_id'])
        if len(self.commands) > COMMANDS:
            self.commands.popitem(last=False)
        return ''

    def summary(self) -> dict[str, Any]:
        """What fits on a screen."""
        return {
            'robot_id': self.robot_id,
            'connected': self.connected,
            'connections': self.connections,
            'counts': self.counts,
            'telemetry': self.telemetry,
            'robot_info': self.robot_info,
        }

    def everything(self) -> dict[str, Any]:
        """All that is kept."""
        return {
            **self.summary(),
            'chat': list(self.chat),
            'command_status': list(self.command_status),
            'behavior_status': list(self.behavior_status),
            'errors': list(self.errors),
        }


class EventLog:
    """
    Everything that happens, numbered, for those who watch: the last EVENTS of it, of EVENT_BYTES.

    An event is {seq, time, robot, event, …}: `connected`, `disconnected` {code, reason},
    `received` {type, data}, `sent` {frame}, `error` {problem, frame}.
    """

    def __init__(self, record: IO[str] | None = None) -> None:
        self._events: deque[dict[str, Any]] = deque()
        self._sizes: deque[int] = deque()
        self._bytes = 0
        self._record = record
        self._news = asyncio.Event()
        self.last = 0

    def add(self, robot: str, event: str, **fields: Any) -> None:
        """Number an event, keep it and wake who watches."""
        self.last += 1
        entry = {'seq': self.last, 'time': time.time(), 'robot': robot, 'event': event, **fields}
        text = json.dumps(entry)
        self._events.append(entry)
        self._sizes.append(len(text))
        self._bytes += len(text)
        while len(self._events) > EVENTS or (self._bytes > EVENT_BYTES and len(self._events) > 1):
            self._events.popleft()
            self._bytes -= self._sizes.popleft()
        if self._record is not None:
            self._record.write(text + '\n')
            self._record.flush()
        self._news.set()
        self._news = asyncio.Event()

    def since(self, seq: int) -> list[dict[str, Any]]:
        """Events after number seq; the first is a `gap` if some are no longer kept."""
        first = self._events[0]['seq'] if self._events else self.last + 1
        skip = seq + 1 - first
        if skip < 0:
            gap = {
                'seq': first - 1,
                'time': time.time(),
                'robot': '',
                'event': 'gap',
                'missed': -skip,
            }
            return [gap, *self._events]
        # Counted from the end, where a deque is quick and who watches mostly is.
        return [self._events[index] for index in range(skip - len(self._events), 0)]

    async def wait(self, seq: int) -> None:
        """Until there is an event after number seq."""
        while self.last <= seq:
            await self._news.wait()
