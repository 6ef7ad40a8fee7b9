# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What the command line prints on a terminal and elsewhere, and what a shell completes."""

from __future__ import annotations

import asyncio
import contextlib
from importlib.metadata import distribution
import json
import os
import pty
import re
import subprocess
import sys
import time

from local.test_local_platform import hear, platform, robot, say
import pytest

from xparo_bridge.local.event_lines import event_line, nested

SCRIPTS = sorted(
    script.name
    for script in distribution('xparo_bridge').entry_points.select(group='console_scripts')
)


@pytest.fixture(scope='module')
def port():
    with platform() as port:
        yield port


def on_a_terminal(arguments: list[str], **environment: str) -> tuple[subprocess.Popen, int]:
    """Start the command line on a terminal of its own; the process and what to read from."""
    ours, its = pty.openpty()
    # asyncio in its debug mode says on the same terminal which callback was slow.
    environment = {'PYTHONASYNCIODEBUG': '', 'PYTHONDEVMODE': '', **environment}
    process = subprocess.Popen(
        [sys.executable, '-m', 'xparo_bridge', 'local_platform', *arguments],
        stdout=its, stderr=its, stdin=its,
        env={**os.environ, 'TERM': 'xterm', 'COLUMNS': '100', **environment},
    )  # fmt: skip
    os.close(its)
    return process, ours


def read_all(terminal: int) -> str:
    text = b''
    with contextlib.suppress(OSError):  # EIO: nobody has the other end any more.
        while piece := os.read(terminal, 65536):
            text += piece
    os.close(terminal)
    return text.decode()


async def drive(port: int, name: str, start, more=None) -> str:
    """Have a robot say thirty times how far it is, and then that it arrived; what was printed."""
    async with robot(port, name) as socket:
        running = await asyncio.to_thread(start)
        data = (await hear(socket))['data']
        about = {'command_id': data['command_id'], 'command': data['command']}
        for left in range(30, 0, -1):
            progress = {**(more or {}), 'distance_remaining': left / 10}
            await say(socket, 'command_status', **about, state='running', progress=progress)
        await say(socket, 'command_status', **about, state='succeeded')
        return await asyncio.to_thread(running)


SEND = ['send', 'go', '--wait', '--robot']


# As navigation has it: more than a line is wide.
LONG = {
    'goal': 'table_4',
    'pose': {'x': 1.25, 'y': 4.5, 'yaw': 0.25},
    'navigation_time': 3.5,
    'estimated_time_remaining': 12.25,
    'recoveries': 0,
}


@pytest.mark.parametrize('more', [{}, LONG], ids=['short', 'long'])
@pytest.mark.parametrize('environment', [{}, {'NO_COLOR': '1'}])
def test_on_a_terminal_the_way_is_one_line_that_moves(port, environment, more):
    def start():
        process, terminal = on_a_terminal([*SEND, 'mover', '--port', str(port)], **environment)

        def end():
            text = read_all(terminal)
            assert process.wait(20) == 0
            return text

        return end

    text = asyncio.run(drive(port, 'mover', start, more))
    lines = [line for line in text.replace('\r\n', '\n').split('\n') if line]
    assert len(lines) == 2, lines  # sent, and the end in the place of what moved
    assert text.count('distance_remaining=') == 30
    assert 'distance_remaining=0.1' in text
    assert 'succeeded' in lines[-1].rpartition('\r')[2]
    assert ('\x1b[32m' in text) == (not environment)


def test_in_a_pipe_there_are_few_lines_and_no_colours(port):
    def start():
        process = subprocess.Popen(
            [sys.executable, '-m', 'xparo_bridge', 'local_platform', *SEND, 'piper', '--port',
             str(port)], stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        return lambda: process.communicate(timeout=20)[0]

    text = asyncio.run(drive(port, 'piper', start))
    assert '\x1b' not in text and '\r' not in text
    assert 'running distance_remaining=3' in text
    assert len(text.splitlines()) <= 4


def test_a_long_result_is_printed_in_lines_that_show_what_is_in_what():
    result = {
        'commands': {name: {'kind': 'navigate', 'description': 'x' * 40} for name in ('a', 'b')},
        'places': ['kitchen', 'dock'],
    }
    assert nested(result) == [
        '    commands:',
        f'      a: {{kind=navigate description={"x" * 40}}}',
        f'      b: {{kind=navigate description={"x" * 40}}}',
        '    places: [kitchen, dock]',
    ]
    status = {'command_id': 'c', 'command': 'list_commands', 'state': 'succeeded'}
    event = {'robot': 'r', 'event': 'received', 'type': 'command_status', 'time': 0.0}
    lines = event_line({**event, 'data': {**status, 'result': result}}).splitlines()
    assert lines[0].endswith('r list_commands c succeeded')
    assert lines[1:] == nested(result)
    short = event_line({**event, 'data': {**status, 'result': {'left': 1.5}}})
    assert short.endswith('succeeded left=1.5')


def test_of_a_refusal_the_sentence_is_printed_and_not_the_schema():
    schema = {'type': 'object', 'properties': {'goal': {'type': 'string'}}}
    error = {'code': 'bad_parameters', 'message': '"goal" is missing', 'schema': schema}
    status = {'command_id': 'c', 'command': 'go', 'state': 'rejected', 'error': error}
    event = {'robot': 'r', 'event': 'received', 'type': 'command_status', 'time': 0.0}
    said = event_line({**event, 'data': status})
    assert 'is missing' in said and 'schema' not in said and 'properties' not in said


@pytest.mark.parametrize('answers', [True, False])
def test_chat_says_whether_the_robot_has_it_and_what_it_said(port, answers):
    async def test():
        async with robot(port, f'chatter{answers}') as socket:
            running = asyncio.ensure_future(
                asyncio.to_thread(
                    subprocess.run,
                    [sys.executable, '-m', 'xparo_bridge', 'local_platform', 'chat', 'Hi',
                     '--robot', f'chatter{answers}', '--port', str(port), '--wait', '1'],
                    capture_output=True, text=True, timeout=30, check=False,
                )
            )  # fmt: skip
            assert (await hear(socket))['data'] == {'response': 'Hi'}
            if answers:
                await say(socket, 'chat', message='Hello yourself')
            return await running

    ended = asyncio.run(test())
    assert ended.returncode == 0, ended
    assert re.search(r'has it, after \d+ ms', ended.stdout)
    assert ('Hello yourself' in ended.stdout) == answers
    assert ('said nothing to that within 1 s' in ended.stdout) == (not answers)


def test_chat_that_does_not_arrive_is_a_failure(port):
    from xparo_bridge.local.platform_client import OperatorClient

    async def test():
        # A robot that does not read: nothing answers the platform's ping.
        reader, writer = await asyncio.open_connection('127.0.0.1', port)
        writer.write(
            b'GET /ws/chatbot/demo/demo/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n'
            b'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
            b'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
        )
        await reader.readuntil(b'\r\n\r\n')
        text = json.dumps({'type': 'robot_info', 'data': {'robot_id': 'deaf'}}).encode()
        writer.write(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)
        async with await OperatorClient.connect(port=port, since=0) as operator:
            await operator.wait_for(lambda event: event['robot'] == 'deaf')
            began = time.monotonic()
            said = await operator.request('reached', robot='deaf', timeout=0.3)
            assert said['reached'] is False and time.monotonic() - began < 5.0
        writer.close()

    asyncio.run(test())


@pytest.fixture(scope='module')
def completion():
    return subprocess.run(
        [sys.executable, '-m', 'xparo_bridge', 'local_platform', 'completion'],
        capture_output=True, text=True, timeout=60, check=True,
    ).stdout  # fmt: skip


@pytest.mark.parametrize(
    ('typed', 'offered'),
    [
        ('xparo ', set(SCRIPTS)),
        ('xparo local_platform ', {'send', 'watch', 'people', 'completion'}),
        ('xparo local_platform send go --wa', {'--wait'}),
        ('xparo local_platform people add anna --role ', {'viewer', 'operator'}),
        ('xparo local_platform export tele', {'telemetry'}),
        ('xparo console --por', {'--port'}),
        ('xparo bridge --', {'--alone', '--check', '--help'}),
    ],
)
def test_a_shell_completes_what_there_is(completion, typed, offered):
    words = typed.split(' ')
    program = (
        f'{completion}\nCOMP_WORDS=({" ".join(repr(word) for word in words)})\n'
        f'COMP_CWORD={len(words) - 1}\n_xparo\nprintf "%s\\n" "${{COMPREPLY[@]}}"'
    )
    said = subprocess.run(
        ['bash', '-c', program], capture_output=True, text=True, timeout=20, check=True
    ).stdout.split()
    assert offered <= set(said), said
    assert all(word.startswith(words[-1]) for word in said)


@pytest.mark.parametrize('name', SCRIPTS)
def test_every_executable_says_what_it_is_and_how_it_is_called(name):
    said = subprocess.run(
        [sys.executable, '-m', 'xparo_bridge', name, '--help'],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    usage, _, rest = said.stdout.partition('\n\n')
    assert usage.startswith('usage: ')
    assert len(rest.split()) > 15 and '\x1b' not in said.stdout
