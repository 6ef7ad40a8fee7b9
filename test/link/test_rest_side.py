# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does a link go on by REST where it must, and only there?"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from fixtures.robot_side import INBOUND_LIMITS
from xparo_dispatch import FakeXparoDispatch

from xparo_bridge import messages as msg
from xparo_bridge.crossing import Crossing
from xparo_bridge.link.backoff import Backoff
from xparo_bridge.link.connection import Connection, LinkOptions
from xparo_bridge.link.endpoints import Endpoints
from xparo_bridge.link.lanes import Lanes
from xparo_bridge.link.protocols.xparo_dispatch import XparoDispatch

REJECTED = msg.CommandStatus('xparo_dispatch/r1', 'dock', msg.CommandState.REJECTED)


class Link:
    """A connection to a fake of the service, and what it brought."""

    def __init__(self, fake: FakeXparoDispatch, **options: Any) -> None:
        self.got: list[Any] = []
        self._news = asyncio.Event()
        self._crossing = Crossing(self._on_news)
        adapter = XparoDispatch(
            url=f'ws://127.0.0.1:{fake.port}/ws/chatbot_api',
            secret_key='SECRET',
            project_id='PROJECT',
            robot_id='robot_123',
            **options,
        )
        self.lanes = Lanes(adapter, control_bytes=1 << 20, telemetry_bytes=1 << 20)
        self.connection = Connection(
            Endpoints([adapter]),
            self.lanes,
            self._crossing,
            msg.RobotInfo({'hostname': 'r1'}),
            LinkOptions(
                name='platform',
                open_timeout=1.0,
                heartbeat_interval=5.0,
                heartbeat_timeout=5.0,
                max_frame_bytes=1 << 16,
                compression=False,
                tls=None,
                backoff=Backoff(initial=0.05, maximum=0.1, stable_after=30.0, refused=0.05),
                inbound_limits=INBOUND_LIMITS,
            ),
        )

    def _on_news(self) -> None:
        while (item := self._crossing.pop()) is not None:
            self.got.append(item[1])
        self._news.set()

    async def until(self, fits: Any) -> Any:
        """Wait for a message."""
        async with asyncio.timeout(10):
            while not (found := [message for message in self.got if fits(message)]):
                self._news.clear()
                await self._news.wait()
        return found[0]


@contextlib.asynccontextmanager
async def running(fake: FakeXparoDispatch, **options: Any) -> Any:
    link = Link(fake, **options)
    task = asyncio.ensure_future(link.connection.run())
    yield link
    link.connection.stop()
    await asyncio.wait_for(task, 10)


def test_the_heartbeat_and_logs_go_by_rest_while_the_rest_goes_by_the_socket():
    async def scenario():
        async with FakeXparoDispatch() as fake, running(fake) as link:
            await fake.until(lambda: fake.posted)
            assert fake.posted[0] == {'ROBOT_HEARTBEAT': {'device_id': 'robot_123'}}
            link.lanes.put(msg.LogUpdate(logs=['up'], created_at='2026-01-01T00:00:00'))
            await link.until(lambda message: message == msg.LogSession('17'))
            link.lanes.put(REJECTED)
            await fake.until(lambda: any('COMMAND_RESULT' in body for body in fake.received))
            assert {key for body in fake.posted for key in body} == {
                'ROBOT_HEARTBEAT',
                'ADD_Logs_history_database',
            }
            assert fake.problems == []

    asyncio.run(scenario())


def test_while_the_socket_is_down_all_goes_by_rest_and_what_waits_there_is_fetched():
    async def scenario():
        async with FakeXparoDispatch() as fake:
            fake.socket_down = True
            fake.waiting = {'RUN_COMMAND': {'command': 'dock', 'request_id': 'r1'}}
            async with running(fake, rest_after=0.0) as link:
                command = await link.until(lambda message: isinstance(message, msg.RemoteCommand))
                assert command.command == 'dock'
                link.lanes.put(REJECTED)
                await fake.until(lambda: any('COMMAND_RESULT' in body for body in fake.posted))
                fake.socket_down = False
                await fake.until(lambda: fake.connections)
                await link.until(
                    lambda message: message == msg.LinkStateChanged(msg.LinkState.CONNECTED)
                )

    asyncio.run(scenario())


def test_without_leave_to_fall_back_nothing_but_the_heartbeat_goes_by_rest():
    async def scenario():
        async with FakeXparoDispatch() as fake:
            fake.socket_down = True
            async with running(fake) as link:
                link.lanes.put(REJECTED)
                await fake.until(lambda: len(fake.dialled_with) > 10)
                assert [list(body) for body in fake.posted] == [['ROBOT_HEARTBEAT']]
                assert len(link.lanes.control) == 1

    asyncio.run(scenario())


def test_a_revoked_credential_is_dialled_without_and_is_to_be_forgotten():
    async def scenario():
        async with FakeXparoDispatch() as fake:
            fake.credential_good = False
            async with running(fake, credential='CREDENTIAL') as link:
                await link.until(lambda message: message == msg.LinkCredential(''))
                await fake.until(lambda: fake.connections)
                assert fake.dialled_with[:2] == ['CREDENTIAL', 'SECRET']

    asyncio.run(scenario())


def test_a_failure_by_rest_does_not_tell_the_secret():
    async def scenario():
        async with FakeXparoDispatch() as fake:
            fake.socket_down = True
            async with running(fake, rest_after=0.0) as link:
                await fake.until(lambda: fake.posted)
                await fake.stop()
                problem = await link.until(lambda message: isinstance(message, msg.LinkProblem))
                assert problem.problem.startswith('REST')
                assert not any('SECRET' in repr(message) for message in link.got)
            await fake.start()

    asyncio.run(scenario())
