# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The smallest link that can drive an adapter over a real socket: what a test needs, no more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp

from xparo_bridge.link.protocols.base import Protocol


class Driver:
    """An adapter and its connection; `got` are the messages that came."""

    def __init__(self, adapter: Protocol) -> None:
        self.adapter = adapter
        self.got: list[Any] = []
        self._news = asyncio.Event()

    async def __aenter__(self):
        self._session = aiohttp.ClientSession()
        try:
            await self.dial()
        except BaseException:
            await self._session.close()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._ws.close()
        await self._reading
        await self._session.close()

    async def dial(self) -> None:
        """Connect, once more where the adapter has another way in."""
        try:
            self._ws = await self._session.ws_connect(
                self.adapter.url(), headers=self.adapter.headers()
            )
        except aiohttp.WSServerHandshakeError as error:
            if not self.adapter.refused(error.status):
                raise
            return await self.dial()
        for frame in self.adapter.on_open():
            await self._put(frame)
        self._reading = asyncio.ensure_future(self._read())

    async def send(self, message: Any) -> None:
        """Send a message."""
        await self._put_all(message, self.adapter.encode(message))

    async def on_time(self) -> None:
        """Let the adapter do what its clock says is due."""
        await self._take(self.adapter.on_time())

    async def until(self, kind: type, fits: Callable[[Any], Any] = lambda message: True) -> Any:
        """Wait for a message of a kind."""
        async with asyncio.timeout(10):
            while True:
                for message in self.got:
                    if isinstance(message, kind) and fits(message):
                        return message
                self._news.clear()
                await self._news.wait()

    async def by_rest(self, frame: str = '') -> None:
        """Send a frame by REST, or fetch what waits there."""
        request = self.adapter.by_rest(frame)
        async with self._session.request(
            request.method, request.url, data=request.body, headers=request.headers
        ) as answer:
            await self._take(self.adapter.decode(await answer.text()))

    async def _put_all(self, message: Any, frames: Any) -> None:
        for frame in frames:
            if type(message) in self.adapter.rest_only:
                await self.by_rest(frame)
            else:
                await self._put(frame)

    async def _put(self, frame: Any) -> None:
        if isinstance(frame, bytes):
            await self._ws.send_bytes(frame)
        else:
            await self._ws.send_str(frame)

    async def _read(self) -> None:
        async for frame in self._ws:
            await self._take(self.adapter.decode(frame.data))
        await self._take(self.adapter.on_close())

    async def _take(self, messages: Any) -> None:
        for message in messages:
            await self._put_all(message, self.adapter.answer(message))
            self.got.append(message)
            self._news.set()
