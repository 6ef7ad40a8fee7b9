# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What of a link goes by REST: messages that have no other way, and, for a protocol that falls back
to it, everything while the socket is down.

Frames are the protocol's own either way; a response is a frame that came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
import ssl
import time
from typing import Any

import aiohttp

from .contained import call
from .inbound import Inbound
from .lanes import byte_size, Lanes
from .protocols.base import HttpRequest, Protocol, ProtocolError

_TICK = 0.1  # s between looks at what waits
_TIMEOUT = 10.0  # s for a request
_POLL_PERIOD = 2.0  # s between fetches while the socket is down


class RestSide:
    """REST side of one link; lives in the link thread."""

    def __init__(
        self,
        lanes: Lanes,
        inbound: Inbound,
        *,
        tls: ssl.SSLContext | None,
        max_bytes: int,
    ) -> None:
        """Take where responses go, which are frames like others; bytes bound a response."""
        self._lanes = lanes
        self._inbound = inbound
        self._tls = tls
        self._max_bytes = max_bytes
        self._delivery = lanes.control.delivery()
        self._down_since = time.monotonic()
        self._next_poll = 0.0

    @property
    def _protocol(self) -> Protocol:
        return self._lanes.protocol

    async def run(self) -> None:
        """Serve until cancelled."""
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                frames = self._lanes.rest.next()
                if frames is not None:
                    await self._post(session, frames)
                    continue
                if self._lanes.live.open:
                    self._down_since = time.monotonic()
                else:
                    await self._while_down(session)
                await asyncio.sleep(_TICK)

    async def _while_down(self, session: aiohttp.ClientSession) -> None:
        due = self._protocol.deadline()
        if due is not None and due <= time.monotonic():
            self._take(self._protocol.on_time())
        fall_back = self._protocol.rest_after
        if fall_back is None or time.monotonic() - self._down_since < fall_back:
            return
        await self._post_control(session)
        if time.monotonic() >= self._next_poll:
            self._next_poll = time.monotonic() + _POLL_PERIOD
            await self._request(session, self._protocol.by_rest())

    async def _post_control(self, session: aiohttp.ClientSession) -> None:
        """Post a control message; only this delivery says whether the platform has it."""
        control, delivery = self._lanes.control, self._delivery
        try:
            message = control.next(delivery)
            if message is None:
                return
            frames = call(self._protocol.encode, message)
        except (ProtocolError, TypeError, ValueError) as error:
            self._inbound.problem(f'not sent: {error}')
            control.confirm(delivery.sent, delivery)
            return
        except Exception as error:
            self._inbound.fault('encode', error)
            control.confirm(delivery.sent, delivery)
            return
        posted = False
        try:
            posted = await self._post(session, frames)
        finally:
            if posted:
                control.confirm(delivery.sent, delivery)
            else:
                control.rewind(delivery)

    async def _post(self, session: aiohttp.ClientSession, frames: Sequence[Any]) -> bool:
        return all(
            [await self._request(session, self._protocol.by_rest(frame)) for frame in frames]
        )

    async def _request(self, session: aiohttp.ClientSession, request: HttpRequest | None) -> bool:
        if request is None:
            return False
        try:
            # A redirect would take the secret in the path elsewhere.
            async with session.request(
                request.method,
                request.url,
                data=request.body or None,
                headers=dict(request.headers),
                allow_redirects=False,
                ssl=True if self._tls is None else self._tls,
            ) as response:
                if response.status >= 300:
                    raise ProtocolError(f'REST answered HTTP {response.status}')
                text = await self._text(response)
        except ProtocolError as error:
            self._inbound.problem(f'not understood: {error}')
            return False
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            # Only the kind: the words may have the address, and the secret in it.
            self._inbound.problem(f'REST failed: {type(error).__name__}')
            return False
        try:
            if text.strip():
                self._take(call(self._protocol.decode, text), byte_size(text))
        except ProtocolError as error:
            self._inbound.problem(f'not understood: {error}')
        except Exception as error:
            self._inbound.fault('decode', error)
        return True  # Whatever it answered, the platform has it: it is not to be posted again.

    async def _text(self, response: aiohttp.ClientResponse) -> str:
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > self._max_bytes:
                raise ProtocolError(f'a response over {self._max_bytes} bytes')
        return body.decode()

    def _take(self, messages: Sequence[Any], size: int = 0) -> None:
        for message in messages:
            answers = self._inbound.take(self._protocol, message, size, time.monotonic())
            if answers:
                self._lanes.rest.add(answers)
