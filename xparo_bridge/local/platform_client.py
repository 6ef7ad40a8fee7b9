# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""An operator's side of the local platform, for its command line, the demo and tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
import contextlib
from importlib import import_module
import itertools
import json
import ssl
from typing import Any
from urllib.parse import quote

from websockets.exceptions import ConnectionClosed

from ..json_reader import read_own
from .platform_frames import TERMINAL_STATES

_connect: Any
try:
    _connect = import_module('websockets.asyncio.client').connect
    _HEADERS = 'additional_headers'
except ImportError:  # websockets before 13
    _connect = import_module('websockets.client').connect
    _HEADERS = 'extra_headers'

Event = dict[str, Any]
Predicate = Callable[[Event], Any]

SEEN = 50_000


class OperatorError(Exception):
    """
    The platform refused a request, or the connection to it is gone.

    `code` is the interface's: not_allowed, no_robot, lease, bad_request, unknown_verb, or gone.
    """

    def __init__(self, text: str, code: str = 'gone') -> None:
        super().__init__(text)
        self.code = code


class OperatorClient:
    """
    An operator connected to the local platform.

    The last SEEN events are kept, so that `wait_for` cannot miss one that came before it was
    called. Requests name a robot only where more than one is connected.
    """

    def __init__(self, socket: Any, on_event: Callable[[Event], object] | None = None) -> None:
        """Take an open connection; use `connect`."""
        self._on_event = on_event or self._keep
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._news = asyncio.Event()
        self._reader = asyncio.ensure_future(self._read())
        self._seen: list[Event] = []
        self._forgotten = 0

    @classmethod
    async def connect(
        cls,
        host: str = '127.0.0.1',
        port: int = 8765,
        secret_key: str = 'demo',
        project_id: str = 'demo',
        *,
        since: int | None = None,
        token: str = '',
        person: str = '',
        tls: ssl.SSLContext | None = None,
        on_event: Callable[[Event], object] | None = None,
        watch: Mapping[str, Any] | None = None,
    ) -> OperatorClient:
        """
        Connect and watch: from event number `since` on, 0 for all kept, None for from now on.

        With a `token` it is that person's connection, else its owner's, who may give the name of a
        `person`. Events go to `on_event`, and are then not kept; `watch` has filters of the verb.

        :raises OSError: where nobody listens
        :raises WebSocketException: for a wrong key or token
        """
        path = f'/operator/{quote(secret_key, safe="")}/{quote(project_id, safe="")}/'
        path += f'?person={quote(person)}' if person else ''
        options: dict[str, Any] = {}
        if token:
            path = '/operator/v1'
            options[_HEADERS] = {'Authorization': f'Bearer {token}'}
        if tls is not None:
            options['ssl'] = tls
        host = f'[{host}]' if ':' in host else host
        client = cls(
            await _connect(
                f'{"wss" if tls else "ws"}://{host}:{port}{path}',
                ping_interval=None,
                max_size=None,
                compression=None,
                close_timeout=2.0,
                **options,
            ),
            on_event,
        )
        try:
            await client.request(
                'watch', **({} if since is None else {'since': since}), **(watch or {})
            )
        except BaseException:
            await client.close()
            raise
        return client

    async def wait_closed(self) -> None:
        """Wait until the connection is gone."""
        await asyncio.wait([self._reader])

    @property
    def is_closed(self) -> bool:
        """Whether the connection is gone."""
        return self._reader.done()

    async def close(self) -> None:
        """Leave."""
        await self._socket.close()
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader

    async def __aenter__(self) -> OperatorClient:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    @property
    def seq(self) -> int:
        """Number of the latest event seen."""
        return int(self._seen[-1]['seq']) if self._seen else 0

    async def request(self, verb: str, **keys: Any) -> Any:
        """Result of any verb of platform_operator.py; None for a key leaves it out."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send(json.dumps({'id': number, 'verb': verb, **keys}))
            return await answer
        except ConnectionClosed:
            raise OperatorError('the platform closed the connection') from None
        finally:
            del self._answers[number]

    async def robots(self) -> list[dict[str, Any]]:
        """Summaries of all robots, also of those that left."""
        result: list[dict[str, Any]] = await self.request('robots')
        return result

    async def send_command(
        self,
        command: str,
        parameters: dict[str, Any] | None = None,
        robot: str | None = None,
        **keys: Any,
    ) -> str:
        """Send a remote command; its id. Keys: command_id, issued_at, deadline."""
        result = await self.request(
            'send', command=command, parameters=parameters or {}, robot=robot, **keys
        )
        return str(result['command_id'])

    async def wait_for(
        self, predicate: Predicate, timeout: float = 10.0, *, since: int = 0
    ) -> Event:
        """First event, old or new, after number `since` for which the predicate is true."""
        try:
            async with asyncio.timeout(timeout):
                async for event in self.events(since):
                    if predicate(event):
                        return event
        except TimeoutError:
            last = '\n'.join(str(event)[:200] for event in self._seen[-10:])
            raise TimeoutError(f'no such event in {timeout:g} s; the last were:\n{last}') from None
        raise OperatorError('the platform closed the connection')

    async def wait_for_status(
        self, command_id: str, *states: str, timeout: float = 30.0
    ) -> dict[str, Any]:
        """Data of the first command_status in one of the states, by default in a terminal one."""

        def matches(event: Event) -> bool:
            return (
                event.get('type') == 'command_status'
                and event['data']['command_id'] == command_id
                and event['data']['state'] in (states or TERMINAL_STATES)
            )

        data: dict[str, Any] = (await self.wait_for(matches, timeout))['data']
        return data

    async def events(self, since: int = 0) -> AsyncIterator[Event]:
        """Every event after number `since`, those seen already first; ends with the connection."""
        position = 0
        while True:
            while position < self._forgotten + len(self._seen):
                position = max(position, self._forgotten)
                event = self._seen[position - self._forgotten]
                position += 1
                if event['seq'] > since:
                    yield event
            if self._reader.done():
                return
            await self._news.wait()

    async def _read(self) -> None:
        try:
            while True:
                message = read_own(await self._socket.recv())
                if 'event' in message:
                    self._on_event(message['event'])
                    continue
                if 'events' in message:
                    for event in message['events']:
                        self._on_event(event)
                    continue
                number = message['id']
                if number is None:  # It could not be read; answers come in the order of requests.
                    number = next(iter(self._answers), None)
                answer = self._answers.get(number)
                if answer is None or answer.done():
                    continue
                if 'error' in message:
                    answer.set_exception(
                        OperatorError(message['error'], message.get('code', 'bad_request'))
                    )
                else:
                    answer.set_result(message['result'])
        except ConnectionClosed:
            pass
        finally:
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(OperatorError('the platform closed the connection'))
                    answer.exception()  # Nobody waits for it whose sending failed.
            # After this task is done, so that who wakes sees that.
            asyncio.get_running_loop().call_soon(self._wake)

    def _keep(self, event: Event) -> None:
        self._seen.append(event)
        if len(self._seen) > SEEN:
            del self._seen[: SEEN // 2]
            self._forgotten += SEEN // 2
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
