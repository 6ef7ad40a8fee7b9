# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
A WebSocket server on every release of the websockets library from 10.4 on.

Since 13 the library has a new server with other names for a few things; all that the local
platform uses of either is here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

try:
    from websockets.asyncio.server import serve as _serve

    _NEW = True
except ImportError:
    from websockets.server import serve as _serve

    _NEW = False

MAX_FRAME = 16 * 2**20


async def serve(
    handler: Callable[[Any], Awaitable[None]], host: str, port: int, admit: Callable[[str], bool]
) -> Any:
    """
    Serve WebSockets; a path that `admit` turns down gets 403 at the handshake.

    The library's own keepalive is off: the documented protocol brings its ping, and a peer that
    only answers WebSocket pings is what a client must cope with.
    """
    refusal = 'the secret key or the project is wrong\n'
    if _NEW:

        def check(connection: Any, request: Any) -> Any:
            if not admit(request.path):
                return connection.respond(HTTPStatus.FORBIDDEN, refusal)
            return None
    else:

        async def check(path: str, headers: Any) -> Any:  # type: ignore[misc]
            if not admit(path):
                return HTTPStatus.FORBIDDEN, [], refusal.encode()
            return None

    return await _serve(
        handler,
        host,
        port,
        process_request=check,
        ping_interval=None,
        max_size=MAX_FRAME,
        compression=None,
        close_timeout=2.0,
    )


async def stop(server: Any) -> None:
    """Close every connection as a server that goes away does."""
    server.close()
    if not _NEW:
        # The old server closes them when it listens no more, and from Python 3.12 on it listens
        # until they are closed.
        # One whose handshake is not over cannot be closed, and has nobody to hear it.
        sockets = [s for s in list(server.websockets) if hasattr(s, 'transfer_data_task')]
        await asyncio.gather(*(socket.close(1001) for socket in sockets))
    await server.wait_closed()


def path_of(socket: Any) -> str:
    """Path, with the query, that a client asked for."""
    return str(socket.request.path if _NEW else socket.path)


def closing(socket: Any) -> tuple[int, str]:
    """Close code and reason of a closed connection, 1006 if it just broke."""
    return (
        socket.close_code if socket.close_code is not None else 1006,
        socket.close_reason or '',
    )
