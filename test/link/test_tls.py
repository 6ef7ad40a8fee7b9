# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""TLS as a link configures it: who is trusted, who is not, and what the operator is told."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from fixtures.certificates import Authority
from fixtures.peers import websocket_server
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


def test_an_expired_certificate_is_told_with_the_clock_as_a_suspect(authority):
    told = asyncio.run(fault(authority.server(authority.issue('old', days=-1)), tls(authority)))
    assert 'expired' in told.error
    assert 'clock' in told.remedy


def test_an_unknown_authority_is_not_trusted(authority, stranger):
    told = asyncio.run(fault(stranger.server(stranger.issue('good')), tls(authority)))
    assert 'is not trusted' in told.error
    assert 'ca_file' in told.remedy
    assert 'ca-certificates' in told.remedy


def test_a_certificate_for_another_host_is_not_trusted(authority):
    other = authority.issue('other', 'DNS:elsewhere.example')
    told = asyncio.run(fault(authority.server(other), tls(authority)))
    assert 'not valid for' in told.error
    assert 'another host' in told.remedy


def test_a_server_without_tls_is_told(authority):
    async def scenario() -> Any:
        async with (
            websocket_server(ignore) as port,
            Robot(urls=[f'wss://127.0.0.1:{port}/ws'], tls=tls(authority)) as robot,
        ):
            return await robot.fault()

    assert 'TLS' in asyncio.run(scenario()).remedy


def test_a_client_certificate_is_shown_where_one_is_wanted(authority):
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
