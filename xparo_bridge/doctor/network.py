# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Check the way to the platform of one link: proxy, DNS, TCP, TLS, clock, key.

The stages follow one another as a bridge takes them; behind one that fails the others are not
checked. The secret goes nowhere but into the opening handshake that a bridge makes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from email.utils import parsedate_to_datetime
import socket
import ssl
import time
from typing import Any
from urllib.parse import urlsplit

from ..credentials import CredentialsError, read_credentials
from ..link import websocket
from ..link.daemon_executor import DaemonExecutor
from ..link.faults import explain
from ..link.links import LinkError, tls_context
from ..link.protocols.base import load_protocol, Protocol, ProtocolError
from ..link.proxy import (
    connect_through,
    connect_to_one_of,
    find_proxy,
    is_loopback,
    Proxy,
    ProxyError,
)
from ..redaction import hide
from .certificate import validity
from .finding import Finding, not_checked, ok, problem

# By how much the clocks may differ, s, and how long a certificate should hold, days: as ~/status.
CLOCK_OFFSET = 5.0
CERTIFICATE_DAYS = 14.0
_DAY = 86400.0
# How long a platform may take to close a connection whose credentials it turns down, s.
_SECOND_THOUGHTS = 0.5
_LONGEST_HEAD = 64 * 1024
_STAGES = ('proxy', 'dns', 'connection', 'tls', 'clock', 'key')
_BEFORE = 'mend that first'


def check_link(
    settings: Mapping[str, Any],
    robot_id: str,
    timeout: float,
    environment: Mapping[str, str],
    *,
    handshake: bool = True,
) -> Iterator[Finding]:
    """
    Check the way to each address of a link; each stage takes `timeout` seconds at most.

    `environment` may have the credentials.

    Without `handshake` the platform is not asked whether it accepts the key.
    """
    name = f'link {settings["name"]}'
    try:
        adapter = load_protocol(settings['protocol'])
        credentials = read_credentials(
            settings['credentials_file'], environment, adapter.required_credentials
        )
        hide(credentials.secret_key, credentials.robot_credential)
    except KeyError as error:
        yield problem('configuration', name, str(error.args[0]), 'correct protocol of the link')
        return
    except CredentialsError as error:
        yield problem('key', name, f'no credentials: {error}', 'put them where the bridge looks')
        credentials = None
    for url in (settings['url'], *settings['failover_urls']):
        protocol: Protocol | None = None
        if credentials is not None:
            try:
                protocol = adapter.configured(
                    {**settings, 'url': url, 'robot_id': robot_id}, credentials
                )
            except (ProtocolError, ValueError) as error:
                yield problem('configuration', name, str(error), 'correct the link')
        way = _Way(name, url, settings, protocol, timeout, handshake)
        yield from way.findings()


class _Way:
    """The stages to one address."""

    def __init__(
        self,
        name: str,
        url: str,
        settings: Mapping[str, Any],
        protocol: Protocol | None,
        timeout: float,
        handshake: bool,
    ) -> None:
        parts = urlsplit(url)
        self._url = url
        self._host = parts.hostname or ''
        self._secure = parts.scheme in ('wss', 'https')
        self._port = parts.port or (443 if self._secure else 80)
        self._where = f'{self._host}:{self._port}'
        self._subject = f'{name}, {self._where}'
        self._settings = settings
        self._protocol = protocol
        self._timeout = timeout
        self._handshake = handshake
        self._proxy: Proxy | None = None
        self._tls: ssl.SSLContext | None = None
        self._done: set[str] = set()

    def findings(self) -> Iterator[Finding]:
        """Yield what each stage found."""
        loop = asyncio.new_event_loop()
        # Nobody waits for a name server that does not answer.
        loop.set_default_executor(DaemonExecutor())
        stages = self._stages()
        try:
            while True:
                try:
                    finding = loop.run_until_complete(anext(stages))
                except StopAsyncIteration:
                    break
                self._done.add(finding.check)
                yield finding
        finally:
            loop.run_until_complete(stages.aclose())
            loop.close()
        for stage in _STAGES:
            if stage not in self._done:
                words = 'the way there ends before it'
                yield not_checked(stage, self._subject, words, _BEFORE)

    def _fault(self, stage: str, error: BaseException) -> Finding:
        fault = explain(error, self._where)
        return problem(stage, self._subject, fault.error, fault.remedy)

    async def _stages(self) -> AsyncGenerator[Finding, None]:
        try:
            self._proxy = find_proxy(self._url, self._settings['proxy'])
        except (ProxyError, ValueError) as error:
            yield self._fault('proxy', error)
            return
        host, port = self._host, self._port
        if self._proxy is None:
            yield ok('proxy', self._subject, 'none is configured for this host')
        else:
            host, port = self._proxy.host, self._proxy.port
        # --- the name ---
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                loop = asyncio.get_running_loop()
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except TimeoutError:
            yield problem(
                'dns',
                self._subject,
                f'the name server did not say the address of {host} in {self._timeout:g} s',
                'check the name server of this machine (`resolvectl status`, /etc/resolv.conf)',
            )
            return
        except (OSError, UnicodeError) as error:
            words = getattr(error, 'strerror', '') or str(error)
            yield problem(
                'dns',
                self._subject,
                f'the host {host} has no address: {words}',
                f'check the {"variable https_proxy" if self._proxy else "url of the link"} and '
                'the name server of this machine (`resolvectl status`, /etc/resolv.conf)',
            )
            return
        known = list(dict.fromkeys(str(one[4][0]) for one in found))
        took = time.monotonic() - began
        yield ok('dns', self._subject, f'{host} is {", ".join(known[:4])} ({took:.2f} s)')
        # --- the way through ---
        try:
            async with asyncio.timeout(self._timeout):
                opened = await self._connect()
        except ProxyError as error:
            yield self._fault('proxy', error)
            return
        except (OSError, TimeoutError) as error:
            yield self._fault('connection', error)
            return
        if self._proxy is not None:
            yield ok('proxy', self._subject, f'{self._proxy} lets the connection through')
        yield ok('connection', self._subject, 'opens')
        # --- TLS, and what time it is there ---
        async for finding in self._talk(opened):
            yield finding
        if 'tls' in self._done:
            async for finding in self._greet():
                yield finding

    async def _connect(self) -> socket.socket:
        if self._proxy is not None:
            return await connect_through(self._proxy, self._host, self._port)
        loop = asyncio.get_running_loop()
        addresses = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        return await connect_to_one_of(addresses)

    async def _talk(self, opened: socket.socket) -> AsyncGenerator[Finding, None]:
        if not self._secure:
            trusted = is_loopback(self._host)
            words = 'unencrypted' + (', within this machine' if trusted else ', as allow_insecure')
            yield ok('tls', self._subject, words)
            self._done.add('tls')
            yield self._clock(await self._date(opened, None))
            return
        try:
            self._tls = tls_context(self._settings, [self._url.replace('https:', 'wss:')])
        except LinkError as error:
            opened.close()
            yield problem('tls', self._subject, str(error), 'correct the file, or its rights')
            return
        try:
            async with asyncio.timeout(self._timeout):
                reader, writer = await asyncio.open_connection(
                    sock=opened, ssl=self._tls, server_hostname=self._host
                )
        except (OSError, TimeoutError) as error:
            opened.close()
            date, dates = await self._unverified()
            silent = isinstance(error, TimeoutError)
            fault = explain(
                websocket.Unanswered(talks_tls=False) if silent else error, self._where
            )
            yield problem('tls', self._subject, fault.error + dates, fault.remedy)
            if date is not None:
                yield self._clock(date)
            return
        certificate = writer.get_extra_info('ssl_object').getpeercert()
        date = await self._ask(reader, writer)
        days = (ssl.cert_time_to_seconds(certificate['notAfter']) - time.time()) / _DAY
        words = f'the certificate is trusted and holds for {days:.0f} days'
        if days < CERTIFICATE_DAYS:
            words = f'the certificate is trusted, but expires in {days:.1f} days'
            remedy = 'have the platform renew its certificate'
            yield problem('tls', self._subject, words, remedy)
        else:
            yield ok('tls', self._subject, words)
        self._done.add('tls')
        yield self._clock(date)

    async def _unverified(self) -> tuple[float | None, str]:
        """Time there and the dates of a certificate that is not trusted; no secret is sent."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            async with asyncio.timeout(self._timeout):
                opened = await self._connect()
                reader, writer = await asyncio.open_connection(
                    sock=opened, ssl=context, server_hostname=self._host
                )
            encoded = writer.get_extra_info('ssl_object').getpeercert(binary_form=True)
            return await self._ask(reader, writer), validity(encoded)
        except (OSError, TimeoutError, ProxyError):
            return None, ''

    async def _date(self, opened: socket.socket, tls: ssl.SSLContext | None) -> float | None:
        try:
            async with asyncio.timeout(self._timeout):
                reader, writer = await asyncio.open_connection(sock=opened, ssl=tls)
        except (OSError, TimeoutError):
            opened.close()
            return None
        return await self._ask(reader, writer)

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> float | None:
        """Ask for no page, only for the answer's Date; the platform's clock minus ours, s."""
        try:
            async with asyncio.timeout(self._timeout):
                began = time.time()
                head = f'GET / HTTP/1.1\r\nHost: {self._host}\r\nConnection: close\r\n\r\n'
                writer.write(head.encode())
                await writer.drain()
                while len(line := await reader.readline()) > 2:
                    name, _, value = line.decode('latin-1').partition(':')
                    if name.strip().lower() == 'date':
                        theirs = parsedate_to_datetime(value.strip()).timestamp()
                        # The header is cut to the second, and was written about halfway.
                        return theirs + 0.5 - (began + time.time()) / 2
        except (OSError, TimeoutError, ValueError):
            pass
        finally:
            writer.transport.abort()
        return None

    def _clock(self, offset: float | None) -> Finding:
        if offset is None:
            words = 'the platform does not say what time it has (no Date header)'
            return not_checked('clock', self._subject, words, 'compare `date` with a clock')
        if abs(offset) <= CLOCK_OFFSET:
            words = f"the platform's clock and this machine's are {abs(offset):.1f} s apart"
            return ok('clock', self._subject, words)
        return problem(
            'clock',
            self._subject,
            f"this machine's clock is {abs(offset):.0f} s "
            f"{'behind' if offset > 0 else 'ahead of'} the platform's",
            'set the clock by NTP (`timedatectl status`), or have the platform set its own',
        )

    async def _greet(self) -> AsyncGenerator[Finding, None]:
        if self._protocol is None:
            if 'key' not in self._done:
                words = 'there are no credentials'
                yield not_checked('key', self._subject, words, _BEFORE)
            return
        if not self._handshake:
            words = 'the platform was not asked, as --no-handshake wants'
            yield not_checked('key', self._subject, words, 'leave out --no-handshake')
            return
        opened = None
        try:
            opened = await websocket.dial(
                self._protocol.url(),
                headers=self._protocol.headers(),
                tls=self._tls,
                open_timeout=self._timeout,
                max_frame_bytes=self._settings['max_frame_bytes'],
                compression=self._settings['compression'],
                proxy=self._settings['proxy'],
                with_origin=self._protocol.sends_origin,
            )
            try:
                async with asyncio.timeout(_SECOND_THOUGHTS):
                    await websocket.receive(opened)
            except TimeoutError:
                pass
        except (
            OSError,
            TimeoutError,
            websocket.WebSocketException,
            websocket.RedirectError,
            ProxyError,
        ) as error:
            yield self._fault('key', error)
        else:
            yield ok('key', self._subject, 'the platform accepts the credentials')
        finally:
            if opened is not None:
                opened.transport.abort()
