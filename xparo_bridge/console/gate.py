# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Who gets to the console's pages, sockets and files: asked of every request before the pages see it.

On a loopback address whoever sits at the machine is let in. Anywhere else a person shows a token
once, and has a cookie from then on. A request that a page of another host makes is rejected in
either case, and so is one that names a host which this console is not: a name that was made to
lead to the loopback address.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from html import escape
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ..token_bucket import TokenBucket
from .sessions import Session, Sessions

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = 'xparo_console'
# Requests of one address a second in the long run and at once: a page has some 60 files.
RATE, BURST = 100.0, 600
LOGIN_RATE, LOGIN_BURST = 0.2, 5
_MOST_ADDRESSES = 1000
_MAX_FORM = 4096  # bytes
_HEADERS = (
    (b'x-content-type-options', b'nosniff'),
    (b'referrer-policy', b'same-origin'),
    # The page's framework compiles its templates, so it needs eval; no other host is asked.
    (
        b'content-security-policy',
        b"default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
        b"frame-ancestors 'none'; form-action 'self'; base-uri 'self'; object-src 'none'",
    ),
)
_LOGIN = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>xparo console</title>
<style>:root{{color-scheme:light dark}}body{{font:1rem/1.5 system-ui,sans-serif;max-width:24rem;
margin:10vh auto;padding:0 1rem}}input,button{{font:inherit;width:100%;padding:.6rem;
box-sizing:border-box;margin:.4rem 0}}</style></head><body><main><h1>xparo console</h1>
<form method="post" action="/login"><label for="token">Your token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Sign in</button></form><p role="alert">{problem}</p>
<p>The owner of the platform makes one: <code>local_platform people add NAME</code></p>
</main></body></html>"""


class Gate:
    """The outermost application; `try_token` says why a token will not do, or nothing."""

    def __init__(
        self,
        app: App,
        sessions: Sessions,
        try_token: Callable[[str], Awaitable[str]],
        *,
        local: bool,
        secure: bool,
    ) -> None:
        self._app = app
        self._sessions = sessions
        self._try_token = try_token
        self._local = local
        self._secure = secure
        self._owner: Session | None = None
        self._rates: dict[tuple[str, str], TokenBucket] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope['type'] not in ('http', 'websocket'):
            await self._app(scope, receive, send)
            return
        headers = {
            name.decode('latin-1'): value.decode('latin-1') for name, value in scope['headers']
        }
        refusal = self._refusal(scope, headers)
        if refusal:
            await self._refuse(scope, receive, send, *refusal)
            return
        if scope['path'] == '/login' and not self._local and scope['type'] == 'http':
            await self._log_in(scope, receive, send)
            return
        session = self._session(headers)
        if session is None:
            if scope['type'] == 'http' and scope['method'] == 'GET' and _is_page(scope['path']):
                await _answer(send, 303, '', (b'location', b'/login'))
            else:
                await self._refuse(scope, receive, send, 401, 'sign in first')
            return
        if scope['path'] == '/logout' and scope['type'] == 'http':
            self._sessions.end(session.key)
            await _answer(send, 303, '', (b'location', b'/login'), self._cookie('', 0))
            return
        scope.setdefault('state', {})['session'] = session
        await self._app(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope, headers: Mapping[str, str]) -> tuple[int, str] | None:
        address = str((scope.get('client') or ('?',))[0])
        if not self._bucket('any', address, RATE, BURST).acquire():
            return 429, 'too many requests; wait a moment'
        host = headers.get('host', '')
        if self._local and not is_loopback(urlsplit(f'//{host}').hostname or ''):
            return 421, f'this console is not {host}; it is served on this machine only'
        origin = headers.get('origin')
        if origin is not None and urlsplit(origin).netloc != host:
            return 403, f'a page of {origin} may not use this console'
        if headers.get('sec-fetch-site', 'same-origin') == 'cross-site' and (
            scope['type'] == 'websocket' or scope['method'] != 'GET'
        ):
            return 403, 'a page of another host may not use this console'
        return None

    def _session(self, headers: Mapping[str, str]) -> Session | None:
        if self._local:
            if self._owner is None or self._sessions.find(self._owner.key) is None:
                self._owner = self._sessions.begin()
            return self._owner
        try:
            cookie = SimpleCookie(headers.get('cookie', '')).get(COOKIE)
        except CookieError:
            return None
        return self._sessions.find(cookie.value) if cookie else None

    async def _log_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope['method'] != 'POST':
            await _answer(send, 200, _LOGIN.format(problem=''))
            return
        address = str((scope.get('client') or ('?',))[0])
        if not self._bucket('login', address, LOGIN_RATE, LOGIN_BURST).acquire():
            await _answer(send, 429, _LOGIN.format(problem='Too many tries; wait a minute.'))
            return
        body = await _body(receive)
        token = parse_qs(body.decode('utf-8', 'replace')).get('token', [''])[0].strip()
        problem = await self._try_token(token) if token else 'There was no token.'
        if problem:
            await _answer(send, 401, _LOGIN.format(problem=escape(problem)))
            return
        session = self._sessions.begin(token)
        await _answer(send, 303, '', (b'location', b'/'), self._cookie(session.key, 12 * 3600))

    def _cookie(self, value: str, age: int) -> tuple[bytes, bytes]:
        secure = '; Secure' if self._secure else ''
        text = f'{COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age}{secure}'
        return b'set-cookie', text.encode()

    def _bucket(self, what: str, address: str, rate: float, burst: int) -> TokenBucket:
        while len(self._rates) > _MOST_ADDRESSES:
            del self._rates[next(iter(self._rates))]
        return self._rates.setdefault((what, address), TokenBucket(rate, burst))

    async def _refuse(
        self, scope: Scope, receive: Receive, send: Send, status: int, words: str
    ) -> None:
        if scope['type'] == 'websocket':
            await receive()
            await send({'type': 'websocket.close', 'code': 1008, 'reason': words[:120]})
        else:
            await _answer(send, status, escape(words))


def is_loopback(host: str) -> bool:
    """Whether a name or address in a Host header is this machine's loopback."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == 'localhost'


def _is_page(path: str) -> bool:
    return not path.startswith('/_nicegui')


def _with_headers(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message['type'] == 'http.response.start':
            message['headers'] = [*message.get('headers', ()), *_HEADERS]
        await send(message)

    return sending


async def _answer(send: Send, status: int, html: str, *headers: tuple[bytes, bytes]) -> None:
    await send(
        {
            'type': 'http.response.start',
            'status': status,
            'headers': [(b'content-type', b'text/html; charset=utf-8'), *_HEADERS, *headers],
        }
    )
    await send({'type': 'http.response.body', 'body': html.encode()})


async def _body(receive: Receive) -> bytes:
    body = b''
    while len(body) <= _MAX_FORM:
        message = await receive()
        body += message.get('body', b'')
        if not message.get('more_body'):
            break
    return body[:_MAX_FORM]
