# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What an attack is: made of a name alone, so that it can be tried again, or kept in a file.

One in four comes from a node of the robot's own graph, one in eight is below a link's protocol,
the others are frames of a peer.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
import json
from pathlib import Path
from random import Random
import time
from typing import Any

from hostile import wire
from hostile.answers import answer, refusal
from hostile.doors import HostileNode
from hostile.frames import Frame, frames
from hostile.house import House, Robot

SEEDS = Path(__file__).with_name('seeds')
# A link that is full, or not there, is left alone after so long, s.
_SEND_TIMEOUT = 5.0
_THERE_WITHIN = 1.0
_MOST_WAITING = 1 << 20  # Bytes that the test itself keeps for a bridge that does not read.


@dataclass
class Attack:
    """One attack: frames of a peer, a node's message, or what is below the protocol."""

    name: str
    door: str
    frames: Sequence[Frame] = ()
    shown: str = ''

    @property
    def count(self) -> int:
        """How many messages it has."""
        return len(self.frames) or 1

    def kept(self) -> dict[str, Any]:
        """Return it as JSON."""
        packed = [
            {'base64': base64.b64encode(frame).decode()} if isinstance(frame, bytes) else frame
            for frame in self.frames
        ]
        return {'name': self.name, 'protocol': self.door, 'frames': packed, 'shown': self.shown}


def made(name: str, protocols: Sequence[str]) -> Attack:
    """Make the attack of a name, always the same."""
    random = Random(name)
    if random.random() < 0.25:
        return Attack(name, 'node')
    protocol = random.choice(protocols)
    if random.random() < 0.16:
        return Attack(name, f'wire of {protocol}')
    return Attack(name, protocol, frames(protocol, random))


def read(path: Path) -> Attack:
    """Read one that was kept: each frame a text, {base64}, or {expression, times}."""
    kept = json.loads(path.read_text())
    found: list[Frame] = []
    for frame in kept['frames']:
        if isinstance(frame, str):
            found.append(frame)
        elif 'base64' in frame:
            found.append(base64.b64decode(frame['base64']))
        else:  # The seeds are the project's own files.
            text = str(eval(frame['expression'], {'dumps': json.dumps}))
            found += [text] * frame.get('times', 1)
    return Attack(kept.get('name', path.stem), kept['protocol'], found)


def seeds() -> Iterator[Attack]:
    """Give the attacks that once hurt."""
    for path in sorted(SEEDS.glob('*.json')):
        yield read(path)


async def play(attack: Attack, house: House, robot: Robot, node: HostileNode) -> None:
    """Do it."""
    random = Random(f'{attack.name} at work')
    house.peer.answers = lambda: answer(random)
    house.measured.attacks[attack.door] += 1
    house.measured.messages += attack.count
    if attack.door == 'node':
        with robot.lock:
            attack.shown = node.attack(random)
    elif attack.door.startswith('wire of '):
        await _break(house, attack.door.removeprefix('wire of '), random)
    else:
        await _send(house, attack.door, attack.frames)


async def _break(house: House, link: str, random: Random) -> None:
    choice = random.random()
    if choice < 0.2:
        house.peer.refusals[link] = refusal(random)
    if choice < 0.3:
        transport = house.peer.transports.get(link)
        if transport is not None:
            transport.abort()
        return
    await _write(house, link, [wire.broken(random)])


async def _send(house: House, link: str, sent: Sequence[Frame]) -> None:
    await _write(
        house,
        link,
        [
            wire.frame(frame, wire.BINARY)
            if isinstance(frame, bytes)
            else wire.frame(frame.encode('utf-8', 'surrogatepass'))
            for frame in sent
        ],
    )


async def _write(house: House, link: str, parts: list[bytes]) -> None:
    peer = house.peer
    if not await peer.until(lambda: peer.sockets.get(link), _THERE_WITHIN):
        return
    transport, end = peer.transports[link], time.monotonic() + _SEND_TIMEOUT
    for part in parts:
        while transport.get_write_buffer_size() > _MOST_WAITING:
            if transport.is_closing() or time.monotonic() > end:
                return
            await asyncio.sleep(0.005)
        if transport.is_closing():
            return
        transport.write(part)
