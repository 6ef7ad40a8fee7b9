# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How is the platform's REST API spoken to, and what do its failures mean.

Paths and fields are those of the platform's document. The token comes over the WebSocket
(`REST_API_TOKEN`) and may be renewed at any time; it is in no message of an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
import importlib
import io
import os
from pathlib import Path
import ssl
import time
from typing import Any, TYPE_CHECKING
from urllib.parse import urlsplit

from ..errors import NotNow
from ..retry_after import seconds_to_wait
from .json_text import dumps
from .proxy import is_loopback

if TYPE_CHECKING:
    import aiohttp

SCHEMES = ('Bearer', 'Token')

# Arguments of aiohttp.ClientTimeout, s.
_TIMEOUT = {'total': 30.0, 'connect': 10.0}
# A large file takes its time; what counts is that the peer goes on reading.
_UPLOAD_TIMEOUT = {'connect': 10.0, 'sock_read': 120.0}
_PASSING = (408, 425, 429)
_CHUNK = 16 * 1024


class RestError(NotNow):
    """The platform did not take a request; `passing` if the same one may succeed later."""

    def __init__(self, text: str, *, passing: bool, retry_after: float = 0.0) -> None:
        """Take the words, and the seconds the platform asks to be left alone for."""
        super().__init__(text)
        self.passing = passing
        self.retry_after = retry_after


class TokenRefused(RestError):
    """The platform wants another token, or one at all; a new one may come at any time."""


class RestClient:
    """
    Requests to one platform; lives in the link thread's loop.

    `base_url` is the platform's address, https:// unless it is this machine or
    `allow_insecure` is set; ValueError otherwise.
    """

    def __init__(
        self,
        base_url: str,
        *,
        scheme: str = 'Bearer',
        tls: ssl.SSLContext | None = None,
        allow_insecure: bool = False,
    ) -> None:
        """Take the word before the token in the header: `Bearer`, or `Token` of older servers."""
        parts = urlsplit(base_url)
        host = parts.hostname or ''
        if parts.scheme not in ('http', 'https') or not host:
            raise ValueError(f'{base_url} is not an http:// or https:// address')
        if parts.scheme == 'http' and not is_loopback(host) and not allow_insecure:
            raise ValueError(f'{base_url} would show the token to the network; use https://')
        if scheme not in SCHEMES:
            raise ValueError(f'"{scheme}" is none of {", ".join(SCHEMES)}')
        self._base = base_url.rstrip('/')
        self._scheme = scheme
        self._tls = tls
        self._token = self._refused = ''
        self._token_changed = asyncio.Event()
        self._session: aiohttp.ClientSession | None = None

    def set_token(self, token: str) -> None:
        """Use this token from now on."""
        self._token = token
        self._token_changed.set()

    @property
    def has_token(self) -> bool:
        """Whether there is a token that was not refused."""
        return self._token != self._refused

    async def next_token(self) -> None:
        """Wait until there is one."""
        while not self.has_token:
            self._token_changed.clear()
            await self._token_changed.wait()

    async def close(self) -> None:
        """Close what is open."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def register_robot(self, info: Mapping[str, Any]) -> Mapping[str, Any]:
        """Tell the platform who the robot is; `info` as robot_info of the vocabulary has it."""
        keys = ('robot_id', 'os', 'cpu', 'memory', 'ip_address', 'display')
        return await self.post('/api/robot-info/', {key: info.get(key, '') for key in keys})

    async def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send a JSON object and return the one that is answered; RestError."""
        return await self._request(
            path, _TIMEOUT, data=dumps(body).encode(), headers={'Content-Type': 'application/json'}
        )

    async def post_file(
        self,
        path: str,
        field: str,
        file: Path,
        fields: Mapping[str, str],
        *,
        rate: float = 0.0,
        on_progress: Callable[[int], None] = lambda sent: None,
    ) -> Mapping[str, Any]:
        """
        Send a file as a multipart form, at most `rate` bytes a second (0: unlimited).

        `on_progress` is told the bytes sent so far, in another thread. OSError where the file
        cannot be read.
        """
        form = (await self._library()).FormData()
        for name, value in fields.items():
            form.add_field(name, value)
        with _ThrottledFile(file, rate, on_progress) as opened:
            form.add_field(
                field, opened, filename=file.name, content_type='application/octet-stream'
            )
            # A server may answer before it has read the whole file; what is still on its way then
            # must not be taken for the next request, as aiohttp 3.9 lets happen.
            return await self._request(
                path, _UPLOAD_TIMEOUT, data=form, headers={'Connection': 'close'}
            )

    async def _library(self) -> Any:
        """
        Return aiohttp, which is imported when the first request is made.

        It takes a tenth of the bridge's memory and, on a small computer, a second of a core.
        """
        return await asyncio.to_thread(importlib.import_module, 'aiohttp')

    async def _request(
        self, path: str, timeout: Mapping[str, float], *, data: Any, headers: dict[str, str]
    ) -> Mapping[str, Any]:
        if not self._token:
            raise TokenRefused('the platform has given no token yet', passing=True)
        aiohttp = await self._library()
        if self._session is None:
            self._session = aiohttp.ClientSession()
        token = self._token
        where = f'{urlsplit(self._base).netloc}{path}'
        try:
            async with self._session.post(
                self._base + path,
                data=data,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(**timeout),
                ssl=self._tls if self._tls is not None else True,
                headers=headers | {'Authorization': f'{self._scheme} {token}'},
            ) as response:
                await _check(response, where)
                return await _object(response)
        except TokenRefused:
            self._refused = token
            raise
        except TimeoutError:
            raise RestError(f'{where} did not answer in time', passing=True) from None
        except aiohttp.ClientError as error:
            raise RestError(f'{where}: {error or type(error).__name__}', passing=True) from None


async def _check(response: aiohttp.ClientResponse, where: str) -> None:
    status = response.status
    if status < 300:
        return
    if status in (401, 403):
        raise TokenRefused(f'{where} refused the token (HTTP {status})', passing=True)
    text = f'{where} answered HTTP {status} {response.reason}'
    wait = seconds_to_wait(response.headers.get('Retry-After'))
    raise RestError(text, passing=status >= 500 or status in _PASSING, retry_after=wait)


async def _object(response: aiohttp.ClientResponse) -> Mapping[str, Any]:
    """Answered object; an answer that is none tells nothing, but the request was taken."""
    try:
        answer = await response.json(content_type=None)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


class _ThrottledFile(io.BufferedReader):
    """File that is read no faster than its rate; the client reads it in a thread of its own."""

    def __init__(self, path: Path, rate: float, on_progress: Callable[[int], None]) -> None:
        super().__init__(io.FileIO(path))
        self._rate = rate
        self._on_progress = on_progress
        self._begin = time.monotonic()
        self._sent = 0

    def read(self, size: int | None = -1, /) -> bytes:
        most = os.fstat(self.fileno()).st_size if size is None or size < 0 else size
        data = super().read(min(most, _CHUNK) if self._rate else most)
        self._sent += len(data)
        if self._rate:
            time.sleep(max(0.0, self._begin + self._sent / self._rate - time.monotonic()))
        self._on_progress(self._sent)
        return data
