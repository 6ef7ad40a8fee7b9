# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Links and networks that misbehave: what the operator is told, and what it costs the robot.

Each scenario is watched: memory and CPU stay bounded whatever the peer does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, UTC
import json
import math
import time
from typing import Any
import zlib

from fixtures.peers import frame, raw_websocket_server, tcp_server, websocket_server
from fixtures.robot_side import ignore, INBOUND_LIMITS, Robot
import psutil
import pytest

from xparo_bridge.link.connection import believable
from xparo_bridge.link.inbound_limits import Limit
from xparo_bridge.link.read_ahead import MAX_AHEAD
from xparo_bridge.messages import (
    ChatReply,
    CommandState,
    CommandStatus,
    LinkProblem,
    LinkState,
    LinkStateChanged,
    LinkStatistics,
    RemoteCommand,
)

MEMORY = 64 << 20  # What a scenario, server included, may take at most, bytes.
TEXT, BINARY, CONTINUATION = 1, 2, 0


def run(scenario: Any) -> None:
    """Run one scenario and see what it cost."""
    process = psutil.Process()
    before = process.memory_info().rss
    highest = before

    async def watched() -> None:
        nonlocal highest

        async def watch() -> None:
            nonlocal highest
            while True:
                highest = max(highest, process.memory_info().rss)
                await asyncio.sleep(0.02)

        watching = asyncio.ensure_future(watch())
        try:
            await scenario()
        finally:
            watching.cancel()

    asyncio.run(watched())
    assert highest - before < MEMORY, f'{(highest - before) >> 20} MiB were taken'


def order(command: str, command_id: str) -> str:
    """Frame of a command."""
    data = {'command': command, 'command_id': command_id}
    return json.dumps({'type': 'remote_command', 'data': data})


async def is_calm(seconds: float = 0.5) -> None:
    """See that nothing spins."""
    process = psutil.Process()
    before, began = sum(process.cpu_times()[:2]), time.monotonic()
    await asyncio.sleep(seconds)
    used = sum(process.cpu_times()[:2]) - before
    assert used < 0.6 * (time.monotonic() - began), f'{used:.2f} s of CPU in {seconds} s'


@asynccontextmanager
async def against(talk: Any, extensions: str = '', **options: Any) -> AsyncIterator[Robot]:
    """Robot whose platform opens the WebSocket and then does what `talk` does."""
    async with (
        raw_websocket_server(talk, extensions=extensions) as port,
        Robot(port, **options) as robot,
    ):
        yield robot


async def forever(writer: Any, data: bytes) -> None:
    """Write the same bytes as long as they are taken."""
    while True:
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(0)


def test_a_half_open_connection_is_noticed_and_replaced():
    """The peer's machine went away without a word: what is sent vanishes, nothing comes."""
    connections = 0

    async def vanish(reader: Any, writer: Any) -> None:
        nonlocal connections
        connections += 1
        while await reader.read(65536):
            pass

    async def scenario() -> None:
        async with against(vanish) as robot:
            change = await robot.fault()
            assert 'went silent: no pong within 0.3 s' in change.error
            assert 'network' in change.remedy
            await robot.wait_for_state(LinkState.CONNECTED, robot.received.index(change))
            await is_calm()

    run(scenario)
    assert connections > 1


@pytest.mark.parametrize(
    ('answer', 'error'),
    [
        (b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlogin', 'HTTP 200'),
        (
            b'HTTP/1.1 302 Found\r\nLocation: http://portal/login\r\nContent-Length: 0\r\n\r\n',
            'redirects elsewhere',
        ),
        (
            b'HTTP/1.1 307 Go\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n',
            'redirects elsewhere',
        ),
        (b'HTTP/1.1 511 Network Authentication Required\r\nContent-Length: 0\r\n\r\n', 'HTTP 511'),
    ],
)
def test_a_captive_portal_is_named_and_gets_no_secret(answer, error):
    requests: list[bytes] = []

    async def portal(reader: Any, writer: Any) -> None:
        requests.append(await reader.readuntil(b'\r\n\r\n'))
        writer.write(answer)
        await writer.drain()
        writer.close()

    async def scenario() -> None:
        async with tcp_server(portal) as port, Robot(port) as robot:
            change = await robot.fault()
            assert error in change.error
            assert 'url' in change.remedy

    run(scenario)


def test_a_name_that_does_not_resolve_is_reported_as_such():
    async def scenario() -> None:
        async with Robot(urls=['ws://no-such-host.invalid/ws'], proxy=None) as robot:
            change = await robot.fault()
            assert 'has no address' in change.error
            assert 'name server' in change.remedy

    run(scenario)


def test_a_server_that_accepts_and_says_nothing_is_given_up():
    async def silent(reader: Any, writer: Any) -> None:
        await reader.read()

    async def scenario() -> None:
        async with tcp_server(silent) as port, Robot(port, open_timeout=0.2) as robot:
            assert 'did not open in time' in (await robot.fault()).error

    run(scenario)


def test_a_server_that_dribbles_its_handshake_is_given_up():
    async def slow(reader: Any, writer: Any) -> None:
        await reader.readuntil(b'\r\n\r\n')
        while True:
            writer.write(b'X')
            await asyncio.sleep(0.05)

    async def scenario() -> None:
        async with tcp_server(slow) as port, Robot(port, open_timeout=0.3) as robot:
            assert 'did not open in time' in (await robot.fault()).error

    run(scenario)


def test_a_server_that_closes_at_once_is_not_dialled_in_a_frenzy():
    dials = 0

    async def rude(reader: Any, writer: Any) -> None:
        nonlocal dials
        dials += 1

    async def scenario() -> None:
        from xparo_bridge.link.backoff import Backoff

        backoff = Backoff(initial=0.05, maximum=0.4, stable_after=30.0, refused=1.0)
        async with against(rude, backoff=backoff) as robot:
            assert 'was cut' in (await robot.fault()).error
            await is_calm(1.5)

    run(scenario)
    assert dials < 25


@pytest.mark.parametrize(
    'garbage',
    [
        b'\xff' * 4096,
        bytes(4096),
        b'GET / HTTP/1.1\r\n\r\n' * 200,
        frame(3, b'reserved'),
        frame(TEXT, b'x', rsv1=True),
        frame(CONTINUATION, b'of nothing'),
        frame(9, b'p' * 126),
        frame(8, b'\x01'),
    ],
)
def test_garbage_ends_the_connection_and_not_the_bridge(garbage):
    async def spew(reader: Any, writer: Any) -> None:
        writer.write(garbage)
        await writer.drain()
        await reader.read(100)
        await asyncio.sleep(0.1)

    async def scenario() -> None:
        async with against(spew) as robot:
            change = await robot.fault()
            assert change.error and change.remedy
            await robot.wait_for_state(LinkState.CONNECTING, robot.received.index(change))

    run(scenario)


def test_a_frame_of_64_mb_is_refused_by_its_head():
    most = 0

    async def big(reader: Any, writer: Any) -> None:
        nonlocal most
        sent = 0
        writer.write(bytes([0x81, 127]) + (64 << 20).to_bytes(8, 'big'))
        while True:
            writer.write(b'x' * 65536)
            await writer.drain()
            sent += 65536
            most = max(most, sent)

    async def scenario() -> None:
        async with against(big) as robot:
            change = await robot.fault()
            assert 'sent a message that is too big' in change.error
            assert 'max_frame_bytes' in change.remedy

    run(scenario)
    # What may wait for the library, and what the system keeps of both sockets.
    assert most < MAX_AHEAD + (16 << 20)


def test_fragments_without_end_are_refused_by_their_sum():
    async def endless(reader: Any, writer: Any) -> None:
        writer.write(frame(TEXT, b'x' * 1000, fin=False))
        await forever(writer, frame(CONTINUATION, b'x' * 1000, fin=False))

    async def scenario() -> None:
        async with against(endless) as robot:
            assert 'too big' in (await robot.fault()).error

    run(scenario)


def test_empty_fragments_without_end_are_refused_by_their_number():
    async def endless(reader: Any, writer: Any) -> None:
        writer.write(frame(TEXT, b'', fin=False))
        await forever(writer, frame(CONTINUATION, b'', fin=False) * 1000)

    async def scenario() -> None:
        async with against(endless, heartbeat_interval=30.0) as robot:
            assert (await robot.fault()).error

    run(scenario)


@pytest.mark.parametrize('compression', [True, False])
def test_a_compression_bomb_is_refused(compression):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = packer.compress(bytes(64 << 20)) + packer.flush(zlib.Z_SYNC_FLUSH)
    assert len(bomb) < 1 << 17

    async def drop(reader: Any, writer: Any) -> None:
        writer.write(frame(TEXT, bomb[:-4], rsv1=True))
        await writer.drain()
        await reader.read(1)
        await asyncio.sleep(0.5)

    async def scenario() -> None:
        extensions = 'permessage-deflate' if compression else ''
        async with against(
            drop, extensions, compression=compression, max_frame_bytes=1 << 20
        ) as robot:
            change = await robot.fault()
            assert ('too big' if compression else 'broke the WebSocket protocol') in change.error

    run(scenario)


def test_text_that_is_not_utf_8_ends_the_connection():
    async def wrong(reader: Any, writer: Any) -> None:
        writer.write(frame(TEXT, b'{"type":"\xff\xfe"}'))
        await reader.read()

    async def scenario() -> None:
        async with against(wrong) as robot:
            assert 'not UTF-8' in (await robot.fault()).error

    run(scenario)


@pytest.mark.parametrize(
    ('text', 'problem'),
    [
        ('[' * 30_000, 'nested over'),
        ('{"type":' * 5000 + '1' + '}' * 5000, 'expected a string'),
        ('{"type":"ping","data":' + '[' * 100 + ']' * 100 + '}', 'nested over'),
        ('{"type":"chat_response","type":"ping","data":{"response":"x"}}', 'twice'),
        ('{"type":"chat_response","data":{"response":"\\ud800"}}', 'surrogate'),
        ('{"type":"ping","data":{"x":1e999}}', 'beyond any number'),
        ('{"type":NaN}', 'NaN'),
        ('9' * 60_000, 'does not fit'),
        ('', 'not JSON'),
    ],
)
def test_json_that_would_mean_two_things_or_too_much_is_refused(text, problem):
    async def say(reader: Any, writer: Any) -> None:
        writer.write(frame(TEXT, text.encode()))
        writer.write(frame(TEXT, b'{"type":"chat_response","data":{"response":"after"}}'))
        await reader.read(100)
        await asyncio.sleep(0.3)

    async def scenario() -> None:
        async with against(say) as robot:
            bad = await robot.wait_for(lambda m: isinstance(m, LinkProblem))
            assert problem in bad.problem
            assert len(bad.problem) < 500
            await robot.wait_for(lambda m: m == ChatReply('after'))
            assert not any(isinstance(m, RemoteCommand) for m in robot.received)

    run(scenario)


def test_a_peer_that_reads_slowly_costs_memory_up_to_the_bound():
    async def scenario() -> None:
        over = asyncio.Event()

        async def slow(socket: Any) -> None:
            await socket.recv()
            socket.transport.pause_reading()
            await over.wait()
            socket.transport.abort()

        async with (
            websocket_server(slow, max_size=None, compression=None, max_queue=1) as port,
            Robot(port, heartbeat_interval=30.0) as robot,
        ):
            await robot.wait_for_state(LinkState.CONNECTED)
            for number in range(20_000):
                robot.lanes.put(
                    CommandStatus(
                        str(number), 'go', CommandState.FAILED, error={'message': 'x' * 300}
                    )
                )
            await asyncio.sleep(0.2)
            assert robot.lanes.control.dropped > 10_000
            await robot.wait_for(lambda m: getattr(m, 'dropped', {}).get('control', 0) > 10_000)
            over.set()
            await robot.fault()

    run(scenario)


def test_a_peer_that_does_not_read_at_all_is_given_up():
    async def scenario() -> None:
        stuck = asyncio.Event()

        async def deaf(reader: Any, writer: Any) -> None:
            writer.transport.pause_reading()
            await stuck.wait()

        async with against(deaf) as robot:
            for number in range(2000):
                robot.lanes.put(
                    CommandStatus(
                        str(number), 'go', CommandState.FAILED, error={'message': 'x' * 400}
                    )
                )
            assert 'went silent' in (await robot.fault()).error
            stuck.set()

    run(scenario)


def test_a_peer_that_writes_a_byte_at_a_time_is_given_up():
    """Its pong cannot come in the midst of the frame that never ends."""

    async def dribble(reader: Any, writer: Any) -> None:
        for byte in frame(TEXT, b' ' * 1000):
            writer.write(bytes([byte]))
            await asyncio.sleep(0.05)

    async def scenario() -> None:
        async with against(dribble) as robot:
            assert 'went silent' in (await robot.fault()).error

    run(scenario)


def test_a_flood_of_bad_frames_fills_no_log():
    async def flood(reader: Any, writer: Any) -> None:
        await forever(writer, frame(TEXT, b'garbage') * 100)

    async def scenario() -> None:
        async with against(flood, heartbeat_interval=30.0) as robot:
            await robot.wait_for_state(LinkState.CONNECTED)
            await robot.wait_for(lambda m: getattr(m, 'refused', {}).get('frame', 0) > 1000)
            reported = [m for m in robot.received if isinstance(m, LinkProblem)]
            assert len(reported) < 40
            await robot.wait_for(lambda m: 'more problems' in getattr(m, 'problem', ''))

    run(scenario)


def test_each_command_of_a_flood_is_handed_on_once_taken_or_refused():
    limits = {**INBOUND_LIMITS, 'remote_command': Limit(64 * 1024, 20.0, 100)}
    count = 300

    async def flood(socket: Any) -> None:
        for number in range(count):
            await socket.send(order('go', str(number)))
        await ignore(socket)

    async def scenario() -> None:
        async with websocket_server(flood) as port, Robot(port, inbound_limits=limits) as robot:
            await robot.wait_for(lambda m: getattr(m, 'command_id', '') == str(count - 1))
            commands = [m for m in robot.received if isinstance(m, RemoteCommand)]
            refused = [m for m in commands if m.refused]
            assert sorted(int(m.command_id) for m in commands) == list(range(count))
            assert limits['remote_command'].burst <= count - len(refused) < count
            assert {m.refused.code for m in refused} == {'rate_limited'}
            assert all(m.refused.retry_after > 0 for m in refused)
            numbers = await robot.wait_for(
                lambda m: getattr(m, 'refused', None) and getattr(m, 'frames_received', 0) == count
            )
            assert numbers.refused == {'RemoteCommand': len(refused)}

    run(scenario)


def test_a_command_that_is_too_big_is_refused():
    async def say(socket: Any) -> None:
        await socket.send(
            json.dumps(
                {
                    'type': 'remote_command',
                    'data': {
                        'command': 'go',
                        'command_id': '1',
                        'parameters': {'x': 'x' * 70_000},
                    },
                }
            )
        )
        await ignore(socket)

    async def scenario() -> None:
        async with websocket_server(say) as port, Robot(port, max_frame_bytes=1 << 20) as robot:
            command = await robot.wait_for(lambda m: isinstance(m, RemoteCommand))
            assert command.refused.code == 'too_large'
            assert 'RemoteCommand of 7' in command.refused.message
            assert command.parameters == {}

    run(scenario)


def test_a_clock_that_jumps_does_not_break_the_connection(monkeypatch):
    """Everything that waits does so by the steady clock."""

    async def scenario() -> None:
        async with websocket_server(ignore) as port, Robot(port) as robot:
            await robot.wait_for_state(LinkState.CONNECTED)
            real = time.time
            for jump in (1e9, -1e9):
                monkeypatch.setattr(time, 'time', lambda jump=jump: real() + jump)
                robot.lanes.put(CommandStatus('1', 'go', CommandState.SUCCEEDED))
                await robot.flushed()
                await asyncio.sleep(0.6)
            changes = [m.state for m in robot.received if isinstance(m, LinkStateChanged)]
            assert changes == [LinkState.CONNECTING, LinkState.CONNECTED]

    run(scenario)


def test_the_platform_s_clock_is_compared_with_the_robot_s(monkeypatch):
    real = time.time

    async def scenario() -> None:
        async with websocket_server(ignore) as port:
            monkeypatch.setattr('xparo_bridge.link.connection.time', FastClock(real, 3600.0))
            async with Robot(port) as robot:
                await robot.wait_for_state(LinkState.CONNECTED)
                reported = await robot.wait_for(
                    lambda m: getattr(m, 'clock_offset', None) is not None
                )
                assert reported.clock_offset == pytest.approx(-3600.0, abs=2.0)

    run(scenario)


def test_a_step_of_the_robot_s_clock_shows_in_the_difference_without_a_new_connection(monkeypatch):
    clock = FastClock(time.time, 0.0)
    monkeypatch.setattr('xparo_bridge.link.connection.time', clock)

    async def scenario() -> None:
        async with websocket_server(ignore) as port, Robot(port) as robot:
            await robot.wait_for_state(LinkState.CONNECTED)
            await robot.wait_for(lambda m: abs(getattr(m, 'clock_offset', None) or math.inf) < 2.0)
            clock.ahead = -7200.0
            await robot.wait_for(
                lambda m: abs((getattr(m, 'clock_offset', None) or math.inf) - 7200.0) < 2.0
            )

    run(scenario)


@pytest.mark.parametrize(
    ('theirs', 'ours', 'believed'),
    [
        ('1970-01-01', '2026-06-01', False),
        ('2000-01-01', '2026-06-01', False),
        ('9999-12-31', '2026-06-01', False),
        ('2024-06-01', '2026-06-01', False),
        ('2028-06-01', '2026-06-01', False),
        ('2026-06-02', '2026-06-01', True),
        ('2025-12-01', '2026-06-01', True),
        ('2026-06-01', '1970-01-01', True),
        ('2026-06-01', '2000-01-01', True),
        ('1970-01-01', '1970-01-01', False),
        ('9999-12-31', '1970-01-01', False),
    ],
)
def test_only_a_clock_that_can_be_right_judges_the_age_of_commands(theirs, ours, believed):
    times = [datetime.fromisoformat(f'{day}T00:00:00+00:00').timestamp() for day in (theirs, ours)]
    assert believable(*times) is believed


def test_a_platform_s_clock_that_cannot_be_right_is_left_out_and_said_once(monkeypatch):
    clock = FastClock(time.time, 3 * 366 * 86400.0)
    monkeypatch.setattr('xparo_bridge.link.connection.time', clock)

    async def scenario() -> None:
        async with websocket_server(ignore) as port, Robot(port) as robot:
            problem = await robot.wait_for(
                lambda m: 'its clock is not believed' in getattr(m, 'problem', '')
            )
            assert datetime.now(UTC).strftime('%B %Y') in problem.problem
            numbers = await robot.wait_for(lambda m: isinstance(m, LinkStatistics))
            assert numbers.clock_offset is None
            # As soon as the robot's clock is set the difference counts.
            clock.ahead = 0.0
            await robot.wait_for(lambda m: abs(getattr(m, 'clock_offset', None) or math.inf) < 2.0)

    run(scenario)


class FastClock:
    """The time module with a clock that is wrong."""

    def __init__(self, real: Any, ahead: float) -> None:
        self._real = real
        self.ahead = ahead

    def time(self) -> float:
        return self._real() + self.ahead

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


def test_a_network_that_changes_under_an_open_socket_is_survived():
    """Packets of the old address go nowhere: neither side hears of the other any more."""
    frozen: list[Any] = []
    received: list[str] = []

    async def handler(socket: Any) -> None:
        if not frozen:
            frozen.append(socket)
            await socket.recv()
            socket.transport.pause_reading()
            changed.set()
            await over.wait()
        async for text in socket:
            received.append(text)

    changed = asyncio.Event()
    over = asyncio.Event()

    async def scenario() -> None:
        async with websocket_server(handler, ping_interval=None) as port, Robot(port) as robot:
            await changed.wait()
            robot.lanes.put(CommandStatus('1', 'go', CommandState.SUCCEEDED))
            assert 'went silent' in (await robot.fault()).error
            await robot.flushed()
            frozen[0].transport.abort()
            over.set()

    run(scenario)
    statuses = [json.loads(text)['data'] for text in received if 'command_status' in text]
    assert [(s['command_id'], s.get('resent')) for s in statuses] == [('1', True)]
