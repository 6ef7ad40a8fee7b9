# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Attack the real bridge, message by message, while a robot drives.

`make hostile ARGS='--minutes 60 --seed 7'`. After each attack the process must live, pong, answer
within a second, stop the robot, stay within its memory and print no traceback. An attack that hurt
is written to .cache/hostile/; with `--replay FILE` it is tried again. What once failed is kept in
test/hostile/seeds/ and tried first.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
from collections.abc import Iterator
import json
import os
from pathlib import Path
from random import Random
import sys
import time
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / 'test'), str(ROOT / 'test' / 'link' / 'protocols'), str(ROOT)]

from fixtures.domains import DDS, own_domain  # noqa: E402

from hostile.doors import HostileNode  # noqa: E402
from hostile.frames import Frame, frames  # noqa: E402
from hostile.house import Failure, House, house, Measured, PATHS, Robot, robot  # noqa: E402

SEEDS = HERE / 'seeds'
FOUND = ROOT / '.cache' / 'hostile'
_SEND_TIMEOUT = 5.0
# Every so many attacks one comes from a node of the robot's own graph.
_NODE_EVERY = 4


def seeds() -> Iterator[tuple[str, str, list[Frame]]]:
    """Give the attacks that once hurt: name, protocol, frames."""
    for path in sorted(SEEDS.glob('*.json')):
        kept = json.loads(path.read_text())
        yield path.stem, kept['protocol'], unpack(kept['frames'])


def unpack(kept: list[Any]) -> list[Frame]:
    """Return kept frames, each a text, {base64}, or {expression, times} for long ones."""
    made: list[Frame] = []
    for frame in kept:
        if isinstance(frame, str):
            made.append(frame)
        elif 'base64' in frame:
            made.append(base64.b64decode(frame['base64']))
        else:  # The seeds are the project's own files.
            text = str(eval(frame['expression'], {'dumps': json.dumps}))
            made += [text] * frame.get('times', 1)
    return made


def keep(name: str, protocol: str, sent: list[Frame]) -> Path:
    """Write an attack down."""
    FOUND.mkdir(parents=True, exist_ok=True)
    path = FOUND / f'{name}.json'
    packed = [
        {'base64': base64.b64encode(frame).decode()} if isinstance(frame, bytes) else frame
        for frame in sent
    ]
    path.write_text(json.dumps({'protocol': protocol, 'frames': packed}))
    return path


async def send(house_: House, protocol: str, sent: list[Frame]) -> None:
    """Send frames by the hostile link of a protocol; one that is full or gone is left alone."""
    socket = await house_.peer.until(lambda: house_.peer.sockets.get(protocol), _SEND_TIMEOUT)
    if socket is None:
        return
    try:
        async with asyncio.timeout(_SEND_TIMEOUT):
            for frame in sent:
                if isinstance(frame, bytes):
                    await socket.send_bytes(frame)
                else:
                    await socket._writer.send_frame(frame.encode('utf-8', 'surrogatepass'), 1)
    except (TimeoutError, ConnectionError):
        pass


class Run:
    """One run: attacks until the time is over, each followed by the checks."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.random = Random(options.seed)
        self.measured = Measured()
        self.failures: list[str] = []

    async def play(self) -> None:
        """Attack."""
        protocols = self.options.protocols or list(PATHS)
        with robot() as listener:
            async with house(protocols, self.measured) as house_:
                node = HostileNode(listener.graph, self.random)
                if not self.options.no_seeds:
                    for name, protocol, sent in seeds():
                        if protocol in protocols:
                            await self._attack(house_, listener, name, protocol, sent)
                end = time.monotonic() + 60.0 * self.options.minutes
                number = 0
                while time.monotonic() < end and len(self.failures) < self.options.failures:
                    number += 1
                    if number % _NODE_EVERY == 0:
                        await self._attack_by_node(house_, listener, node, number)
                    else:
                        protocol = self.random.choice(protocols)
                        sent = list(frames(protocol, self.random))
                        await self._attack(
                            house_, listener, f'{self.options.seed}-{number}', protocol, sent
                        )
                    if number % 50 == 0:
                        print(f'  {number} attacks, {len(self.failures)} failures', flush=True)
                node.close()

    async def replay(self, path: Path) -> None:
        """Try one attack that was kept."""
        kept = json.loads(path.read_text())
        with robot() as listener:
            async with house([kept['protocol']], self.measured) as house_:
                sent = unpack(kept['frames'])
                await self._attack(house_, listener, path.stem, kept['protocol'], sent)

    async def _attack(
        self, house_: House, listener: Robot, name: str, protocol: str, sent: list[Frame]
    ) -> None:
        async def attack() -> str:
            await send(house_, protocol, sent)
            self.measured.messages += len(sent)
            return ''

        if await self._checked(house_, listener, protocol, attack()):
            path = keep(name, protocol, sent)
            print(f'  kept as {path.relative_to(ROOT)}: {str(sent[0])[:200]!r}', flush=True)

    async def _attack_by_node(
        self, house_: House, listener: Robot, node: HostileNode, number: int
    ) -> None:
        shown: list[str] = []

        async def attack() -> None:
            with listener.lock:
                shown.append(node.attack())
            self.measured.messages += 1

        if await self._checked(house_, listener, 'node', attack()):
            print(f'  attack {number}: {shown[-1] if shown else ""}'[:600], flush=True)

    async def _checked(self, house_: House, listener: Robot, what: str, attack: Any) -> bool:
        """Have the robot drive, attack, check; whether something did not hold."""
        self.measured.attacks[what] += 1
        try:
            await house_.drive(listener)
            await attack
            await house_.check(listener)
        except (Failure, TimeoutError, ConnectionError) as error:
            attack.close()
            problem = f'{what}: {type(error).__name__}: {error}'
            print(f'FAILED {problem}', flush=True)
            print(*(f'    | {line[:300]}' for line in house_.bridge.lines[-6:]), sep='\n')
            self.failures.append(problem)
            await house_.restart()
            return True
        return False

    def report(self) -> str:
        """Say what was tried and what was seen."""
        longest = ', '.join(
            f'{what} {s:.2f} s' for what, s in sorted(self.measured.longest.items())
        )
        by = ', '.join(f'{what} {n}' for what, n in sorted(self.measured.attacks.items()))
        return (
            f'{sum(self.measured.attacks.values())} attacks ({self.measured.messages} messages; '
            f'{by}), {len(self.failures)} failures; longest: {longest}; '
            f'highest RSS {self.measured.rss / 1e6:.0f} MB; seed {self.options.seed}'
        )


def main(arguments: list[str] | None = None) -> int:
    """Run what was asked for; 1 if anything did not hold."""
    parser = argparse.ArgumentParser(prog='make hostile', description=__doc__)
    parser.add_argument('--minutes', type=float, default=10.0)
    parser.add_argument('--seed', type=int, default=int(time.time()))
    parser.add_argument('--failures', type=int, default=20, help='how many end the run')
    parser.add_argument('--protocols', nargs='*', choices=list(PATHS), help='all if none')
    parser.add_argument('--no-seeds', action='store_true', help='begin with new attacks')
    parser.add_argument('--replay', type=Path, help='one attack that was kept')
    options = parser.parse_args(arguments)
    os.environ.update(DDS)
    os.environ.setdefault('FASTDDS_BUILTIN_TRANSPORTS', 'UDPv4')
    run = Run(options)
    with own_domain() as domain:
        os.environ['ROS_DOMAIN_ID'] = str(domain)
        asyncio.run(run.replay(options.replay) if options.replay else run.play())
    print(run.report(), flush=True)
    return 1 if run.failures else 0


if __name__ == '__main__':
    sys.exit(main())
