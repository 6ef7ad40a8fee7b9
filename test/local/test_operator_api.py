# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does the operator interface keep what docs/operator-api.md promises, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
import contextlib
import csv
import io
import json
from pathlib import Path
import re
import subprocess
import sys
import time
from typing import Any

from fixtures.processes import Process
import pytest
from websockets.exceptions import WebSocketException

from xparo_bridge.local.platform_client import OperatorClient, OperatorError
from xparo_bridge.local.platform_history import History, KINDS
from xparo_bridge.local.platform_operator import VERBS, VERSION
from xparo_bridge.local.platform_records import flat

try:
    from websockets.asyncio.client import connect

    HEADERS = 'additional_headers'
except ImportError:  # websockets before 13
    from websockets.client import connect

    HEADERS = 'extra_headers'

DOCUMENT = (Path(__file__).parents[2] / 'docs' / 'operator-api.md').read_text()


@contextlib.contextmanager
def platform(*arguments: str, port: int = 0) -> Iterator[tuple[Process, int]]:
    with Process.module(
        'xparo_bridge', 'local_platform', '--port', str(port), *arguments
    ) as process:
        yield process, int(process.wait_for_line(r'listening on wss?://127.0.0.1:(\d+)/')[1])


@pytest.fixture(scope='module')
def port() -> Iterator[int]:
    with platform() as (_, port):
        yield port


@contextlib.asynccontextmanager
async def robot(port: int, robot_id: str) -> AsyncIterator:
    async with connect(
        f'ws://127.0.0.1:{port}/ws/chatbot/demo/demo/', ping_interval=None
    ) as socket:
        await say(socket, 'robot_info', robot_id=robot_id)
        async with await OperatorClient.connect(port=port, since=0) as operator:
            await operator.wait_for(
                lambda event: event['robot'] == robot_id and event.get('type') == 'robot_info'
            )
        yield socket


async def say(socket, kind: str, **data) -> None:
    await socket.send(json.dumps({'type': kind, 'data': data}))


async def token(port: int, name: str, role: str) -> str:
    async with await OperatorClient.connect(port=port) as owner:
        return (await owner.request('add_person', name=name, role=role))['token']


async def until(operator: OperatorClient, check) -> None:
    """Wait for events until something is so."""
    async with asyncio.timeout(10.0):
        while not check():
            await operator.wait_for(lambda event: True, since=operator.seq)


# --- the document ---


def test_the_document_names_every_verb_with_its_role_and_every_kind_of_record():
    assert dict(re.findall(r'(?m)^\| `(\w+)` \| (viewer|operator|owner) \|', DOCUMENT)) == {
        verb: role for verb, (role, _) in VERBS.items()
    }
    assert re.findall(r'(?m)^\| `(\w+)` \| (?:command_id|tree_name|run_id|person|) ?\|', DOCUMENT)
    assert all(f'`{kind}`' in DOCUMENT for kind in KINDS)
    assert f'version {VERSION}' in DOCUMENT


def test_hello_says_the_version_and_refuses_another(port):
    async def test():
        async with await OperatorClient.connect(port=port, person='anna') as operator:
            said = await operator.request('hello', version=VERSION)
            assert (said['version'], said['person'], said['role']) == (1, 'anna', 'owner')
            assert set(said['verbs']) == set(VERBS)
            with pytest.raises(OperatorError, match='version 99') as caught:
                await operator.request('hello', version=99)
            assert caught.value.code == 'bad_request'

    asyncio.run(test())


# --- who may what ---


@pytest.mark.parametrize('verb', sorted(VERBS))
def test_a_viewers_hand_made_socket_can_do_nothing_but_look(port, verb):
    async def test():
        secret = await token(port, 'vera', 'viewer')
        async with (
            robot(port, 'watched') as socket,
            connect(
                f'ws://127.0.0.1:{port}/operator/v1',
                **{HEADERS: {'Authorization': f'Bearer {secret}'}},
            ) as viewer,
        ):
            request = {
                'id': 1, 'verb': verb, 'robot': 'watched', 'command': 'go', 'text': 't',
                'name': 'n', 'xml': '<x/>', 'session_id': 's', 'token': 't', 'kind': 'order',
                'keys': ['x'], 'command_id': 'c',
            }  # fmt: skip
            await viewer.send(json.dumps(request))
            reply = json.loads(await asyncio.wait_for(viewer.recv(), 10.0))
            looks = VERBS[verb][0] == 'viewer'
            assert ('result' in reply) == looks, reply
            if not looks:
                assert reply['code'] == 'not_allowed'
                assert f'{verb} needs the role {VERBS[verb][0]}; vera is viewer' in reply['error']
            # Nothing came to the robot before what the owner says after it.
            async with await OperatorClient.connect(port=port) as owner:
                await owner.request('raw', robot='watched', text='the owner')
            assert await asyncio.wait_for(socket.recv(), 10.0) == 'the owner'

    asyncio.run(test())


def test_an_operator_commands_under_his_name_and_admits_nobody(port):
    async def test():
        secret = await token(port, 'otto', 'operator')
        async with (
            robot(port, 'named') as socket,
            await OperatorClient.connect(port=port, token=secret) as otto,
        ):
            await otto.send_command('go', {'to': 'x'}, 'named')
            assert json.loads(await socket.recv())['data']['operator'] == 'otto'
            await otto.request('push_tree', robot='named', name='t', xml='<x/>')
            assert json.loads(await socket.recv())['data']['operator'] == 'otto'
            with pytest.raises(OperatorError, match='needs the role owner'):
                await otto.request('add_person', name='eve', role='operator')
            async with await OperatorClient.connect(port=port) as owner:
                kept = await owner.request('history', kind='audit', robot='named')
            assert [(item['data']['person'], item['data']['verb']) for item in kept] == [
                ('otto', 'send'),
                ('otto', 'push_tree'),
            ]

    asyncio.run(test())


def test_who_is_removed_is_refused_on_the_open_connection_and_at_the_door(port):
    async def test():
        secret = await token(port, 'rita', 'operator')
        async with (
            robot(port, 'kept'),
            await OperatorClient.connect(port=port, token=secret) as rita,
            await OperatorClient.connect(port=port) as owner,
        ):
            await owner.request('remove_person', name='rita')
            with pytest.raises(OperatorError, match='counts no more|closed the connection'):
                await rita.send_command('go', {}, 'kept')
            async with asyncio.timeout(5.0):
                await rita.wait_closed()
        with pytest.raises(WebSocketException):
            await OperatorClient.connect(port=port, token=secret)

    asyncio.run(test())


@pytest.mark.parametrize(
    ('path', 'headers'),
    [
        ('/operator/v1', {}),
        ('/operator/v1', {'Authorization': 'Bearer wrong'}),
        ('/operator/v1', {'Authorization': 'Basic ZGVtbzpkZW1v'}),
        ('/operator/demo/demo/', {'Origin': 'http://evil.example'}),
        ('/operator/demo/demo/', {'Origin': 'null'}),
    ],
)
def test_no_token_a_wrong_one_or_the_page_of_another_host_is_rejected(port, path, headers):
    async def test():
        with pytest.raises(WebSocketException) as caught:
            async with connect(f'ws://127.0.0.1:{port}{path}', **{HEADERS: headers}):
                pass
        # Of releases of the library before 13 the error itself has it.
        response: Any = getattr(caught.value, 'response', caught.value)
        assert response.status_code == 403

    asyncio.run(test())


def test_the_secret_key_opens_the_operators_door_on_this_machine_only(tmp_path):
    """The address of this machine in its network counts as another machine's."""
    addresses = subprocess.run(
        ['hostname', '-I'], capture_output=True, text=True, check=False
    ).stdout.split()
    address = next((item for item in addresses if ':' not in item), None)
    if address is None or address.startswith('127.'):
        pytest.skip('this machine has no address but its loopback')

    async def test(port):
        secret = await token(port, 'far', 'viewer')
        with pytest.raises(OperatorError):
            await OperatorClient.connect(address, port)
        async with await OperatorClient.connect(address, port, token=secret) as far:
            assert (await far.request('hello'))['role'] == 'viewer'

    with Process.module(
        'xparo_bridge', 'local_platform', '--port', '0', '--host', '0.0.0.0'
    ) as process:
        asyncio.run(test(int(process.wait_for_line(r'listening on \S+:(\d+)/')[1])))


def test_one_person_cannot_flood_the_platform_but_can_always_stop(port):
    async def test():
        secret = await token(port, 'fast', 'operator')
        async with (
            robot(port, 'busy'),
            await OperatorClient.connect(port=port, token=secret) as fast,
        ):
            answers = await asyncio.gather(
                *(fast.send_command('go', {}, 'busy') for _ in range(300)), return_exceptions=True
            )
            refused = [answer for answer in answers if isinstance(answer, OperatorError)]
            assert 100 < len(refused) <= 200
            assert refused[0].code == 'not_allowed'
            assert await fast.send_command('stop', {}, 'busy')

    asyncio.run(test())


def test_tls_by_file(tmp_path):
    import ssl

    from fixtures.certificates import Authority

    authority = Authority(tmp_path)
    certificate = authority.issue('localhost')
    context = ssl.create_default_context(cafile=str(authority.file))

    async def test(port):
        async with await OperatorClient.connect('localhost', port, tls=context) as operator:
            assert await operator.robots() == []

    with Process.module(
        'xparo_bridge', 'local_platform', '--port', '0', '--host', 'localhost',
        '--certificate', str(certificate),
    ) as process:  # fmt: skip
        asyncio.run(test(int(process.wait_for_line(r'listening on wss://localhost:(\d+)/')[1])))


# --- the stream ---


@pytest.mark.parametrize(
    ('filters', 'expected'),
    [
        ({'robots': ['other']}, []),
        ({'types': ['command_status']}, ['command_status']),
        ({'not_types': ['telemetry']}, ['command_status', 'pong']),
        ({'events': ['received'], 'without': ['image']}, ['x', 'command_status', 'pong']),
    ],
)
@pytest.mark.parametrize('period', [0.0, 0.1])
def test_who_watches_with_a_filter_gets_that_and_no_more(port, filters, expected, period):
    async def test():
        seen = []
        end = asyncio.Event()

        def take(event):
            if event['event'] == 'sent' and event.get('frame') == 'END':
                end.set()
            elif event['robot'] == 'filtered' and event['event'] == 'received':
                kinds = list(event['data']) if event['type'] == 'telemetry' else [event['type']]
                seen.extend(kinds)

        async with robot(port, 'filtered') as socket, robot(port, 'other'):
            watch = {**filters, 'period': period}
            if 'events' in watch:
                watch['events'] = [*watch['events'], 'sent']
            if 'robots' not in watch:
                watch['robots'] = ['filtered']
            ending = watch['robots'][0]
            async with (
                await OperatorClient.connect(port=port, on_event=take, watch=watch),
                await OperatorClient.connect(port=port) as owner,
            ):
                await say(socket, 'telemetry', x=1, image='...')
                await say(socket, 'telemetry', image='...')
                await say(socket, 'command_status', command_id='c', command='g', state='failed')
                await socket.send('{"type": "pong"}')
                await owner.wait_for(lambda event: event['event'] == 'error')
                await owner.request('raw', robot=ending, text='END')
                await asyncio.wait_for(end.wait(), 10.0)
        assert seen == expected

    asyncio.run(test())


def test_a_faulty_filter_is_refused(port):
    async def test():
        async with await OperatorClient.connect(port=port) as operator:
            for bad in ({'robots': 'r1'}, {'types': [1]}, {'period': -1}, {'period': 'fast'}):
                with pytest.raises(OperatorError, match=next(iter(bad))):
                    await operator.request('watch', **bad)

    asyncio.run(test())


# --- the lease ---


def test_one_drives_at_a_time_and_taking_over_wants_a_reason(port):
    async def test():
        secrets = [await token(port, name, 'operator') for name in ('ann', 'bob')]
        async with (
            robot(port, 'driven') as socket,
            await OperatorClient.connect(port=port, token=secrets[0]) as ann,
            await OperatorClient.connect(port=port, token=secrets[1]) as bob,
        ):

            async def drive(who):
                return await who.send_command('teleop', {'linear': 0.1}, 'driven')

            await drive(ann)
            with pytest.raises(OperatorError, match='ann drives driven; take over') as caught:
                await drive(bob)
            assert caught.value.code == 'lease'
            # Nor by a frame of his own making.
            text = json.dumps({'type': 'remote_command', 'data': {'command': 'teleop'}})
            with pytest.raises(OperatorError, match='ann drives'):
                await bob.request('raw', robot='driven', text=text)
            await bob.send_command('stop', {}, 'driven')  # Stopping needs no lease.
            with pytest.raises(OperatorError, match='a reason is needed'):
                await bob.request('lease', robot='driven', take_over=True)
            await bob.request('lease', robot='driven', take_over=True, reason='she sleeps')
            reported = await ann.wait_for(
                lambda event: event['event'] == 'lease' and event['holder'] == 'bob'
            )
            assert (reported['taken_from'], reported['reason']) == ('ann', 'she sleeps')
            await drive(bob)
            with pytest.raises(OperatorError, match='bob drives'):
                await drive(ann)
            commands = [json.loads(await socket.recv())['data']['command'] for _ in range(3)]
            assert commands == ['teleop', 'stop', 'teleop']
            await bob.close()
            await ann.wait_for(lambda event: event['event'] == 'lease' and not event['holder'])
            await drive(ann)

    asyncio.run(test())


def test_a_command_of_kind_teleop_needs_the_lease_whatever_it_is_called(port):
    async def test():
        async with (
            robot(port, 'renamed') as socket,
            await OperatorClient.connect(port=port, person='a') as a,
            await OperatorClient.connect(port=port, person='b') as b,
        ):
            menu = {'commands': {'joy': {'kind': 'teleop'}}, 'places': ['dock']}
            await say(
                socket,
                'command_status',
                command_id='l',
                command='list_commands',
                state='succeeded',
                result=menu,
            )
            await a.wait_for_status('l')
            await a.send_command('joy', {}, 'renamed')
            with pytest.raises(OperatorError, match='a drives renamed'):
                await b.send_command('joy', {}, 'renamed')
            state = await b.request('state', robot='renamed')
            assert (state['menu'], state['places']) == (menu['commands'], {'dock': None})
            assert state['lease']['holder'] == 'a'

    asyncio.run(test())


# --- history ---


def test_a_restart_loses_nothing(tmp_path):
    data = ('--data', str(tmp_path / 'kept'))

    async def before(port):
        secret = await token(port, 'kim', 'operator')
        async with (
            robot(port, 'old') as socket,
            await OperatorClient.connect(port=port, since=0, token=secret) as operator,
        ):
            await say(socket, 'telemetry', battery_percentage=50.0, pose={'x': 1.0, 'y': 2.0})
            await say(socket, 'chat', message='hello', robot_id='old')
            await operator.send_command('go', {'to': 'dock'}, 'old', command_id='c1')
            await operator.request('push_tree', robot='old', name='t', xml='<x/>')
            await say(
                socket, 'behavior_status', tree_name='t', run_id='r', state='failed', nodes=[]
            )
            await say(socket, 'command_status', command_id='c1', command='go', state='failed',
                      error={'code': 'aborted', 'message': 'blocked'})  # fmt: skip
            await operator.wait_for_status('c1')
            return secret, operator.seq, await operator.request('state', robot='old')

    async def after(port, secret, seq, state):
        async with await OperatorClient.connect(port=port, since=seq, token=secret) as operator:
            now = await operator.request('state', robot='old')
            assert now['connected'] is False
            for key in ('telemetry', 'chat', 'command_status', 'behavior_status', 'last_failure',
                        'tree', 'counts', 'robot_info', 'times'):  # fmt: skip
                assert now[key] == state[key], key
            assert state['last_failure']['error']['message'] == 'blocked'

            async def kept(kind):
                return [item['data'] for item in await operator.request('history', kind=kind)]

            assert {'battery_percentage': 50.0, 'pose': {'x': 1.0, 'y': 2.0}} in await kept(
                'telemetry'
            )
            (order,) = await kept('order')
            assert (order['command'], order['operator']) == ('go', 'kim')
            assert [status['state'] for status in await kept('status')] == ['failed']
            assert [line['from'] for line in await kept('chat')] == ['robot', 'platform']
            assert await kept('tree') == [{'xml': '<x/>', 'operator': 'kim'}]
            assert [report['state'] for report in await kept('tree_report')] == ['failed']
            assert [link['event'] for link in await kept('link')] == ['connected', 'disconnected']
            # Numbers go on: who watched before misses nothing and meets no number twice.
            async with robot(port, 'new'):
                event = await operator.wait_for(lambda event: event['robot'] == 'new')
                assert event['seq'] > seq

    with platform(*data) as (process, port):
        passed_on = asyncio.run(before(port))
        assert process.stop() == 0
    with platform(*data) as (_, port):
        asyncio.run(after(port, *passed_on))


def test_what_was_said_before_a_kill_is_there_too(tmp_path):
    data = ('--data', str(tmp_path))

    async def before(port):
        async with (
            robot(port, 'r') as socket,
            await OperatorClient.connect(port=port) as operator,
        ):
            await say(socket, 'telemetry', x=1)
            await operator.wait_for(lambda event: event.get('type') == 'telemetry')
            # Asking for it has it written.
            assert await operator.request('history', kind='telemetry')

    async def after(port):
        async with await OperatorClient.connect(port=port) as operator:
            assert [item['data'] for item in await operator.request('history', kind='telemetry')]
            assert [item['robot_id'] for item in await operator.robots()] == ['r']

    with platform(*data) as (process, port):
        asyncio.run(before(port))
        process.kill()
    with platform(*data) as (_, port):
        asyncio.run(after(port))


def test_two_platforms_do_not_share_a_folder(tmp_path):
    with platform('--data', str(tmp_path)):
        second = subprocess.run(
            [sys.executable, '-m', 'xparo_bridge', 'local_platform', '--port', '0',
             '--data', str(tmp_path)],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert second.returncode == 1
        assert 'platform.sqlite' in second.stderr and 'locked' in second.stderr


def test_telemetry_of_an_outage_fills_the_gap(port):
    async def test():
        async with (
            robot(port, 'away') as socket,
            await OperatorClient.connect(port=port) as operator,
        ):
            now = time.time()
            await say(socket, 'telemetry', x=3.0, pose={'y': 1.5})
            samples = [{'time': now - 60 + n, 'values': {'x': float(n)}} for n in (1, 2)]
            await say(socket, 'telemetry_history', samples=samples)
            await operator.wait_for(lambda event: event.get('type') == 'telemetry_history')
            series = await operator.request(
                'series', robot='away', keys=['x', 'pose.y'], since=now - 100
            )
            assert [value for _, value in series['x']] == [1.0, 2.0, 3.0]
            assert [value for _, value in series['pose.y']] == [1.5]

    asyncio.run(test())


def test_a_map_is_kept_once_and_not_with_each_sample(port):
    async def test():
        async with (
            robot(port, 'mapper') as socket,
            await OperatorClient.connect(port=port) as operator,
        ):
            cells = 'x' * 20_000
            await say(socket, 'telemetry', map={'cells': cells}, n=1)
            await operator.wait_for(lambda event: event.get('type') == 'telemetry')
            state = await operator.request('state', robot='mapper')
            assert state['telemetry']['map'] == {'cells': cells}
            (kept,) = await operator.request('history', kind='telemetry', robot='mapper')
            assert kept['data']['n'] == 1 and kept['data']['map']['omitted'] > 20_000

    asyncio.run(test())


@pytest.mark.parametrize('form', ['jsonl', 'csv'])
def test_the_history_can_be_exported(port, form):
    async def test():
        async with (
            robot(port, f'e{form}') as socket,
            await OperatorClient.connect(port=port) as operator,
        ):
            await say(socket, 'telemetry', pose={'x': 1.5}, name='=cmd()')
            await say(socket, 'telemetry', battery=20)
            await operator.wait_for(lambda event: event.get('data') == {'battery': 20})

    asyncio.run(test())
    output = subprocess.run(
        [sys.executable, '-m', 'xparo_bridge', 'local_platform', 'export', 'telemetry',
         '--robot', f'e{form}', '--format', form, '--port', str(port)],
        capture_output=True, text=True, timeout=30, check=True,
    ).stdout  # fmt: skip
    if form == 'jsonl':
        lines = [json.loads(line)['data'] for line in output.splitlines()]
        assert lines == [{'pose': {'x': 1.5}, 'name': '=cmd()'}, {'battery': 20}]
    else:
        rows = list(csv.DictReader(io.StringIO(output)))
        assert [row['pose.x'] for row in rows] == ['1.5', '']
        assert [row['battery'] for row in rows] == ['', '20']
        assert rows[0]['name'] == ''  # The record's own; the value has its column behind it.
        assert "'=cmd()" in output  # No spreadsheet runs it.


def test_values_within_values_have_dotted_names():
    assert flat({'a': {'b': 1, 'c': [1, 2]}, 'd': None}) == {'a.b': 1, 'a.c': '[1, 2]', 'd': None}


def test_what_is_old_or_too_much_goes_telemetry_first(tmp_path):
    async def test():
        now = time.time()
        history = History(tmp_path, keep_days=1.0, keep_bytes=400_000)
        history.add('telemetry', 'r', {'old': True}, at=now - 90_000)
        history.add('status', 'r', {'state': 'failed'}, name='c')
        for number in range(4000):
            history.add('telemetry', 'r', {'n': number, 'filler': 'x' * 200})
        await history.flush()
        history._forget_old()
        kept = await history.records('telemetry', limit=10_000)
        assert 0 < len(kept) < 4000
        assert kept[-1]['data']['n'] == 3999
        assert await history.records('status')
        history.close()
        assert (tmp_path / 'platform.sqlite').stat().st_size < 1_000_000
        assert (tmp_path / 'platform.sqlite').stat().st_mode & 0o077 == 0

    asyncio.run(test())


def test_a_disk_that_is_full_does_not_stop_the_platform(tmp_path, monkeypatch):
    async def test():
        history = History(tmp_path)
        history._database.execute('PRAGMA max_page_count = 20')
        for number in range(2000):
            history.add('telemetry', 'r', {'n': number, 'filler': 'x' * 200})
        await history.flush()
        # More than all pages: what was added above may have been refused as one piece.
        history.add('event', 'r', {'filler': 'x' * 200_000})
        await history.flush()
        assert 'full' in history.problem
        history._write()
        assert 'full' in history.problem, 'a write of nothing took the problem back'
        history.close()

    asyncio.run(test())


def test_people_are_listed_added_and_removed_by_the_command_line(port):
    def cli(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, '-m', 'xparo_bridge', 'local_platform', *arguments, '--port',
             str(port)],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip

    added = cli('people', 'add', 'gil', '--role', 'operator')
    secret = added.stdout.splitlines()[-1]
    assert 'gil is now operator' in added.stdout
    listed = cli('people')
    assert re.search(r'gil +operator', listed.stdout)
    assert secret not in listed.stdout
    assert cli('robots', '--token', secret).returncode == 0
    assert cli('people', '--token', secret).returncode == 1
    assert cli('people', 'remove', 'gil').returncode == 0
    assert cli('robots', '--token', secret).returncode == 1
    bad = cli('people', 'add', 'a b')
    assert bad.returncode == 1 and 'the name' in bad.stderr


def test_a_connection_that_breaks_gives_its_requests_an_error(port):
    async def test():
        async with await OperatorClient.connect(port=port) as operator:
            asking = [asyncio.ensure_future(operator.request('robots')) for _ in range(3)]
            await operator._socket.close()
            results = await asyncio.gather(*asking, return_exceptions=True)
            assert all(isinstance(item, (OperatorError, list)) for item in results)
            with pytest.raises(OperatorError) as caught:
                await operator.request('robots')
            assert caught.value.code == 'gone'

    asyncio.run(test())


def test_two_connections_of_one_name_are_reported():
    with platform() as (process, port):

        async def test():
            async with await OperatorClient.connect(port=port) as operator, robot(port, 'r1'):
                (alone,) = await operator.robots()
                assert alone['open_connections'] == 1
                async with robot(port, 'r1'):
                    warning = await operator.wait_for(lambda event: event['event'] == 'warning')
                    assert warning['robot'] == 'r1'
                    assert '2 connections have this name' in warning['problem']
                    (twice,) = await operator.robots()
                    assert twice['open_connections'] == 2

        asyncio.run(test())
        process.wait_for_line('r1: 2 connections have this name')


def test_an_empty_command_id_is_refused(port):
    async def test():
        async with robot(port, 'empty'), await OperatorClient.connect(port=port) as operator:
            with pytest.raises(OperatorError, match='"command_id" is empty'):
                await operator.send_command('status', {}, 'empty', command_id='')

    asyncio.run(test())


def test_a_request_that_could_not_be_read_is_answered_to_who_sent_it(port):
    async def test() -> None:
        async with await OperatorClient.connect(port=port) as operator, asyncio.timeout(10.0):
            with pytest.raises(OperatorError, match='surrogate'):
                await operator.request('send', command='\udcff')
            with pytest.raises(OperatorError, match='surrogate'):
                await operator.request('\udcff')
            assert (await operator.request('hello'))['version'] == VERSION

    asyncio.run(test())
