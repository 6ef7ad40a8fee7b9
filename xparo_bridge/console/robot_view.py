# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Put together what one robot looks like from the platform's events."""

from __future__ import annotations

from collections import deque, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..json_reader import read_json
from ..local.key_api import said_to_robot
from ..local.platform_store import read_menu
from .platform_clock import PlatformClock

TERMINAL = frozenset({'succeeded', 'failed', 'rejected', 'canceled', 'timed_out'})
# What asks and does nothing; pages send these by themselves, and nobody wants them in a list.
_WRONG = frozenset({'failed', 'rejected', 'timed_out'})
ASKING = frozenset({'list_commands', 'status', 'list_trees'})
COMMANDS = 200
LINES = 500
_DRIVING = frozenset({'teleop'})
_LOCKS = {'stop': 'stopped', 'pause': 'paused', 'resume': ''}
# Codes of errors that say so; a pause that some of what moves goes on in spite of counts too.
_LOCKED = {'stopped': 'stopped', 'paused': 'paused', 'not_paused': 'paused'}


@dataclass
class CommandView:
    """One command: what was asked, and what became of it."""

    command_id: str
    command: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    operator: str = ''
    source: str = ''  # who gave it, as the robot has it: a link's name, ros, tree, link_loss
    time: float = 0.0  # when it was sent or first heard of, Unix s
    state: str = 'sent'
    progress: Mapping[str, Any] = field(default_factory=dict)
    result: Any = None
    error: Mapping[str, Any] = field(default_factory=dict)
    farthest: float = 0.0  # the longest distance_remaining so far, m

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.state not in TERMINAL

    @property
    def part(self) -> float | None:
        """How much of it is done, 0 to 1; None where that is not known."""
        left = self.progress.get('distance_remaining')
        if not isinstance(left, (int, float)) or self.farthest <= 0.0:
            return None
        return min(1.0, max(0.0, 1.0 - left / self.farthest))


@dataclass
class RobotView:
    """One robot. `revision` rises with each change, `commands_revision` with those of commands."""

    robot_id: str
    clock: PlatformClock = field(default_factory=PlatformClock)
    connected: bool = False
    seen: float = 0.0
    telemetry: dict[str, Any] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)
    commands: OrderedDict[str, CommandView] = field(default_factory=OrderedDict)
    chat: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=LINES))
    frames: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=LINES))
    trees: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=LINES))
    menu: dict[str, Any] = field(default_factory=dict)
    places: dict[str, Any] = field(default_factory=dict)
    lease: dict[str, Any] | None = None
    motion_lock: str = ''
    last_failure: dict[str, Any] | None = None
    tree: dict[str, Any] = field(default_factory=dict)
    revision: int = 0
    commands_revision: int = 0
    loaded: bool = False

    def summarize(self, summary: Mapping[str, Any]) -> None:
        """Take what `robots` says of it."""
        self.connected = bool(summary['connected'])
        self.seen = float(summary.get('seen') or 0.0)
        self.telemetry = dict(summary['telemetry'])
        self.info = dict(summary['robot_info'])
        self.lease = summary.get('lease')
        self.last_failure = summary.get('last_failure')
        self.tree = dict(summary.get('tree') or {})
        for status in summary.get('open', ()):
            self._status(status, self.seen)
        self._changed()

    def load(self, state: Mapping[str, Any], statuses: Iterable[Mapping[str, Any]] = ()) -> None:
        """Take what `state` says of it, and the history's records of statuses, by time."""
        began: dict[str, float] = {}
        for record in statuses:
            began.setdefault(record['name'], float(record['time']))
        self.summarize(state)
        self.times = dict(state.get('times', {}))
        self.menu = dict(state.get('menu', {}))
        self.places = dict(state.get('places', {}))
        self.chat = deque(state.get('chat', ()), maxlen=LINES)
        self.trees = deque(state.get('behavior_status', ()), maxlen=LINES)
        for status in list(state.get('command_status', ()))[-COMMANDS:]:
            self._status(status, self._time_of(status, began))
        self.loaded = True
        self._changed()
        self.commands_revision += 1

    def _time_of(self, status: Mapping[str, Any], began: Mapping[str, float]) -> float:
        """When a command of which nobody at a desk gave the order was heard of; 0 if unknown."""
        command_id = str(status.get('command_id'))
        known = self.commands.get(command_id)
        return known.time if known else began.get(command_id, 0.0)

    def order(self, record: Mapping[str, Any]) -> None:
        """Take an order from the history: who asked for what, and when."""
        data = record['data']
        known = self.commands.get(record['name'])
        if known is not None:
            known.parameters = data.get('parameters', {})
            known.operator = data.get('operator', '')
            known.time = record['time']

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Take an event."""
        kind = event['event']
        now = float(event['time'])
        if kind == 'received':
            self.seen = now
            self._received(event['type'], event['data'], now)
        elif kind == 'sent':
            self._sent(event, now)
        elif kind in ('connected', 'named', 'disconnected'):
            # What it says by REST comes over no connection, so that nothing can be sent to it.
            self.connected = kind != 'disconnected' or event.get('connected') is True
        elif kind == 'lease':
            self.lease = (
                {'holder': event['holder'], 'reason': event['reason'], 'since': now}
                if event['holder']
                else None
            )
        self.frames.append(dict(event))
        self._changed()

    def _received(self, kind: str, data: Mapping[str, Any], now: float) -> None:
        if kind == 'telemetry':
            fresh = [key for key in data if not self._is_seen(key, data[key])]
            self.telemetry.update(data)
            self.times.update(dict.fromkeys(fresh, now))
        elif kind == 'robot_info':
            self.info = dict(data)
        elif kind == 'chat':
            self.chat.append({'from': 'robot', 'text': data.get('message', ''), 'time': now})
        elif kind == 'behavior_status':
            self.trees.append(dict(data))
            self.tree = {key: data.get(key) for key in ('tree_name', 'run_id', 'state')}
        elif kind == 'command_status':
            self._status(data, now)

    def _is_seen(self, key: str, value: Any) -> bool:
        """Whether it is a picture that was there before: a camera that hangs may send its last."""
        before = self.telemetry.get(key)
        return (
            isinstance(value, dict)
            and isinstance(before, dict)
            and bool(value.get('stamp'))
            and value['stamp'] == before.get('stamp')
        )

    def _status(self, data: Mapping[str, Any], now: float) -> None:
        command_id, state = str(data['command_id']), str(data['state'])
        if data['command'] in self.driving and state not in _WRONG:
            return  # Many times a second; in the list they would push out all others.
        view = self.commands.get(command_id)
        if view is None:
            view = self._add(CommandView(command_id, str(data['command']), time=now))
        view.state = state
        view.source = str(data.get('source') or view.source)
        view.progress = data.get('progress') or view.progress
        left = view.progress.get('distance_remaining')
        if isinstance(left, (int, float)):
            view.farthest = max(view.farthest, float(left))
        view.result, view.error = data.get('result'), data.get('error') or {}
        if state in ('failed', 'timed_out'):
            self.last_failure = {**data, 'time': now}
        if state == 'succeeded' or (state == 'running' and view.command == 'stop'):
            self.motion_lock = _LOCKS.get(view.command, self.motion_lock)
            self._learn(view)
        if view.error.get('code') in _LOCKED:
            self.motion_lock = _LOCKED[view.error['code']]
        self.commands_revision += 1

    def _learn(self, view: CommandView) -> None:
        result = view.result if isinstance(view.result, dict) else {}
        menu = read_menu(result) if view.command == 'list_commands' else None
        if menu is not None:
            self.menu, self.places = menu
        elif view.command == 'status' and 'latch' in result:
            lock = str(result['latch'])
            self.motion_lock = {'stop': 'stopped', 'pause': 'paused'}.get(lock, lock)
        elif view.command == 'save_place' and isinstance(result.get('pose'), dict):
            self.places = {**self.places, str(result.get('name')): result['pose']}

    def _sent(self, event: Mapping[str, Any], now: float) -> None:
        try:
            kind, data = said_to_robot(read_json(event['frame']))
        except (ValueError, KeyError, TypeError):
            return
        if kind == 'remote_command' and str(data.get('command')) in self.driving:
            return
        if kind == 'remote_command' and data.get('command_id') not in (None, *self.commands):
            self._add(
                CommandView(
                    str(data['command_id']),
                    str(data.get('command')),
                    data.get('parameters') or {},
                    str(event.get('operator') or data.get('operator') or ''),
                    time=now,
                )
            )
            self.commands_revision += 1
        elif kind == 'chat_response':
            self.chat.append(
                {
                    'from': 'platform',
                    'text': data.get('response', ''),
                    'time': now,
                    'operator': event.get('operator', ''),
                }
            )

    def _add(self, view: CommandView) -> CommandView:
        self.commands[view.command_id] = view
        while len(self.commands) > COMMANDS:
            self.commands.popitem(last=False)
        return view

    def _changed(self) -> None:
        self.revision += 1

    # --- what it comes to ---

    @property
    def shown_commands(self) -> list[CommandView]:
        """Commands that somebody gave, the newest first, without the repeats of teleop."""
        return [view for view in reversed(self.commands.values()) if view.command not in ASKING]

    @property
    def driving(self) -> frozenset[str]:
        """Names of the commands that drive it by hand."""
        if not self.menu:
            return _DRIVING
        return frozenset(name for name, what in self.menu.items() if what.get('kind') == 'teleop')

    @property
    def goal(self) -> CommandView | None:
        """The newest open command that drives to somewhere."""
        for view in reversed(self.commands.values()):
            kind = self.menu.get(view.command, {}).get('kind')
            if view.is_open and (kind in ('navigate', 'dock') or view.progress):
                return view
        return None

    @property
    def activity(self) -> str:
        """In a word, what it does."""
        if not self.connected:
            return 'offline'
        if self.motion_lock:
            return self.motion_lock
        if self.goal is not None:
            return 'driving'
        if self.tree.get('state') in ('running', 'paused'):
            return 'runs a tree'
        return 'ready'

    def age(self, key: str) -> float | None:
        """How old a telemetry value is, s; infinite if its time is of a clock that was set."""
        return self.clock.age(self.times[key]) if key in self.times else None

    @property
    def silence(self) -> float:
        """For how long nothing has been heard of it, s."""
        return self.clock.age(self.seen)
