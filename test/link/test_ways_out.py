# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Ways to the platform: through a proxy, over IPv6, to another address, with new credentials."""

from __future__ import annotations

import asyncio
import base64
import random
import socket as sockets

from fixtures.peers import connect_proxy, websocket_server
from fixtures.robot_side import adapter, ignore, Robot
import pytest

from xparo_bridge.credentials import Credentials, CredentialsError
from xparo_bridge.link.backoff import Backoff
from xparo_bridge.link.endpoints import Endpoints
from xparo_bridge.link.proxy import find_proxy, is_loopback, ProxyError
from xparo_bridge.messages import LinkProblem, LinkState


@pytest.fixture
def proxies(monkeypatch):
    """Set the proxy variables of the environment; none are set before."""
    for name in ('http_proxy', 'https_proxy', 'no_proxy', 'all_proxy'):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return lambda **values: [monkeypatch.setenv(name, value) for name, value in values.items()]


def request_to_proxy(account: str = '') -> tuple[int, str]:
    """Port that a robot dialled through a proxy at an address, and what it asked the proxy."""

    async def scenario() -> tuple[int, str]:
        async with (
            websocket_server(ignore) as port,
            connect_proxy() as (way, heads),
            Robot(port, proxy=f'http://{account}127.0.0.1:{way}') as robot,
        ):
            await robot.wait_for_state(LinkState.CONNECTED)
            return port, heads[0]

    return asyncio.run(scenario())


def test_it_goes_through_the_proxy_it_is_given():
    port, head = request_to_proxy()
    assert head.startswith(f'CONNECT 127.0.0.1:{port} HTTP/1.1\r\n')
    assert 'hunter2' not in head
    assert 'Authorization' not in head


def test_a_proxy_gets_the_name_and_password_of_its_address():
    _, head = request_to_proxy('robot:word@')
    word = base64.b64encode(b'robot:word').decode()
    assert head.endswith(f'\r\nProxy-Authorization: Basic {word}\r\n\r\n')


@pytest.mark.parametrize('status', [403, 407, 502])
def test_a_proxy_that_refuses_is_named(status):
    async def scenario() -> None:
        async with (
            connect_proxy(status=status) as (way, _),
            Robot(9, proxy=f'http://127.0.0.1:{way}') as robot,
        ):
            change = await robot.fault()
            assert f'proxy 127.0.0.1:{way} refused with HTTP {status}' in change.error
            assert 'proxy' in change.remedy
            assert change.state is LinkState.WAITING

    asyncio.run(scenario())


def test_a_proxy_that_is_not_there_is_named():
    async def scenario() -> None:
        async with Robot(9, proxy='http://127.0.0.1:9') as robot:
            assert 'proxy 127.0.0.1:9 cannot be reached' in (await robot.fault()).error

    asyncio.run(scenario())


def test_the_environment_names_proxies_by_scheme_and_leaves_hosts_out(proxies):
    proxies(https_proxy='http://secure:1', http_proxy='plain:2', no_proxy='.lan,direct.org')
    assert str(find_proxy('wss://a.org/x', 'environment')) == 'proxy secure:1'
    assert str(find_proxy('ws://a.org/x', 'environment')) == 'proxy plain:2'
    for url in (
        'wss://robot.lan/',
        'wss://direct.org/',
        'ws://127.0.0.1/',
        'ws://localhost/',
        'ws://[::1]/',
    ):
        assert find_proxy(url, 'environment') is None
    assert find_proxy('wss://a.org/x', None) is None


def test_the_password_of_a_proxy_is_sent_to_it_and_printed_nowhere(proxies):
    proxies(https_proxy='http://robot:hunter2%40@proxy:3128')
    proxy = find_proxy('wss://a.org/x', 'environment')
    assert base64.b64decode(proxy.authorization.split()[1]) == b'robot:hunter2@'
    assert 'hunter2' not in f'{proxy} {proxy!r}'
    assert proxy.authorization not in repr(proxy)


def test_a_proxy_of_another_kind_is_refused_by_name():
    with pytest.raises(ProxyError, match='socks5:// proxy is not spoken'):
        find_proxy('wss://a.org', 'socks5://proxy:1')


@pytest.mark.parametrize(
    ('host', 'loopback'),
    [
        ('localhost', True),
        ('127.0.0.1', True),
        ('127.9.9.9', True),
        ('::1', True),
        ('127.example.org', False),
        ('localhost.example.org', False),
        ('10.0.0.1', False),
        ('', False),
        ('0.0.0.0', False),
    ],
)
def test_only_this_machine_is_this_machine(host, loopback):
    assert is_loopback(host) is loopback


def test_ipv6_is_dialled():
    try:
        sockets.create_server(('::1', 0), family=sockets.AF_INET6).close()
    except OSError:
        pytest.skip('this machine has no IPv6')

    async def scenario() -> None:
        async with (
            websocket_server(ignore, host='::1') as port,
            Robot(urls=[f'ws://[::1]:{port}/ws']) as robot,
        ):
            await robot.wait_for_state(LinkState.CONNECTED)

    asyncio.run(scenario())


def test_the_next_address_is_tried_at_once_and_the_first_again_after_a_loss():
    async def scenario() -> None:
        slow = Backoff(
            initial=30.0,
            maximum=30.0,
            stable_after=0.0,
            refused=30.0,
            uniform=lambda low, high: 0.01,
        )
        async with websocket_server(ignore) as first_port:
            pass
        async with websocket_server(ignore) as second:
            urls = [f'ws://127.0.0.1:{port}/ws' for port in (first_port, second)]
            async with Robot(urls=urls, backoff=slow) as robot:
                change = await robot.fault()
                assert 'the next address is tried now' in change.error
                await robot.wait_for_state(LinkState.CONNECTED)
                first: list[int] = []

                async def note(socket: object) -> None:
                    first.append(1)
                    await ignore(socket)

                async with websocket_server(note, port=first_port):
                    since = len(robot.received)
                    robot.connection._backoff._bound = 0.01
                    for transport in list(_transports(second)):
                        transport.abort()
                    await robot.wait_for_state(LinkState.CONNECTED, since)
                    assert first

    asyncio.run(scenario())


def _transports(port: int):
    """Transports of this process's servers' connections on a port."""
    import gc

    for thing in gc.get_objects():
        if type(thing).__name__ == '_SelectorSocketTransport':
            name = thing.get_extra_info('sockname')
            if name and name[1] == port:
                yield thing


class Vault:
    """Credentials that can be rotated."""

    def __init__(self) -> None:
        self.credentials: Credentials | None = Credentials('old-secret', 'project')

    def read(self) -> Credentials:
        if self.credentials is None:
            raise CredentialsError('gone')
        return self.credentials

    def endpoints(self, port: int) -> Endpoints:
        def make(credentials: Credentials):
            return [adapter(f'ws://127.0.0.1:{port}/ws', credentials.secret_key)]

        return Endpoints(make(self.read()), self.read(), self.read, make)


def test_a_rotated_secret_is_used_for_the_next_connection():
    paths: list[str] = []
    vault = Vault()

    async def handler(socket) -> None:
        request = getattr(socket, 'request', None)
        paths.append(request.path if request else socket.path)
        await socket.recv()
        vault.credentials = Credentials('new-secret', 'project')
        await socket.close()

    async def scenario() -> None:
        async with (
            websocket_server(handler) as port,
            Robot(endpoints=vault.endpoints(port)) as robot,
        ):
            change = await robot.wait_for_state(LinkState.CONNECTED)
            await robot.wait_for_state(LinkState.CONNECTED, robot.received.index(change) + 1)

    asyncio.run(scenario())
    assert '/old-secret/' in paths[0]
    assert '/new-secret/' in paths[1]


def test_a_refused_link_does_not_wait_once_its_secret_was_rotated(monkeypatch):
    monkeypatch.setattr('xparo_bridge.link.connection._CREDENTIALS_PERIOD', 0.05)
    vault = Vault()

    async def scenario() -> None:
        patient = Backoff(initial=300.0, maximum=300.0, stable_after=0.0, refused=300.0)
        async with (
            websocket_server(ignore, status=403) as port,
            Robot(endpoints=vault.endpoints(port), backoff=patient) as robot,
        ):
            change = await robot.wait_for_state(LinkState.REFUSED)
            vault.credentials = Credentials('new-secret', 'project')
            await robot.wait_for_state(LinkState.CONNECTING, robot.received.index(change))

    asyncio.run(scenario())


def test_credentials_that_cannot_be_read_any_more_leave_the_old_ones_in_use():
    vault = Vault()

    async def scenario() -> None:
        async with websocket_server(ignore) as port:
            endpoints = vault.endpoints(port)
            vault.credentials = None
            async with Robot(endpoints=endpoints) as robot:
                await robot.wait_for_state(LinkState.CONNECTED)
                problem = await robot.wait_for(lambda m: isinstance(m, LinkProblem))
                assert 'gone; the credentials read before are used' in problem.problem

    asyncio.run(scenario())


def test_a_thousand_robots_do_not_come_back_as_a_herd():
    """A server restarts: all are cut at once, and it refuses for 20 s. No second is crowded."""
    random.seed(6)
    arrivals = [0] * 200
    for _ in range(1000):
        backoff = Backoff(initial=1.0, maximum=60.0, stable_after=30.0, refused=300.0)
        now = 0.0
        while True:
            now += backoff.wait()
            if now >= 20.0:
                arrivals[int(now)] += 1
                break
    # 1,000 over the bound that a robot has reached by then, about 16 to 32 s.
    assert max(arrivals) < 90
    assert sum(count > 0 for count in arrivals) > 25
