# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A platform's REST endpoints that fail, stall and refuse on demand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web


class Platform:
    """Keeps what it took; the next answers are those of `script`, then all is well."""

    def __init__(self) -> None:
        self.took: list[tuple[str, Any]] = []
        self.authorizations: list[str] = []
        self.script: list[int | str] = []
        self.token = ''
        self.arrived = asyncio.Event()
        self.closing = asyncio.Event()
        self._taken = asyncio.Condition()
        self.url = ''

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Take a request, or do what the script says: a status, 'stall' or 'cut'."""
        self.authorizations.append(request.headers.get('Authorization', ''))
        self.arrived.set()
        if self.token and self.token not in self.authorizations[-1]:
            return web.json_response({'detail': 'Invalid token.'}, status=401)
        step = self.script.pop(0) if self.script else 200
        if step == 'stall':
            await self.closing.wait()
            return web.Response(status=503)
        if step == 'cut':
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if step != 200:
            return web.Response(status=int(step), headers={'Retry-After': '0'})
        self.took.append((request.path, await self._body(request)))
        async with self._taken:
            self._taken.notify_all()
        return web.json_response({'status': 'ok'})

    async def _body(self, request: web.Request) -> Any:
        if request.content_type == 'application/json':
            return await request.json()
        form = await request.post()
        read: dict[str, Any] = {}
        for name, value in form.items():
            if isinstance(value, web.FileField):
                # Older releases of aiohttp leave the file to whoever has the form.
                with value.file as file:
                    read[name] = (value.filename, file.read())
            else:
                read[name] = value
        return read

    async def until(self, count: int) -> None:
        """Wait until it took so many requests."""
        async with asyncio.timeout(10), self._taken:
            await self._taken.wait_for(lambda: len(self.took) >= count)


@asynccontextmanager
async def platform() -> AsyncIterator[Platform]:
    """Serve on a port of this machine."""
    made = Platform()
    app = web.Application(client_max_size=2**26)
    app.router.add_post('/{path:.*}', made.answer)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, '127.0.0.1', 0)
    await site.start()
    made.url = f'http://127.0.0.1:{runner.addresses[0][1]}'
    try:
        yield made
    finally:
        made.closing.set()
        await runner.cleanup()
