# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Does a link lose anything when a real cable is pulled: either end in a network namespace.

The cable is a veth pair with latency and loss (tc netem) that is set down and up. Needs root, ip
and tc, and a kernel that allows it; elsewhere it says why not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
import contextlib
import os
from pathlib import Path
import random
import shutil
import subprocess
import tempfile
import time

from chaos.link_faults import Chaos, Verdict

TIMES = 50
NETEM = 'delay 40ms 10ms loss 2%'


@contextlib.contextmanager
def cable() -> Iterator[tuple[str, str]]:
    """Two namespaces with a cable between, 10.231.0.1 and .2; OSError says why there is none."""
    for program in ('ip', 'tc'):
        if shutil.which(program) is None:
            raise OSError(f'there is no {program}')
    here = f'xparo{os.getpid()}'
    platform, robot = f'{here}p', f'{here}r'
    try:
        for name in (platform, robot):
            command('ip', 'netns', 'add', name)
            command('ip', '-n', name, 'link', 'set', 'lo', 'up')
        command('ip', '-n', platform, 'link', 'add', 'cable', 'type', 'veth', 'peer', 'cable',
            'netns', robot)
        for number, name in ((1, platform), (2, robot)):
            command('ip', '-n', name, 'address', 'add', f'10.231.0.{number}/24', 'dev', 'cable')
            command('ip', '-n', name, 'link', 'set', 'cable', 'up')
        yield platform, robot
    finally:
        for name in (platform, robot):
            subprocess.run(['ip', 'netns', 'delete', name], capture_output=True)


def command(*argv: str) -> None:
    """Run a command; OSError with its words if it fails."""
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        raise OSError(f'{" ".join(argv)}: {done.stderr.strip()}')


async def play(pulls: int, netem: str = NETEM) -> Verdict:
    """Pull the cable a number of times while the link talks."""
    with cable() as (platform, robot), tempfile.TemporaryDirectory() as folder:
        shaped = True
        try:
            command('tc', '-n', robot, 'qdisc', 'add', 'dev', 'cable', 'root', 'netem',
                *netem.split())
        except OSError as error:  # A kernel without netem can still pull the cable.
            shaped = False
            print(f'without latency and loss: {error}')
        chaos = Chaos(Path(folder), '10.231.0.1', wrap=('ip', 'netns', 'exec', robot),
                      platform_wrap=('ip', 'netns', 'exec', platform))
        try:
            await chaos.start_platform()
            chaos.address = f'10.231.0.1:{chaos.platform_port}'
            await chaos.start_link()
            await chaos.talks(time.monotonic())
            chaos.verdict.recoveries.clear()
            for _ in range(pulls):
                await asyncio.sleep(random.uniform(0.1, 0.5))
                end = random.choice((platform, robot))
                command('ip', '-n', end, 'link', 'set', 'cable', 'down')
                await asyncio.sleep(random.choice((0.1, 1.0, 2.0)))
                command('ip', '-n', end, 'link', 'set', 'cable', 'up')
                await chaos.talks(time.monotonic())
            verdict = await chaos.finish()
        finally:
            chaos.stop()
    print(f'{pulls} pulls of the cable{f", {netem}" if shaped else ""}: {verdict}', flush=True)
    return verdict


def run(times: int, seed: int) -> str:
    """Pull the cable `times` times, if the machine allows it."""
    random.seed(seed)
    try:
        verdict = asyncio.run(play(times))
    except OSError as error:
        return f'skipped: {error}'
    assert verdict.good, str(verdict)
    return str(verdict)
