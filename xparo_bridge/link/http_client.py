# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
HTTP requests to a platform, by one set of rules.

No redirect is followed, as the address or a header has the secret in it; unencrypted requests go
to this machine only, unless the configuration allows more; answers are bounded; no error shows an
address beyond its host, or a header.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
import importlib
import ssl
from typing import Any, TYPE_CHECKING
from urllib.parse import urlsplit

from ..errors import NotNow
from ..redaction import redacted
from ..retry_after import seconds_to_wait
from .proxy import is_loopback

if TYPE_CHECKING:
    import aiohttp

MAX_ANSWER = 1024 * 1024  # Bytes; what platforms answer has some hundred.
# Arguments of aiohttp.ClientTimeout, s.
TIMEOUT: Mapping[str, float] = {'total': 30.0, 'connect': 10.0}
_PASSING = (408, 425, 429)


class HttpError(NotNow):
    """A request that was not taken; `status` is 0 where there was no answer."""

    def __init__(self, text: str, *, status: int = 0, retry_after: float = 0.0) -> None:
        """Take the words, and the seconds the server asks to be left alone for."""
        super().__init__(redacted(text))
        self.status = status
        self.retry_after = retry_after

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status == 0 or self.status >= 500 or self.status in _PASSING


def check_address(url: str, *, allow_insecure: bool = False) -> None:
    """
    Check that requests to an address keep their secrets.

    :raises ValueError: if it is no http(s) address, or one that shows them to the network.
    """
    parts = urlsplit(url)
    host = parts.hostname or ''
    if parts.scheme not in ('http', 'https') or not host:
        raise ValueError(f'{url} is not an http:// or https:// address')
    if parts.scheme == 'http' and not is_loopback(host) and not allow_insecure:
        raise ValueError(f'{url} would show the token to the network; use https://')


async def library() -> Any:
    """
    Return aiohttp, which is imported when the first request is made.

    It takes a tenth of the bridge's memory and, on a small computer, a second of a core.
    """
    return await asyncio.to_thread(importlib.import_module, 'aiohttp')


class HttpClient:
    """Requests to one platform; lives in the link thread's loop."""

    def __init__(self, tls: ssl.SSLContext | None = None, max_answer: int = MAX_ANSWER) -> None:
        """Take what to trust instead of the system's authorities, and the bound on answers."""
        self._tls = tls
        self._max_answer = max_answer
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        where: str,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: Mapping[str, float] = TIMEOUT,
    ) -> str:
        """
        Make a request and return the text of the answer; `where` is how errors call the address.

        :raises HttpError: for anything but success.
        """
        aiohttp = await library()
        if self._session is None:
            self._session = aiohttp.ClientSession()
        try:
            async with self._session.request(
                method,
                url,
                data=data,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(**timeout),
                ssl=self._tls if self._tls is not None else True,
                headers=headers,
            ) as response:
                if response.status >= 300:
                    raise HttpError(
                        f'{where} answered HTTP {response.status} {(response.reason or "")[:80]}',
                        status=response.status,
                        retry_after=seconds_to_wait(response.headers.get('Retry-After')),
                    )
                return await self._text(response, where)
        except TimeoutError as error:
            raise HttpError(f'{where} did not answer in time') from error
        except aiohttp.ClientError as error:
            raise HttpError(f'{where}: {_words(error, url)}') from None
        except (OSError, ValueError) as error:
            if isinstance(error, FileNotFoundError | PermissionError):
                raise  # Of the file that was to be sent.
            raise HttpError(f'{where}: {type(error).__name__}') from None

    async def close(self) -> None:
        """Close what is open."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _text(self, response: aiohttp.ClientResponse, where: str) -> str:
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > self._max_answer:
                # It was taken, and is not to be sent again; what it says is of no use.
                return ''
        try:
            return body.decode()
        except UnicodeDecodeError:
            return ''


def _words(error: Exception, url: str) -> str:
    """Words of an error, or only its kind where they have a part of the path, maybe the secret."""
    words = str(error)
    try:
        secrets = [part for part in urlsplit(url).path.split('/') if len(part) > 3]
    except ValueError:
        secrets = [words]
    if not words or any(part in words for part in secrets):
        return type(error).__name__
    return words
