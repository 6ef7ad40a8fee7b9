# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""HTTP requests: no secret shown or sent elsewhere, answers bounded, Retry-After obeyed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import ssl
import time
from typing import Any

from aiohttp import web
from fixtures.certificates import Authority
from fixtures.peers import request_headers, websocket_server
from fixtures.robot_side import ignore, Robot
import pytest

from xparo_bridge.link.http_client import check_address, HttpClient, HttpError
from xparo_bridge.messages import LinkState
from xparo_bridge.retry_after import LONGEST, seconds_to_wait

SECRET = 'hunter2-hunter2'


@asynccontextmanager
async def served(answer: Any, **options: Any) -> AsyncIterator[str]:
    """Address of a server that answers each request so."""
    app = web.Application()
    app.router.add_route('*', '/{path:.*}', answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, '127.0.0.1', 0, ssl_context=options.get('ssl'))
    await site.start()
    try:
        yield f'{"https" if options else "http"}://127.0.0.1:{runner.addresses[0][1]}/{SECRET}/x'
    finally:
        await runner.cleanup()


def ask(answer: Any, **options: Any) -> Any:
    """What a request to such a server gives, an HttpError included."""

    async def scenario() -> Any:
        client = HttpClient(**options)
        async with served(answer) as url:
            try:
                return await client.request('POST', url, where='platform', data=b'{}')
            except HttpError as error:
                return error
            finally:
                await client.close()

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    ('status', 'passing'),
    [
        (301, False),
        (400, False),
        (403, False),
        (404, False),
        (408, True),
        (429, True),
        (500, True),
    ],
)
def test_a_failure_says_its_status_and_whether_it_may_pass(status, passing):
    async def answer(request: web.Request) -> web.Response:
        return web.Response(
            status=status, headers={'Retry-After': '7', 'Location': 'http://127.0.0.1:1/'}
        )

    error = ask(answer)
    assert (error.status, error.passing, error.retry_after) == (status, passing, 7.0)
    assert SECRET not in str(error)


def test_an_answer_is_bounded_and_a_strange_one_is_none():
    async def large(request: web.Request) -> web.Response:
        return web.Response(body=b'x' * 200_000)

    async def strange(request: web.Request) -> web.Response:
        return web.Response(body=b'\xff\xfe')

    assert ask(large, max_answer=100_000) == ''
    assert ask(strange) == ''


def test_no_error_shows_the_address():
    async def scenario() -> list[str]:
        client, said = HttpClient(), []
        for url in (
            f'http://127.0.0.1:1/{SECRET}/',
            f'http://[::1/{SECRET}',
            f'nonsense/{SECRET}',
        ):
            try:
                await client.request('GET', url, where='platform')
            except HttpError as error:
                said.append(str(error))
        await client.close()
        return said

    said = asyncio.run(scenario())
    assert len(said) == 3
    assert SECRET not in ''.join(said)


@pytest.mark.parametrize(
    'url',
    [
        'http://127.evil.example.com',
        'http://127.0.0.1.evil.example.com',
        'http://localhost.evil.example.com',
        'http://1270.0.0.1',
        'http://platform.example',
        'ws://127.0.0.1',
        'https://',
        'nonsense',
    ],
)
def test_only_this_machine_is_this_machine(url):
    with pytest.raises(ValueError, match='https://'):
        check_address(url)


@pytest.mark.parametrize(
    'url',
    ['http://127.0.0.1', 'http://127.5.4.3:80', 'http://[::1]', 'http://localhost', 'https://x.y'],
)
def test_addresses_that_keep_their_secret_are_taken(url):
    check_address(url)


@pytest.mark.parametrize(
    ('header', 'seconds'),
    [
        (None, 0.0),
        ('', 0.0),
        ('soon', 0.0),
        ('7', 7.0),
        ('-7', 0.0),
        ('inf', 0.0),
        ('nan', 0.0),
        ('1e999', 0.0),
        ('100000', LONGEST),
        ('Thu, 01 Jan 1970 00:02:00 GMT', 20.0),
        ('Thu, 01 Jan 1970 00:00:00 GMT', 0.0),
        ('Thu, 99 Jan 1970 00:00:00 GMT', 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(header, seconds):
    assert seconds_to_wait(header, now=100.0) == seconds


@pytest.mark.parametrize('status', [429, 503])
def test_a_socket_is_not_dialled_before_the_server_wants_it(status):
    dialled: list[float] = []

    async def scenario() -> None:
        server = websocket_server(
            ignore,
            status=status,
            headers={'Retry-After': '1'},
            dialled=lambda: dialled.append(time.monotonic()),
        )
        async with server as port, Robot(port) as robot:
            change = await robot.wait_for_state(LinkState.WAITING)
            assert f'(HTTP {status}) and asks to be left alone for 1 s' in change.error
            while len(dialled) < 3:
                await asyncio.sleep(0.02)

    asyncio.run(scenario())
    assert all(later - early >= 1.0 for early, later in zip(dialled, dialled[1:], strict=False))


def test_the_handshake_names_the_host_as_its_origin():
    origins: list[str | None] = []

    async def handler(socket: Any) -> None:
        origins.append(request_headers(socket).get('Origin'))
        await ignore(socket)

    async def scenario() -> int:
        async with websocket_server(handler) as port, Robot(port) as robot:
            await robot.wait_for_state(LinkState.CONNECTED)
            return port

    assert origins == [f'http://127.0.0.1:{asyncio.run(scenario())}']


@pytest.mark.parametrize(('size', 'answer'), [(999, 'whole'), (1000, 'whole'), (1001, 'none')])
def test_an_answer_of_just_as_much_as_is_taken_is_whole(size, answer):
    async def sized(request: web.Request) -> web.Response:
        return web.Response(body=b'x' * size)

    assert ask(sized, max_answer=1000) == ('x' * size if answer == 'whole' else '')


@pytest.mark.parametrize('known', [True, False])
def test_a_server_is_believed_only_if_an_authority_that_is_known_vouches_for_it(tmp_path, known):
    authority = Authority(tmp_path)
    server = authority.server(authority.issue('good'))
    context = ssl.create_default_context(cafile=str(authority.file)) if known else None
    came: list[bytes] = []

    async def answer(request: web.Request) -> web.Response:
        came.append(await request.read())
        return web.Response(text='taken')

    async def scenario() -> str:
        client = HttpClient(tls=context)
        try:
            async with served(answer, ssl=server) as url:
                return await client.request('POST', url, where='platform', data=SECRET.encode())
        finally:
            await client.close()

    if known:
        assert (asyncio.run(scenario()), came) == ('taken', [SECRET.encode()])
    else:
        with pytest.raises(HttpError, match='certificate'):
            asyncio.run(scenario())
        assert came == []
