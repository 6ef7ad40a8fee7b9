# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""How much does the outbox cost: appending, draining a backlog, and what that does to others."""

from __future__ import annotations

import asyncio
from pathlib import Path
import sqlite3
import sys
import tempfile
import time

sys.path[:0] = [str(Path(__file__).parents[1] / 'test')]

from fixtures.kept_state import on_record  # noqa: E402
from fixtures.peers import websocket_server  # noqa: E402
from fixtures.robot_side import Robot  # noqa: E402
from rows import Row, row, show  # noqa: E402

from xparo_bridge.link.control_lane import ControlLane  # noqa: E402
from xparo_bridge.link.outbox import Outbox  # noqa: E402
from xparo_bridge.messages import CommandState, CommandStatus, RemoteCommand  # noqa: E402
from xparo_bridge.state import State  # noqa: E402

COUNT = 100_000
PACE, PACED = 10_000, 30_000
ROOM = 1 << 30


def status(number: int) -> CommandStatus:
    """Return a status as a command that drives ends with."""
    return CommandStatus(
        f'cmd-{number:012x}',
        'start_navigation',
        CommandState.SUCCEEDED,
        result={'distance': 12.5, 'duration': 31.2},
    )


def kept_lane(folder: Path, durability: str) -> tuple[ControlLane, State]:
    """Return a lane with its outbox on disk."""
    state = State(folder / durability, print, durable=durability == 'full')
    assert state.writer is not None
    outbox = Outbox(state.writer, 'platform.xparo')
    outbox.open()
    return ControlLane(ROOM, outbox), state


def floor_seconds(folder: Path) -> float:
    """Return what SQLite alone takes: one row of the same size each, all in one transaction."""
    text = 'x' * 160
    with sqlite3.connect(folder / 'floor.sqlite') as db:
        db.execute('PRAGMA journal_mode = WAL')
        db.execute('CREATE TABLE t (number INTEGER PRIMARY KEY, id TEXT, text TEXT)')
        began = time.process_time()
        for number in range(COUNT):
            db.execute('INSERT INTO t VALUES (?, ?, ?)', (number, f'run-{number}', text))
        db.commit()
        return time.process_time() - began


def append(folder: Path, durability: str) -> list[Row]:
    """Measure appending, in time of one core over all threads, and the longest wait of a call."""
    lane, state = kept_lane(folder, durability)
    wall = time.perf_counter()
    waits = []
    for number in range(PACED):  # At the rate of the goal first, as a loop that has other work.
        while (early := wall + number / PACE - time.perf_counter()) > 0:
            time.sleep(min(early, 0.001))
        began = time.perf_counter()
        lane.add(status(number))
        waits.append(time.perf_counter() - began)
    waits.sort()
    cpu, wall = time.process_time(), time.monotonic()
    for number in range(COUNT):
        lane.add(status(number))
    on_record(state, 60.0)
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    state.close(60.0)
    floor = floor_seconds(folder) if durability == 'normal' else None
    return [
        row(
            f'outbox append, {durability}',
            cpu / COUNT * 1e6,
            'us of CPU',
            floor=None if floor is None else floor / COUNT * 1e6,
            goal=100.0,
            note=f'{COUNT / cpu:.0f} a second of one core, {COUNT / wall:.0f} by the clock, '
            'on disk',
        ),
        row(
            f'outbox append, {durability}, a call at {PACE} a second, p99.9',
            waits[int(PACED * 0.999)] * 1e3,
            'ms',
            goal=50.0,
            note=f'longest {waits[-1] * 1e3:.1f} ms',
        ),
    ]


async def drain(folder: Path) -> list[Row]:
    """Measure draining a backlog while commands come in and their status goes out."""
    waits: list[float] = []
    done = asyncio.Event()
    received = 0
    sent_at: dict[str, float] = {}

    async def handler(socket: object) -> None:
        nonlocal received

        async def command() -> None:
            number = 0
            while not done.is_set():
                sent_at[f'live-{number}'] = time.perf_counter()
                await socket.send(  # type: ignore[attr-defined]
                    '{"type":"remote_command","data":{"command":"go",'
                    f'"command_id":"live-{number}"}}}}'
                )
                number += 1
                await asyncio.sleep(0.06)

        commanding = asyncio.ensure_future(command())
        async for frame in socket:  # type: ignore[attr-defined]
            received += 1
            if '"live-' in frame:
                name = frame.split('"command_id":"')[1].split('"')[0]
                waits.append(time.perf_counter() - sent_at[name])
            elif received >= COUNT:
                done.set()
        commanding.cancel()

    state = State(folder / 'drain', print)
    async with websocket_server(handler, max_size=None, compression=None) as port:
        robot = Robot(port, state=state, heartbeat_interval=10.0, heartbeat_timeout=10.0)
        robot.lanes.control._max_bytes = ROOM
        for number in range(COUNT):
            robot.lanes.control.add(status(number))
        robot.lanes.control.rewind()
        answered = 0

        async def answer() -> None:
            nonlocal answered
            while True:
                await robot.wait_for(lambda m: isinstance(m, RemoteCommand), answered, 60.0)
                for message in robot.received[answered:]:
                    if isinstance(message, RemoteCommand):
                        robot.lanes.put(
                            CommandStatus(message.command_id, 'go', CommandState.SUCCEEDED)
                        )
                answered = len(robot.received)

        began = time.monotonic()
        async with robot:
            answering = asyncio.ensure_future(answer())
            await asyncio.wait_for(done.wait(), 120.0)
            took = time.monotonic() - began
            answering.cancel()
    waits.sort()
    return [
        row(
            'outbox drain, backlog of 100,000',
            took,
            's',
            note=f'{COUNT / took:.0f} a second, peer in the same process',
        ),
        row(
            'outbox drain, live command to its status, p50',
            waits[len(waits) // 2] * 1e3,
            'ms',
            note=f'{len(waits)} commands',
        ),
        row('outbox drain, live command to its status, longest', waits[-1] * 1e3, 'ms', goal=50.0),
    ]


def run() -> list[Row]:
    """Run all."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return [*append(folder, 'normal'), *append(folder, 'full'), *asyncio.run(drain(folder))]


if __name__ == '__main__':
    show(run())
