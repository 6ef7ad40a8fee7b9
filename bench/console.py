# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How much do 300 and 1,000 robots at 1 Hz cost a local platform and a console, with two browsers.

The robots are sockets of one process that tell what a bridge does by default. Two pages of the
fleet are open in Chromium; in one of them it is measured how long after a robot sent a value it
stands on the page. With more robots than the fleet page shows at full rate it must say so, and
still answer. Run: `python bench/console.py [ROBOTS]`.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
import importlib.util
import json
import math
import os
from pathlib import Path
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Any

import psutil
from rows import Row, row, show, skipped

_SECONDS = 30.0
_PROBES = 100  # values of which the way to the page is timed
_FULL_RATE = 500  # robots up to which the fleet page shows each change at once
_MEASURED_FOR = 300  # robots that the goals of time are for
_TOOLS = ('chromium', 'chromium-browser', 'google-chrome')


def run(*counts: int) -> list[Row]:
    """Rows of CPU, memory, the first page and the way to the page, by default of 300 and 1,000."""
    chromium = next(filter(None, map(shutil.which, _TOOLS)), None)
    if chromium is None:
        return [skipped('console', 'there is no Chromium')]
    if any(importlib.util.find_spec(name) is None for name in ('nicegui', 'playwright')):
        return [skipped('console', 'NiceGUI or Playwright is not installed')]
    return [row for robots in counts or (_MEASURED_FOR, 1000) for row in _of(chromium, robots)]


def _of(chromium: str, robots: int) -> list[Row]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environment = {**os.environ, 'XPARO_SECRET_KEY': 'demo', 'XPARO_PROJECT_ID': 'demo'}

        def start(name: str, *arguments: str) -> tuple[subprocess.Popen[str], str]:
            process = subprocess.Popen(
                [sys.executable, '-m', 'xparo_bridge', name, '--port', '0', *arguments],
                stdout=subprocess.PIPE, text=True, env=environment,
            )  # fmt: skip
            stack.callback(process.wait)
            stack.callback(process.terminate)
            assert process.stdout is not None
            return process, process.stdout.readline()

        platform, line = start('local_platform', '--data', str(folder))
        port = line.split('/ws/')[0].rpartition(':')[2]
        console, line = start('console', '--platform', f'127.0.0.1:{port}')
        fleet = subprocess.Popen(
            [sys.executable, __file__, 'fleet', port, str(robots)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        stack.callback(fleet.wait)
        stack.callback(fleet.terminate)
        assert fleet.stdout is not None
        fleet.stdout.readline()
        return _look(chromium, line.split()[-1], int(port), fleet, (platform, console), robots)


def _look(
    chromium: str,
    url: str,
    port: int,
    fleet: subprocess.Popen[str],
    programs: tuple[subprocess.Popen[str], ...],
    robots: int,
) -> list[Row]:
    from playwright.sync_api import sync_playwright

    assert fleet.stdin is not None and fleet.stdout is not None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=['--no-sandbox'])
        first = []
        pages = []
        for _ in range(2):
            page = browser.new_page(viewport={'width': 1280, 'height': 900})
            began = time.monotonic()
            page.goto(url)
            page.get_by_role('heading', name='Fleet').wait_for()
            first.append(time.monotonic() - began)
            page.get_by_role('button', name='Table').click()
            pages.append(page)
        page = pages[0]

        page.locator('.ag-center-cols-container [row-id="a_probe"]').wait_for()
        page.evaluate(_WATCH)
        processes = [psutil.Process(program.pid) for program in programs]
        taken = _taken(port)
        before = [_cpu(process) for process in processes]
        began = time.monotonic()
        fleet.stdin.write('probe\n')
        fleet.stdin.flush()
        sent = {int(value): at for value, at in json.loads(fleet.stdout.readline()).items()}
        while time.monotonic() - began < _SECONDS:
            page.wait_for_timeout(200)
        took = time.monotonic() - began
        cores = [
            (_cpu(process) - cpu) / took for process, cpu in zip(processes, before, strict=True)
        ]
        memory = sum(process.memory_info().rss for process in processes) / 1e6
        taken = _taken(port) - taken
        if robots > _FULL_RATE:
            page.get_by_text(f'Of more than {_FULL_RATE} robots the page').wait_for(timeout=5000)
        seen = {int(value): at for value, at in page.evaluate('window.seen').items()}
        asked = time.monotonic()
        page.get_by_label('Filter by name or state').fill('a_probe')
        page.get_by_text('robot_0000').first.wait_for(state='hidden')
        answered = time.monotonic() - asked
        browser.close()
    ways = sorted(1000.0 * (seen[value] - at) for value, at in sent.items() if value in seen)
    p95 = ways[math.ceil(0.95 * len(ways)) - 1] if ways else math.inf
    note = f'{robots} robots at 1 Hz, two pages open'
    if robots > _FULL_RATE:
        note += ', which say that they show what is new once a second'
    few = robots <= _MEASURED_FOR
    many = '' if few else f', {robots:,} robots'
    way = f'{len(ways)} of {len(sent)} seen, the newest of each look'
    return [
        row(f'CPU of platform and console{many}', sum(cores), 'cores', goal=1.0, note=note),
        row(f'memory of platform and console{many}', memory, 'MB', goal=400.0, note=note),
        row(f'message to pixel, p95{many}', p95, 'ms', goal=250.0 if few else None, note=way),
        row(f'first page{many}', max(first), 's', goal=2.0 if few else None, note=note),
        row(f'a filter is answered{many}', answered, 's', goal=2.0, note=note),
        row(f'messages taken{many}', taken / took, '1/s', note=f'{robots} are sent'),
    ]


def _taken(port: int) -> int:
    """How many messages of telemetry the platform has taken."""
    from xparo_bridge.local.platform_client import OperatorClient

    async def ask() -> int:
        async with await OperatorClient.connect(port=port) as client:
            return sum(int(robot['counts'].get('telemetry', 0)) for robot in await client.robots())

    with ThreadPoolExecutor(1) as pool:  # Playwright's loop runs in this thread.
        return pool.submit(asyncio.run, ask()).result()


# When a value of the robot `a_probe` stands on the page, Unix s; a frame later it is painted.
_WATCH = """() => {
    window.seen = {};
    const look = () => {
        const cell = document.querySelector(
            '.ag-center-cols-container [row-id="a_probe"] [col-id="battery"]');
        const value = cell && cell.textContent.trim();
        if (value && !(value in window.seen)) window.seen[value] = Date.now() / 1000;
        requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
}"""


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def _be_fleet(port: int, robots: int) -> None:
    from websockets.asyncio.client import connect

    async def connected(name: str) -> Any:
        socket = await connect(
            f'ws://127.0.0.1:{port}/ws/chatbot/demo/demo/', ping_interval=None, compression=None
        )
        await _say(socket, 'robot_info', robot_id=name)
        return socket

    async def listen(socket: Any) -> None:
        async for frame in socket:
            if frame == '{"type": "ping"}':
                await socket.send('{"type": "pong"}')

    async def tell(socket: Any, number: int) -> None:
        await asyncio.sleep(number / robots)
        count = 0
        while True:
            count += 1
            await _say(
                socket,
                'telemetry',
                cpu_usage=12.5,
                memory_usage=40.0,
                disk_usage=55.0,
                battery_percentage=20.0 + (count + number) % 60,
                battery_voltage=25.1,
                pose={'x': 1.0 + 0.01 * count, 'y': 2.0, 'yaw': 0.1, 'frame': 'map'},
                velocity={'linear': 0.3, 'angular': 0.0},
            )
            await asyncio.sleep(1.0)

    sockets = [await connected(f'robot_{number:04}') for number in range(robots)]
    probe = await connected('a_probe')
    tasks = [asyncio.ensure_future(listen(socket)) for socket in [*sockets, probe]]
    tasks += [asyncio.ensure_future(tell(socket, n)) for n, socket in enumerate(sockets)]
    print('connected', flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    sent = {}
    for value in range(1000, 1000 + _PROBES):
        sent[value] = time.time()
        await _say(probe, 'telemetry', battery_percentage=value)
        await asyncio.sleep(0.25)
    print(json.dumps(sent), flush=True)
    await asyncio.gather(*tasks)


async def _say(socket: Any, kind: str, **data: Any) -> None:
    await socket.send(json.dumps({'type': kind, 'data': data}))


if __name__ == '__main__':
    if sys.argv[1:2] == ['fleet']:
        asyncio.run(_be_fleet(int(sys.argv[2]), int(sys.argv[3])))
    else:
        show(run(*map(int, sys.argv[1:2])))
