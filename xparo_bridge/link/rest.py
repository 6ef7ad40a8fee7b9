# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Speak to the platform's REST API, and say what its failures mean.

Paths and fields are those of the platform's document. The token comes over the WebSocket
(`REST_API_TOKEN`) and may be renewed at any time; it is in no message of an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
import io
import os
from pathlib import Path
import ssl
import time
from typing import Any
from urllib.parse import urlsplit

from ..errors import NotNow
from ..json_reader import JsonError, read_json
from ..json_writer import dumps
from .http_client import check_address, HttpClient, HttpError, library, TIMEOUT

SCHEMES = ('Bearer', 'Token')

# A large file takes its time; what counts is that the peer goes on reading.
_UPLOAD_TIMEOUT = {'connect': 10.0, 'sock_read': 120.0}
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
        check_address(base_url, allow_insecure=allow_insecure)
        if scheme not in SCHEMES:
            raise ValueError(f'"{scheme}" is none of {", ".join(SCHEMES)}')
        self._base = base_url.rstrip('/')
        self._scheme = scheme
        self._http = HttpClient(tls)
        self._token = self._refused = ''
        self._token_changed = asyncio.Event()

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
        await self._http.close()

    async def register_robot(self, info: Mapping[str, Any]) -> Mapping[str, Any]:
        """Report who the robot is to the platform; `info` is robot_info of the vocabulary."""
        keys = ('robot_id', 'os', 'cpu', 'memory', 'ip_address', 'display')
        return await self.post('/api/robot-info/', {key: info.get(key, '') for key in keys})

    async def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send a JSON object and return the one that is answered; RestError."""
        return await self._request(
            path, TIMEOUT, data=dumps(body).encode(), headers={'Content-Type': 'application/json'}
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

        `on_progress` is called with the bytes sent so far, in another thread. OSError where the
        file cannot be read.
        """
        form = (await library()).FormData()
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

    async def _request(
        self, path: str, timeout: Mapping[str, float], *, data: Any, headers: dict[str, str]
    ) -> Mapping[str, Any]:
        if not self._token:
            raise TokenRefused('the platform has given no token yet', passing=True)
        token = self._token
        where = f'{urlsplit(self._base).netloc}{path}'
        try:
            text = await self._http.request(
                'POST',
                self._base + path,
                where=where,
                data=data,
                headers=headers | {'Authorization': f'{self._scheme} {token}'},
                timeout=timeout,
            )
        except HttpError as error:
            if error.status in (401, 403):
                self._refused = token
                raise TokenRefused(
                    f'{where} refused the token (HTTP {error.status})',
                    passing=True,
                    retry_after=error.retry_after,
                ) from None
            raise RestError(
                str(error), passing=error.passing, retry_after=error.retry_after
            ) from None
        return _object(text)


def _object(text: str) -> Mapping[str, Any]:
    """Answered object; an answer that is none says nothing, but the request was taken."""
    try:
        answer = read_json(text)
    except JsonError:
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
