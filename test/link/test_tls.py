# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""TLS as a link configures it: who is trusted, who is not, and what the operator is told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
import contextlib
import os
import socket
import ssl
import threading
from typing import Any

from fixtures.certificates import Authority
from fixtures.peers import tcp_server, websocket_server
from fixtures.robot_side import ignore, Robot
import pytest

from xparo_bridge.link.links import tls_context
from xparo_bridge.messages import LinkState


@pytest.fixture(scope='module')
def authority(tmp_path_factory):
    """Authority the robot trusts."""
    return Authority(tmp_path_factory.mktemp('pki'))


@pytest.fixture(scope='module')
def stranger(tmp_path_factory):
    """Authority nobody knows."""
    return Authority(tmp_path_factory.mktemp('stranger'), 'stranger')


def tls(authority, client=None) -> ssl.SSLContext:
    """Context as a link makes it."""
    return tls_context(
        {
            'name': 'platform',
            'ca_file': str(authority.file),
            'client_key': None,
            'client_certificate': client and str(client),
        },
        ['wss://x'],
    )


async def fault(server: ssl.SSLContext, client: ssl.SSLContext) -> Any:
    """What the operator is told."""
    async with (
        websocket_server(ignore, ssl=server) as port,
        Robot(urls=[f'wss://127.0.0.1:{port}/ws'], tls=client) as robot,
    ):
        return await robot.fault()


def test_a_platform_of_the_own_authority_is_trusted_and_its_expiry_known(authority):
    async def scenario() -> None:
        server = authority.server(authority.issue('good'))
        async with (
            websocket_server(ignore, ssl=server) as port,
            Robot(urls=[f'wss://127.0.0.1:{port}/ws'], tls=tls(authority)) as robot,
        ):
            await robot.wait_for_state(LinkState.CONNECTED)
            numbers = await robot.wait_for(
                lambda m: getattr(m, 'certificate_expiry', None) is not None
            )
            import time

            assert 29 < (numbers.certificate_expiry - time.time()) / 86400 <= 30

    asyncio.run(scenario())


def test_an_expired_certificate_is_reported_with_the_clock_as_a_suspect(authority):
    reported = asyncio.run(
        fault(authority.server(authority.issue('old', days=-1)), tls(authority))
    )
    assert 'expired' in reported.error
    assert 'clock' in reported.remedy


def test_an_unknown_authority_is_not_trusted(authority, stranger):
    reported = asyncio.run(fault(stranger.server(stranger.issue('good')), tls(authority)))
    assert 'is not trusted' in reported.error
    assert 'ca_file' in reported.remedy
    assert 'ca-certificates' in reported.remedy


def test_a_certificate_for_another_host_is_not_trusted(authority):
    other = authority.issue('other', 'DNS:elsewhere.example')
    reported = asyncio.run(fault(authority.server(other), tls(authority)))
    assert 'not valid for' in reported.error
    assert 'another host' in reported.remedy


@pytest.mark.parametrize(
    ('answer', 'error', 'remedy'),
    [
        (b'HTTP/1.1 400 Bad Request\r\n\r\n', 'it answers without TLS', 'wss:// needs'),
        (b'SSH-2.0-OpenSSH_9.6\r\n', 'it answers without TLS', 'wss:// needs'),
        (b'', 'closed the connection while it was opened', 'wss:// needs'),
        # Fatal alerts (RFC 8446, section 6) of a server that has only other versions, or no such
        # host.
        (bytes.fromhex('15030300020246'), 'it takes other versions of TLS', 'TLS 1.2 or 1.3'),
        (bytes.fromhex('15030300020270'), 'it serves no host of this name', 'check the url'),
        (bytes.fromhex('15030300020228'), 'it agrees to nothing', 'ciphers'),
        (bytes.fromhex('15030300020250'), 'no TLS with', 'check the url'),
    ],
)
def test_what_answers_without_tls_or_with_none_that_fits_is_reported(
    authority, answer, error, remedy
):
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(answer)
        writer.close()

    async def scenario() -> Any:
        async with (
            tcp_server(talk) as port,
            Robot(urls=[f'wss://127.0.0.1:{port}/ws'], tls=tls(authority)) as robot,
        ):
            return await robot.fault()

    reported = asyncio.run(scenario())
    assert error in reported.error
    assert remedy in reported.remedy


@pytest.mark.parametrize(
    ('scheme', 'words'),
    [
        ('wss', 'did not answer the hello of TLS'),
        ('ws', 'it took the connection and said nothing'),
    ],
)
def test_a_server_that_waits_for_more_is_told_from_a_network_that_drops(authority, scheme, words):
    """As one does that looks for the end of a line, of which a hello of TLS seldom has one."""

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def scenario() -> Any:
        async with (
            tcp_server(wait) as port,
            Robot(
                urls=[f'{scheme}://127.0.0.1:{port}/ws'],
                tls=tls(authority) if scheme == 'wss' else None,
                open_timeout=0.5,
            ) as robot,
        ):
            return await robot.fault()

    reported = asyncio.run(scenario())
    assert 'did not open in time' in reported.error
    assert words in reported.error
    assert 'wss:// needs a server that speaks TLS' in reported.remedy


@contextlib.contextmanager
def server_that_says_why(context: ssl.SSLContext) -> Iterator[int]:
    """Port of a server whose alerts arrive: those of asyncio close without one."""

    def serve() -> None:
        while True:
            try:
                opened, _ = listener.accept()
            except OSError:
                return
            with socket.socket(fileno=os.dup(opened.fileno())) as raw:
                with contextlib.suppress(OSError):
                    context.wrap_socket(opened, server_side=True)
                raw.settimeout(10.0)
                with contextlib.suppress(OSError):
                    while raw.recv(4096):
                        pass

    with socket.create_server(('127.0.0.1', 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ('whose', 'version', 'error'),
    [
        ('nobody', ssl.TLSVersion.TLSv1_3, 'it wants a certificate of the robot'),
        ('nobody', ssl.TLSVersion.TLSv1_2, 'it agrees to nothing that this machine offers'),
        ('stranger', ssl.TLSVersion.TLSv1_3, "it does not know who signed the robot's"),
        ('stranger', ssl.TLSVersion.TLSv1_2, "it does not know who signed the robot's"),
        ('expired', ssl.TLSVersion.TLSv1_3, "the robot's certificate has expired"),
        ('expired', ssl.TLSVersion.TLSv1_2, "the robot's certificate has expired"),
    ],
)
def test_a_certificate_that_the_server_wants_otherwise_is_reported(
    authority, stranger, whose, version, error
):
    shown = {
        'nobody': lambda: None,
        'stranger': lambda: stranger.issue('strange', 'DNS:r1'),
        'expired': lambda: authority.issue('gone', 'DNS:r1', days=-1),
    }[whose]()
    context = authority.server(authority.issue('wanting'), clients=True)
    context.maximum_version = version

    async def scenario(port: int) -> Any:
        url = f'wss://127.0.0.1:{port}/ws'
        async with Robot(urls=[url], tls=tls(authority, shown)) as robot:
            return await robot.fault()

    with server_that_says_why(context) as port:
        reported = asyncio.run(scenario(port))
    assert error in reported.error
    assert 'client_certificate' in reported.remedy


def test_a_server_that_closes_for_want_of_a_certificate_is_not_called_a_portal(authority):
    server = authority.server(authority.issue('silent'), clients=True)
    reported = asyncio.run(fault(server, tls(authority)))
    assert 'closed the connection while it was opened' in reported.error
    assert 'client_certificate' in reported.remedy


def test_a_client_certificate_is_shown_where_one_is_expected(authority):
    server = authority.server(authority.issue('good'), clients=True)
    robot_certificate = authority.issue('robot', 'DNS:r1')

    async def scenario(client: ssl.SSLContext, state: LinkState) -> None:
        async with (
            websocket_server(ignore, ssl=server) as port,
            Robot(urls=[f'wss://127.0.0.1:{port}/ws'], tls=client) as robot,
        ):
            await robot.wait_for_state(state)

    asyncio.run(scenario(tls(authority, robot_certificate), LinkState.CONNECTED))
    asyncio.run(scenario(tls(authority), LinkState.WAITING))
