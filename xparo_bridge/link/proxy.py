# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Dial through an HTTP proxy, where nothing else leads out.

The CONNECT method of RFC 9110, section 9.3.6, spoken on a plain socket which the WebSocket library
then takes over; TLS with the platform runs inside, so the proxy sees host and port only.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
import ipaddress
import socket
from typing import Any
from urllib.parse import unquote, urlsplit
import urllib.request

from ..errors import NotNow

ENVIRONMENT = 'environment'
_LARGEST_ANSWER = 16 * 1024


class ProxyError(NotNow):
    """The proxy cannot be used or turned the connection down; never with its password."""

    def __init__(self, problem: str, status: int | None = None) -> None:
        self.status = status
        super().__init__(problem)


@dataclass(frozen=True)
class Proxy:
    """Where a proxy listens, and what it expects first."""

    host: str
    port: int
    authorization: str = field(default='', repr=False)

    def __str__(self) -> str:
        return f'proxy {self.host}:{self.port}'


def find_proxy(url: str, setting: str | None) -> Proxy | None:
    """
    Proxy for a WebSocket URL: `setting` is its URL, None for none, or ENVIRONMENT.

    The environment's are https_proxy (wss) and http_proxy (ws), less the hosts of no_proxy; this
    machine itself is never asked for through a proxy.
    """
    target = urlsplit(url)
    host = target.hostname or ''
    if setting == ENVIRONMENT:
        if is_loopback(host) or urllib.request.proxy_bypass_environment(  # type: ignore[attr-defined]
            host
        ):
            return None
        scheme = 'https' if target.scheme == 'wss' else 'http'
        setting = urllib.request.getproxies_environment().get(scheme)
    if not setting:
        return None
    proxy = urlsplit(setting if '://' in setting else f'http://{setting}')
    if proxy.scheme != 'http' or not proxy.hostname:
        raise ProxyError(f'a {proxy.scheme}:// proxy is not spoken here; http:// is')
    authorization = ''
    if proxy.username is not None:
        user = f'{unquote(proxy.username)}:{unquote(proxy.password or "")}'
        authorization = 'Basic ' + base64.b64encode(user.encode()).decode()
    return Proxy(proxy.hostname, proxy.port or 8080, authorization)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == 'localhost'


def is_address(host: str) -> bool:
    """Whether a host is an address rather than a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def connect_through(proxy: Proxy, host: str, port: int) -> socket.socket:
    """Socket to a host through a proxy; OSError or ProxyError if there is no way."""
    loop = asyncio.get_running_loop()
    connection = await _connect(proxy)
    try:
        target = f'[{host}]:{port}' if ':' in host else f'{host}:{port}'
        lines = [f'CONNECT {target} HTTP/1.1', f'Host: {target}']
        if proxy.authorization:
            lines.append(f'Proxy-Authorization: {proxy.authorization}')
        await loop.sock_sendall(connection, ('\r\n'.join(lines) + '\r\n\r\n').encode())
        answer = b''
        while b'\r\n\r\n' not in answer:
            piece = await loop.sock_recv(connection, 4096)
            if not piece or len(answer) > _LARGEST_ANSWER:
                raise ProxyError(f'{proxy} does not answer as a proxy does')
            answer += piece
        words = answer.split(b'\r\n', 1)[0].split(b' ', 2)
        if len(words) < 2 or not words[0].startswith(b'HTTP/1.') or not words[1].isdigit():
            raise ProxyError(f'{proxy} does not answer as a proxy does')
        status = int(words[1])
        if not 200 <= status < 300:
            raise ProxyError(f'{proxy} refused with HTTP {status}', status)
        return connection
    except BaseException:
        connection.close()
        raise


async def _connect(proxy: Proxy) -> socket.socket:
    loop = asyncio.get_running_loop()
    addresses = await loop.getaddrinfo(proxy.host, proxy.port, type=socket.SOCK_STREAM)
    try:
        return await connect_to_one_of(addresses)
    except OSError as error:
        raise ProxyError(f'{proxy} cannot be reached: {error.strerror or error}') from error


async def connect_to_one_of(addresses: Iterable[tuple[Any, ...]]) -> socket.socket:
    """
    Open a plain TCP connection to the first of these addresses, as getaddrinfo gives them.

    :raises OSError: of the last address, if none takes it.
    """
    loop = asyncio.get_running_loop()
    failure: OSError = OSError('no address')
    for family, kind, number, _, address in addresses:
        connection = socket.socket(family, kind, number)
        connection.setblocking(False)
        try:
            await loop.sock_connect(connection, address)
            return connection
        except OSError as error:
            connection.close()
            failure = error
        except BaseException:
            connection.close()
            raise
    raise failure
