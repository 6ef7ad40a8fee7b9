# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
One run: attacks in rounds, with a robot that drives.

After each attack is asked what costs little; after each round the robot must stop. What fails is
tried again attack by attack, from a bridge that is started anew, to find out which one it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
import json
from pathlib import Path
import time
from typing import Any

from hostile.attacks import Attack, made, play, seeds
from hostile.doors import HostileNode
from hostile.house import Failure, house, Measured, robot

ROUND = 32


class Run:
    """Attacks until the time is over; `failures` says what did not hold."""

    def __init__(self, protocols: Sequence[str], seed: int, kept_in: Path | None = None) -> None:
        self.protocols = list(protocols)
        self.seed = seed
        self.kept_in = kept_in
        self.measured = Measured()
        self.largest: dict[str, int] = {}
        self.failures: list[str] = []
        # What failed once and not again, alone: most likely the machine had no time.
        self.not_again: list[str] = []

    @asynccontextmanager
    async def _house(self) -> Any:
        with robot() as self._robot:
            async with house(self.protocols, self.measured) as self._made:
                self._node = HostileNode(self._robot.graph)
                self.largest = self._made.peer.largest
                try:
                    yield
                finally:
                    with self._robot.lock:
                        self._node.close()

    async def play(
        self, seconds: float, *, with_seeds: bool = True, most: int = 20, attacks: int = 1 << 40
    ) -> None:
        """Attack for so long, with so many attacks, or until so many failures."""
        async with self._house():
            if with_seeds:
                kept = [attack for attack in seeds() if attack.door in (*self.protocols, 'node')]
                for attack in kept:
                    await self._round([attack])
            end, number = time.monotonic() + seconds, 0
            while time.monotonic() < end and number < attacks and len(self.failures) < most:
                names = [f'{self.seed}-{number + n}' for n in range(min(ROUND, attacks - number))]
                # Beside the loop: a peer that makes its next attack must answer pings meanwhile.
                await self._round(await asyncio.to_thread(self._make, names))
                number += len(names)
                if number % (ROUND * 32) == 0:
                    print(f'  {self}', flush=True)

    def _make(self, names: Sequence[str]) -> list[Attack]:
        return [made(name, self.protocols) for name in names]

    async def replay(self, attacks: Iterable[Attack]) -> None:
        """Try some, each with all checks."""
        async with self._house():
            for attack in attacks:
                await self._round([attack])

    async def _round(self, attacks: Sequence[Attack]) -> None:
        problem = await self._tried(attacks)
        if problem is None:
            return
        print(f'FAILED {problem}', flush=True)
        print(*(f'    | {line[:300]}' for line in self._made.bridge.lines[-8:]), sep='\n')
        self._keep(attacks, problem)
        await self._made.restart()
        for attack in attacks if len(attacks) > 1 else ():
            again = await self._tried([attack])
            if again is not None:
                self.failures.append(f'{attack.name} ({attack.door}): {again}')
                print(f'  it is {attack.name} ({attack.door}): {again} {attack.shown[:400]}')
                self._keep([attack], again)
                await self._made.restart()
                return
        (self.not_again if len(attacks) > 1 else self.failures).append(problem)

    async def _tried(self, attacks: Sequence[Attack]) -> str | None:
        """Play a round; what did not hold."""
        attack = attacks[0]
        try:
            for attack in attacks:
                await self._made.drive(self._robot)
                await play(attack, self._made, self._robot, self._node)
                await self._made.look()
            await self._made.drive(self._robot)
            await self._made.stop(self._robot)
        except (Failure, TimeoutError, ConnectionError) as error:
            return f'{attack.name} ({attack.door}): {type(error).__name__}: {error}'
        return None

    def _keep(self, attacks: Sequence[Attack], problem: str) -> None:
        if self.kept_in is None:
            return
        self.kept_in.mkdir(parents=True, exist_ok=True)
        name = attacks[0].name if len(attacks) == 1 else f'round of {attacks[0].name}'
        path = self.kept_in / f'{name}.json'
        kept: Any = [attack.kept() for attack in attacks]
        path.write_text(json.dumps(kept[0] if len(kept) == 1 else kept))
        print(f'  kept as {path}', flush=True)

    def __str__(self) -> str:
        measured = self.measured
        return '; '.join(
            (
                f'{sum(measured.attacks.values())} attacks of {measured.messages} messages, '
                f'{measured.stops} stops, {len(self.failures)} failures '
                f'({len(self.not_again)} not again)',
                'longest ' + ', '.join(_shown(measured.longest)),
                'stalls ' + ', '.join(_shown(measured.stalls)),
                'largest ' + ', '.join(f'{kind} {n}' for kind, n in sorted(self.largest.items())),
                f'patience x {measured.patience:.1f}',
                f'highest RSS {measured.rss / 1e6:.0f} MB',
                f'seed {self.seed}',
            )
        )


def _shown(times: dict[str, float]) -> Iterator[str]:
    return (f'{what} {seconds:.3f} s' for what, seconds in sorted(times.items()))
