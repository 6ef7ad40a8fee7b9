# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Faults on the way to the platform, each by real sockets: does the doctor name it?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, UTC
from email.utils import formatdate
from ipaddress import ip_address
from pathlib import Path
import socket
import ssl
import time
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fixtures.certificates import Authority
from fixtures.peers import connect_proxy, tcp_server, websocket_server
import pytest

from xparo_bridge.doctor.finding import Finding, State

from .conftest import Diagnose, named

TIMEOUT = 3.0


@dataclass
class Site:
    """Where a fault is set up: a folder, and the environment of the doctor."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch


Link = dict[str, Any]
Setup = Callable[[Site], AbstractAsyncContextManager[Link]]


@dataclass
class Fault:
    """A fault, the check that names it and words of its line."""

    setup: Setup
    check: str
    words: tuple[str, ...]
    arguments: tuple[str, ...] = field(default=())


async def _idle(peer: Any) -> None:
    await peer.wait_closed()


def _url(port: int, scheme: str = 'ws', host: str = '127.0.0.1') -> str:
    return f'{scheme}://{host}:{port}/ws/chatbot'


def certified(names: str = 'IP:127.0.0.1', days: int = 30, trusted: bool = True) -> Setup:
    @asynccontextmanager
    async def setup(site: Site) -> AsyncIterator[Link]:
        authority = Authority(site.folder)
        tls = authority.server(authority.issue('server', names, days))
        link = {'ca_file': str(authority.file)} if trusted else {}
        async with websocket_server(_idle, ssl=tls) as port:
            yield {'url': _url(port, 'wss'), **link}

    return setup


def dated_certificate(since: float, until: float) -> Setup:
    """Return a server whose certificate holds from and until some days from now."""

    @asynccontextmanager
    async def setup(site: Site) -> AsyncIterator[Link]:
        file = site.folder / 'dated.pem'
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, 'platform')])
        now = datetime.now(UTC)
        own = x509.SubjectAlternativeName([x509.IPAddress(ip_address('127.0.0.1'))])
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now + timedelta(days=since))
            .not_valid_after(now + timedelta(days=until))
            .add_extension(own, critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        file.write_bytes(
            pem
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(file)
        (site.folder / 'trusted.pem').write_bytes(pem)
        async with websocket_server(_idle, ssl=tls) as port:
            yield {'url': _url(port, 'wss'), 'ca_file': str(site.folder / 'trusted.pem')}

    return setup


def refusing(status: int, **headers: str) -> Setup:
    @asynccontextmanager
    async def setup(site: Site) -> AsyncIterator[Link]:
        async with websocket_server(_idle, status=status, headers=headers) as port:
            yield {'url': _url(port)}

    return setup


@asynccontextmanager
async def closing(site: Site) -> AsyncIterator[Link]:
    async def turn_away(peer: Any) -> None:
        await peer.close(4401, 'no')

    async with websocket_server(turn_away) as port:
        yield {'url': _url(port)}


def dated(offset: float) -> Setup:
    @asynccontextmanager
    async def setup(site: Site) -> AsyncIterator[Link]:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b'\r\n\r\n')
            date = formatdate(time.time() + offset, usegmt=True)
            writer.write(f'HTTP/1.1 400 no\r\nDate: {date}\r\nConnection: close\r\n\r\n'.encode())
            await writer.drain()
            writer.close()

        async with tcp_server(answer) as port:
            yield {'url': _url(port)}

    return setup


@asynccontextmanager
async def nobody(site: Site) -> AsyncIterator[Link]:
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        yield {'url': _url(free.getsockname()[1])}


@asynccontextmanager
async def black_hole(site: Site) -> AsyncIterator[Link]:
    """Listen with a full queue: what comes then is dropped, as by a firewall."""
    with socket.socket() as full:
        full.bind(('127.0.0.1', 0))
        full.listen(0)
        others = []
        for _ in range(4):
            other = socket.socket()
            other.setblocking(False)
            other.connect_ex(full.getsockname())
            others.append(other)
        yield {'url': _url(full.getsockname()[1])}
        for other in others:
            other.close()


@asynccontextmanager
async def mute(site: Site) -> AsyncIterator[Link]:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with tcp_server(say_nothing) as port:
        yield {'url': _url(port, 'wss')}


@asynccontextmanager
async def unknown_host(site: Site) -> AsyncIterator[Link]:
    yield {'url': 'wss://platform-of-nobody.invalid/ws/chatbot'}


@asynccontextmanager
async def proxy_nowhere(site: Site) -> AsyncIterator[Link]:
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        site.monkeypatch.setenv('https_proxy', f'http://127.0.0.1:{free.getsockname()[1]}')
        yield {'url': 'wss://platform.example/ws/chatbot'}


@asynccontextmanager
async def proxy_refuses(site: Site) -> AsyncIterator[Link]:
    async with connect_proxy(status=407) as (port, _):
        yield {'url': 'wss://platform.example/ws', 'proxy': f'http://127.0.0.1:{port}'}


@asynccontextmanager
async def proxy_of_another_kind(site: Site) -> AsyncIterator[Link]:
    site.monkeypatch.setenv('https_proxy', 'socks5://127.0.0.1:1080')
    yield {'url': 'wss://platform.example/ws/chatbot'}


@asynccontextmanager
async def no_key(site: Site) -> AsyncIterator[Link]:
    site.monkeypatch.delenv('XPARO_SECRET_KEY')
    async with websocket_server(_idle) as port:
        yield {'url': _url(port)}


@asynccontextmanager
async def readable_key(site: Site) -> AsyncIterator[Link]:
    file = site.folder / 'credentials.yaml'
    file.write_text('secret_key: a-secret\nproject_id: p\n')
    file.chmod(0o644)
    async with websocket_server(_idle) as port:
        yield {'url': _url(port), 'credentials_file': str(file)}


@asynccontextmanager
async def no_authority(site: Site) -> AsyncIterator[Link]:
    async with websocket_server(_idle) as port:
        yield {'url': _url(port, 'wss'), 'ca_file': str(site.folder / 'missing.pem')}


@asynccontextmanager
async def no_tls(site: Site) -> AsyncIterator[Link]:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(b'HTTP/1.1 400 Bad Request\r\n\r\n')
        writer.close()

    async with tcp_server(refuse) as port:
        yield {'url': _url(port, 'wss')}


@asynccontextmanager
async def closed_at_once(site: Site) -> AsyncIterator[Link]:
    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.close()

    async with tcp_server(close) as port:
        yield {'url': _url(port, 'wss')}


FAULTS = {
    'an expired certificate': Fault(
        dated_certificate(-30, -2), 'tls', ('expired', 'it holds from', 'renew its certificate')
    ),
    'a certificate of the future': Fault(
        dated_certificate(2, 30), 'tls', ('not yet valid', 'check the clock of this machine')
    ),
    'a certificate that expires soon': Fault(certified(days=5), 'tls', ('expires in', 'renew')),
    'a certificate nobody vouches for': Fault(
        certified(trusted=False), 'tls', ('not trusted', 'ca_file')
    ),
    'a certificate for another host': Fault(
        certified('DNS:other.example'), 'tls', ('127.0.0.1', 'the certificate is for another host')
    ),
    'a server without TLS': Fault(no_tls, 'tls', ('answers without TLS', 'wss:// needs')),
    'a server that closes at once': Fault(
        closed_at_once, 'tls', ('closed the connection', 'wss:// needs')
    ),
    'a server that says nothing': Fault(mute, 'tls', ('hello of TLS', 'firewall')),
    'an authority that is not there': Fault(no_authority, 'tls', ('missing.pem',)),
    'a port nobody listens at': Fault(nobody, 'connection', ('nothing listens', 'check the url')),
    'an address that swallows all': Fault(
        black_hole, 'connection', ('did not open in time', 'check the network and any firewall')
    ),
    'a host without an address': Fault(
        unknown_host, 'dns', ('platform-of-nobody.invalid has no address', 'name server')
    ),
    'a proxy that is not there': Fault(
        proxy_nowhere, 'proxy', ('cannot be reached', 'https_proxy')
    ),
    'a proxy that refuses': Fault(proxy_refuses, 'proxy', ('HTTP 407', 'check proxy of the link')),
    'a proxy of another kind': Fault(proxy_of_another_kind, 'proxy', ('socks5://', 'https_proxy')),
    'a key that is refused (401)': Fault(refusing(401), 'key', ('HTTP 401', 'secret key')),
    'an origin that is refused (403)': Fault(refusing(403), 'key', ('HTTP 403', 'allowed hosts')),
    'a key that is refused after the opening': Fault(closing, 'key', ('4401', 'secret key')),
    'a login page': Fault(
        refusing(302, Location='http://portal.example/'), 'key', ('redirects', 'login page')
    ),
    'no key': Fault(no_key, 'key', ('XPARO_SECRET_KEY', 'not set in the environment')),
    'a key that others can read': Fault(readable_key, 'key', ('others may read it', 'chmod 600')),
    'a clock that is behind': Fault(dated(90), 'clock', ('90 s behind', 'timedatectl')),
    'a clock that is ahead': Fault(dated(-7200), 'clock', ('ahead of', 'timedatectl')),
}


async def look(doctor: Diagnose, site: Site, setup: Setup) -> list[Finding]:
    async with setup(site) as link:
        arguments = ('--only', 'link', '--timeout', str(TIMEOUT))
        return await asyncio.to_thread(doctor, *arguments, link=link)


@pytest.mark.parametrize('fault', FAULTS.values(), ids=FAULTS)
def test_each_fault_is_named_with_what_to_do(
    fault: Fault, doctor: Diagnose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    began = time.monotonic()
    findings = asyncio.run(look(doctor, Site(tmp_path, monkeypatch), fault.setup))
    finding = named(findings, fault.check, *fault.words)
    assert finding.subject.startswith('link platform')
    text = '\n'.join(one.line() for one in findings)
    assert 'a-secret' not in text
    # What is right until there is called right, what comes after it not checked.
    order = ['proxy', 'dns', 'connection', 'tls', 'clock', 'key']
    ends = fault.check in ('connection', 'dns')
    for stage in order[order.index(fault.check) + 1 :] if ends else ():
        states = {one.state for one in findings if one.check == stage}
        assert states == {State.NOT_CHECKED}, text
    assert time.monotonic() - began < TIMEOUT * 6


def test_a_way_without_faults_has_no_problem(
    doctor: Diagnose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    findings = asyncio.run(look(doctor, Site(tmp_path, monkeypatch), certified()))
    links = {one.check: one for one in findings if one.subject.startswith('link')}
    assert set(links) == {'proxy', 'dns', 'connection', 'tls', 'clock', 'key'}
    assert {one.state for one in links.values()} == {State.OK}, [
        one.line() for one in links.values()
    ]


def test_a_proxy_that_works_is_gone_through(
    doctor: Diagnose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    @asynccontextmanager
    async def setup(site: Site) -> AsyncIterator[Link]:
        async with websocket_server(_idle) as port, connect_proxy() as (proxy, heads):
            yield {'url': _url(port), 'proxy': f'http://127.0.0.1:{proxy}'}
            assert heads and all(head.startswith('CONNECT 127.0.0.1:') for head in heads)

    findings = asyncio.run(look(doctor, Site(tmp_path, monkeypatch), setup))
    assert [one.state for one in findings if one.check in ('proxy', 'key')] == [State.OK] * 2


def test_without_a_handshake_the_key_is_not_checked(
    doctor: Diagnose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    dialled: list[str] = []

    async def scenario() -> list[Finding]:
        async def note(peer: Any) -> None:
            dialled.append('opened')
            await peer.wait_closed()

        async with websocket_server(note) as port:
            arguments = ('--only', 'link', '--no-handshake')
            return await asyncio.to_thread(doctor, *arguments, link={'url': _url(port)})

    findings = asyncio.run(scenario())
    assert [one.state for one in findings if one.check == 'key'] == [State.NOT_CHECKED]
    assert dialled == []
