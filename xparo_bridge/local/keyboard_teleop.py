# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Drive a robot from the keyboard: the verb `teleop` of `local_platform`.

A terminal reports keys, not of their release. So a key moves the robot for as long as a keyboard
takes to repeat it, and no longer; what is held repeats. The robot's own dead man's switch stops it
whatever happens here.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator
import contextlib
import os
import sys
import termios
import time
import tty
from typing import Any

from ..argument_types import positive
from .event_lines import event_line
from .platform_client import OperatorClient
from .platform_verbs import connect
from .terminal import Terminal

# How long a key that is pressed for the first time moves the robot, and one that is repeated, s:
# keyboards repeat after 0.25 to 0.66 s, then each 0.03 to 0.05 s.
_FIRST, _REPEATED = 0.4, 0.2
_PERIOD = 0.1  # s between two commands
_STEP = 1.25  # by which + and - change the speeds

# Linear and angular, as a part of the speeds.
_KEYS = {
    b'w': (1.0, 0.0), b'\x1b[A': (1.0, 0.0),
    b's': (-1.0, 0.0), b'\x1b[B': (-1.0, 0.0),
    b'a': (0.0, 1.0), b'\x1b[D': (0.0, 1.0),
    b'd': (0.0, -1.0), b'\x1b[C': (0.0, -1.0),
}  # fmt: skip
_ENDS = (b'q', b'\x03', b'\x04', b'')
HELP = 'w a s d or arrows drive while held, space stands, + - change the speed, q ends'


class Keys:
    """What the keys that came mean for the robot now."""

    def __init__(self, linear: float, angular: float) -> None:
        """Take the speeds of a key that is held, m/s and rad/s."""
        self.linear, self.angular = linear, angular
        self.ended = False
        self._part = (0.0, 0.0)
        self._until = 0.0
        self._rest = b''

    def press(self, data: bytes, now: float) -> None:
        """Take what the terminal gave; empty at its end."""
        if not data:
            self.ended = True
        for key in self._split(data):
            if key in _KEYS:
                repeated = _KEYS[key] == self._part and now < self._until + _REPEATED
                self._part = _KEYS[key]
                self._until = max(self._until, now + (_REPEATED if repeated else _FIRST))
                continue
            self._part, self._until = (0.0, 0.0), 0.0  # Any other key stands.
            if key in _ENDS:
                self.ended = True
            elif key in (b'+', b'-'):
                factor = _STEP if key == b'+' else 1 / _STEP
                self.linear, self.angular = self.linear * factor, self.angular * factor

    def velocity(self, now: float) -> tuple[float, float]:
        """Return the speeds that the keys ask for now."""
        if self.ended or now >= self._until:
            self._part = (0.0, 0.0)
        return self._part[0] * self.linear, self._part[1] * self.angular

    def _split(self, data: bytes) -> Iterator[bytes]:
        data, self._rest = self._rest + data, b''
        while data:
            if data in (b'\x1b', b'\x1b['):  # The rest of an arrow is on its way.
                self._rest = data
                return
            length = 3 if data.startswith(b'\x1b[') else 1
            yield data[:length]
            data = data[length:]


async def teleop(options: argparse.Namespace) -> int:
    """Drive a robot from the keyboard."""
    fd = sys.stdin.fileno()
    if not os.isatty(fd):
        print('local_platform: teleop needs a terminal', file=sys.stderr)
        return 2
    async with await connect(options) as client:
        # Refused here, and not when the first key is pressed, if there is no one robot.
        await client.request('lease', robot=options.robot)
        keys = Keys(options.linear, options.angular)
        loop = asyncio.get_running_loop()
        refusals = asyncio.create_task(_print_refusals(client))
        print(HELP)
        with _raw(fd):
            loop.add_reader(fd, lambda: keys.press(os.read(fd, 100), time.monotonic()))
            try:
                await _drive(client, keys, options.robot)
            finally:
                loop.remove_reader(fd)
                refusals.cancel()
                await client.send_command('teleop', {'linear': 0.0, 'angular': 0.0}, options.robot)
                await client.request('release', robot=options.robot)
    return 0


async def _drive(client: OperatorClient, keys: Keys, robot: str | None) -> None:
    terminal = Terminal()
    moved = False
    speeds = keys.linear, keys.angular
    while not keys.ended:
        if speeds != (keys.linear, keys.angular):
            speeds = keys.linear, keys.angular
            terminal.line(f'now {speeds[0]:.2f} m/s, {speeds[1]:.2f} rad/s')
        linear, angular = keys.velocity(time.monotonic())
        moves = bool(linear or angular)
        if moves or moved:  # A stand-still is said once.
            await client.send_command(
                'teleop',
                {'linear': linear, 'angular': angular, 'hold': moves},
                robot,
                issued_at=time.time(),
            )
            if terminal.moves:
                terminal.moving(f'{linear:+.2f} m/s {angular:+.2f} rad/s')
        moved = moves
        await asyncio.sleep(_PERIOD)
    terminal.settle()


async def _print_refusals(client: OperatorClient) -> None:
    """Print why the robot does not obey, each reason once."""
    terminal = Terminal()
    known = set()
    async for event in client.events(client.seq):
        if event.get('type') != 'command_status':
            continue
        status = event['data']
        if status['command'] != 'teleop':
            continue
        if status['state'] in ('rejected', 'failed'):
            code = (status.get('error') or {}).get('code')
            if code not in known:
                known.add(code)
                terminal.line(event_line(event), status['state'])


@contextlib.contextmanager
def _raw(fd: int) -> Iterator[None]:
    """Have keys come one by one, without an echo, and Ctrl-C as one of them."""
    before = termios.tcgetattr(fd)
    try:
        tty.setraw(fd)
        settings = termios.tcgetattr(fd)
        settings[1] |= termios.OPOST  # Lines end as they do elsewhere.
        termios.tcsetattr(fd, termios.TCSADRAIN, settings)
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def add_verb(verb: Any, robot: argparse.ArgumentParser) -> None:
    """Add the verb to the parser of `local_platform`."""
    added = verb('teleop', teleop, 'drive a robot from the keyboard', robot)
    added.add_argument(
        '--linear',
        type=positive,
        default=0.2,
        metavar='M/S',
        help="speed ahead and back, within the robot's own limit [%(default)g]",
    )
    added.add_argument(
        '--angular',
        type=positive,
        default=0.5,
        metavar='RAD/S',
        help='speed of turning, likewise [%(default)g]',
    )
