# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
One way to dial a WebSocket on every release of the websockets library from 10.4 on.

10.4 is what Ubuntu 24.04 has; since 13 the library has a new client with other names for a few
things. Everything the bridge uses of either is here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
import contextlib
from email.utils import parsedate_to_datetime
import ipaddress
import logging
import socket
import ssl
import time
from typing import Any
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, WebSocketException

from ..errors import NotAllowed
from ..retry_after import seconds_to_wait
from . import proxy as proxies

try:
    from websockets.asyncio.client import ClientConnection as _Client
    from websockets.asyncio.client import connect as _connect

    _NEW = True
except ImportError:
    from websockets.legacy.client import connect as _connect  # type: ignore[assignment]
    from websockets.legacy.client import (  # type: ignore[assignment]
        WebSocketClientProtocol as _Client,
    )

    _NEW = False

__all__ = [
    'ConnectionClosed',
    'WebSocketException',
    'certificate_expiry',
    'close_code',
    'dial',
    'fault_of_peer',
    'http_status',
    'is_open',
    'receive',
    'retry_after',
    'server_time',
]

# Pieces a message may come in: empty ones count for nothing in the library's bound on bytes.
MAX_FRAGMENTS = 4096
_CONTINUATION, _TEXT, _BINARY, _PING = 0, 1, 2, 9  # Opcodes of RFC 6455, section 5.2.
# Bytes that are parsed at a time, and for how long before others have their turn, s: a read of
# 256 KiB may hold 100 000 empty frames, which take a second.
_SLICE = 1024
_TURN = 0.002
# Bytes the kernel holds of what was not read: a stop waits behind these, and 6 MB, which Linux
# would grow to, are a second of small frames. 128 KiB a round trip are enough for a robot.
_RECEIVE_BUFFER = 128 * 1024
# Pings whose pongs a peer may leave unread.
_MAX_PONGS = 4096

# At debug level the library would log the address with the secret and all frames.
_quiet = logging.getLogger('xparo_bridge.websocket')
_quiet.setLevel(logging.WARNING)


class _Bounded(_Client):  # type: ignore[misc, unused-ignore]
    """A connection that gives up a message in too many pieces."""

    _fragments = 0
    _pongs = 0
    _give_way = 0.0

    def _count(self, frame: Any) -> None:
        if frame.opcode in (_CONTINUATION, _TEXT, _BINARY):  # Others may come in between.
            self._fragments = self._fragments + 1 if frame.opcode == _CONTINUATION else 0
        elif frame.opcode == _PING:
            # The library answers at once, and waits for nobody to read the answers.
            unread = self.transport.get_write_buffer_size()
            self._pongs = self._pongs + 1 if unread else 0
        if self._fragments > MAX_FRAGMENTS or self._pongs > _MAX_PONGS:
            self.transport.abort()

    if _NEW:

        def connection_made(self, transport: Any) -> None:
            self._rest: deque[tuple[float, memoryview]] = deque()
            self._came_at = 0.0
            self.arrivals: deque[float] = deque()
            super().connection_made(transport)
            # The library knows one reason to pause the transport, this class another.
            self.recv_messages.resume = self._resume_reading

        def data_received(self, data: bytes) -> None:
            now = time.monotonic()
            if len(data) <= _SLICE and not self._rest:
                self._parse(now, data)
                return
            self._rest.append((now, memoryview(data)))
            if len(self._rest) == 1:
                self._parse_rest()

        def _parse_rest(self) -> None:
            """Parse what was received, but let others have their turn in between."""
            give_way = time.monotonic() + _TURN
            while self._rest and not self.transport.is_closing():
                came_at, data = self._rest[0]
                self._parse(came_at, bytes(data[:_SLICE]))
                if len(data) > _SLICE:
                    self._rest[0] = (came_at, data[_SLICE:])
                else:
                    self._rest.popleft()
                if self._rest and time.monotonic() > give_way:
                    self.transport.pause_reading()
                    self.loop.call_soon(self._parse_rest)
                    return
            self._rest.clear()
            if not self.recv_messages.paused and not self.transport.is_closing():
                self.transport.resume_reading()

        def _resume_reading(self) -> None:
            if not self._rest:
                self.transport.resume_reading()

        def _parse(self, came_at: float, data: bytes) -> None:
            self._came_at = came_at
            super().data_received(data)
            if self.protocol.parser_exc is not None:
                # The library would read on, for as long as closing may take, and throw it away.
                self.transport.abort()

        def process_event(self, event: Any) -> None:
            if hasattr(event, 'opcode'):
                self._count(event)
                if event.fin and event.opcode in (_CONTINUATION, _TEXT, _BINARY):
                    self.arrivals.append(self._came_at)
            super().process_event(event)
    else:

        async def read_data_frame(self, max_size: int | None) -> Any:
            frame = await super().read_data_frame(max_size)  # type: ignore[misc]
            if frame is not None:
                self._count(frame)
                await self._take_turns()
            return frame

        async def pong(self, data: Any = b'') -> None:
            await super().pong(data)
            unread = self.transport.get_write_buffer_size()
            self._pongs = self._pongs + 1 if unread else 0
            if self._pongs > _MAX_PONGS:
                self.transport.abort()
            await self._take_turns()

        async def _take_turns(self) -> None:
            """Let others have their turn: the library would read on while there are bytes."""
            if time.monotonic() > self._give_way:
                await asyncio.sleep(0)
                self._give_way = time.monotonic() + _TURN


class _Connect(_connect):  # type: ignore[misc, valid-type, unused-ignore]
    """A dialler that follows no redirect: the address has the secret in it."""

    MAX_REDIRECTS_ALLOWED = 1

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc

    def handle_redirect(self, uri: str) -> None:
        raise RedirectError(urlsplit(uri).hostname or 'elsewhere')


class RedirectError(NotAllowed):
    """The server wants the bridge to go elsewhere; says where to."""


async def dial(
    url: str,
    *,
    headers: Mapping[str, str],
    tls: ssl.SSLContext | None,
    open_timeout: float,
    max_frame_bytes: int,
    compression: bool,
    proxy: str | None = None,
    with_origin: bool = False,
) -> Any:
    """
    Open a connection; times are seconds, `proxy` as of `find_proxy`.

    With an origin the handshake names the host of the URL as browsers do; servers that look after
    browsers (Django Channels' AllowedHostsOriginValidator) turn away whoever names none.

    The library's own keepalive is off: the bridge's heartbeat also notices a peer that accepts
    pings and never reads, and confirms what arrived.
    """
    made: list[Any] = []

    def make(*args: Any, **settings: Any) -> Any:
        made.append(_Bounded(*args, **settings))
        return made[-1]

    options: dict[str, Any] = (
        {'additional_headers': dict(headers), 'create_connection': _Bounded, 'proxy': None}
        if _NEW
        else {'extra_headers': dict(headers), 'create_protocol': make}
    )
    if _NEW and not hasattr(_connect, 'open_tcp_connection'):
        del options['proxy']  # Releases 13 and 14 know none.
    if tls is not None:
        options['ssl'] = tls
    if with_origin:
        parts = urlsplit(url)
        options['origin'] = f'{"https" if parts.scheme == "wss" else "http"}://{parts.netloc}'
    try:
        async with asyncio.timeout(open_timeout):
            way = proxies.find_proxy(url, proxy)
            if way is None:
                # RFC 8305, for names with more than one address. An address needs no race, in
                # which CPython 3.11 drops an open socket if it is cancelled as one wins.
                if not _is_address(urlsplit(url).hostname or ''):
                    options['happy_eyeballs_delay'] = 0.25
            else:
                target = urlsplit(url)
                port = target.port or (443 if target.scheme == 'wss' else 80)
                options['sock'] = await proxies.connect_through(way, target.hostname or '', port)
                if tls is not None:
                    options['server_hostname'] = target.hostname
            opened = await _Connect(
                url,
                open_timeout=None,
                close_timeout=2.0,
                ping_interval=None,
                max_size=max_frame_bytes,
                compression='deflate' if compression else None,
                logger=_quiet,
                **options,
            )
            raw = opened.transport.get_extra_info('socket')
            if raw is not None:
                with contextlib.suppress(OSError):  # The peer may have ended it already.
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            return opened
    except BaseException:
        for connection in made:  # Releases before 13 leave it open.
            if getattr(connection, 'transport', None) is not None:
                connection.transport.abort()
        if 'sock' in options:
            options['sock'].close()
        raise


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def receive(socket: Any) -> tuple[str | bytes, float]:
    """Wait for the next message; it, and when it arrived in monotonic s."""
    message = await socket.recv()
    # Releases before 13 are not told; they hold at most 32 messages back.
    return message, socket.arrivals.popleft() if _NEW else time.monotonic()


def is_open(socket: Any) -> bool:
    """Whether neither side has begun to close."""
    return bool(socket.state.name == 'OPEN')


def http_status(error: BaseException) -> int | None:
    """Return the HTTP status with which a server refused the opening handshake."""
    response = getattr(error, 'response', None)  # websockets 13 and later
    status = getattr(response, 'status_code', None) or getattr(error, 'status_code', None)
    return status if isinstance(status, int) else None


def retry_after(error: BaseException) -> float:
    """Return for how long a server that refused the handshake wants to be left alone, s."""
    response = getattr(error, 'response', None)
    headers = getattr(response, 'headers', None) or getattr(error, 'headers', None)
    return seconds_to_wait(headers.get('Retry-After') if headers is not None else None)


def close_code(error: ConnectionClosed) -> tuple[int | None, str]:
    """Return the code and the reason with which the peer closed, None if it just went away."""
    return (error.rcvd.code, error.rcvd.reason) if error.rcvd is not None else (None, '')


def fault_of_peer(error: ConnectionClosed) -> str:
    """Return what the peer sent that made this end close the connection, empty if nothing."""
    if error.sent is None or (error.rcvd is not None and error.rcvd_then_sent):
        return ''
    reasons = {
        1002: 'broke the WebSocket protocol',
        1007: 'sent text that is not UTF-8',
        1009: 'sent a message that is too big',
    }
    reason = reasons.get(error.sent.code, '')
    return f'{reason}: {error.sent.reason}' if reason and error.sent.reason else reason


def server_time(socket: Any) -> float | None:
    """Return the Unix time the server gave in its handshake, to the second."""
    headers = socket.response.headers if _NEW else socket.response_headers
    try:
        return parsedate_to_datetime(headers['Date']).timestamp()
    except (KeyError, LookupError, TypeError, ValueError):
        return None


def certificate_expiry(socket: Any) -> float | None:
    """Return the Unix time at which the server's certificate expires, None without TLS."""
    tls = socket.transport.get_extra_info('ssl_object')
    certificate = tls.getpeercert() if tls is not None else None
    if not certificate or 'notAfter' not in certificate:
        return None
    return ssl.cert_time_to_seconds(certificate['notAfter'])
