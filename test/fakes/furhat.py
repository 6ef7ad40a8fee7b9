# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
A fake Furhat head: `python test/fakes/furhat.py --port 9000`.

It speaks at `pace` seconds a word, hears what `person_says` (or `--hears`) says while it listens,
and chokes on a request that is unknown or has a field too few, too many or of another type.
"""

from __future__ import annotations

import asyncio
import base64
import re
from typing import Any

from peer import check, Choke, FakePeer, run

JPEG = base64.b64encode(bytes.fromhex('ffd8ffd9')).decode()
VOICES = [
    {
        'voice_id': 'Emma-Neural',
        'name': 'Emma',
        'gender': 'female',
        'language': 'en-GB',
        'provider': 'amazon_polly',
    }
]
FACES = ['adult - Titan', 'child - Kione']

SLACK: dict[str, Any] = {
    'slack_pitch': float,
    'slack_yaw': float,
    'slack_timeout': int,
    'speed': str,
}
# Fields of each request: those that are due, those that may be there.
REQUESTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    'auth': ({}, {'key': str}),
    'speak.text': ({'text': str}, {'abort': bool, 'monitor_words': bool, 'interruptable': bool}),
    'speak.audio': ({'url': str}, {'text': str, 'lipsync': bool, 'abort': bool}),
    'speak.audio.start': ({}, {'sample_rate': int, 'lipsync': bool}),
    'speak.audio.data': ({'audio': str}, {}),
    'speak.audio.end': ({}, {}),
    'speak.stop': ({}, {}),
    'listen.config': ({'languages': list}, {'phrases': list}),
    'listen.start': (
        {},
        {
            'partial': bool,
            'concat': bool,
            'stop_no_speech': bool,
            'stop_robot_start': bool,
            'stop_user_end': bool,
            'resume_robot_end': bool,
            'no_speech_timeout': float,
            'end_speech_timeout': float,
        },
    ),
    'listen.stop': ({}, {}),
    'voice.config': (
        {},
        {
            'voice_id': str,
            'name': str,
            'gender': str,
            'language': str,
            'provider': str,
            'input_language': bool,
        },
    ),
    'voice.status': ({}, {'voice_id': bool, 'voice_list': bool}),
    'attend.user': ({}, {'user_id': str, **SLACK}),
    'attend.location': ({'x': float, 'y': float, 'z': float}, SLACK),
    'attend.nobody': ({}, {}),
    'gesture.start': ({'name': str}, {'intensity': float, 'duration': float, 'monitor': bool}),
    'face.params': ({'params': dict}, {}),
    'face.headpose': (
        {'yaw': float, 'pitch': float, 'roll': float},
        {'relative': bool, 'speed': str},
    ),
    'face.config': (
        {},
        {
            'face_id': str,
            'visibility': bool,
            'microexpressions': bool,
            'blinking': bool,
            'head_sway': bool,
        },
    ),
    'face.status': ({}, {'face_id': bool, 'face_list': bool}),
    'face.reset': ({}, {}),
    'led.set': ({'color': str}, {}),
    'led.set.individual': ({'leds': list}, {'fill': bool}),
    'system.config': ({'volume': int}, {}),
    **{f'users.{how}': ({}, {}) for how in ('start', 'stop', 'once')},
    **{f'camera.{how}': ({}, {}) for how in ('start', 'stop', 'once')},
    'audio.start': ({}, {'sample_rate': int, 'microphone': bool, 'speaker': bool}),
    'audio.stop': ({}, {}),
    'system.status': ({}, {}),
}


class FakeFurhat(FakePeer):
    """A head; with a key it lets nobody in without it."""

    routes = {'/v1/events': 'events'}

    def __init__(self, key: str = '', pace: float = 0.005, hears: str = '') -> None:
        super().__init__()
        self.key = key
        self.pace = pace
        self.hears = hears
        self.users = [{'id': 'user-1', 'x': 0.1, 'y': 0.0, 'z': 1.2}]
        self.said: list[str] = []
        self.volume = 70
        self._let_in: set[int] = set()
        self._speeches: list[tuple[Any, dict[str, Any]]] = []
        self._speaking: asyncio.Task[None] | None = None
        self._abort = asyncio.Event()
        self._listening: tuple[Any, dict[str, Any]] | None = None
        self._streams: dict[str, asyncio.Task[None]] = {}
        self._sound: dict[str, Any] | None = None

    async def text(self, ws: Any, body: dict[str, Any]) -> None:
        if 'type' not in body:
            raise Choke('type is missing')
        kind = str(body['type']).removeprefix('request.')
        if not str(body['type']).startswith('request.') or kind not in REQUESTS:
            raise Choke(f'unknown request {body["type"]}')
        required, optional = REQUESTS[kind]
        fields = {key: value for key, value in body.items() if key != 'type'}
        check(fields, required, kind, {**optional, 'request_id': str})
        if kind == 'system.config':
            self.volume = body['volume']
        if kind == 'auth':
            await self._auth(ws, body)
            return
        if self.key and id(ws) not in self._let_in:
            raise Choke(f'{kind} before authentication')
        group, _, what = kind.partition('.')
        if what in ('start', 'stop', 'once') and group in ('users', 'camera', 'audio'):
            await self._stream(ws, body, group, what)
        else:
            handler = getattr(self, '_' + kind.replace('.', '_'), None)
            if handler is not None:
                await handler(ws, body)

    async def person_says(self, text: str) -> None:
        """Say something to the head; it must be listening."""
        if self._listening is None:
            raise Choke('the head does not listen')
        ws, request = self._listening
        await self._report(ws, request, 'hear.start')
        if request.get('partial'):
            words = text.split()
            for count in range(1, len(words)):
                await self._report(ws, request, 'hear.partial', text=' '.join(words[:count]))
        await self._report(ws, request, 'hear.end', text=text)
        if request.get('stop_user_end', True):
            await self._end_listening('speech_end')

    async def _report(self, ws: Any, request: dict[str, Any], kind: str, **fields: Any) -> None:
        body = {'type': f'response.{kind}', **fields}
        if 'request_id' in request:
            body['request_id'] = request['request_id']
        self._news.set()
        if not ws.closed:
            await ws.send_json(body)

    async def _auth(self, ws: Any, body: dict[str, Any]) -> None:
        access = not self.key or body.get('key') == self.key
        if access:
            self._let_in.add(id(ws))
        await self._report(
            ws, body, 'auth', access=access, **({'scope': 'localhost'} if access else {})
        )

    async def _speak_text(self, ws: Any, body: dict[str, Any]) -> None:
        if body.get('abort'):
            self._stop_speaking()
        self._speeches.append((ws, body))
        if self._speaking is None or self._speaking.done():
            self._abort.clear()
            self._speaking = self.in_background(self._speak())

    async def _speak_audio(self, ws: Any, body: dict[str, Any]) -> None:
        if not re.match(r'https?://', body['url']):
            raise Choke(f'no URL: {body["url"]}')
        await self._speak_text(ws, {'text': 'AUDIO', **body})

    async def _speak(self) -> None:
        while self._speeches:
            ws, body = self._speeches.pop(0)
            words = body['text'].split()
            spoken: list[str] = []
            await self._report(ws, body, 'speak.start', text=body['text'], gen_time=50)
            for index, word in enumerate(words):
                if body.get('monitor_words'):
                    await self._report(ws, body, 'speak.word', word=word, index=index)
                try:
                    await asyncio.wait_for(self._abort.wait(), self.pace)
                    break
                except TimeoutError:
                    spoken.append(word)
            aborted = self._abort.is_set()
            self._abort.clear()
            self.said.append(' '.join(spoken))
            await self._report(
                ws, body, 'speak.end', text=' '.join(spoken), aborted=aborted, failed=False
            )

    def _stop_speaking(self) -> None:
        # What waits its turn is forgotten; only what is being said tells of its end.
        self._speeches.clear()
        if self._speaking is not None and not self._speaking.done():
            self._abort.set()

    async def _speak_stop(self, ws: Any, body: dict[str, Any]) -> None:
        self._stop_speaking()
        if self._sound is not None:
            await self._end_sound(ws, aborted=True)

    async def _speak_audio_start(self, ws: Any, body: dict[str, Any]) -> None:
        if self._sound is not None:
            raise Choke('speak.audio.start twice')
        self._sound = {**body, 'received': 0}
        await self._report(ws, body, 'speak.start', text='', gen_time=0)

    async def _speak_audio_data(self, ws: Any, body: dict[str, Any]) -> None:
        if self._sound is None:
            raise Choke('speak.audio.data without a start')
        sound = base64.b64decode(body['audio'], validate=True)
        if len(sound) % 2:
            raise Choke('half a sample')
        self._sound['received'] += len(sound)
        await self._report(
            ws, self._sound, 'speak.audio.buffer', played=0, received=self._sound['received']
        )

    async def _speak_audio_end(self, ws: Any, body: dict[str, Any]) -> None:
        if self._sound is None:
            raise Choke('speak.audio.end without a start')
        await self._end_sound(ws, aborted=False)

    async def _end_sound(self, ws: Any, *, aborted: bool) -> None:
        sound, self._sound = self._sound, None
        await self._report(ws, sound, 'speak.end', text='', aborted=aborted, failed=False)

    async def _listen_start(self, ws: Any, body: dict[str, Any]) -> None:
        self._listening = (ws, body)
        await self._report(ws, body, 'listen.start')
        if self.hears:
            await self.person_says(self.hears)
        elif body.get('stop_no_speech', True):
            self.in_background(self._hear_nothing(body))

    async def _hear_nothing(self, body: dict[str, Any]) -> None:
        await asyncio.sleep(body.get('no_speech_timeout', 8.0))
        if self._listening is not None and self._listening[1] is body:
            await self._end_listening('silence_timeout')

    async def _listen_stop(self, ws: Any, body: dict[str, Any]) -> None:
        if self._listening is not None:
            await self._end_listening('stopped')

    async def _end_listening(self, cause: str) -> None:
        assert self._listening is not None
        ws, request = self._listening
        self._listening = None
        await self._report(ws, request, 'listen.end', cause=cause)

    async def _voice_status(self, ws: Any, body: dict[str, Any]) -> None:
        await self._report(ws, body, 'voice.status', voice_id='Emma-Neural', voice_list=VOICES)

    _voice_config = _voice_status

    async def _attend_user(self, ws: Any, body: dict[str, Any]) -> None:
        await self._report(
            ws, body, 'attend.status', target=body.get('user_id', 'closest'), current='user-1'
        )

    async def _attend_nobody(self, ws: Any, body: dict[str, Any]) -> None:
        await self._report(ws, body, 'attend.status', target='nobody', current='nobody')

    async def _gesture_start(self, ws: Any, body: dict[str, Any]) -> None:
        if body.get('monitor'):
            await self._report(ws, body, 'gesture.start', name=body['name'])
            await self._report(ws, body, 'gesture.end', name=body['name'])

    async def _face_params(self, ws: Any, body: dict[str, Any]) -> None:
        for name, value in body['params'].items():
            if type(value) not in (int, float):
                raise Choke(f'face.params: {name} is {type(value).__name__}')

    async def _face_status(self, ws: Any, body: dict[str, Any]) -> None:
        await self._report(ws, body, 'face.status', face_id=FACES[0], face_list=FACES)

    async def _led_set(self, ws: Any, body: dict[str, Any]) -> None:
        if not re.fullmatch(r'#[0-9a-fA-F]{6}|[a-z]+', body['color']):
            raise Choke(f'led.set: no colour: {body["color"]}')

    async def _system_status(self, ws: Any, body: dict[str, Any]) -> None:
        await self._report(ws, body, 'system.status', volume=self.volume, virtual=True)

    async def _stream(self, ws: Any, body: dict[str, Any], group: str, what: str) -> None:
        if what == 'once':
            await self._sample(ws, body, group)
            return
        if group in self._streams:
            self._streams.pop(group).cancel()
        if what == 'start':
            self._streams[group] = self.in_background(self._flow(ws, body, group))

    async def _flow(self, ws: Any, body: dict[str, Any], group: str) -> None:
        while not ws.closed:
            await self._sample(ws, body, group)
            await asyncio.sleep(0.03)

    async def _sample(self, ws: Any, body: dict[str, Any], group: str) -> None:
        if group == 'users':
            await self._report(ws, body, 'users.data', users=self.users)
        elif group == 'camera':
            await self._report(ws, body, 'camera.data', image=JPEG)
        else:
            silence = base64.b64encode(bytes(2 * body.get('sample_rate', 16000) * 3 // 100))
            sources = {
                name: silence.decode()
                for name, default in (('microphone', True), ('speaker', False))
                if body.get(name, default)
            }
            await self._report(ws, body, 'audio.data', **sources)


if __name__ == '__main__':
    run(
        lambda given: FakeFurhat(given.key, 0.3, given.hears),
        9000,
        key={'default': '', 'help': 'let nobody in without it'},
        hears={'default': '', 'help': 'what a person says whenever the head listens'},
    )
