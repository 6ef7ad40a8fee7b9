# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What the links leave to threads: neither the loop nor the end of the process waits for it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
import subprocess
import sys
import threading
import time

from fixtures.peers import websocket_server
from fixtures.processes import python_path
from fixtures.robot_side import adapter, ignore, Robot
import pytest

from xparo_bridge.credentials import Credentials
from xparo_bridge.link.daemon_executor import DaemonExecutor, MOST, TooManyWait
from xparo_bridge.link.endpoints import Endpoints
from xparo_bridge.messages import LinkProblem, LinkState


def test_a_result_and_an_error_come_back():
    async def scenario() -> None:
        asyncio.get_running_loop().set_default_executor(DaemonExecutor())
        assert await asyncio.to_thread(lambda: threading.current_thread().daemon) is True
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 / 0)

    asyncio.run(scenario())


def test_as_many_may_hang_as_its_bound_says():
    executor, going_on = DaemonExecutor(), threading.Event()
    jobs = [executor.submit(going_on.wait, 10.0) for _ in range(MOST)]
    with pytest.raises(TooManyWait):
        executor.submit(int)
    going_on.set()
    assert all(job.result(10.0) for job in jobs)


HANGING = """
import asyncio, os, sys, tempfile
from xparo_bridge.link.daemon_executor import DaemonExecutor

async def main():
    asyncio.get_running_loop().set_default_executor(DaemonExecutor())
    fifo = os.path.join(tempfile.mkdtemp(), 'fifo')
    os.mkfifo(fifo)
    waiting = asyncio.ensure_future(asyncio.to_thread(open, fifo))  # Blocks for ever.
    await asyncio.sleep(0.05)
    print('hangs', flush=True)

asyncio.run(main())
"""


def test_the_process_ends_while_a_job_hangs():
    done = subprocess.run(
        [sys.executable, '-c', HANGING],
        capture_output=True,
        text=True,
        timeout=20.0,
        env={**os.environ, 'PYTHONPATH': python_path(Path(__file__).parents[2])},
    )
    assert done.stdout == 'hangs\n'


def test_a_link_dials_with_the_credentials_it_has_while_the_disk_with_them_hangs():
    going_on = threading.Event()
    read = []

    def hang() -> Credentials:
        read.append(time.monotonic())
        going_on.wait(30.0)
        return Credentials('secret', 'project')

    async def scenario() -> None:
        asyncio.get_running_loop().set_default_executor(DaemonExecutor())
        async with websocket_server(ignore) as port:
            endpoints = Endpoints(
                [adapter(f'ws://127.0.0.1:{port}/ws')],
                Credentials('secret', 'project'),
                hang,
                lambda credentials: [adapter(f'ws://127.0.0.1:{port}/ws')],
            )
            async with Robot(endpoints=endpoints) as robot:
                await robot.wait_for_state(LinkState.CONNECTED)
                problem = await robot.wait_for(lambda m: isinstance(m, LinkProblem))
                assert 'does not answer' in problem.problem
        assert len(read) == 1, 'one thread hangs, not one for each dial'
        going_on.set()

    asyncio.run(scenario())
