# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What of a link goes by REST: messages that have no other way, and, for a protocol that falls back
to it, everything while the socket is down.

Frames are the protocol's own either way; a response is a frame that came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
import ssl
import time
from typing import Any

from .contained import call
from .http_client import HttpClient, HttpError
from .inbound import Inbound
from .lanes import byte_size, Lanes
from .large_frames import read_large
from .protocols.base import HttpRequest, Protocol, ProtocolError

_TICK = 0.1  # s between looks at what waits
_TIMEOUT = {'total': 10.0}  # s for a request
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
        on_frame: Callable[[str, str | bytes], object] | None = None,
    ) -> None:
        """
        Take where responses go, which are frames like others; bytes bound a response.

        `on_frame` is called with each frame, 'in' or 'out', if anybody wants that.
        """
        self._lanes = lanes
        self._inbound = inbound
        self._on_frame = on_frame
        self._http = HttpClient(tls, max_bytes)
        # The server asked to be left alone until then, monotonic s.
        self._quiet_until = 0.0
        self._delivery = lanes.control.delivery()
        self._down_since = time.monotonic()
        self._next_poll = 0.0

    @property
    def _protocol(self) -> Protocol:
        return self._lanes.protocol

    async def run(self) -> None:
        """Serve until cancelled."""
        try:
            while True:
                frames = None
                if time.monotonic() >= self._quiet_until:
                    frames = self._lanes.rest.next()
                if frames is not None:
                    await self._post(frames)
                    continue
                if self._lanes.live.open:
                    self._down_since = time.monotonic()
                else:
                    await self._while_down()
                await asyncio.sleep(_TICK)
        finally:
            await self._http.close()

    async def _while_down(self) -> None:
        deadline = self._protocol.deadline()
        if deadline is not None and deadline <= time.monotonic():
            self._accept(self._protocol.on_time())
        fall_back = self._protocol.rest_after
        if fall_back is None or time.monotonic() - self._down_since < fall_back:
            return
        if time.monotonic() < self._quiet_until:
            return
        await self._post_control()
        if time.monotonic() >= self._next_poll:
            self._next_poll = time.monotonic() + _POLL_PERIOD
            await self._request(self._protocol.by_rest())

    async def _post_control(self) -> None:
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
            posted = await self._post(frames)
        finally:
            if posted:
                control.confirm(delivery.sent, delivery)
            else:
                control.rewind(delivery)

    async def _post(self, frames: Sequence[Any]) -> bool:
        return all([await self._request(self._protocol.by_rest(frame)) for frame in frames])

    async def _request(self, request: HttpRequest | None) -> bool:
        if request is None:
            return False
        if self._on_frame is not None and request.body:
            self._on_frame('out', request.body)
        try:
            text = await self._http.request(
                request.method,
                request.url,
                where='REST',  # The secret is in the address.
                data=request.body or None,
                headers=request.headers,
                timeout=_TIMEOUT,
            )
        except HttpError as error:
            self._quiet_until = time.monotonic() + error.retry_after
            self._inbound.problem(str(error))
            return False
        if self._on_frame is not None and text.strip():
            self._on_frame('in', text)
        try:
            if text.strip():
                frame = await read_large(self._protocol, text)
                self._accept(call(self._protocol.decode, frame), byte_size(text))
        except ProtocolError as error:
            self._inbound.problem(f'not understood: {error}')
        except Exception as error:
            self._inbound.fault('decode', error)
        return True  # Whatever it answered, the platform has it: it is not to be posted again.

    def _accept(self, messages: Sequence[Any], size: int = 0) -> None:
        for message in messages:
            answers = self._inbound.accept(self._protocol, message, size, time.monotonic())
            if answers:
                self._lanes.rest.add(answers)
