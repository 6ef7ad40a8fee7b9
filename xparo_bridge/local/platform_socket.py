# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
A WebSocket server on every release of the websockets library from 10.4 on, and REST beside it.

Since 13 the library has a new server with other names for a few things; all that the local
platform uses of either is here. A request that asks for no WebSocket, which the library would not
understand, is answered before it sees the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from importlib import import_module
from ipaddress import ip_address
import logging
from socket import gethostname
import ssl
from typing import Any
from urllib.parse import urlsplit

_server: Any
Connection: Any
try:
    _server = import_module('websockets.asyncio.server')
    Connection, _NEW = _server.ServerConnection, True
except ImportError:
    _server = import_module('websockets.server')
    Connection, _NEW = _server.WebSocketServerProtocol, False

MAX_FRAME = 16 * 2**20
_MAX_HEAD = 64 * 1024  # bytes of a request before its body

# Answers a REST request of (method, path, body): status and JSON text; None: not for REST.
# Of method, path, body and the header Authorization: status and JSON, None where nothing is.
Rest = Callable[[str, str, bytes, str], tuple[int, str] | None]


async def serve(
    handler: Callable[[Any], Awaitable[None]],
    host: str,
    port: int,
    refuse: Callable[[str, Callable[[str], str]], HTTPStatus | None],
    rest: Rest = lambda method, path, body, authorization: None,
    tls: ssl.SSLContext | None = None,
) -> Any:
    """
    Serve WebSockets but those that `refuse` has a status for, which they get at the handshake.

    It is given the path and what says a header, an empty text for one that is not there.

    The library's own keepalive is off: the documented protocol brings its ping, and a peer that
    only answers WebSocket pings is what a client must cope with.
    """
    words = {
        HTTPStatus.FORBIDDEN: 'the secret key, the project or the token is wrong\n',
        HTTPStatus.NOT_FOUND: 'nothing is served at this path\n',
    }
    check: Any
    if _NEW:

        def check_new(connection: Any, request: Any) -> Any:
            status = refuse(request.path, lambda name: str(request.headers.get(name, '')))
            return None if status is None else connection.respond(status, words[status])

        check = check_new
    else:

        async def check_old(path: str, headers: Any) -> Any:
            status = refuse(path, lambda name: str(headers.get(name, '')))
            return None if status is None else (status, [], words[status].encode())

        check = check_old

    class Door(_Door):
        answer_rest = staticmethod(rest)

    quiet = logging.getLogger(f'{__name__}.connections')
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    door: Any = {'create_connection' if _NEW else 'create_protocol': Door}
    return await _server.serve(
        handler,
        host,
        port,
        process_request=check,
        ping_interval=None,
        max_size=MAX_FRAME,
        compression=None,
        close_timeout=2.0,
        logger=quiet,
        ssl=tls,
        **door,
    )


# The first byte of a hello of TLS, RFC 8446, section 5.1.
_TLS_HANDSHAKE = 22


class _Door(Connection):  # type: ignore[misc]
    """Looks at the first request of a connection, and keeps what is REST from the library."""

    answer_rest: Rest = staticmethod(lambda method, path, body, authorization: None)
    _begin: bytes | None = b''  # what came so far; None once it is the library's

    def data_received(self, data: bytes) -> None:
        if self._begin is None:
            super().data_received(data)
            return
        self._begin += data
        if self._begin[0] == _TLS_HANDSHAKE:
            # It would wait for the end of a line, and the one who speaks TLS for an answer.
            self._respond(400, '{"error": "no TLS is spoken here: ws:// and http://"}')
            return
        head, blank, body = self._begin.partition(b'\r\n\r\n')
        if not blank:
            if len(head) > _MAX_HEAD:
                self.transport.abort()
            return
        lines = head.decode('latin-1').split('\r\n')
        method, _, rest = lines[0].partition(' ')
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(':') for line in lines[1:])
        }
        if 'websocket' in headers.get('upgrade', '').lower():
            begin, self._begin = self._begin, None
            super().data_received(begin)
            return
        length = headers.get('content-length', '0')
        size = int(length) if length.isdecimal() and len(length) < 12 else 0
        if size > MAX_FRAME:
            self._respond(413, '{"error": "too large"}')
        elif len(body) >= size:
            path = rest.rpartition(' ')[0]
            if is_foreign(headers.get('origin', ''), headers.get('host', '')):
                self._respond(403, '{"error": "a page of another host may not do that"}')
                return
            said = self.answer_rest(method, path, body[:size], headers.get('authorization', ''))
            self._respond(*(said or (404, '{"error": "nothing is served here"}')))

    def _respond(self, status: int, text: str) -> None:
        phrase = HTTPStatus(status).phrase
        body = text.encode()
        self.transport.write(
            f'HTTP/1.1 {status} {phrase}\r\nContent-Type: application/json\r\n'
            f'Content-Length: {len(body)}\r\nConnection: close\r\n\r\n'.encode()
            + body
        )
        self.transport.close()


async def stop(server: Any) -> None:
    """Close every connection as a server that goes away does."""
    server.close()
    if not _NEW:
        # The old server closes them when it listens no more, and from Python 3.12 on it listens
        # until they are closed.
        # One whose handshake is not over cannot be closed, and has nobody to hear it.
        opening = [s for s in list(server.websockets) if not hasattr(s, 'transfer_data_task')]
        for socket in opening:
            socket.transport.abort()
        sockets = [s for s in list(server.websockets) if s not in opening]
        await asyncio.gather(*(socket.close(1001) for socket in sockets))
    await server.wait_closed()


def path_of(socket: Any) -> str:
    """Path, with the query, that a client asked for."""
    return str(socket.request.path if _NEW else socket.path)


def header_of(socket: Any, name: str) -> str:
    """Header that a client sent, an empty text if it did not."""
    headers = socket.request.headers if _NEW else socket.request_headers
    return str(headers.get(name, ''))


def is_foreign(origin: str, host: str) -> bool:
    """
    Whether a request is that of a web page which is not this machine's own; programs name none.

    A page may have its own name lead to this machine while it is open. Then `Origin` and `Host`
    agree, and only the name is one that this machine does not have.
    """
    if not origin:
        return False
    shown = urlsplit(origin)
    if not shown.netloc or shown.netloc != host:
        return True
    try:
        name = (shown.hostname or '').lower()
        ip_address(name)
        return False
    except ValueError:
        mine = gethostname().lower()
        return name not in ('localhost', mine, f'{mine}.local')


def is_local(socket: Any) -> bool:
    """Whether a client is on this machine."""
    address = socket.remote_address
    try:
        return bool(address) and ip_address(str(address[0]).partition('%')[0]).is_loopback
    except ValueError:
        return False


def closing(socket: Any) -> tuple[int, str]:
    """Close code and reason of a closed connection, 1006 if it just broke."""
    return (
        socket.close_code if socket.close_code is not None else 1006,
        socket.close_reason or '',
    )
