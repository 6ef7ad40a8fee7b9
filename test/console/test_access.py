# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Who gets into the console: on the loopback, elsewhere, from the page of another host."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
import http.client
import itertools
import subprocess
import sys
import time
from urllib.parse import urlencode, urlsplit

from fixtures.certificates import Authority
from fixtures.system import CREDENTIALS, PROJECT_ID, SECRET_KEY, start_platform
import pytest
from websockets.exceptions import ConnectionClosed, WebSocketException

from console.conftest import console, WITHOUT

pytest.importorskip('fastapi', reason='the console is an extra: pip install xparo_bridge[console]')
from xparo_bridge.console import main
from xparo_bridge.console.gate import BURST, Gate
from xparo_bridge.console.sessions import Sessions
from xparo_bridge.local.platform_client import OperatorClient

try:
    from websockets.asyncio.client import connect

    HEADERS = 'additional_headers'
except ImportError:  # websockets before 13
    from websockets.client import connect

    HEADERS = 'extra_headers'

SOURCES = itertools.count(1)
needs_nicegui = pytest.mark.skipif('NiceGUI' in WITHOUT, reason=WITHOUT)


@pytest.fixture(scope='module')
def port() -> Iterator[int]:
    platform, port = start_platform()
    with platform:
        yield port


@pytest.fixture(scope='module')
def open_console(port: int) -> Iterator[str]:
    with console(port) as url:
        yield url


@pytest.fixture(scope='module')
def far_console(port: int) -> Iterator[str]:
    """A console that is not for this machine alone."""
    with console(port, '--host', '0.0.0.0') as url:
        yield url.replace('0.0.0.0', '127.0.0.1')


def ask(
    url: str,
    path: str = '/',
    method: str = 'GET',
    body: str | None = None,
    source: str = '127.0.0.1',
    **headers: str,
) -> http.client.HTTPResponse:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(
        address.hostname, address.port, timeout=20, source_address=(source, 0)
    )
    named = {name.replace('_', '-'): value for name, value in headers.items()}
    if body is not None:
        named['Content-Type'] = 'application/x-www-form-urlencoded'
    connection.request(method, path, body, named)
    response = connection.getresponse()
    response.text = response.read().decode()
    connection.close()
    return response


async def token_of(port: int, name: str, role: str) -> str:
    async with await OperatorClient.connect(
        port=port, secret_key=SECRET_KEY, project_id=PROJECT_ID
    ) as owner:
        return (await owner.request('add_person', name=name, role=role))['token']


def test_without_nicegui_a_line_says_how_to_get_it():
    program = (
        'import sys; sys.modules["nicegui"] = None; '
        'from xparo_bridge.console.main import main; sys.exit(main([]))'
    )
    ended = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == 1
    assert 'pip install "xparo_bridge[console]"' in ended.stderr
    assert main.WITHOUT_NICEGUI in ended.stderr


@needs_nicegui
@pytest.mark.parametrize(
    ('arguments', 'code', 'said'),
    [(['--platform', 'nowhere'], 2, 'expected HOST:PORT'), (['--port', '1'], 1, 'cannot listen')],
)
def test_what_cannot_be_served_is_said_in_a_line(arguments, code, said):
    if '--port' in arguments:
        arguments = ['--host', '192.0.2.1', '--port', '0']  # Nobody's address.
    ended = subprocess.run(
        [sys.executable, '-m', 'xparo_bridge', 'console', *arguments],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == code
    assert said in ended.stderr and 'Traceback' not in ended.stderr


@needs_nicegui
def test_on_the_loopback_no_password_is_asked_for(open_console):
    response = ask(open_console)
    assert response.status == 200
    assert "frame-ancestors 'none'" in response.headers['content-security-policy']
    assert response.headers['x-content-type-options'] == 'nosniff'


@needs_nicegui
@pytest.mark.parametrize(
    ('headers', 'status'),
    [
        ({'Host': 'evil.example'}, 421),
        ({'Host': 'evil.example:8766'}, 421),
        ({'Origin': 'http://evil.example'}, 403),
        ({'Origin': 'null'}, 403),
    ],
)
def test_a_name_that_leads_here_and_the_page_of_another_host_are_turned_down(
    open_console, headers, status
):
    assert ask(open_console, **headers).status == status


@needs_nicegui
@pytest.mark.parametrize('origin', ['http://evil.example', 'null', 'http://localhost:1'])
def test_no_other_page_opens_the_consoles_socket(open_console, origin):
    async def test():
        address = open_console.replace('http', 'ws')
        with pytest.raises((WebSocketException, ConnectionClosed)):
            async with connect(
                f'{address}/_nicegui_ws/socket.io/?EIO=4&transport=websocket',
                **{HEADERS: {'Origin': origin}},
            ) as socket:
                await socket.recv()

    asyncio.run(test())


@needs_nicegui
def test_elsewhere_a_token_is_asked_for_and_a_cookie_is_given(far_console, port):
    first = ask(far_console)
    assert (first.status, first.headers['location']) == (303, '/login')
    assert ask(far_console, '/_nicegui_ws/socket.io/?EIO=4&transport=polling').status == 401
    assert 'Your token' in ask(far_console, '/login').text
    wrong = ask(far_console, '/login', 'POST', urlencode({'token': 'wrong'}))
    assert wrong.status == 401 and 'does not know this token' in wrong.text
    token = asyncio.run(token_of(port, 'vera', 'viewer'))
    right = ask(far_console, '/login', 'POST', urlencode({'token': token}))
    assert right.status == 303
    cookie = right.headers['set-cookie']
    assert 'HttpOnly' in cookie and 'SameSite=Strict' in cookie
    assert token not in cookie
    key = cookie.partition(';')[0]
    assert ask(far_console, Cookie=key).status == 200
    assert ask(far_console, Cookie=f'{key}x').status == 303
    assert ask(far_console, '/logout', Cookie=key).headers['location'] == '/login'
    assert ask(far_console, Cookie=key).status == 303


@needs_nicegui
def test_tokens_cannot_be_guessed_at_speed(port):
    with console(port, '--host', '0.0.0.0') as url:
        url = url.replace('0.0.0.0', '127.0.0.1')
        tried = [
            ask(url, '/login', 'POST', urlencode({'token': f'guess-{n}'})).status for n in range(8)
        ]
    assert tried[:5] == [401] * 5
    assert tried[-1] == 429


def test_one_address_cannot_flood_the_console():
    passed: Counter[tuple[str, int]] = Counter()

    async def app(scope, receive, send):
        await send({'type': 'http.response.start', 'status': 200, 'headers': []})

    async def asking(gate: Gate, address: str) -> None:
        async def send(message):
            if message['type'] == 'http.response.start':
                passed[address, message['status']] += 1

        scope = {
            'type': 'http', 'method': 'GET', 'path': '/', 'client': (address, 1),
            'headers': [(b'host', b'localhost:8766')],
        }  # fmt: skip
        await gate(scope, None, send)

    async def test() -> None:
        def never(token):
            async def connect(**how):
                raise OSError('nobody listens')

            return connect

        sessions = Sessions(never)
        gate = Gate(app, sessions, None, local=True, secure=False)
        for _ in range(2 * BURST):
            await asking(gate, '10.0.0.1')
        await asking(gate, '10.0.0.2')
        sessions.end_all()

    asyncio.run(test())
    assert BURST <= passed['10.0.0.1', 200] < 1.2 * BURST
    assert passed['10.0.0.1', 429] > 0.8 * BURST
    assert passed['10.0.0.2', 200] == 1  # Another's requests are not counted with them.


@needs_nicegui
def test_tls_by_file(port, tmp_path):
    import ssl

    authority = Authority(tmp_path)
    certificate = authority.issue('localhost')
    with console(port, '--certificate', str(certificate)) as url:
        assert url.startswith('https://')
        address = urlsplit(url)
        connection = http.client.HTTPSConnection(
            'localhost',
            address.port,
            timeout=20,
            context=ssl.create_default_context(cafile=str(authority.file)),
        )
        connection.request('GET', '/')
        assert connection.getresponse().status == 200
        connection.close()


@needs_nicegui
def test_credentials_are_in_no_output(port):
    with console(port, keys=CREDENTIALS) as url:
        assert SECRET_KEY not in ask(url).text


def sign_in(far_console: str, secret: str) -> str:
    """Cookie of who shows a token, from an address of their own: one may try a few times only."""
    source = f'127.0.1.{next(SOURCES)}'
    response = ask(far_console, '/login', 'POST', urlencode({'token': secret}), source)
    return str(response.headers['set-cookie']).partition(';')[0]


@needs_nicegui
@pytest.mark.parametrize('kind', ['telemetry.csv', 'audit.jsonl'])
def test_an_export_is_for_who_is_signed_in_and_of_what_there_is(far_console, port, kind):
    assert ask(far_console, f'/export/r1/{kind}').headers['location'] == '/login'
    cookie = sign_in(far_console, asyncio.run(token_of(port, 'exporter', 'viewer')))
    given = ask(far_console, f'/export/r1/{kind}', Cookie=cookie)
    assert given.status == 200
    assert given.headers['content-disposition'].startswith("attachment; filename*=UTF-8''r1-")
    for path in (
        '/export/r1/people.csv',
        '/export/r1/telemetry.exe',
        '/export/r1/telemetry.csv?days=0',
        '/export/r1/telemetry.csv?days=nan',
        '/export/r1/..%2f..%2fplatform.sqlite',
    ):
        assert ask(far_console, path, Cookie=cookie).status in (404, 422), path
    odd = ask(far_console, '/export/r%0d%0aX-Odd:%201/chat.csv', Cookie=cookie)
    assert 'x-odd' not in {name.lower() for name in odd.headers}


@needs_nicegui
@pytest.mark.parametrize('signed_in', [True, False])
def test_nobody_drives_by_a_guessed_address(far_console, port, signed_in):
    headers = {}
    if signed_in:
        headers['Cookie'] = sign_in(far_console, asyncio.run(token_of(port, 'ann', 'operator')))

    async def test() -> None:
        address = far_console.replace('http', 'ws')
        with pytest.raises((WebSocketException, ConnectionClosed)):
            async with connect(f'{address}/teleop/guessed', **{HEADERS: headers}) as socket:
                await socket.send('{"at": 1, "linear": 1.0, "angular": 0.0}')
                await socket.recv()

    asyncio.run(test())


@needs_nicegui
def test_who_is_removed_is_signed_out_of_the_console_too(far_console, port):
    async def remove() -> None:
        async with await OperatorClient.connect(
            port=port, secret_key=SECRET_KEY, project_id=PROJECT_ID
        ) as owner:
            await owner.request('remove_person', name='leaver')

    cookie = sign_in(far_console, asyncio.run(token_of(port, 'leaver', 'operator')))
    assert ask(far_console, Cookie=cookie).status == 200
    asyncio.run(remove())
    end = time.monotonic() + 20.0
    while ask(far_console, Cookie=cookie).status != 303:
        assert time.monotonic() < end
        time.sleep(0.1)
