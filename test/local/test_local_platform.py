# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does the local platform, a process, serve robots and operators over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
import contextlib
import json
import ssl
import subprocess
import sys
import time
from typing import Any

from fixtures.processes import Process
import pytest
from websockets.exceptions import ConnectionClosed, WebSocketException

from xparo_bridge.local.event_lines import brief, event_line
from xparo_bridge.local.local_platform import parameters
from xparo_bridge.local.platform_client import OperatorClient, OperatorError

try:
    from websockets.asyncio.client import connect
except ImportError:  # websockets before 13
    from websockets.client import connect

PLATFORM = 'xparo_bridge.local.local_platform'
INFO = {'type': 'robot_info', 'data': {'robot_id': 'r1'}}


@contextlib.contextmanager
def platform(*arguments: str) -> Iterator[int]:
    """Port of a platform that serves with these arguments."""
    with Process.module(PLATFORM, '--port', '0', *arguments) as process:
        yield int(process.wait_for_line(r'listening on ws://127.0.0.1:(\d+)/ws/chatbot')[1])
        assert process.stop() == 0


@pytest.fixture(scope='module')
def port() -> Iterator[int]:
    with platform() as port:
        yield port


@contextlib.asynccontextmanager
async def robot(port: int, robot_id: str = 'r1') -> AsyncIterator:
    """A robot's socket that has said who it is and that the platform knows of."""
    async with (
        connect(f'ws://127.0.0.1:{port}/ws/chatbot/demo/demo/', ping_interval=None) as socket,
        await OperatorClient.connect(port=port, since=0) as operator,
    ):
        await say(socket, 'robot_info', robot_id=robot_id)
        while robot_id not in {
            robot['robot_id'] for robot in await operator.robots() if robot['connected']
        }:
            await operator.wait_for(lambda event: True, since=operator.seq)
        yield socket


async def say(socket, kind: str, **data) -> None:
    await socket.send(json.dumps({'type': kind, 'data': data}))


async def hear(socket) -> dict:
    return json.loads(await asyncio.wait_for(socket.recv(), 10.0))


def cli(port: int, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, '-m', PLATFORM, *arguments, '--port', str(port)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    ('path', 'expected'),
    [
        ('/ws/chatbot/wrong/demo/', 403),
        ('/ws/chatbot/demo/wrong/', 403),
        ('/ws/chatbot/demo/demo', 403),
        ('/operator/wrong/demo/', 403),
        ('/', 404),
        ('/ws/chatbots/demo/demo/', 404),
    ],
)
def test_a_wrong_key_or_project_gets_403_and_a_wrong_path_404_at_the_handshake(
    port, path, expected
):
    async def test():
        with pytest.raises(WebSocketException) as caught:
            async with connect(f'ws://127.0.0.1:{port}{path}'):
                pass
        # Of releases of the library before 13 the error itself has it.
        response: Any = getattr(caught.value, 'response', caught.value)
        assert response.status_code == expected

    asyncio.run(test())


def test_who_speaks_tls_where_there_is_none_is_told_at_once(port):
    async def test():
        with pytest.raises(ssl.SSLError, match='WRONG_VERSION_NUMBER'):
            await asyncio.wait_for(
                asyncio.open_connection('127.0.0.1', port, ssl=ssl.create_default_context()), 5
            )

    asyncio.run(test())


def test_who_came_and_said_nothing_is_listed_for_no_robot_that_went(port):
    """The doctor opens a connection to try the key, and closes it."""

    async def test():
        async with connect(f'ws://127.0.0.1:{port}/ws/chatbot/demo/demo/'):
            pass
        async with robot(port, 'r1'):
            listed = await asyncio.to_thread(cli, port, 'robots')
        assert 'r1' in listed.stdout
        assert 'connection_' not in listed.stdout

    asyncio.run(test())


def test_keys_with_odd_characters_work():
    async def test(port):
        async with connect(f'ws://127.0.0.1:{port}/ws/chatbot/a%2Fb%20c/p%C3%A9/') as socket:
            await say(socket, 'chat', message='hello')
            assert 'assist' in (await hear(socket))['data']['response']
        async with await OperatorClient.connect(
            port=port, secret_key='a/b c', project_id='pé'
        ) as operator:
            assert await operator.robots()

    with platform('--secret-key', 'a/b c', '--project-id', 'pé') as port:
        asyncio.run(test(port))


def test_chat_is_answered_from_the_robots_own_telemetry(port):
    async def test():
        async with robot(port) as socket:
            await say(socket, 'telemetry', pose={'x': 1.5, 'y': 2.5, 'yaw': 0.0})
            await say(socket, 'chat', message='Where are you?', robot_id='r1')
            assert (await hear(socket)) == {
                'type': 'chat_response',
                'data': {'response': 'You are at x 1.50 m, y 2.50 m.'},
            }

    asyncio.run(test())


def test_an_operators_command_reaches_the_robot_and_its_statuses_come_back(port):
    async def test():
        async with robot(port) as socket, await OperatorClient.connect(port=port) as operator:
            command_id = await operator.send_command('start_navigation', {'goal': 'table_4'})
            command = await hear(socket)
            assert command == {
                'type': 'remote_command',
                'data': {
                    'command': 'start_navigation',
                    'parameters': {'goal': 'table_4'},
                    'command_id': command_id,
                },
            }
            for state in ('accepted', 'running', 'succeeded'):
                await say(
                    socket,
                    'command_status',
                    command_id=command_id,
                    command='start_navigation',
                    state=state,
                )
            status = await operator.wait_for_status(command_id)
            assert status['state'] == 'succeeded'
            await operator.send_command('old', command_id=None)
            assert 'command_id' not in (await hear(socket))['data']

    asyncio.run(test())


def test_a_tree_in_another_encoding_is_not_pushed(port, tmp_path):
    file = tmp_path / 'odd.xml'
    file.write_text('<a b="café"/>', encoding='latin-1')
    done = cli(port, 'push-tree', str(file))
    words = f'local_platform: {file}: line 1 is not UTF-8; save it as UTF-8\n'
    assert (done.returncode, done.stderr) == (1, words)


def test_every_push_of_the_document_has_a_verb(port):
    async def test():
        async with robot(port) as socket, await OperatorClient.connect(port=port) as operator:

            async def pushed(verb, **keys):
                await operator.request(verb, **keys)
                return await hear(socket)

            assert await pushed('chat', text='Hi') == {
                'type': 'chat_response',
                'data': {'response': 'Hi'},
            }
            assert await pushed('push_tree', name='T', xml='<x/>') == {
                'type': 'behavior_update',
                'data': {'tree_name': 'T', 'xml': '<x/>'},
            }
            given = await pushed('log_session', session_id='s')
            assert given['type'] == 'REST_API_TOKEN' and len(given['data']['token']) >= 20
            assert await hear(socket) == {'type': 'log_updated', 'data': {'session_id': 's'}}
            assert await pushed('token', token='t') == {
                'type': 'REST_API_TOKEN',
                'data': {'token': 't'},
            }
            await operator.request('raw', text='no json')
            assert await socket.recv() == 'no json'
            await operator.request('raw', hex='00ff')
            assert await socket.recv() == b'\x00\xff'

    asyncio.run(test())


def test_a_frame_against_the_protocol_is_noted_as_an_error_and_nothing_else(port):
    async def test():
        async with (
            robot(port, 'rude') as socket,
            await OperatorClient.connect(port=port) as operator,
        ):
            await socket.send('{"type": "telemetry", "data": {"cpu_usage": "hot"}}')
            event = await operator.wait_for(lambda event: event['event'] == 'error')
            assert 'cpu_usage' in event['problem']
            state = await operator.request('state', robot='rude')
            assert state['telemetry'] == {}
            assert state['errors'] == [event['problem']]

    asyncio.run(test())


def test_a_status_after_the_terminal_one_is_an_error_unless_it_is_the_same_again(port):
    async def test():
        async with (
            robot(port, 'twice') as socket,
            await OperatorClient.connect(port=port) as operator,
        ):
            for state in ('failed', 'failed', 'succeeded'):
                await say(socket, 'command_status', command_id='c', command='go', state=state)
            event = await operator.wait_for(lambda event: event['event'] == 'error')
            assert event['problem'] == 'command c ended as failed and then became succeeded'
            state = await operator.request('state', robot='twice')
            assert state['counts']['duplicates'] == 1
            assert len(state['errors']) == 1

    asyncio.run(test())


def test_pings_want_pongs_and_silence_closes_the_connection():
    async def test(port):
        async with robot(port) as socket, await OperatorClient.connect(port=port) as operator:
            for _ in range(3):
                assert await hear(socket) == {'type': 'ping'}
                await socket.send('{"type": "pong"}')
            await operator.wait_for(lambda event: event.get('type') == 'pong')
            with pytest.raises(ConnectionClosed):
                while True:
                    assert await hear(socket) == {'type': 'ping'}
            event = await operator.wait_for(lambda event: event['event'] == 'disconnected')
            assert (event['code'], event['reason']) == (1011, 'no pong')

    with platform('--ping-interval', '0.1') as port:
        asyncio.run(test(port))


def test_with_several_robots_the_operator_says_which(port):
    async def test():
        async with (
            robot(port, 'r1') as one,
            robot(port, 'r2') as two,
            await OperatorClient.connect(port=port) as operator,
        ):
            with pytest.raises(OperatorError, match='say which robot; connected: r1, r2'):
                await operator.request('chat', text='Hi')
            with pytest.raises(OperatorError, match='"r3" is not connected; connected: r1, r2'):
                await operator.request('chat', text='Hi', robot='r3')
            await operator.request('chat', text='to two', robot='r2')
            assert (await hear(two))['data'] == {'response': 'to two'}
            await operator.request('chat', text='to one', robot='r1')
            assert (await hear(one))['data'] == {'response': 'to one'}

    asyncio.run(test())


def test_who_watches_from_a_number_misses_nothing(port):
    async def test():
        async with robot(port) as socket, await OperatorClient.connect(port=port) as early:
            await say(socket, 'telemetry', first=1)
            first = await early.wait_for(
                lambda event: event.get('type') == 'telemetry' and 'first' in event['data']
            )
            for number in range(2000):
                await say(socket, 'telemetry', number=number)
            await early.wait_for(lambda event: event.get('data') == {'number': 1999})
            async with await OperatorClient.connect(port=port, since=first['seq']) as late:
                await late.wait_for(lambda event: event.get('data') == {'number': 1999})
                numbers = []
                async for event in late.events():
                    numbers.append(event['data']['number'])
                    if numbers[-1] == 1999:
                        break
                assert numbers == list(range(2000))

    asyncio.run(test())


@pytest.mark.parametrize(
    ('options', 'lines'),
    [
        ((), ['telemetry battery=80 pose={x=1}', 'chat message=done']),
        (('--only', 'pose'), ['telemetry pose={x=1}']),
        (('--only', 'chat'), ['chat message=done']),
        (('--no-telemetry',), ['chat message=done']),
        (('--all', '--only', 'pose'), ['telemetry pose={x=1}'] * 3),
    ],
)
def test_who_watches_sees_what_changed(port, options, lines):
    async def test():
        async with robot(port) as socket, await OperatorClient.connect(port=port) as operator:
            await say(socket, 'telemetry', begin=1)
            begin = await operator.wait_for(lambda event: event.get('data') == {'begin': 1})
            since = str(begin['seq'])
            for _ in range(3):
                await say(socket, 'telemetry', battery=80.0, pose={'x': 1.0})
            await say(socket, 'chat', message='done')
            await operator.wait_for(lambda event: event.get('type') == 'chat')
            arguments = ('watch', '--port', str(port), '--since', since, *options)
            with Process.module(PLATFORM, *arguments, name='watch') as watch:

                def said():
                    words = [line.partition(' r1 ')[2] for line in watch.lines]
                    return sorted(line for line in words if line.startswith(('tele', 'chat')))

                async with asyncio.timeout(30.0):
                    while len(said()) < len(lines):
                        await asyncio.sleep(0.05)
                assert said() == sorted(lines)

    asyncio.run(test())


def test_a_robot_can_be_kicked_with_a_close_code(port):
    async def test():
        async with robot(port) as socket, await OperatorClient.connect(port=port) as operator:
            await operator.request('kick', code=4001, reason='go away')
            with pytest.raises(ConnectionClosed) as caught:
                await hear(socket)
            assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4001, 'go away')
            event = await operator.wait_for(lambda event: event['event'] == 'disconnected')
            assert event['robot'] == 'r1'

    asyncio.run(test())


def test_a_stalled_robot_cannot_send_until_it_is_released(port):
    async def test():
        async with (
            robot(port, 'stalled') as socket,
            await OperatorClient.connect(port=port) as operator,
        ):
            await operator.request('stall', robot='stalled')
            sent = 0

            async def flood():
                nonlocal sent
                while sent < 400:
                    await say(socket, 'telemetry', filler='x' * 50_000)
                    sent += 1

            flooding = asyncio.ensure_future(flood())
            # Nobody else is waiting for: the flood stops by itself when the buffers are full.
            before = -1
            while before != sent:
                before = sent
                await asyncio.wait([flooding], timeout=0.5)
            assert 0 < sent < 400
            await operator.request('stall', robot='stalled', on=False)
            await asyncio.wait_for(flooding, 20.0)
            await say(socket, 'telemetry', last=True)
            await operator.wait_for(lambda event: event.get('data') == {'last': True})

    asyncio.run(test())


def test_a_refused_verb_says_what_there_is(port):
    async def test():
        async with await OperatorClient.connect(port=port) as operator:
            with pytest.raises(OperatorError, match="no verb 'dance'; there are robots, state"):
                await operator.request('dance')
            with pytest.raises(OperatorError, match='no robot is connected'):
                await operator.request('chat', text='Hi')

    asyncio.run(test())


def test_the_record_holds_every_frame_with_its_time(tmp_path):
    path = tmp_path / 'record.jsonl'

    async def test(port):
        async with robot(port) as socket:
            await say(socket, 'chat', message='hello')
            await hear(socket)

    with platform('--record', str(path)) as port:
        asyncio.run(test(port))
    events = [json.loads(line) for line in path.read_text().splitlines()]
    assert [event['event'] for event in events] == [
        'connected',
        'named',
        'received',
        'received',
        'sent',
        'disconnected',
    ]
    assert all(event['time'] > 1e9 for event in events)


@pytest.mark.parametrize(
    ('arguments', 'expected'),
    [
        (['--goal', 'table_4'], {'goal': 'table_4'}),
        (['--x', '-1.5', '--n', '3', '--who', 'null'], {'x': -1.5, 'n': 3, 'who': None}),
        (['--goal={"x": 1}', '--max-speed=0.5'], {'goal': {'x': 1}, 'max_speed': 0.5}),
        (['--fast', '--goal', 'dock', '--now'], {'fast': True, 'goal': 'dock', 'now': True}),
    ],
)
def test_any_option_is_a_parameter_and_json_where_it_is_that(arguments, expected):
    assert parameters(arguments) == expected


def test_a_stray_argument_is_refused():
    with pytest.raises(ValueError, match='"table_4" is no parameter'):
        parameters(['table_4'])


def test_the_command_line_sends_waits_and_reports_how_it_ended(port):
    async def serve_robot(state):
        async with robot(port, 'worker') as socket:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                '-m',
                PLATFORM,
                'send',
                'go',
                '--to',
                'dock',
                '--wait',
                '--robot',
                'worker',
                '--port',
                str(port),
                stdout=asyncio.subprocess.PIPE,
            )
            data = (await hear(socket))['data']
            assert data['parameters'] == {'to': 'dock'}
            for status in (
                {'state': 'running', 'progress': {'distance_remaining': 1.25}},
                {'state': state},
            ):
                await say(
                    socket, 'command_status', command_id=data['command_id'], command='go', **status
                )
            output, _ = await process.communicate()
            return process.returncode, output.decode()

    code, output = asyncio.run(serve_robot('succeeded'))
    assert code == 0
    assert 'running distance_remaining=1.25' in output
    code, output = asyncio.run(serve_robot('failed'))
    assert code == 1
    assert 'failed' in output


def test_the_command_line_does_the_small_things(port, tmp_path):
    tree = tmp_path / 'patrol.xml'
    tree.write_text('<root/>')

    async def test():
        async with robot(port, 'small') as socket:

            async def run(*arguments):
                return await asyncio.to_thread(cli, port, *arguments)

            assert (await run('chat', 'Hi there')).returncode == 0
            assert (await hear(socket))['data'] == {'response': 'Hi there'}
            assert (await run('push-tree', str(tree))).returncode == 0
            assert (await hear(socket))['data'] == {'tree_name': 'patrol', 'xml': '<root/>'}
            assert (await run('cancel', 'c1')).returncode == 0
            data = (await hear(socket))['data']
            assert (data['command'], data['parameters']) == ('cancel', {'command_id': 'c1'})
            listed = await run('robots')
            assert 'small' in listed.stdout
            assert 'connected' in listed.stdout

    asyncio.run(test())


def test_a_parameter_whose_value_was_forgotten_is_an_error(port):
    result = cli(port, 'send', 'start_navigation', '--goal')  # cli puts --port behind it.
    assert result.returncode == 2
    assert '--goal has no value, as --port follows' in result.stderr


@pytest.mark.parametrize(
    ('arguments', 'kind', 'status', 'code'),
    [
        (['send', 'fly'], 'command_status', {'state': 'rejected'}, 1),
        (['send', 'go'], 'command_status', {'state': 'accepted'}, 0),
        (['cancel', 'c1'], 'command_status', {'state': 'rejected'}, 1),
        (['cancel', 'c1'], 'command_status', {'state': 'succeeded'}, 0),
        (['push-tree', 'TREE'], 'behavior_status', {'state': 'rejected'}, 1),
        (['push-tree', 'TREE'], 'behavior_status', {'state': 'running'}, 0),
        (['push-tree', 'TREE', '--wait'], 'behavior_status', {'state': 'failed'}, 1),
        (['push-tree', 'TREE', '--wait'], 'behavior_status', {'state': 'succeeded'}, 0),
    ],
)
def test_each_order_says_what_came_of_it(port, tmp_path, arguments, kind, status, code):
    tree = tmp_path / 'patrol.xml'
    tree.write_text('<root/>')
    arguments = [str(tree) if argument == 'TREE' else argument for argument in arguments]
    if kind == 'behavior_status' and status['state'] == 'rejected':
        status = {**status, 'errors': [{'message': 'no such node', 'line': 3}]}

    async def test():
        async with robot(port, 'teller') as socket:
            running = asyncio.ensure_future(
                asyncio.to_thread(cli, port, *arguments, '--robot', 'teller')
            )
            data = (await hear(socket))['data']
            about = (
                {'tree_name': 'patrol', 'nodes': []}
                if kind == 'behavior_status'
                else {'command_id': data['command_id'], 'command': data['command']}
            )
            if kind == 'behavior_status':
                about.pop('nodes')
            await say(socket, kind, **about, **status)
            return await running

    result = asyncio.run(test())
    assert result.returncode == code, result
    assert status['state'] in result.stdout
    if 'errors' in status:
        assert 'line 3: no such node' in result.stdout


def test_the_time_of_waiting_is_for_all_of_it(port):
    async def test():
        async with robot(port, 'slow') as socket:
            running = asyncio.ensure_future(
                asyncio.to_thread(
                    cli, port, 'send', 'go', '--wait', '--timeout', '1', '--robot', 'slow'
                )
            )
            data = (await hear(socket))['data']
            began = time.monotonic()
            while not running.done():
                await say(
                    socket,
                    'command_status',
                    command_id=data['command_id'],
                    command='go',
                    state='running',
                )
                await asyncio.sleep(0.2)
            return await running, time.monotonic() - began

    result, took = asyncio.run(test())
    assert result.returncode == 1 and took < 10
    assert 'no end within 1 s' in result.stderr and 'local_platform cancel' in result.stderr


def test_where_a_value_within_another_ends_can_be_seen():
    line = brief({'pose': {'x': 1.5, 'frame': 'odom'}, 'open': [], 'latch': '', 'n': 3})
    assert line == 'pose={x=1.5 frame=odom} open=[] latch="" n=3'


@pytest.mark.parametrize(
    ('value', 'said'),
    [
        (
            {'format': 'jpeg', 'stamp': 1796000000.25, 'data': '/9j/' + 'A' * 19996},
            'format=jpeg stamp=1796000000.25 data=(image, 15 kB)',
        ),
        ({'grid': 'AQID' * 100}, 'grid=(bytes, 300 B)'),
        ({'word': 'AQID', 'far': 20000.0, 'near': 1.23456}, 'word=AQID far=20000 near=1.235'),
    ],
)
def test_bytes_and_stamps_are_said_for_people(value, said):
    assert brief(value) == said


def test_an_id_is_not_empty(port):
    done = cli(port, 'send', 'status', '--id', '')
    assert done.returncode == 2
    assert 'not empty' in done.stderr


def test_a_port_that_is_taken_is_said_with_what_to_do(port):
    done = cli(port, 'serve')
    assert (done.returncode, done.stdout) == (1, '')
    said = done.stderr.splitlines()[-1]
    assert said.startswith(f'local_platform: port {port} is in use, perhaps by')
    assert '--port 0' in said and 'Errno' not in said


@pytest.mark.parametrize(
    ('errors', 'lines'),
    [
        ([], ['tree t rejected']),
        (
            [{'message': 'the robot is stopped', 'hint': 'send the command resume first'}],
            ['tree t rejected: the robot is stopped (send the command resume first)'],
        ),
        (
            [{'message': 'no node type Spinn', 'line': 4}, {'message': 'bad', 'path': 'Main/go'}],
            ['tree t rejected', '    line 4: no node type Spinn', '    Main/go: bad'],
        ),
    ],
)
def test_what_is_wrong_with_a_tree_is_said_with_what_would_help(errors, lines):
    data = {'tree_name': 't', 'state': 'rejected', 'errors': errors}
    event = {'event': 'received', 'type': 'behavior_status', 'time': 0.0, 'robot': 'r'}
    said = event_line({**event, 'data': data}).partition(' r ')[2]
    assert said.splitlines() == lines


def test_the_command_line_names_the_trouble_in_one_line(port):
    nobody = cli(1, 'robots')
    assert nobody.returncode == 1
    assert 'nobody listens on 127.0.0.1:1; start the platform first' in nobody.stderr
    assert nobody.stderr.count('\n') == 1
    stranger = cli(port, 'robots', '--secret-key', 'wrong')
    assert stranger.returncode == 1
    assert 'turned us down' in stranger.stderr
    assert 'wrong' not in stranger.stderr
    alone = cli(port, 'chat', 'Hi')
    assert (alone.returncode, alone.stderr) == (1, 'local_platform: no robot is connected\n')
