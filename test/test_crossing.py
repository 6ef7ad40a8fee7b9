# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The crossing: order kept, one wake-up for many messages, neither side waits."""

import asyncio
import itertools
import os
import threading

from xparo_bridge.crossing import Crossing, INBOUND_BYTES, MAX_OUTBOUND
from xparo_bridge.faults import FAULTS
from xparo_bridge.messages import CommandState, CommandStatus


def test_messages_reach_the_loop_in_order_from_another_thread():
    async def run() -> list[int]:
        received: list[int] = []
        done = asyncio.Event()

        def on_message(link: str, message: int) -> None:
            received.append(message)
            if len(received) == 1000:
                done.set()

        crossing = Crossing(lambda: None)
        crossing.attach(on_message)
        thread = threading.Thread(target=lambda: [crossing.send('a', i) for i in range(1000)])
        thread.start()
        await asyncio.wait_for(done.wait(), 10)
        thread.join()
        return received

    assert asyncio.run(run()) == list(range(1000))


def test_what_was_sent_before_the_loop_ran_is_not_lost():
    async def run() -> list[tuple[str, int]]:
        received: list[tuple[str, int]] = []
        crossing = Crossing(lambda: None)
        crossing.send('a', 1)
        crossing.attach(lambda link, message: received.append((link, message)))
        return received

    assert asyncio.run(run()) == [('a', 1)]


def test_many_messages_wake_the_loop_once():
    async def run() -> int:
        crossing = Crossing(lambda: None)
        crossing.attach(lambda link, message: None)
        loop = asyncio.get_running_loop()
        wakes = 0
        original = loop.call_soon_threadsafe

        def counting(*args: object, **options: object) -> object:
            nonlocal wakes
            wakes += 1
            return original(*args, **options)  # type: ignore[arg-type]

        loop.call_soon_threadsafe = counting  # type: ignore[method-assign, assignment]

        def send() -> None:
            for number in range(100):
                crossing.send('a', number)

        sending = threading.Thread(target=send)
        sending.start()
        sending.join()
        await asyncio.sleep(0)
        return wakes

    assert asyncio.run(run()) == 1


def test_what_the_loop_is_watching_for_is_sent_behind_what_waits():
    async def run() -> list[int]:
        received: list[int] = []
        crossing = Crossing(lambda: None)
        reader, writer = os.pipe()
        numbers = itertools.count()

        def ready() -> None:
            os.read(reader, 1)
            crossing.send('a', next(numbers))

        crossing.watch(reader, ready)
        crossing.attach(lambda link, message: received.append(message))
        os.write(writer, b'1')
        while not received:
            await asyncio.sleep(0)
        sending = threading.Thread(target=crossing.send, args=('a', next(numbers)))
        sending.start()
        sending.join()
        ready_again = asyncio.get_running_loop().create_future()
        crossing.send('a', next(numbers))  # In the loop's thread, before it could take the other.
        asyncio.get_running_loop().call_soon(ready_again.set_result, None)
        await ready_again
        while len(received) < 3:
            await asyncio.sleep(0)
        os.close(reader)
        os.close(writer)
        return received

    assert asyncio.run(run()) == [0, 1, 2]


def test_sending_after_the_loop_is_closed_does_nothing():
    crossing = Crossing(lambda: None)

    async def run() -> None:
        crossing.attach(lambda link, message: None)

    asyncio.run(run())
    crossing.send('a', 1)


def test_each_message_wakes_the_robot_and_is_taken_in_order():
    wakes: list[None] = []
    crossing = Crossing(lambda: wakes.append(None))
    crossing.deliver('a', 'first', 10)
    crossing.deliver('b', 'second', 10)
    assert len(wakes) == 2
    assert [crossing.pop(), crossing.pop(), crossing.pop()] == [
        ('a', 'first'),
        ('b', 'second'),
        None,
    ]


def test_it_is_full_when_the_robot_does_not_take():
    crossing = Crossing(lambda: None)
    crossing.deliver('a', 'big', INBOUND_BYTES)
    assert not crossing.full('a')
    crossing.deliver('a', 'more', 1)
    assert crossing.full('a')
    assert not crossing.full('b')
    crossing.pop()
    assert not crossing.full('a')


def test_links_take_turns():
    crossing = Crossing(lambda: None)
    for number in range(3):
        crossing.deliver('flood', number, 10)
    crossing.deliver('other', 'hello', 10)
    assert [crossing.pop() for _ in range(5)] == [
        ('flood', 0),
        ('other', 'hello'),
        ('flood', 1),
        ('flood', 2),
        None,
    ]


def test_what_is_urgent_is_taken_before_all_that_waits():
    crossing = Crossing(lambda: None)
    crossing.deliver('a', 'first', 10)
    crossing.deliver('b', 'stop', urgent=True)
    assert crossing.urgent == 1
    assert [crossing.pop(), crossing.pop(), crossing.pop()] == [
        ('b', 'stop'),
        ('a', 'first'),
        None,
    ]


def test_what_waits_for_links_that_stand_still_is_bounded_but_for_what_must_arrive():
    crossing = Crossing(lambda: None)
    ends = [CommandStatus(str(n), 'go', CommandState.SUCCEEDED) for n in range(50)]
    before = sum(FAULTS.counts.values())
    for number in range(MAX_OUTBOUND + 1000):
        crossing.send('platform', number)
    for end in ends:
        crossing.send('platform', end)
    assert crossing.waiting['to the links'] == MAX_OUTBOUND + len(ends)
    assert sum(FAULTS.counts.values()) == before + 1000

    async def run() -> list[object]:
        received: list[object] = []
        over = asyncio.Event()

        def on_message(link: str, message: object) -> None:
            received.append(message)
            if message is ends[-1]:
                over.set()

        crossing.attach(on_message)
        await over.wait()
        return received

    assert asyncio.run(run()) == [*range(MAX_OUTBOUND), *ends]
