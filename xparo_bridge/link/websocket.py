# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
One way to dial a WebSocket on every release of the websockets library from 10.4 on.

10.4 is what Ubuntu 24.04 has; since 13 the library has a new client with other names for a few
things. Everything the bridge uses of either is here.
"""

from __future__ import annotations

from collections.abc import Mapping
import ssl
from typing import Any

from websockets.exceptions import ConnectionClosed, WebSocketException

try:
    from websockets.asyncio.client import connect as _connect
    _HEADERS = 'additional_headers'
except ImportError:
    from websockets.client import connect as _connect  # type: ignore
    _HEADERS = 'extra_headers'

__all__ = ['ConnectionClosed', 'WebSocketException', 'close_code', 'dial', 'http_status']


async def dial(url: str, *, headers: Mapping[str, str], tls: ssl.SSLContext | None,
               open_timeout: float, max_frame_bytes: int, compression: bool) -> Any:
    """
    Open a connection; times are seconds.

    The library's own keepalive is off: the bridge's heartbeat also notices a peer that accepts
    pings and never reads, and confirms what arrived.
    """
    options: dict[str, Any] = {_HEADERS: dict(headers)}
    if tls is not None:
        options['ssl'] = tls
    return await _connect(
        url, open_timeout=open_timeout, close_timeout=2.0, ping_interval=None,
        max_size=max_frame_bytes, compression='deflate' if compression else None, **options)


def http_status(error: BaseException) -> int | None:
    """Return the HTTP status with which a server refused the opening handshake."""
    response = getattr(error, 'response', None)  # websockets 13 and later
    status = getattr(response, 'status_code', None) or getattr(error, 'status_code', None)
    return status if isinstance(status, int) else None


def close_code(error: ConnectionClosed) -> tuple[int | None, str]:
    """Return the code and the reason with which the peer closed, None if it just went away."""
    return (error.rcvd.code, error.rcvd.reason) if error.rcvd is not None else (None, '')
