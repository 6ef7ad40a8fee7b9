# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
One way to dial a WebSocket on every release of the websockets library from 10.4 on.

10.4 is what Ubuntu 24.04 has; since 13 the library has a new client with other names for a few
things. Everything the bridge uses of either is here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
import contextlib
from email.utils import parsedate_to_datetime
import logging
import os
import socket
import ssl
import struct
import time
from typing import Any
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, WebSocketException

from ..errors import NotAllowed
from ..retry_after import seconds_to_wait
from . import proxy as proxies
from .read_ahead import Arrival, ReadAhead, TURN

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
try:
    from websockets.speedups import apply_mask
except ImportError:  # Where the library was built without its part in C.
    from websockets.utils import apply_mask

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
    'send',
    'send_at_once',
    'server_time',
]

# Pieces a message may come in: empty ones count for nothing in the library's bound on bytes.
MAX_FRAGMENTS = 4096
_CONTINUATION, _TEXT, _BINARY, _PING = 0, 1, 2, 9  # Opcodes of RFC 6455, section 5.2.
# The library's State.OPEN: an IntEnum in every release, whose module differs.
_OPEN = 1
# Masks that were drawn and not used yet, and how many are drawn at a time.
_masks: list[bytes] = []
_MASKS = 256
# Bytes the kernel holds of what was not looked at: 6 MB, which Linux would grow to, take a tenth
# of a second. 128 KiB a round trip are enough for a robot.
_RECEIVE_BUFFER = 128 * 1024
# Pings whose pongs a peer may leave unread.
_MAX_PONGS = 4096

# At debug level the library would log the address with the secret and all frames.
_quiet = logging.getLogger('xparo_bridge.websocket')
_quiet.setLevel(logging.WARNING)


class _Bounded(ReadAhead, _Client):  # type: ignore[misc, unused-ignore]
    """A connection that reads ahead, and gives up a message in too many pieces."""

    _fragments = 0
    _pongs = 0
    # What ended it, if something of TLS did: the library says only that nothing came.
    tls_error: ssl.SSLError | None = None
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

    def data_received(self, data: bytes) -> None:
        self.look_at(data)

    def read_now(self, data: bytes) -> None:
        super().data_received(data)
        if _NEW and self.protocol.parser_exc is not None:
            # The library would read on, for as long as closing may take, and throw it away.
            self.transport.abort()

    def eof_received(self) -> bool:  # type: ignore[override, unused-ignore]
        if not self.end_after():
            super().eof_received()
            return False
        return True

    def end_now(self) -> None:
        super().eof_received()
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lose()
        if isinstance(exc, ssl.SSLError):
            self.tls_error = exc
        super().connection_lost(exc)

    if _NEW:

        def connection_made(self, transport: Any) -> None:
            self.begin_to_look()
            super().connection_made(transport)
            # The library would pause the transport, behind which may be a stop.
            self.recv_messages.pause = self.pause_library
            self.recv_messages.resume = self.resume_library

        def process_event(self, event: Any) -> None:
            if hasattr(event, 'opcode'):
                self._count(event)
            super().process_event(event)
    else:

        def connection_made(self, transport: Any) -> None:
            self.begin_to_look()
            super().connection_made(transport)
            self.reader._transport = _Gate(self)  # type: ignore[attr-defined]

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
                self._give_way = time.monotonic() + TURN


class _Gate:
    """What the old library's reader takes for the transport, which it would pause."""

    def __init__(self, connection: ReadAhead) -> None:
        self.pause_reading = connection.pause_library
        self.resume_reading = connection.resume_library


class _Connect(_connect):  # type: ignore[misc, valid-type, unused-ignore]
    """A dialler that follows no redirect: the address has the secret in it."""

    MAX_REDIRECTS_ALLOWED = 1

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc

    def handle_redirect(self, uri: str) -> None:
        raise RedirectError(urlsplit(uri).hostname or 'elsewhere')


class Unanswered(TimeoutError):
    """The server took the connection, and did not answer what was said there."""

    def __init__(self, talks_tls: bool) -> None:
        self.talks_tls = talks_tls


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
        {'additional_headers': dict(headers), 'create_connection': make, 'proxy': None}
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
                if not proxies.is_address(urlsplit(url).hostname or ''):
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
    except BaseException as error:
        for connection in made:  # Releases before 13 leave it open.
            if getattr(connection, 'transport', None) is not None:
                with contextlib.suppress(AttributeError):  # asyncio's, of TLS that has ended.
                    connection.transport.abort()
        if 'sock' in options:
            options['sock'].close()
        # With TLS 1.3 a server looks at the robot's certificate after the handshake.
        if isinstance(error, WebSocketException) and made and made[-1].tls_error is not None:
            raise made[-1].tls_error from error
        if isinstance(error, TimeoutError) and made:
            raise Unanswered(talks_tls=tls is None or hasattr(made[-1], 'transport')) from error
        raise


async def receive(socket: Any) -> tuple[str | bytes, Arrival]:
    """Wait for the next message; it, and when it arrived."""
    message = await socket.recv()
    return message, socket.arrivals.popleft()


def send_at_once(socket: Any, frames: Sequence[str | bytes]) -> bool:
    """
    Send frames in one write; False, with nothing sent, where the library has to send them.

    It has to where the peer is slower than this end, as it waits, and where frames are compressed.
    For each frame it goes through 40 µs of its own; a topic at 1000 Hz pays for that with 4 % of a
    core.
    """
    transport = socket.transport
    if (
        socket.state != _OPEN
        or transport.get_write_buffer_size()
        or transport.is_closing()
        or _extensions(socket)
    ):
        return False
    transport.write(b''.join(map(_masked, frames)))
    return True


def _extensions(socket: Any) -> Sequence[Any]:
    found: Sequence[Any] = socket.protocol.extensions if _NEW else socket.extensions
    return found


def _masked(frame: str | bytes) -> bytes:
    """Bytes of a whole message from a client (RFC 6455, section 5.2)."""
    if isinstance(frame, str):
        opcode, data = _TEXT, frame.encode()
    else:
        opcode, data = _BINARY, frame
    size = len(data)
    if size < 126:
        head = struct.pack('!BB', 0x80 | opcode, 0x80 | size)
    elif size < 65536:
        head = struct.pack('!BBH', 0x80 | opcode, 0x80 | 126, size)
    else:
        head = struct.pack('!BBQ', 0x80 | opcode, 0x80 | 127, size)
    mask = _mask()
    return head + mask + apply_mask(data, mask)


def _mask() -> bytes:
    """Return 4 bytes that nobody who chooses what is sent may foresee (section 5.3)."""
    try:
        return _masks.pop()
    except IndexError:  # Drawn many at a time: a call to the kernel for each takes 3 µs at rest.
        drawn = os.urandom(4 * _MASKS)
        _masks.extend(drawn[at : at + 4] for at in range(0, len(drawn), 4))
        return os.urandom(4)


async def send(socket: Any, frames: Sequence[str | bytes]) -> None:
    """Send frames, and wait while the peer is slower than this end."""
    if not send_at_once(socket, frames):
        for frame in frames:
            await socket.send(frame)


def is_open(socket: Any) -> bool:
    """Whether neither side has begun to close."""
    return bool(socket.state == _OPEN)


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
    except (LookupError, OverflowError, TypeError, ValueError):
        return None


def certificate_expiry(socket: Any) -> float | None:
    """Return the Unix time at which the server's certificate expires, None without TLS."""
    tls = socket.transport.get_extra_info('ssl_object')
    certificate = tls.getpeercert() if tls is not None else None
    if not certificate or 'notAfter' not in certificate:
        return None
    return ssl.cert_time_to_seconds(certificate['notAfter'])
