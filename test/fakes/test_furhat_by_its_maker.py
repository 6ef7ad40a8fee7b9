# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does the maker's own client take the fake head for a real one?"""

import asyncio
import threading

from furhat import FakeFurhat
import pytest

maker = pytest.importorskip('furhat_realtime_api')


@pytest.fixture
def head():
    """Give a fake head with a key, in a thread of its own, and a way to run things there."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    fake = FakeFurhat(key='k', hears='bring me some tea')
    fake.on_its_thread = lambda work: asyncio.run_coroutine_threadsafe(work, loop).result(10)
    fake.on_its_thread(fake.start())
    yield fake
    fake.on_its_thread(fake.stop())
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def client(head):
    """Give the maker's blocking client, connected."""
    client = maker.FurhatClient('127.0.0.1', 'k')
    # The client knows one port only.
    client.async_client.ws_url = f'ws://127.0.0.1:{head.port}/v1/events'
    client.connect()
    yield client
    client.disconnect()
    client._loop.call_soon_threadsafe(client._loop.stop)
    client._thread.join()
    client._loop.close()
    assert head.problems == []


def test_it_says_something_and_waits_for_the_end(client, head):
    client.request_speak_text('Hello world, I am Furhat.', wait=True)
    assert head.said == ['Hello world, I am Furhat.']


def test_it_listens(client):
    client.request_listen_config(['en-US'], ['tea'])
    assert client.request_listen_start(partial=True) == 'bring me some tea'


def test_it_uses_everything_the_blocking_client_has(client):
    assert client.request_voice_status()['voice_id'] == 'Emma-Neural'
    assert client.request_voice_config(name='Emma')['voice_list']
    client.request_attend_user()
    client.request_attend_location(1.0, 0.0, 1.0)
    client.request_gesture_start('Smile', wait=True)
    client.request_face_params({'SMILE_OPEN': 0.5})
    client.request_face_headpose(10.0, 0.0, 0.0, True)
    client.request_face_config('adult - Titan', True, None)
    assert client.request_face_status()['face_list']
    client.request_face_reset()
    client.request_led_set('#ff0000')
    client.request_speak_audio('http://127.0.0.1/a.wav', wait=True)
    client.request_speak_stop()
    assert client.request_users_once()['users'][0]['id'] == 'user-1'
    assert client.request_camera_once()['image']


def test_it_streams_sound_words_users_and_pictures(client):
    events = maker.Events
    seen = {
        kind: threading.Event()
        for kind in (
            events.response_speak_word,
            events.response_speak_audio_buffer,
            events.response_audio_data,
            events.response_users_data,
            events.response_camera_data,
            events.response_listen_end,
        )
    }

    async def stream():
        asynchronous = client.async_client
        for kind, event in seen.items():

            async def note(body, event=event):
                event.set()

            asynchronous.add_handler(kind, note)
        await asynchronous.request_speak_text('one two', monitor_words=True)
        await asynchronous.request_speak_audio_start()
        await asynchronous.request_speak_audio_data('AAAA' * 4)
        await asynchronous.request_speak_audio_end()
        await asynchronous.request_audio_start(speaker=True)
        await asynchronous.request_users_start()
        await asynchronous.request_camera_start()
        await asynchronous.request_listen_start()

    client._run_coroutine(stream())
    assert all(event.wait(10) for event in seen.values())

    async def stop():
        await client.async_client.request_audio_stop()
        await client.async_client.request_users_stop()
        await client.async_client.request_camera_stop()
        await client.async_client.request_listen_stop()

    client._run_coroutine(stop())


def test_it_is_not_let_in_with_a_wrong_key(head):
    client = maker.AsyncFurhatClient('127.0.0.1', 'wrong')
    client.ws_url = f'ws://127.0.0.1:{head.port}/v1/events'

    async def connect():
        with pytest.raises(RuntimeError, match='Authentication failed'):
            await client.connect()
        await client.disconnect()

    asyncio.run(connect())
