# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Each program of the package when what it prints is read no more, as by `… | head`."""

from __future__ import annotations

import asyncio
from importlib.metadata import distribution
import os
from pathlib import Path
import signal
import subprocess
import sys

from fixtures.system import CREDENTIALS, PROJECT_ID, SECRET_KEY, start_platform
import pytest
from websockets import connect

from xparo_bridge.closed_output import ends_with_its_reader, UNREAD

PROGRAMS = sorted(distribution('xparo_bridge').entry_points.select(group='console_scripts').names)
TREE = Path(__file__).parents[1] / 'config' / 'trees'


def ended(arguments: list[str], *, timeout: float = 60.0) -> tuple[int, str]:
    """Exit code and standard error of a program whose output nobody reads."""
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, '-m', 'xparo_bridge', *arguments],
            stdin=subprocess.DEVNULL,
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            timeout=timeout,
            env={**os.environ, **CREDENTIALS, 'PYTHONUNBUFFERED': ''},
        )
    finally:
        os.close(write)
    return done.returncode, done.stderr


async def be_a_robot(port: int) -> None:
    """Come to a platform as a robot, and go."""
    path = f'ws/chatbot/{SECRET_KEY}/{PROJECT_ID}/'
    async with connect(f'ws://127.0.0.1:{port}/{path}') as socket:
        await socket.send('{"type": "telemetry", "data": {}}')


@pytest.mark.parametrize('program', PROGRAMS)
def test_help_that_nobody_reads_ends_without_words(program):
    assert ended([program, '--help']) == (UNREAD, '')


@pytest.mark.parametrize(
    'arguments',
    [
        ['check_tree', *map(str, sorted(TREE.glob('*.xml'))[:1])],
        ['config', 'schema'],
        ['bridge', '--check', 'bridge.yaml'],
        ['local_platform', 'serve', '--port', '0'],
        ['demo', '--once'],
        ['state', 'show', '/no/such/folder'],
    ],
    ids=lambda arguments: arguments[0],
)
def test_what_prints_ends_without_a_traceback(arguments):
    code, error = ended(arguments)
    assert code != 0
    assert 'Traceback' not in error
    assert 'BrokenPipeError' not in error


@pytest.mark.parametrize(
    'verb',
    [['robots'], ['watch', '--since', '0'], ['chat', 'hello'], ['send', 'status', '--wait']],
    ids=lambda verb: verb[0],
)
def test_a_verb_of_the_platform_ends_without_a_traceback(verb):
    platform, port = start_platform()
    with platform:
        asyncio.run(be_a_robot(port))  # So that there is something to be said.
        code, error = ended(['local_platform', verb[0], '--port', str(port), *verb[1:]])
        assert platform.returncode is None
    assert code in (1, UNREAD)
    assert 'Traceback' not in error
    assert 'Broken pipe' not in error


def test_a_broken_pipe_of_something_else_is_no_closed_output():
    @ends_with_its_reader
    def main() -> int:
        raise BrokenPipeError('of a socket')

    with pytest.raises(BrokenPipeError, match='of a socket'):
        main()


def test_it_is_what_a_shell_says():
    assert UNREAD == 128 + signal.SIGPIPE
