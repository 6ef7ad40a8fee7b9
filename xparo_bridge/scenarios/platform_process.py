# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The platform of a run: a process, the operator before it, and what it says for the timeline."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
import sys
from typing import Any

from ..local.children import Child
from ..local.platform_client import OperatorClient, OperatorError
from .failures import CouldNotStart, Failed
from .timeline import Timeline

SECRET_KEY, PROJECT_ID = 'scenario-key', 'scenario-project'
_START = 30.0  # s


class PlatformProcess:
    """A local platform that can be restarted at its port."""

    def __init__(self, timeline: Timeline, folder: Path) -> None:
        self._timeline = timeline
        self._folder = folder
        self._child: Child | None = None
        self._operator: OperatorClient | None = None
        self._listening: asyncio.Task[None] | None = None
        self._seen = 0  # number of the latest event
        self.port = 0
        self.ended_at_will = False

    @property
    def child(self) -> Child | None:
        """Its process, None while it is down at will."""
        return None if self.ended_at_will else self._child

    async def start(self) -> None:
        """
        Start it, at the port it had, and listen to it.

        :raises CouldNotStart: if it does not come up.
        """
        self._child = await Child.start(
            'local_platform',
            [
                *(sys.executable, '-m', 'xparo_bridge', 'local_platform'),
                *('--port', str(self.port), '--ping-interval', '2'),
                *('--data', str(self._folder / 'platform')),
            ],
            log=self._folder / 'local_platform.log',
            env={'XPARO_SECRET_KEY': SECRET_KEY, 'XPARO_PROJECT_ID': PROJECT_ID},
        )
        listens = asyncio.ensure_future(
            self._child.wait_for_line(r'listening on ws://\S+?:(\d+)/')
        )
        ended = asyncio.ensure_future(self._child.wait())
        await asyncio.wait({listens, ended}, timeout=_START, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if not listens.done():
            listens.cancel()
            raise CouldNotStart(f'the platform does not listen: {" ".join(self._child.lines)}')
        self.port = int(listens.result()[1])
        self._operator = await OperatorClient.connect(
            port=self.port, secret_key=SECRET_KEY, project_id=PROJECT_ID, since=self._seen
        )
        self.ended_at_will = False
        self._listening = asyncio.ensure_future(self._listen(self._operator))

    async def stop(self) -> None:
        """End it."""
        self.ended_at_will = True
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        if self._operator is not None:
            with contextlib.suppress(OSError):
                await self._operator.close()
        if self._child is not None:
            await self._child.stop()
            self._child = None

    async def request(self, verb: str, **keys: Any) -> Any:
        """
        Ask it as an operator.

        :raises Failed: if it refuses, with its words.
        """
        if self._operator is None or self.ended_at_will:
            raise Failed('the platform is down')
        try:
            return await self._operator.request(verb, **keys)
        except OperatorError as error:
            raise Failed(f'the platform refused: {error}') from None

    async def _listen(self, operator: OperatorClient) -> None:
        async for event in operator.events(self._seen):
            self._seen = event['seq']
            data = {
                key: value for key, value in event.items() if key not in ('seq', 'robot', 'event')
            }
            self._timeline.add(event['event'], event['robot'], **data)
