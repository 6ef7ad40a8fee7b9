# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What the fakes of the peers have in common.

A fake serves on this machine, remembers what it got and is strict: what the real peer would choke
on raises Choke, is remembered in `problems` and ends the connection with code 1011.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
import contextlib
import json
from typing import Any

from aiohttp import web, WSMsgType


class Choke(Exception):
    """The real peer would fail on this."""


class FakePeer:
    """One peer on one port; `async with` starts and stops it."""

    routes: dict[str, str] = {}  # path to the name of the kind of connection
    max_message = 4 << 20

    def __init__(self) -> None:
        self.received: list[Any] = []
        self.problems: list[str] = []
        self.connections: list[web.WebSocketResponse] = []
        self.port = 0
        self.show: Callable[[str], Any] = lambda words: None  # what run by hand prints
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self):
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def start(self, port: int = 0) -> None:
        """Serve on a port, by default a free one."""
        application = web.Application()
        for path in self.routes:
            application.router.add_get(path, self._serve)
        self.add_rest(application)
        self._runner = web.AppRunner(application, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, '127.0.0.1', port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """End all connections and tasks."""
        for task in list(self._tasks):
            task.cancel()
        await self.drop()
        await self._runner.cleanup()

    async def drop(self) -> None:
        """Lose every connection."""
        for ws in list(self.connections):
            await ws.close()

    async def until(self, happened: Callable[[], Any], seconds: float = 18.0) -> Any:
        """Wait until `happened` gives something true, looked at whenever something came."""
        async with asyncio.timeout(seconds):
            while not (value := happened()):
                self._news.clear()
                await self._news.wait()
            return value

    def in_background(self, work: Any) -> asyncio.Task[None]:
        """Run a coroutine until it ends or the fake stops."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # What a fake of a certain peer says differently.

    def add_rest(self, application: web.Application) -> None:
        """Add what the peer serves beside WebSockets."""

    def refuse(self, request: web.Request) -> int | None:
        """HTTP status to refuse the handshake with."""
        return None

    async def opened(self, ws: web.WebSocketResponse, request: web.Request) -> None:
        """Greet."""

    async def text(self, ws: web.WebSocketResponse, body: dict[str, Any]) -> None:
        """Handle an object."""

    async def binary(self, ws: web.WebSocketResponse, data: bytes) -> None:
        """Handle a binary frame."""
        raise Choke('a binary frame')

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        status = self.refuse(request)
        self._news.set()
        if status is not None:
            return web.Response(status=status)
        ws = web.WebSocketResponse(max_msg_size=self.max_message)
        await ws.prepare(request)
        self.connections.append(ws)
        self._news.set()
        try:
            await self.opened(ws, request)
            async for frame in ws:
                self.show(f'got {frame.data if frame.type is WSMsgType.TEXT else len(frame.data)}')
                if frame.type is WSMsgType.BINARY:
                    self.received.append(frame.data)
                    await self.binary(ws, frame.data)
                elif frame.type is WSMsgType.TEXT:
                    body = parse(frame.data)
                    self.received.append(body)
                    await self.text(ws, body)
                self._news.set()
        except Choke as choke:
            self.problems.append(str(choke))
            self.show(f'CHOKED: {choke}')
            await ws.close(code=1011)
        except ConnectionError:
            pass
        finally:
            self.connections.remove(ws)
            self._news.set()
        return ws


def parse(text: str) -> dict[str, Any]:
    """Object of a frame, NaN and the like refused."""

    def no_constant(name: str) -> None:
        raise Choke(f'{name} is not JSON')

    try:
        body = json.loads(text, parse_constant=no_constant)
    except ValueError as error:
        raise Choke(f'not JSON: {error}') from None
    if not isinstance(body, dict):
        raise Choke('not an object')
    return body


def check(
    body: dict[str, Any],
    required: dict[str, type | tuple[type, ...]],
    where: str,
    optional: dict[str, type | tuple[type, ...]] | None = None,
) -> None:
    """Choke on a field that is missing, of another type or unknown."""
    known = {**required, **(optional or {})}
    for key in required:
        if key not in body:
            raise Choke(f'{where}: {key} is missing')
    for key, value in body.items():
        if key not in known:
            raise Choke(f'{where}: {key} is unknown')
        kinds = known[key] if isinstance(known[key], tuple) else (known[key],)
        if type(value) not in kinds and not (float in kinds and type(value) is int):
            raise Choke(f'{where}: {key} is {type(value).__name__}')


def run(
    make: Callable[[argparse.Namespace], FakePeer], port: int, **options: dict[str, Any]
) -> None:
    """Run a fake by hand until it is interrupted, saying what it gets."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--port', type=int, default=port)
    for name, settings in options.items():
        parser.add_argument(f'--{name.replace("_", "-")}', **settings)
    arguments = parser.parse_args()

    async def serve() -> None:
        peer = make(arguments)
        peer.show = print
        await peer.start(arguments.port)
        print(f'listening on 127.0.0.1:{peer.port}', flush=True)
        await asyncio.Event().wait()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())
