# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
A real cable is pulled: the bridge in a network namespace of its own, does it lose anything?

The cable is a veth pair to the platform with latency and loss (tc netem), that is set down and up.
Needs root, ip, and a kernel that allows namespaces; elsewhere it says why not.
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

from chaos import accounting, environment

TIMES = 50
NETEM = 'delay 40ms 10ms loss 2%'
OUTAGES = 0.1, 1.0, 2.0  # s, by turns


class NoCable(Exception):
    """This machine has no cable to pull; says why."""


class Cable:
    """A veth pair from here to a namespace with a robot."""

    def __init__(self) -> None:
        """Name it for this process, so that others may have one too."""
        self.namespace = f'xparo{os.getpid()}'
        self._here = f'xp{os.getpid()}'
        net = f'10.231.{os.getpid() % 250}'
        self.platform = f'{net}.1'
        self._robot = f'{net}.2'

    def lay(self) -> None:
        """Make namespace and cable; OSError says why there is none."""
        _ip('netns', 'add', self.namespace)
        _ip('-n', self.namespace, 'link', 'set', 'lo', 'up')
        _ip('link', 'add', self._here, 'type', 'veth', 'peer', 'cable', 'netns', self.namespace)
        _ip('address', 'add', f'{self.platform}/24', 'dev', self._here)
        _ip('-n', self.namespace, 'address', 'add', f'{self._robot}/24', 'dev', 'cable')
        self.set_state('here', 'up')
        self.set_state('there', 'up')

    def set_state(self, end: str, state: str) -> None:
        """Set the end `here` or `there` `up` or `down`."""
        if end == 'here':
            _ip('link', 'set', self._here, state)
        else:
            _ip('-n', self.namespace, 'link', 'set', 'cable', state)

    def slow(self) -> str:
        """Add latency and loss; why there is none, empty if there is."""
        try:
            _run(
                'tc',
                '-n',
                self.namespace,
                'qdisc',
                'add',
                'dev',
                'cable',
                'root',
                'netem',
                *NETEM.split(),
            )
        except OSError as error:
            return str(error)
        return ''

    def remove(self) -> None:
        """Leave nothing behind; the other end goes with the namespace."""
        subprocess.run(['ip', 'netns', 'delete', self.namespace], capture_output=True)
        subprocess.run(['ip', 'link', 'delete', self._here], capture_output=True)


@contextlib.contextmanager
def cable() -> Iterator[Cable]:
    """A cable for as long as the context; NoCable if it cannot be laid."""
    laid = Cable()
    try:
        try:
            laid.lay()
        except OSError as error:
            raise NoCable(error) from None
        yield laid
    finally:
        if shutil.which('ip'):
            laid.remove()


def _ip(*arguments: str) -> None:
    _run('ip', *arguments)


def _run(*argv: str) -> None:
    try:
        done = subprocess.run(argv, capture_output=True, text=True)
    except FileNotFoundError:
        raise OSError(f'there is no {argv[0]}') from None
    if done.returncode:
        raise OSError(f'{" ".join(argv)}: {done.stderr.strip()}')


async def play(pulls: int) -> accounting.Verdict:
    """Pull the cable a number of times while the bridge talks."""
    with cable() as line, tempfile.TemporaryDirectory() as folder:
        if problem := line.slow():  # A kernel without netem can still pull the cable.
            print(f'  without latency and loss: {problem}', flush=True)
        house = environment.House(
            Path(folder), line.platform, wrap=('ip', 'netns', 'exec', line.namespace)
        )
        try:
            await house.start_platform()
            await house.start(house.platform_port)
            for number in range(pulls):
                environment.progress(number, pulls)
                await asyncio.sleep(random.uniform(0.1, 0.5))
                end = random.choice(('here', 'there'))
                line.set_state(end, 'down')
                await asyncio.sleep(OUTAGES[number % len(OUTAGES)])
                line.set_state(end, 'up')
                await house.talks()
            return await house.finish()
        finally:
            await house.stop()


def run(times: int, seed: int) -> str:
    """Pull the cable `times` times, if the machine allows it."""
    random.seed(seed)
    try:
        verdict = asyncio.run(play(times))
    except NoCable as error:
        return f'skipped: {error}'
    assert verdict.good, str(verdict)
    return str(verdict)
