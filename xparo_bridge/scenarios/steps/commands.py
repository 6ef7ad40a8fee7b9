# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Steps of the operator: commands, chats, trees, teleop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
import math
from pathlib import Path
import time
from typing import Any, ClassVar

from ...errors import words_of
from ...utf8 import NotUtf8, read_text
from ..document import Part, read
from ..given import Context
from ..quantities import DURATION, SPEED, TURN_RATE
from ..stage import Sent, Stage
from .base import Step

# How long DDS may take to find the process that drives the base, s of real time.
_FOUND = 5.0
_FRESH = 0.1  # s between two teleop commands, unless the step says another


@dataclass(kw_only=True)
class Send(Step):
    """`send: {command: start_navigation, goal: table_4}`: the rest are its parameters."""

    name: ClassVar[str] = 'send'
    robot: str
    command: str
    parameters: dict[str, Any]
    title: str

    @classmethod
    def read(cls, part: Part, context: Context) -> Send:
        part.map(required=('command',), what='with the command and its parameters')
        robot = context.robot(part)
        command = part['command'].text()
        known = context.robots[robot].configuration.data['commands']
        if command not in known and not ('unknown' in part and part['unknown'].boolean()):
            part['command'].one_of(tuple(known))
        parameters = part['parameters'].map().value if 'parameters' in part else {}
        others = ('command', 'robot', 'as', 'parameters', 'unknown')
        parameters |= {key: value for key, value in part.value.items() if key not in others}
        title = part['as'].text() if 'as' in part else ''
        return cls(robot=robot, command=command, parameters=parameters, title=title)

    async def play(self, stage: Stage) -> None:
        await stage.send(self.title, self.command, self.parameters, self.robot)


@dataclass(kw_only=True)
class Cancel(Step):
    """`cancel: go`: end what was sent under a name, or last by a command of that name."""

    name: ClassVar[str] = 'cancel'
    robot: str
    of: str

    @classmethod
    def read(cls, part: Part, context: Context) -> Cancel:
        if isinstance(part.value, str):
            return cls(robot='', of=part.text())
        part.map(('of', 'robot'), required=('of',))
        return cls(robot='', of=part['of'].text())

    async def play(self, stage: Stage) -> None:
        sent = stage.named(self.of)
        last = stage.last_sent
        await stage.send('', 'cancel', {'command_id': sent.id}, sent.robot)
        # What is expected next is most likely how the cancelled command ends.
        stage.last_sent = last


@dataclass(kw_only=True)
class Chat(Step):
    """`chat: Good evening`: the operator says something."""

    name: ClassVar[str] = 'chat'
    robot: str
    words: str

    @classmethod
    def read(cls, part: Part, context: Context) -> Chat:
        if isinstance(part.value, str):
            if len(context.robots) > 1:
                part.refuse('say which robot: chat: {text: …, robot: NAME}')
            return cls(robot=next(iter(context.robots)), words=part.text())
        part.map(('text', 'robot'), required=('text',))
        return cls(robot=context.robot(part), words=part['text'].text())

    async def play(self, stage: Stage) -> None:
        await stage.platform.request('chat', robot=self.robot, text=self.words)


@dataclass(kw_only=True)
class PushTree(Step):
    """`push_tree: {file: delivery.xml}`, or `xml:` and a `name:`."""

    name: ClassVar[str] = 'push_tree'
    robot: str
    title: str
    xml: str

    @classmethod
    def read(cls, part: Part, context: Context) -> PushTree:
        part.map(('file', 'xml', 'name', 'robot'))
        if ('file' in part) == ('xml' in part):
            part.refuse('expected either file: or xml:')
        title = part['name'].text() if 'name' in part else ''
        if 'file' in part:
            file = part['file'].file_name()
            title = title or file.stem
            try:
                xml = read_text(file)
            except (OSError, NotUtf8) as error:
                part['file'].refuse(f'{file} cannot be read: {words_of(error)}')
        else:
            xml = part['xml'].text()
        return cls(robot=context.robot(part), title=title or 'tree', xml=xml)

    async def play(self, stage: Stage) -> None:
        at = stage.timeline.now
        stage.trees[self.title] = Sent(self.title, self.title, self.robot, at)
        await stage.platform.request('push_tree', robot=self.robot, name=self.title, xml=self.xml)


@dataclass(kw_only=True)
class Teleop(Step):
    """
    `teleop: {linear: 0.3 m/s, angular: 0 rad/s, for: 3 s}`, or `{recording: FILE}`.

    A recording is a list of `{at: 0.5 s, linear: …, angular: …}`; `scenario record` writes them.
    """

    name: ClassVar[str] = 'teleop'
    robot: str
    command: str
    moves: Sequence[tuple[float, float, float]] = field(default_factory=tuple)

    @classmethod
    def read(cls, part: Part, context: Context) -> Teleop:
        part.map(('linear', 'angular', 'for', 'every', 'recording', 'robot', 'command'))
        if 'recording' in part:
            file = part['recording'].file_name()
            moves = _recording(file)
        else:
            part.map(required=('for',))
            every = part['every'].quantity(DURATION) if 'every' in part else _FRESH
            if every <= 0.0:
                part['every'].refuse('expected more than 0 s')
            linear = part['linear'].quantity(SPEED) if 'linear' in part else 0.0
            angular = part['angular'].quantity(TURN_RATE) if 'angular' in part else 0.0
            count = max(1, round(part['for'].quantity(DURATION) / every))
            moves = [(number * every, linear, angular) for number in range(count)]
        command = part['command'].text() if 'command' in part else 'teleop'
        return cls(robot=context.robot(part), command=command, moves=moves)

    async def play(self, stage: Stage) -> None:
        await self._wait_for_guard(stage)
        began = stage.timeline.now
        for at, linear, angular in self.moves:
            await stage.timeline.sleep(began + at - stage.timeline.now)
            await stage.send('', self.command, {'linear': linear, 'angular': angular}, self.robot)

    async def _wait_for_guard(self, stage: Stage) -> None:
        """
        Wait until the robot hears the process that drives it; one that never does is judged.

        DDS may take seconds to match a process that has just started, and what it published before
        is lost: the robot would drive only the second half of what a scenario says.
        """
        bridge = stage.bridges.get(self.robot)
        end = time.monotonic() + _FOUND
        while bridge and time.monotonic() < end:
            truth = stage.timeline.last('truth', self.robot)
            heard = truth.data.get('drivers', math.inf) if truth else 0
            if 0 < await stage.ros.drivers(bridge.namespace) <= heard:
                return
            await asyncio.sleep(0.05)


def _recording(file: Path) -> list[tuple[float, float, float]]:
    def moves(part: Part) -> list[tuple[float, float, float]]:
        part.map(('moves',), required=('moves',))
        found = []
        for entry in part['moves'].list():
            entry.map(('at', 'linear', 'angular'), required=('at',))
            linear = entry['linear'].quantity(SPEED) if 'linear' in entry else 0.0
            angular = entry['angular'].quantity(TURN_RATE) if 'angular' in entry else 0.0
            found.append((entry['at'].quantity(DURATION), linear, angular))
        return found

    read_moves: list[tuple[float, float, float]] = read(file, moves)
    return read_moves


STEPS = (Send, Cancel, Chat, PushTree, Teleop)
