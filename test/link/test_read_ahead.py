# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is each frame looked at before it is read, and each byte that is kept handed on as it was."""

from __future__ import annotations

import asyncio
import json
import math
import random
import time
from typing import Any

from fixtures.cpu import untraced
from fixtures.peers import frame, websocket_server
from fixtures.robot_side import adapter, ignore, Robot
import pytest

from xparo_bridge.link.frame_scanner import frames_with, FrameScanner, LOOKED_INTO
from xparo_bridge.link.read_ahead import Arrival, ReadAhead
from xparo_bridge.messages import (
    ChatReply,
    LinkState,
    LinkStateChanged,
    RemoteCommand,
    TurnReached,
)

HEAD = b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n'
CONTINUATION, TEXT, BINARY, CLOSE, PING = 0, 1, 2, 8, 9
URGENT = {'stop': 'stop', 'hold': 'pause', 'cancel': 'cancel', 'resume': 'resume'}


# What a server may send, and what is shown of it: the text, or None where it is not looked into.
PARTS: list[tuple[bytes, list[bytes | None]]] = [
    (frame(TEXT, b'drop'), [b'drop']),
    (frame(TEXT, b''), [b'']),
    (frame(TEXT, b'x' * 125), [b'x' * 125]),
    (frame(TEXT, b'drop' * 200), [b'drop' * 200]),
    (frame(TEXT, b'y' * LOOKED_INTO), [b'y' * LOOKED_INTO]),
    (frame(TEXT, b'z' * (LOOKED_INTO + 1)), [None]),
    (frame(TEXT, b'w' * 70_000), [None]),
    (frame(BINARY, b'drop'), [None]),
    (frame(TEXT, b'drop', fin=False) + frame(CONTINUATION, b'drop'), [None]),
    (frame(PING, b'drop'), []),
    (frame(TEXT, b'drop', rsv1=True), [None]),
]


@pytest.mark.parametrize('largest', [1, 3, 50, 5000, 10**6])
@pytest.mark.parametrize('seed', range(5))
def test_however_the_bytes_come_each_message_is_shown_once_and_what_is_kept_is_as_it_was(
    largest, seed
):
    chance = random.Random(f'{largest} {seed}')
    parts = [chance.choice(PARTS) for _ in range(40)]
    if largest < 50:  # A byte at a time, the large ones take long.
        parts = [part for part in parts if len(part[0]) < 1000]
    sent = HEAD + b''.join(data for data, _ in parts) + frame(CLOSE, b'')
    shown: list[bytes | None] = []

    def judge(text: bytes | None, end: int) -> bool:
        shown.append(text)
        assert text is None or sent[end - len(text) : end] == text
        return text is None or not text.startswith(b'drop')

    scanner, kept, at = FrameScanner(judge), b'', 0
    while at < len(sent):
        size = chance.randint(1, largest)
        kept += scanner.feed(sent[at : at + size])
        at += size
    assert shown == [text for _, texts in parts for text in texts]
    assert kept == HEAD + b''.join(
        data for data, texts in parts if not any(t and t.startswith(b'drop') for t in texts)
    ) + frame(CLOSE, b'')


@pytest.mark.parametrize(
    'wrong',
    [
        b'\x81\x84\0\0\0\0drop',  # A mask, which only clients have.
        b'\x81\x7f\x80\0\0\0\0\0\0\0drop',  # A length with its first bit.
    ],
)
def test_what_no_server_may_send_is_left_to_the_library(wrong):
    scanner = FrameScanner(lambda text, end: text is None)
    assert scanner.feed(HEAD) == HEAD
    assert scanner.feed(wrong) == wrong
    assert scanner.feed(frame(TEXT, b'after')) == frame(TEXT, b'after')


def test_a_handshake_that_never_ends_is_handed_on_as_it_comes():
    scanner = FrameScanner(lambda text, end: False)
    for at in range(1000):
        assert scanner.feed(b'x' * (at % 7)) == b'x' * (at % 7)


def order(command: str, command_id: str = '', **parameters: Any) -> str:
    data = {'command': command, 'command_id': command_id, 'parameters': parameters}
    return json.dumps({'type': 'remote_command', 'data': data})


@pytest.mark.parametrize(
    ('content', 'most'),
    [
        (order('teleop', 'x', linear=0.3), 20e-6),
        (order('teleop', buttons=['a'] * 4000), 300e-6),
        ('', 10e-6),
    ],
)
def test_to_look_at_a_frame_takes_microseconds(content, most):
    """So that 4 MB of them, as much as a sender's kernel holds, are looked at in 100 ms or so."""

    async def scenario() -> float:
        inbound = Robot(1, urgent=URGENT).connection.inbound
        protocol = adapter('ws://127.0.0.1/')
        looking = ReadAhead()
        looking.begin_to_look()
        looking.judge = lambda text, arrival: inbound.judge(protocol, text, arrival)
        count = 2000
        data = frame(TEXT, content.encode()) * count
        looking._scanner.feed(HEAD)
        began = time.thread_time()
        for at in range(0, len(data), 4096):
            looking._scanner.feed(data[at : at + 4096])
        return (time.thread_time() - began) / count

    assert min(asyncio.run(scenario()) for _ in range(3)) < most


def test_a_stop_is_taken_though_nobody_reads_what_came_before_it():
    large = order('go', '', text='x' * 60_000)

    async def say(socket: Any) -> None:
        await socket.send(order('go', 'first'))
        for _ in range(80):
            await socket.send(large)
        await socket.send(json.dumps({'stop': 'is only a word here', 'type': 'chat_response'}))
        await socket.send(order('stop', 's'))
        await socket.send(order('st\\u006fp', 't').replace('\\\\', '\\'))
        await ignore(socket)

    async def scenario() -> list[str]:
        async with websocket_server(say) as port:
            robot = Robot(port, urgent=URGENT, heartbeat_interval=30.0)
            taken: list[str] = []
            stopped = asyncio.Event()

            def deliver(link: str, message: Any, size: int = 0, *, urgent: bool = False) -> None:
                if isinstance(message, RemoteCommand):
                    taken.append(message.command_id)
                    if message.command_id == 't':
                        stopped.set()

            robot.crossing.deliver = deliver  # type: ignore[method-assign]
            reading = asyncio.Event()

            async def never(*ignored: Any) -> tuple[str, Arrival]:
                await reading.wait()
                raise AssertionError

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr('xparo_bridge.link.websocket.receive', never)
                async with robot:
                    await asyncio.wait_for(stopped.wait(), 10.0)
            return taken

    assert asyncio.run(scenario()) == ['s', 't']


@pytest.mark.parametrize('form', ['seen', 'in pieces'])
@pytest.mark.parametrize('at_once', [True, False])
def test_a_cancel_goes_first_and_its_turn_is_reported_behind_what_it_overtook(form, at_once):
    async def say(socket: Any) -> None:
        if not at_once:  # What comes at once comes before anybody looks ahead.
            await socket.recv()
        for number in range(200):
            await socket.send(order('go', f'{number}'))
        cancel = order('cancel', 'c')
        await socket.send(cancel if form == 'seen' else [cancel[:9], cancel[9:]])
        await socket.send(order('go', 'after'))
        await ignore(socket)

    async def scenario() -> None:
        async with websocket_server(say) as port:
            async with Robot(port, urgent=URGENT, heartbeat_interval=30.0) as robot:
                await robot.wait_for(lambda m: getattr(m, 'command_id', '') == 'after')
            there = [m for m in robot.received if isinstance(m, (RemoteCommand, TurnReached))]
            turns = [m for m in there if isinstance(m, TurnReached)]
            (cancel,) = (m for m in there if getattr(m, 'command_id', '') == 'c')
            assert cancel.ahead
            assert turns == [TurnReached(cancel.received_at)]
            turn = there.index(turns[0])
            before = [m.command_id for m in there[:turn] if m is not cancel]
            assert before == [f'{number}' for number in range(200)]
            assert [m.command_id for m in there[turn + 1 :]] == ['after']

    asyncio.run(scenario())


@pytest.mark.parametrize('largest', [3, 50, 5000, 10**6])
@pytest.mark.parametrize('seed', range(8))
def test_what_is_found_ahead_is_judged_once_and_has_its_place_in_time(largest, seed):
    """However the bytes come: nothing is lost, doubled or changes its place in the order."""
    chance = random.Random(f'{largest} {seed}')
    words = [b'stop', b'\\u']
    texts = [
        lambda n: f'x#{n}#',
        lambda n: f'#{n}# stop',
        lambda n: f'stop #{n}# \\u0041 stop',
        lambda n: f'#{n}#' + 'y' * chance.choice([100, 200, 30_000]),
        lambda n: f'left out stop #{n}#',
        lambda n: f'left out #{n}#',
        lambda n: f'large stop #{n}#' + 'z' * (LOOKED_INTO + 1),
    ]
    sent, order_of, at = HEAD, {}, 0
    for number in range(60):
        text = chance.choice(texts[:4] if largest < 50 else texts)(number).encode()
        if len(text) > 1000 and largest < 50:
            text = text[:1000]
        order_of[text] = number
        sent += frame(TEXT, text)
        if chance.random() < 0.2:
            sent += frame(PING, b'stop')
        if chance.random() < 0.1:
            sent += frame(BINARY, b'stop')

    class Reading(ReadAhead):
        def __init__(self) -> None:
            self.begin_to_look()
            self.read = b''

        def read_now(self, data: bytes) -> None:
            self.read += data

    judged: list[tuple[bytes | None, Arrival]] = []
    left_out = 0

    def judge(text: bytes | None, arrival: Arrival) -> bool:
        judged.append((text, arrival))
        return text is None or not text.startswith(b'left out')

    def leave_out(count: int) -> None:
        nonlocal left_out
        left_out += count

    reading = Reading()
    reading._pumping = True  # Nothing but what is called here goes on.
    reading.judge, reading.urgent_words = judge, words
    reading.leaves_out = lambda data: (
        data.count(b'left out') and not any(word in data for word in words) and b'y' not in data
    )
    reading.on_left_out = leave_out
    while at < len(sent):
        size = chance.randint(1, largest)
        reading.look_at(sent[at : at + size])
        at += size
        for _ in range(chance.choice([0, 0, 1, 40])):
            reading._look()
            reading._read()
    while reading._look() + reading._read():
        pass
    seen = [text for text, _ in judged if text is not None]
    assert len(seen) == len(set(seen))
    assert not reading._found
    by_time = [text for text, arrival in sorted(judged, key=lambda j: j[1].at) if text is not None]
    assert [order_of[text] for text in by_time] == sorted(order_of[text] for text in seen)
    # All that is kept is read, in its order, and has its own arrival.
    kept = [text for text in order_of if not text.startswith((b'left out', b'x')) or text in seen]
    kept = [text for text in kept if not text.startswith(b'left out')]
    places = [reading.read.find(text) for text in kept]
    assert -1 not in places
    assert places == sorted(places)
    assert not [text for text in order_of if text.startswith(b'left out') and text in reading.read]
    times = [arrival.at for arrival in reading.arrivals]
    assert times == sorted(times)
    assert len(set(times)) == len(times)


def test_a_stop_is_found_at_once_behind_megabytes_that_nobody_looked_at():
    data = frame(TEXT, order('teleop', 'x', linear=0.3).encode()) * 40_000
    reading = ReadAhead()
    reading.begin_to_look()
    reading._pumping = True
    found: list[bytes] = []
    reading.judge = lambda text, arrival: not found.append(text or b'')
    reading.urgent_words = [b'stop', b'cancel', b'pause', b'\\u']
    reading._scanner.feed(HEAD)
    reading._unseen_at = len(HEAD)
    stop = frame(TEXT, order('stop', 's').encode())
    for at in range(0, len(data), 200_000):
        reading.look_at(data[at : at + 200_000])
    with untraced():
        began = time.thread_time()
        reading.look_at(stop)
        while order('stop', 's').encode() not in found:
            reading._look_ahead()  # As the loop's next turn does.
        spent = time.thread_time() - began
    assert len(found) == 1
    assert spent < 0.1  # 15 ms on a quiet machine; to judge each takes 0.2 s, in turns of 2 ms.


def test_frames_without_a_word_are_walked_over_in_one_go_while_there_is_time():
    before = frame(TEXT, b'x') * 5000
    stop = frame(TEXT, b'stop')
    data = before + stop + frame(TEXT, b'x' * 200) * 5000
    end = len(before) + len(stop)
    assert frames_with([b'stop'], data, math.inf) == ([(b'stop', end)], end, False)
    found, at, more = frames_with([b'stop'], data, 0.0)
    assert (found, more) == ([], True)
    assert 0 < at < len(before)
    assert frames_with([b'stop'], data[at:], math.inf)[0] == [(b'stop', end - at)]


def test_a_frame_that_cannot_be_looked_at_is_read_all_the_same_and_ends_no_connection():
    looked: list[str] = []

    async def say(socket: Any) -> None:
        await socket.send(order('stop', 'odd'))
        await ignore(socket)

    async def scenario() -> None:
        async with websocket_server(say) as port:
            robot = Robot(port, urgent=URGENT, heartbeat_interval=30.0)

            def decode(text: str) -> list[Any]:
                looked.append(text)
                # A name that is none, which only an adapter that is at fault makes.
                return [RemoteCommand([])] if len(looked) == 1 else [ChatReply('read')]

            robot.endpoints.current.decode = decode  # type: ignore[method-assign]
            async with robot:
                await robot.wait_for(lambda m: m == ChatReply('read'))
                assert robot.connection.inbound.faults == 1
                assert robot.connection._counters.received == 1
                changes = [m.state for m in robot.received if isinstance(m, LinkStateChanged)]
                assert changes == [LinkState.CONNECTING, LinkState.CONNECTED]

    asyncio.run(scenario())


def test_reading_rests_only_while_the_robot_is_yet_to_stop_and_not_for_long():
    reading = ReadAhead()
    reading.begin_to_look()
    assert not reading.quiet
    for waits, until, quiet in ((True, 10.0, True), (False, 10.0, False), (True, -1.0, False)):
        reading.urgent_waits = lambda waits=waits: waits
        reading._quiet_until = time.monotonic() + until
        assert reading.quiet is quiet
