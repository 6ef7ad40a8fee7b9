# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Log updates arrive in order and once, whatever of platform, disk and loop is slow."""

import asyncio
import threading

from fixtures.kept_state import on_record
import pytest

from xparo_bridge.link.backoff import Backoff
from xparo_bridge.link.log_upload import LogUploader
from xparo_bridge.link.rest import RestError
from xparo_bridge.messages import LogUpdate
from xparo_bridge.state import Queue, State
from xparo_bridge.state import writer as writer_module


class SlowPlatform:
    """Takes a request when it is allowed to; the first `failures` fail then."""

    has_token = True

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.took = []
        self.asked = asyncio.Event()
        self.allowed = asyncio.Event()

    async def post(self, path, update):
        self.asked.set()
        await self.allowed.wait()
        if self.failures:
            self.failures -= 1
            raise RestError('503', passing=True)
        self.took.append(update['logs'][0])


async def play(folder, client, before, during):
    """Put updates before the uploader runs, and more while the first one is being sent."""
    state = State(folder, print)
    queue = Queue(state.writer, 'log_updates', 'platform', 100_000)
    backoff = Backoff(initial=0.01, maximum=0.02, stable_after=0.0, refused=60.0)
    uploader = LogUploader(client, queue, look_period=0.02, backoff=backoff)
    for number in range(before):
        uploader.put(LogUpdate('s', [str(number)]))
    task = asyncio.create_task(uploader.run())
    try:
        async with asyncio.timeout(20.0):
            if not before:
                await asyncio.sleep(0)  # It looks for what an earlier run left.
            else:
                await client.asked.wait()
            for number in range(before, before + during):
                uploader.put(LogUpdate('s', [str(number)]))
                await asyncio.sleep(0)
            client.allowed.set()
            while len(client.took) < before + during:
                await asyncio.sleep(0.005)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        state.close()
    return client.took


@pytest.mark.parametrize('failures', [0, 1, 3])
@pytest.mark.parametrize(('before', 'during'), [(1, 16), (1, 17), (1, 40), (0, 40), (30, 30)])
def test_updates_arrive_in_order_and_once(tmp_path, before, during, failures):
    async def test():
        return await play(tmp_path, SlowPlatform(failures), before, during)

    assert asyncio.run(test()) == [str(number) for number in range(before + during)]


def test_what_nobody_waited_for_any_longer_is_handed_out_again():
    queue = Queue(None, 'log_updates', 'platform', 100_000)
    for text in ('one', 'two', 'three'):
        queue.append(text)
    # Two answers to two questions that were both asked before: the first one came too late.
    assert [text for _, text in queue._oldest_in_memory(1)[1]] == ['one']
    assert [text for _, text in queue._oldest_in_memory(1)[1]] == ['one']
    queue.forget(-1)
    assert [text for _, text in queue._oldest_in_memory(1)[1]] == ['two']
    assert len(queue) == 2


@pytest.mark.parametrize('sent', [False, True])
def test_what_was_handed_out_while_the_disk_failed_stays_first(tmp_path, monkeypatch, sent):
    monkeypatch.setattr(writer_module, 'RETRY_PERIOD', 0.01)
    failing = threading.Event()

    def disk() -> None:
        if failing.is_set():
            raise OSError(5, 'Input/output error')

    state = State(tmp_path, print, before_write=disk)
    queue = Queue(state.writer, 'log_updates', 'platform', 100_000)
    on_record(state)
    failing.set()
    queue.append('one')
    number, texts = first_of(queue)
    assert number < 0 and texts == ['one']
    failing.clear()
    queue.append('two')
    on_record(state)
    if sent:
        queue.forget(number)
    on_record(state)
    left = ['two'] if sent else ['one', 'two']
    assert first_of(queue, 100)[1] == left and len(queue) == len(left)
    state.close()


def first_of(queue, max_bytes=1):
    answers, answered = [], threading.Event()
    queue.ask_oldest(max_bytes, lambda *answer: (answers.append(answer), answered.set()))
    assert answered.wait(10.0)
    return answers[0][0], [text for _, text in answers[0][1]]


def test_an_update_that_is_not_taken_now_is_put_on_disk_at_once(tmp_path):
    class Failing:
        has_token = True

        async def post(self, path, update):
            raise RestError('503', passing=True)

    async def scenario():
        state = State(tmp_path, print)
        queue = Queue(state.writer, 'log_updates', 'platform', 100_000)
        later = Backoff(initial=60.0, maximum=60.0, stable_after=0.0, refused=60.0)
        uploader = LogUploader(Failing(), queue, look_period=60.0, backoff=later)
        task = asyncio.create_task(uploader.run())
        try:
            await asyncio.sleep(0)  # It looks for what an earlier run left.
            uploader.put(LogUpdate('s', ['kept']))
            async with asyncio.timeout(10.0):
                while not len(queue):
                    await asyncio.sleep(0.005)
            return on_record(state)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            state.close()

    asyncio.run(scenario())
