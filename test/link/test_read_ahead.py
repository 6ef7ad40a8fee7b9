# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is each frame looked at before it is read, and each byte that is kept handed on as it was."""

from __future__ import annotations

import asyncio
import json
import random
import time
from typing import Any

from fixtures.peers import frame, websocket_server
from fixtures.robot_side import adapter, ignore, Robot
import pytest

from xparo_bridge.link.read_ahead import Arrival, FrameScanner, LOOKED_INTO, ReadAhead
from xparo_bridge.messages import RemoteCommand, TurnReached

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

    def judge(text: bytes | None) -> bool:
        shown.append(text)
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
    scanner = FrameScanner(lambda text: text is None)
    assert scanner.feed(HEAD) == HEAD
    assert scanner.feed(wrong) == wrong
    assert scanner.feed(frame(TEXT, b'after')) == frame(TEXT, b'after')


def test_a_handshake_that_never_ends_is_handed_on_as_it_comes():
    scanner = FrameScanner(lambda text: False)
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
def test_a_cancel_goes_first_and_its_turn_is_told_behind_what_it_overtook(form):
    async def say(socket: Any) -> None:
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
            cancel = next(m for m in there if getattr(m, 'command_id', '') == 'c')
            assert cancel.ahead
            assert turns == [TurnReached(cancel.received_at)]
            turn = there.index(turns[0])
            before = [m.command_id for m in there[:turn] if m is not cancel]
            assert before == [f'{number}' for number in range(200)]
            assert [m.command_id for m in there[turn + 1 :]] == ['after']

    asyncio.run(scenario())
