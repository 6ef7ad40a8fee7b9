# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Does a link lose anything: faults of the network, and kills of either end, while it talks.

A talkative link and the local platform are programs of their own, with a bad network between; the
platform's record says what arrived. Prints `lost 0 of N` and how long the link took to recover.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
import json
from pathlib import Path
import random
import sys
import tempfile
import time
from typing import Any

from fixtures.fault_proxy import fault_proxy, FaultProxy
from fixtures.processes import Process

from chaos._talkative_link import COMMANDS

PROGRAM = str(Path(__file__).parent / '_talkative_link.py')
TIMEOUT = 30.0
TIMES = 500


@dataclass
class Verdict:
    """What became of all that was kept on disk."""

    kept: int = 0
    lost: list[int] = field(default_factory=list)
    out_of_order: int = 0
    duplicates: int = 0
    unmarked: int = 0
    recoveries: list[float] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing was lost, out of order, or twice without a mark."""
        return not (self.lost or self.out_of_order or self.unmarked)

    def __str__(self) -> str:
        times = sorted(self.recoveries) or [0.0]
        return (f'lost {len(self.lost)} of {self.kept}; out of order {self.out_of_order}; '
                f'duplicates {self.duplicates}, not marked {self.unmarked}; time to recover '
                f'p50 {times[len(times) // 2]:.2f} s, p99 {times[int(len(times) * 0.99)]:.2f} s '
                f'of {len(self.recoveries)}')


class Chaos:
    """Both ends and what is between them."""

    def __init__(self, folder: Path, host: str = '127.0.0.1',
                 wrap: Sequence[str] = (), platform_wrap: Sequence[str] = (),
                 durability: str = 'normal') -> None:
        """Take where the platform listens, and what the programs' commands begin with."""
        self._folder = folder
        self._host = host
        self._wrap = wrap
        self._platform_wrap = platform_wrap
        self._durability = durability
        self._record = folder / 'record.jsonl'
        self._record.touch()
        self._read = 0
        self.platform_port = 0
        self.address = ''
        self._number = 0
        self._newest = -1
        self._ranges: list[tuple[int, int]] = []
        self._platform: Process | None = None
        self._link: Process | None = None
        self._arrived: dict[int, None] = {}
        self._last = [-1] * COMMANDS
        self._ids: set[str] = set()
        self.verdict = Verdict()

    async def start_platform(self) -> None:
        """Start the platform, at the port it had."""
        self._platform = Process([
            *self._platform_wrap, sys.executable, '-m', 'xparo_bridge.local.local_platform',
            'serve', '--host', self._host, '--port',
            str(self.platform_port), '--record', str(self._record), '--secret-key', 'demo',
            '--project-id', 'demo'])
        line = await asyncio.to_thread(self._platform.wait_for_line, r'listening on ws://\S+:(\d+)')
        self.platform_port = int(line[1])

    async def start_link(self) -> None:
        """Start the link, with numbers of its own."""
        self._link = Process([
            *self._wrap, sys.executable, PROGRAM, self.address, str(self._folder),
            str(self._number), self._durability])

    def kill_link(self) -> None:
        """Kill the link as a power cut of its computer would, less the disk."""
        assert self._link is not None
        self._link.kill()
        self._link.stop()
        self._collect_kept()

    def kill_platform(self) -> None:
        """Kill the platform."""
        assert self._platform is not None
        self._platform.kill()
        self._platform.stop()

    def stop(self) -> None:
        """End both."""
        for process in (self._link, self._platform):
            if process is not None:
                process.stop()

    async def talks(self, since: float) -> None:
        """Wait until a status made from now on arrives, and note how long after `since`."""
        assert self._link is not None
        kept = [line for line in self._link.lines if line.startswith('kept ')]
        newest = int(kept[-1].split()[1]) if kept else self._number - 1
        await self._until(lambda: self._newest > newest, 'nothing arrives any more')
        self.verdict.recoveries.append(time.monotonic() - since)

    async def finish(self) -> Verdict:
        """Let the rest arrive, and judge."""
        self._collect_kept()
        goal = set(self._all_kept())
        try:
            await self._until(lambda: goal <= self._arrived.keys(), 'not all arrived')
        except AssertionError as error:
            print(error)
        self.verdict.kept = len(goal)
        self.verdict.lost = sorted(goal - self._arrived.keys())
        return self.verdict

    def _collect_kept(self) -> None:
        assert self._link is not None
        kept = [line for line in self._link.lines if line.startswith('kept ')]
        if kept:
            last = int(kept[-1].split()[1])
            self._ranges.append((self._number, last))
        # Numbers that were given but not kept are not given again.
        self._number += 1_000_000

    def _all_kept(self) -> list[int]:
        return [number for first, last in self._ranges for number in range(first, last + 1)]

    async def _until(self, holds: Callable[[], bool], problem: str) -> None:
        end = time.monotonic() + TIMEOUT
        while True:
            self._read_record()
            if holds():
                return
            if time.monotonic() > end:
                assert self._link is not None
                raise AssertionError(f'{problem}; the link printed {self._link.lines[-5:]}')
            await asyncio.sleep(0.005)

    def _read_record(self) -> None:
        with self._record.open() as record:
            record.seek(self._read)
            while (line := record.readline()).endswith('\n'):
                self._read = record.tell()
                try:
                    self._take(json.loads(line))
                except ValueError:  # The platform was killed in the midst of a line.
                    pass

    def _take(self, event: dict[str, Any]) -> None:
        data = event.get('data', {})
        if event['event'] != 'received' or event['type'] != 'command_status':
            return
        if data['message_id'] in self._ids:
            self.verdict.duplicates += 1
            self.verdict.unmarked += not data.get('resent')
            return
        self._ids.add(data['message_id'])
        number = data['result']['number']
        command = int(data['command_id'].rpartition('-')[2])
        self.verdict.out_of_order += number < self._last[command]
        self._last[command] = max(number, self._last[command])
        self._arrived[number] = None
        self._newest = max(self._newest, number)


async def network_faults(chaos: Chaos, proxy: FaultProxy, count: int) -> None:
    """Break the network in one of its ways, heal it, see the link talk again; `count` times."""
    ways: list[Callable[[], None]] = [
        proxy.cut, proxy.vanish, lambda: (setattr(proxy, 'refusing', True), proxy.cut())[1],
        lambda: setattr(proxy, 'rate', 20_000.0), lambda: setattr(proxy, 'delay', 0.1)]
    for _ in range(count):
        await asyncio.sleep(random.uniform(0.0, 0.2))
        random.choice(ways)()
        await asyncio.sleep(random.choice((0.0, 0.02, 0.3, 1.2)))
        proxy.heal()
        await chaos.talks(time.monotonic())


async def kills(chaos: Chaos, links: int, platforms: int) -> None:
    """Kill the one end or the other, start it again, see the link talk again."""
    victims = ['link'] * links + ['platform'] * platforms
    random.shuffle(victims)
    for victim in victims:
        await asyncio.sleep(random.uniform(0.1, 0.5))
        if victim == 'link':
            chaos.kill_link()
            await chaos.start_link()
        else:
            chaos.kill_platform()
            await chaos.start_platform()
        await chaos.talks(time.monotonic())


async def play(faults: int, link_kills: int, platform_kills: int) -> list[tuple[str, Verdict]]:
    """Play all, each with ends of its own."""
    verdicts = []
    for name, story in (
            (f'{faults} faults of the network',
             lambda chaos, proxy: network_faults(chaos, proxy, faults)),
            (f'{link_kills} kills of the link, {platform_kills} of the platform',
             lambda chaos, proxy: kills(chaos, link_kills, platform_kills))):
        with tempfile.TemporaryDirectory() as folder:
            chaos = Chaos(Path(folder))
            try:
                await chaos.start_platform()
                async with fault_proxy(chaos.platform_port) as proxy:
                    chaos.address = f'127.0.0.1:{proxy.port}'
                    await chaos.start_link()
                    await chaos.talks(time.monotonic())
                    chaos.verdict.recoveries.clear()
                    await story(chaos, proxy)
                    verdicts.append((name, await chaos.finish()))
            finally:
                chaos.stop()
        print(f'{name}: {verdicts[-1][1]}', flush=True)
    return verdicts


def run(times: int, seed: int) -> str:
    """Break the network `times` times, kill the link a fifth and the platform a tenth as often."""
    random.seed(seed)
    verdicts = asyncio.run(play(times, -(-times // 5), -(-times // 10)))
    assert all(verdict.good for _, verdict in verdicts), 'something was lost'
    return '; '.join(f'{name}: {verdict}' for name, verdict in verdicts)
