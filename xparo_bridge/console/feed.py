# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What one person sees of the platform, live, and how that person's requests get there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
import contextlib
import time
from typing import Any

from websockets.exceptions import WebSocketException

from ..local.platform_client import Event, OperatorClient, OperatorError
from .platform_clock import PlatformClock
from .robot_view import RobotView

PERIOD = 0.05  # s, in which the platform sends events together
_AGAIN = (0.2, 0.5, 1.0, 2.0)  # s between two tries to reach the platform
_ASK_TIME = 2.0  # s between two looks at the platform's clock
# Telemetry that is sent only while somebody looks at it.
LARGE = 'image'

Connect = Callable[..., Awaitable[OperatorClient]]


class Feed:
    """
    One person's connection to the platform, made again whenever it breaks.

    `connect` is OperatorClient.connect with the address and the person's token.
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._client: OperatorClient | None = None
        self._listeners: dict[str, list[Callable[[Event], None]]] = {}
        self._watchers_of_images = 0
        self.robots: dict[str, RobotView] = {}
        self.clock = PlatformClock()
        self.person = ''
        self.role = 'viewer'
        self.platform = ''
        self.problem = 'not connected to the platform yet'
        self.is_turned_away = False  # whether the platform knows the person no more
        self.seq: int | None = None
        self.revision = 0
        self._first = asyncio.Event()  # set once it is known who this is, or that nobody answers

    @property
    def may_command(self) -> bool:
        """Whether this person is more than a viewer; the platform decides, this is for show."""
        return self.role != 'viewer'

    async def run(self) -> None:
        """Stay connected until cancelled."""
        tries = 0
        while True:
            try:
                await self._stay()
                tries = 0
            except (OSError, OperatorError, WebSocketException, TimeoutError) as error:
                self.is_turned_away = isinstance(error, WebSocketException) and '403' in str(error)
                self.problem = (
                    'the platform lets you in no more: sign in again, or ask its owner'
                    if self.is_turned_away
                    else f'the platform cannot be reached: {error}'
                )
                self._first.set()
            if self._client is not None:
                self.problem = 'the connection to the platform is gone'
                tries = 0
            self._client = None
            self.revision += 1
            await asyncio.sleep(_AGAIN[min(tries, len(_AGAIN) - 1)])
            tries += 1

    async def _stay(self) -> None:
        async with asyncio.timeout(10.0):
            client = await self._connect(
                on_event=self._on_event, watch=self._filter(), since=self.seq
            )
        async with client:
            self.clock.begin_again()
            hello = await self._greet(client)
            for summary in await client.robots():
                self._robot(summary['robot_id']).summarize(summary)
            self.person, self.role = hello['person'] or hello['role'], hello['role']
            self.platform = hello['project']
            self._client = client
            self.problem = ''
            self._first.set()
            self.revision += 1
            for robot in [name for name, view in self.robots.items() if view.loaded]:
                with contextlib.suppress(OperatorError):
                    await self.load(robot)
            asking = asyncio.ensure_future(self._ask_time(client))
            try:
                await client.wait_closed()
            finally:
                asking.cancel()

    async def _greet(self, client: OperatorClient) -> dict[str, Any]:
        asked = time.monotonic()
        hello: dict[str, Any] = await client.request('hello')
        self.clock.set(float(hello['time']), asked)
        return hello

    async def _ask_time(self, client: OperatorClient) -> None:
        with contextlib.suppress(OperatorError):
            while True:
                await asyncio.sleep(_ASK_TIME)
                await self._greet(client)

    def _filter(self) -> dict[str, Any]:
        without = [] if self._watchers_of_images else [LARGE]
        return {'period': PERIOD, 'without': without}

    def _robot(self, name: str) -> RobotView:
        if name not in self.robots:
            self.robots[name] = RobotView(name, self.clock)
            self.revision += 1
        return self.robots[name]

    def _on_event(self, event: Event) -> None:
        self.seq = int(event['seq'])
        name = event['robot']
        if event['event'] == 'gap':
            return
        if not name or name.startswith('connection_'):
            return
        view = self._robot(name)
        view.on_event(event)
        for listener in [*self._listeners.get(name, ()), *self._listeners.get('', ())]:
            listener(event)

    def listen(self, robot: str, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Hand each event of a robot to a listener, of all with an empty name; how to end it."""
        listeners = self._listeners.setdefault(robot, [])
        listeners.append(listener)
        return lambda: listeners.remove(listener) if listener in listeners else None

    async def first(self) -> None:
        """Wait until it is known who this is, or that the platform is not there; 2 s at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2.0):
                await self._first.wait()

    # --- requests ---

    async def request(self, verb: str, **keys: Any) -> Any:
        """
        Ask the platform.

        :raises OperatorError: if it refuses or is not there
        """
        if self._client is None:
            raise OperatorError(self.problem or 'not connected to the platform')
        return await self._client.request(verb, **keys)

    async def another(self, on_event: Callable[[Event], object], **watch: Any) -> OperatorClient:
        """
        Open one more connection to the platform for this person, which hears what it watches.

        :raises OperatorError: if the platform is not there, or does not let the person in
        """
        try:
            async with asyncio.timeout(5.0):
                return await self._connect(on_event=on_event, watch=watch)
        except (OSError, WebSocketException, TimeoutError) as error:
            raise OperatorError(f'the platform cannot be reached: {error}') from error

    async def load(self, robot: str) -> RobotView:
        """Get all that is known of a robot."""
        view = self._robot(robot)
        statuses = await self.request(
            'history', kind='status', robot=robot, newest=True, limit=1000
        )
        view.load(await self.request('state', robot=robot), statuses)
        for record in await self.request(
            'history', kind='order', robot=robot, newest=True, limit=200
        ):
            view.order(record)
        return view

    async def ask(self, robot: str) -> None:
        """Have the robot say what can be commanded, and whether it is held."""
        if self.may_command and self.robots[robot].connected:
            for command in ('list_commands', 'status'):
                await self.send(robot, command)

    async def send(
        self, robot: str, command: str, parameters: Mapping[str, Any] | None = None, **keys: Any
    ) -> str:
        """Send a command; its id."""
        result = await self.request(
            'send', robot=robot, command=command, parameters=dict(parameters or {}), **keys
        )
        return str(result['command_id'])

    async def watch_images(self, on: bool) -> None:
        """Have pictures sent too while somebody looks at them."""
        before = bool(self._watchers_of_images)
        self._watchers_of_images += 1 if on else -1
        if before != bool(self._watchers_of_images) and self._client is not None:
            with contextlib.suppress(OperatorError):
                await self._client.request('watch', since=self.seq or 0, **self._filter())
