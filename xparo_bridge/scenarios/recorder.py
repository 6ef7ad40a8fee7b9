# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Makes a scenario of what an operator just did, from the events of a platform.

Commands, chats and trees become steps with the waits between them; how each command ended becomes
an expectation where it did, with twice the time that it took; driving by hand becomes a recording
beside the file. Where the robot was at the end becomes a check.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
import math
from typing import Any

import yaml

from ..json_reader import JsonError, read_object
from ..local.platform_frames import TERMINAL_STATES

_PAUSE = 0.5  # s between two steps from which on it is written down
_DRIVE_ENDS = 1.0  # s without a teleop command that end a drive
_REPLY = 0.2  # s in which the platform answers a chat by itself
_LEAST = 5.0  # s that an expectation is given at least


@dataclass
class _Drive:
    began: float
    moves: list[dict[str, str]] = field(default_factory=list)
    last: float = 0.0


@dataclass
class Recorder:
    """Takes events of one robot's platform, in order, and gives a scenario and its files."""

    teleop: frozenset[str] = frozenset({'teleop'})
    steps: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    _at: float | None = None
    _sent: dict[str, tuple[str, float]] = field(default_factory=dict)
    _drive: _Drive | None = None
    _pose: dict[str, float] | None = None
    _begin: dict[str, float] | None = None
    _battery: float | None = None
    _chat_heard: float = -math.inf

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Take the next event."""
        at = float(event['time'])
        if self._drive is not None and at - self._drive.last > _DRIVE_ENDS:
            self._end_drive()
        if event['event'] == 'sent':
            self._on_sent(at, str(event.get('frame', '')))
        elif event['event'] == 'received':
            self._on_received(at, str(event.get('type')), event.get('data') or {})

    def _on_sent(self, at: float, frame: str) -> None:
        try:
            message = read_object(frame)
        except JsonError:
            return
        data = message.get('data')
        if not isinstance(data, dict):
            return
        kind = message.get('type')
        if kind == 'remote_command':
            self._on_command(at, data)
        elif kind == 'chat_response' and at - self._chat_heard > _REPLY:
            self._step(at, {'chat': str(data.get('response', ''))})
        elif kind == 'behavior_update':
            name = str(data.get('tree_name', 'tree'))
            file = ''.join(c if c.isalnum() or c in '-_' else '_' for c in name) + '.xml'
            self.files[file] = str(data.get('xml', ''))
            self._step(at, {'push_tree': {'file': file, 'name': name}})

    def _on_command(self, at: float, data: dict[str, Any]) -> None:
        command, parameters = str(data.get('command')), data.get('parameters') or {}
        if command in self.teleop:
            if self._drive is None:
                self._wait(at)
                self._drive = _Drive(at)
            move = {'at': f'{at - self._drive.began:.2f} s'}
            for key, unit in (('linear', 'm/s'), ('angular', 'rad/s')):
                value = parameters.get(key)
                if isinstance(value, (int, float)) and not isinstance(value, bool) and value:
                    move[key] = f'{value:g} {unit}'
            self._drive.moves.append(move)
            self._drive.last = at
            return
        self._end_drive()
        name = f'{command}_{len(self._sent) + 1}'
        self._sent[str(data.get('command_id'))] = name, at
        clashes = {'command', 'robot', 'as', 'parameters', 'unknown'} & parameters.keys()
        own = {'parameters': parameters} if clashes else parameters
        self._step(at, {'send': {'command': command, 'as': name, **own}})

    def _on_received(self, at: float, kind: str, data: dict[str, Any]) -> None:
        if kind == 'chat':
            self._chat_heard = at
        elif kind == 'telemetry':
            pose, battery = data.get('pose'), data.get('battery_percentage')
            if isinstance(pose, dict) and {'x', 'y', 'yaw'} <= pose.keys():
                self._pose = {key: float(pose[key]) for key in ('x', 'y', 'yaw')}
                self._begin = self._begin or (None if self.steps else self._pose)
            if isinstance(battery, (int, float)) and self._battery is None:
                self._battery = float(battery)
        elif kind == 'command_status' and data.get('state') in TERMINAL_STATES:
            sent = self._sent.pop(str(data.get('command_id')), None)
            if sent is not None:
                name, began = sent
                within = max(_LEAST, math.ceil(2.0 * (at - began)))
                expected = {'status': data['state'], 'of': name, 'within': f'{within:g} s'}
                self.steps.append({'expect': expected})
                self._at = at

    def _wait(self, at: float) -> None:
        if self._at is not None and at - self._at >= _PAUSE:
            self.steps.append({'wait': f'{at - self._at:.1f} s'})
        self._at = at

    def _step(self, at: float, step: dict[str, Any]) -> None:
        self._wait(at)
        self.steps.append(step)

    def _end_drive(self) -> None:
        drive, self._drive = self._drive, None
        if drive is not None:
            file = f'drive_{len(self.files) + 1}.yaml'
            self.files[file] = yaml.safe_dump({'moves': drive.moves}, sort_keys=False)
            self.steps.append({'teleop': {'recording': file}})
            self._at = drive.last

    def scenario(self, description: str) -> str:
        """Return the scenario as YAML."""
        self._end_drive()
        robot: dict[str, Any] = {}
        if self._begin is not None:
            robot = {key: round(value, 2) for key, value in self._begin.items()}
        if self._battery is not None:
            robot['battery'] = round(self._battery)
        tree: dict[str, Any] = {'description': description}
        if robot:
            tree['given'] = {'robot': robot}
        tree['steps'] = self.steps
        if self._pose is not None and self.steps:
            at = {key: round(self._pose[key], 2) for key in ('x', 'y')}
            tree['then'] = [{'pose': {**at, 'within': '0.5 m'}}]
        return str(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True))
