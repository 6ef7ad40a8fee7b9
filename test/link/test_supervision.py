# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A fault within one link, of whatever class and wherever, is that link's own and passes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
import json
import socket
import threading
import time
from typing import Any

from fixtures.peers import websocket_server
from fixtures.robot_side import adapter, INBOUND_LIMITS
import pytest

from xparo_bridge.credentials import Credentials
from xparo_bridge.crossing import Crossing
from xparo_bridge.faults import FAULTS
from xparo_bridge.link import contained
from xparo_bridge.link.backoff import Backoff
from xparo_bridge.link.connection import Connection, LinkOptions
from xparo_bridge.link.endpoints import Endpoints
from xparo_bridge.link.lanes import Lanes
from xparo_bridge.link.links import Link, LinkThread
from xparo_bridge.link.protocols.base import Protocol
from xparo_bridge.link.protocols.xparo import Xparo
from xparo_bridge.messages import (
    ChatReply,
    CommandState,
    CommandStatus,
    LinkState,
    LinkStateChanged,
    LinkStatistics,
    RobotInfo,
)


class OddError(BaseException):
    """No Exception, as nobody expects it."""


class MuteError(Exception):
    """An exception that cannot say what it is."""

    def __str__(self) -> str:
        raise ValueError('no text')


ERRORS = [
    RuntimeError('fault'),
    RecursionError('deep'),
    MemoryError(),
    AssertionError(),
    StopIteration(),
    asyncio.CancelledError(),
    TimeoutError(),
    OSError(5, 'Input/output error'),
    SystemExit(3),
    KeyboardInterrupt(),
    GeneratorExit(),
    OddError('odd'),
    MuteError(),
]
PLACES = [
    'url',
    'redacted_url',
    'headers',
    'on_open',
    'decode',
    'encode',
    'answer',
    'deadline',
    'on_time',
    'on_close',
    'send_not_before',
    'refused',
]


def platform_that_talks(seen: list[str] | None = None) -> Any:
    """Handler of a platform that says hi and takes what it is sent."""
    closed: list[str] = []

    async def handler(peer: Any) -> None:
        await peer.send('{"type":"chat_response","data":{"response":"hi"}}')
        await peer.send('{"type":"ping"}')
        async for frame in peer:
            if seen is not None:
                seen.append(frame)
            if 'command_status' in frame and '"close"' in frame and not closed:
                closed.append(frame)
                await peer.close(1011)

    return handler


class Robot:
    """A link thread with some links, and what came over the crossing, link by link."""

    def __init__(self, **protocols: Protocol) -> None:
        self.received: dict[str, list[Any]] = {name: [] for name in protocols}
        self._news = threading.Condition()
        self.crossing = Crossing(self._wake)
        self.thread = LinkThread(
            [self._link(name, protocol) for name, protocol in protocols.items()], self.crossing
        )

    def _link(self, name: str, protocol: Protocol, **options: Any) -> Link:
        lanes = Lanes(protocol, control_bytes=1 << 20, telemetry_bytes=1 << 20)
        settings: dict[str, Any] = {
            'name': name,
            'open_timeout': 10.0,
            'heartbeat_interval': 5.0,
            'heartbeat_timeout': 5.0,
            'max_frame_bytes': 1 << 16,
            'compression': False,
            'tls': None,
            'backoff': Backoff(initial=0.02, maximum=0.05, stable_after=30.0, refused=0.05),
            'inbound_limits': INBOUND_LIMITS,
        }
        connection = Connection(
            Endpoints([protocol]),
            lanes,
            self.crossing,
            RobotInfo({'robot_id': 'r1'}),
            LinkOptions(**settings | options),
        )
        return Link(name, protocol, lanes, connection)

    def _wake(self) -> None:
        with self._news:
            self._news.notify_all()

    def wait_for(self, link: str, matches: Any, timeout: float = 20.0) -> Any:
        """First message of a link for which `matches` is true."""
        until, at = time.monotonic() + timeout, 0
        with self._news:
            while True:
                while (item := self.crossing.pop()) is not None:
                    self.received[item[0]].append(item[1])
                for message in self.received[link][at:]:
                    at += 1
                    if matches(message):
                        return message
                left = until - time.monotonic()
                assert left > 0, f'not received; there is {self.received[link][-10:]}'
                self._news.wait(left)

    def count(self, link: str, state: LinkState) -> int:
        """How often a link was in a state so far."""
        return sum(
            isinstance(m, LinkStateChanged) and m.state is state for m in self.received[link]
        )


@contextmanager
def served(handler: Any) -> Iterator[int]:
    """Port of a server in a thread of its own."""
    ready, done = threading.Event(), []
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def serve() -> None:
        async with websocket_server(handler) as port:
            done.append(port)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait(10)
    try:
        yield done[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(60)
        loop.close()


@pytest.mark.parametrize(
    ('place', 'error'),
    [
        *((place, error) for place in PLACES for error in (ERRORS[0], SystemExit(3))),
        *(('decode', error) for error in ERRORS),
        *(('url', error) for error in ERRORS),
        *(('encode', asyncio.CancelledError()), ('on_close', asyncio.CancelledError())),
    ],
    ids=lambda part: part if isinstance(part, str) else type(part).__name__,
)
def test_any_exception_anywhere_in_a_link_s_adapter_stops_nothing_else(place, error):
    raised = threading.Event()
    healed = threading.Event()

    class Broken(Xparo):
        pass

    def fault(self: Any, *args: Any) -> Any:
        if healed.is_set():
            return getattr(super(Broken, self), place)(*args)
        raised.set()
        raise error

    setattr(Broken, place, fault)
    with served(platform_that_talks()) as port:
        # What is only called when a handshake is refused, or when nothing listens.
        bad_port = 1 if place in ('redacted_url', 'refused') else port
        if place in ('on_time',):
            Broken.deadline = lambda self: 0.0  # type: ignore[method-assign, assignment]
        broken = Broken(
            url=f'ws://127.0.0.1:{bad_port}/ws', secret_key='hunter2-hunter2', project_id='p'
        )
        robot = Robot(bad=broken, good=adapter(f'ws://127.0.0.1:{port}/ws'))
        robot.thread.start()
        try:
            robot.wait_for('good', lambda m: m == ChatReply('hi'))
            status = CommandStatus('1', 'close', CommandState.FAILED)
            robot.crossing.send('bad', status)
            assert raised.wait(20)
            before = len(robot.received['good'])
            healed.set()
            if bad_port == 1:
                broken._base = f'ws://127.0.0.1:{port}/ws'
            robot.wait_for('bad', lambda m: m == ChatReply('hi'))
            # The other link is served all the while, and lost no connection.
            robot.wait_for(
                'good',
                lambda m: (
                    isinstance(m, LinkStatistics) and robot.received['good'].index(m) >= before
                ),
            )
            assert robot.count('good', LinkState.CONNECTED) == 1
            assert 'hunter2' not in str(robot.received)
        finally:
            began = time.monotonic()
            robot.thread.stop()
            assert time.monotonic() - began < 4.0
            assert not robot.thread._thread.is_alive()


def test_a_fault_is_counted_and_logged_once_a_minute():
    class Broken(Xparo):
        def decode(self, frame: Any) -> Any:
            raise ZeroDivisionError('hunter2-hunter2')

    async def flood(peer: Any) -> None:
        for _ in range(50):
            await peer.send('{"type":"ping"}')
        await peer.wait_closed()

    lines: list[str] = []
    FAULTS.log_to(lines.append)
    with served(flood) as port:
        robot = Robot(
            bad=Broken(
                url=f'ws://127.0.0.1:{port}/ws', secret_key='hunter2-hunter2', project_id='p'
            )
        )
        robot.thread.start()
        try:
            robot.wait_for('bad', lambda m: isinstance(m, LinkStatistics) and m.faults == 50)
        finally:
            robot.thread.stop()
    assert len([line for line in lines if 'ZeroDivisionError' in line]) == 1
    assert robot.count('bad', LinkState.CONNECTED) == 1


def test_credentials_that_cannot_be_read_any_more_end_nothing():
    calls = 0

    def read() -> Credentials:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise ValueError('day is out of range for month')
        return Credentials('hunter2-hunter2', 'p')

    async def handler(peer: Any) -> None:
        await peer.close()

    with served(handler) as port:
        robot = Robot(bad=adapter(f'ws://127.0.0.1:{port}/ws'))
        endpoints = robot.thread.links['bad'].connection._endpoints
        endpoints._read = read
        endpoints._make = lambda credentials: [adapter(f'ws://127.0.0.1:{port}/ws')]
        robot.thread.start()
        try:
            robot.wait_for('bad', lambda m: robot.count('bad', LinkState.CONNECTED) > 2)
        finally:
            robot.thread.stop()


def test_a_thread_that_was_never_started_can_be_stopped():
    Robot(a=adapter('ws://127.0.0.1:1/ws')).thread.stop()


def test_a_thread_whose_loop_is_dead_can_be_stopped():
    robot = Robot(a=adapter('ws://127.0.0.1:1/ws'))
    robot.thread.start()
    robot.thread.stop()
    robot.thread.stop()


def hanging_name(*arguments: Any, **options: Any) -> Any:
    """A name server that does not answer."""
    time.sleep(30)


@pytest.mark.parametrize('hang', ['dial', 'name server', 'disk'])
def test_ending_waits_for_nothing_that_hangs(hang, monkeypatch):
    host = '127.0.0.1'
    if hang == 'name server':
        monkeypatch.setattr(socket, 'getaddrinfo', hanging_name)
        host = 'platform.invalid'

    with served(platform_that_talks()) as port, socket.create_server(('127.0.0.1', 0)) as dead:
        if hang != 'disk':
            port = dead.getsockname()[1]  # It accepts and says nothing.
        robot = Robot(a=adapter(f'ws://{host}:{port}/ws'), b=adapter(f'ws://127.0.0.1:{port}/ws'))
        if hang == 'disk':
            for link in robot.thread.links.values():
                link.lanes.close = lambda: time.sleep(30)  # type: ignore[method-assign]
        robot.thread.start()
        expected = LinkState.CONNECTED if hang == 'disk' else LinkState.CONNECTING
        for name in 'ab':
            robot.wait_for(name, lambda m: getattr(m, 'state', None) is expected)
        began = time.monotonic()
        robot.thread.stop()
        assert time.monotonic() - began < (3.0 if hang == 'disk' else 1.5)
        assert not robot.thread._thread.is_alive()


def test_a_cancellation_that_was_asked_for_is_one():
    async def scenario() -> None:
        task = contained.begin(asyncio.sleep(30))
        await asyncio.sleep(0)
        await contained.end(task)
        assert task.cancelled()

    asyncio.run(scenario())


def test_what_does_not_hear_of_its_cancellation_is_not_waited_for():
    async def deaf() -> None:
        while True:
            try:
                await asyncio.sleep(0.1)
            except asyncio.CancelledError:
                pass
            if over:
                return

    over: list[bool] = []

    async def scenario() -> float:
        task = contained.begin(deaf())
        await asyncio.sleep(0)
        began = time.monotonic()
        await contained.end(task, within=0.2)
        spent = time.monotonic() - began
        over.append(True)
        await asyncio.wait((task,))
        return spent

    assert asyncio.run(scenario()) < 1.0


def test_statuses_go_on_after_a_message_that_cannot_be_encoded():
    class Broken(Xparo):
        def encode(self, message: Any) -> Any:
            if getattr(message, 'command_id', '') == 'bad':
                raise KeyError('x')
            return super().encode(message)

    seen: list[str] = []
    with served(platform_that_talks(seen)) as port:
        robot = Robot(
            a=Broken(url=f'ws://127.0.0.1:{port}/ws', secret_key='hunter2', project_id='p')
        )
        robot.thread.start()
        try:
            robot.wait_for('a', lambda m: getattr(m, 'state', None) is LinkState.CONNECTED)
            for name in ('1', 'bad', '2'):
                robot.crossing.send('a', CommandStatus(name, 'go', CommandState.SUCCEEDED))
            robot.wait_for(
                'a',
                lambda m: isinstance(m, LinkStatistics) and m.queued['control'] == 0 and m.faults,
            )
        finally:
            robot.thread.stop()
    ids = [json.loads(s)['data']['command_id'] for s in seen if 'command_status' in s]
    assert ids == ['1', '2']
    assert robot.count('a', LinkState.CONNECTED) == 1
