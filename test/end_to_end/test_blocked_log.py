# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A log that nobody reads, or on a disk that hangs: the bridge starts, drives, stops and ends."""

from __future__ import annotations

import asyncio
from pathlib import Path
import signal
import sys
import time

from fixtures.freezing_disk import freezing_disk, NoDisk
from fixtures.system import (
    PROJECT_ID,
    SECRET_KEY,
    start_bridge,
    start_platform,
    start_robot,
)
import pytest

from xparo_bridge.exit_codes import FAILED, STOPPED
from xparo_bridge.local.platform_client import OperatorClient

# Runs a program with a pipe for its output that is full, as of a terminal that was halted, or of
# a log daemon that hangs.
INTO_A_FULL_PIPE = """
import os, sys
read, write = os.pipe()
os.set_blocking(write, False)
try:
    while True:
        os.write(write, bytes(4096))
except BlockingIOError:
    os.set_blocking(write, True)
os.set_inheritable(read, True)
os.dup2(write, 1)
os.dup2(write, 2)
os.execv(sys.argv[1], sys.argv[1:])
"""


async def drives_and_stops(port: int, before_stop=lambda: None) -> None:
    async with await OperatorClient.connect(
        port=port, secret_key=SECRET_KEY, project_id=PROJECT_ID, since=0
    ) as operator:
        await operator.wait_for(lambda event: event.get('type') == 'robot_info', timeout=30.0)
        going = await operator.send_command('start_navigation', {'goal': 'table_4'})
        await operator.wait_for_status(going, 'running')
        before_stop()
        # Each of these is a line of the log, and so is the refusal.
        for _ in range(20):
            odd = await operator.send_command('save_place', {'name': 7})
            assert (await operator.wait_for_status(odd))['state'] == 'rejected'
        stop = await operator.send_command('stop')
        assert (await operator.wait_for_status(stop))['state'] == 'succeeded'
        assert (await operator.wait_for_status(going))['state'] == 'canceled'


def ends(bridge) -> None:
    began = time.monotonic()
    bridge.send_signal(signal.SIGTERM)
    assert bridge.wait(timeout=10.0) in (STOPPED, FAILED, -signal.SIGALRM)
    assert time.monotonic() - began < 6.0


def test_where_nobody_reads_what_the_bridge_prints(tmp_path: Path):
    platform, port = start_platform()
    with (
        platform,
        start_robot(),
        start_bridge(tmp_path, port, wrap=(sys.executable, '-c', INTO_A_FULL_PIPE)) as bridge,
    ):
        asyncio.run(drives_and_stops(port))
        ends(bridge)


def test_where_the_disk_of_the_log_hangs(tmp_path: Path):
    platform, port = start_platform()
    try:
        with (
            freezing_disk(tmp_path) as disk,
            platform,
            start_robot(),
            start_bridge(tmp_path, port, ROS_LOG_DIR=str(disk.place)) as bridge,
        ):
            asyncio.run(drives_and_stops(port, disk.freeze))
            disk.thaw()  # No process ends, whatever signal it gets, whose thread waits for one.
            ends(bridge)
    except NoDisk as error:
        pytest.skip(f'no file system can be made here: {error}')
