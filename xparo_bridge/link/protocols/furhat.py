# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Protocol `furhat`: the realtime API of a Furhat robot head, in which the head is the server.

Requests are `request.…`, what comes back `response.…`, both JSON objects; a request's request_id
comes back on its responses. docs/protocols.md has the table. What is asked and not answered in
time ends in an error, never in silence.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from math import inf
import time
from typing import Any, ClassVar, Self
from uuid import uuid4

from ... import messages as msg
from ...audio import Resampler
from ...credentials import Credentials
from ...json_writer import dumps
from ..pending import Pending, TooManyPending
from .base import (
    Frame,
    MAX_SAID,
    Protocol,
    ProtocolError,
    read_base64,
    read_field,
    read_list,
    unknown_type,
)
from .furhat_requests import request_body, REQUESTS
from .parts import parse_parts, readable_parts

ANSWER_TIME = 5.0  # s for what the head answers at once
STOP_TIME = 5.0  # s to fall silent
SOUND_TIME = 300.0  # s for sound of unknown length
SLOWEST_VOICE = 5.0  # characters a second
MAX_SOUND = 1 << 20  # bytes of one AudioFrame
MAX_WORDS = 10_000  # of one speech that are remembered until its end


class Furhat(Protocol):
    """One conversation with a Furhat head."""

    name: ClassVar[str] = 'furhat'
    required_credentials = ()
    capabilities = frozenset({*REQUESTS, msg.AudioFrame, msg.WatchUsers, msg.WatchCamera})

    def __init__(
        self,
        *,
        url: str,
        secret_key: str = '',
        clock: Callable[[], float] = time.monotonic,
        new_id: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        """Take the endpoint, `ws://<robot>:9000/v1/events`, and the key where one is needed."""
        self._url = url
        self._key = secret_key
        self._new_id = new_id
        self._pending = Pending(clock)
        self._speeches: dict[str, float] = {}  # say_id to s it may take, in speaking order
        self._texts: dict[str, str] = {}  # by say_id: what is to be said
        self._words: dict[str, list[str]] = {}  # by say_id: what was said so far
        self._speaking: str | None = None  # the say_id whose time is running
        self._listening: str | None = None  # request_id of it
        self._microphone_rate = 16000
        self._voice_rate: int | None = None  # Hz of the SpeakAudio under way
        self._resample = Resampler(16000, 16000)
        self._rates = (16000, 16000)
        self._readers: dict[str, Callable[[dict[str, Any], str, str], Any]] = {
            **_READERS,
            'response.auth': self._auth,
            'response.speak.start': self._speak_start,
            'response.speak.word': self._speak_word,
            'response.speak.end': self._speak_end,
            'response.listen.start': self._listen_start,
            'response.listen.end': self._listen_end,
            'response.audio.data': self._audio_data,
        }

    @classmethod
    def configured(cls, settings: Mapping[str, Any], credentials: Credentials) -> Self:
        return cls(url=settings['url'], secret_key=credentials.secret_key)

    def url(self) -> str:
        return self._url

    def redacted_url(self) -> str:
        return self._url

    def on_open(self) -> Sequence[Frame]:
        # Also without a key, as the maker's own clients do: the answer says whether one is needed.
        key = {'key': self._key} if self._key else {}
        return (dumps({'type': 'request.auth', **key}),)

    def on_close(self) -> Sequence[Any]:
        reason = 'the connection was lost'
        ends = self._pending.abandon(reason)
        if self._listening is not None:
            ends.append(msg.Listening(False, reason, self._listening))
        self._listening = self._voice_rate = None
        self._texts.clear()
        self._words.clear()
        self._watch_speech()
        return ends

    def deadline(self) -> float | None:
        return self._pending.deadline()

    def on_time(self) -> Sequence[Any]:
        failures = self._pending.expire()
        self._watch_speech()
        return failures

    def decode(self, frame: Frame) -> Sequence[Any]:
        body, problems = parse_parts(frame)
        kind = read_field(body, 'type', str, 'message')
        reader = self._readers.get(kind)
        if reader is None:
            raise unknown_type(kind, self._readers)
        request_id = read_field(body, 'request_id', str, kind, '')
        try:
            decoded = reader(body, kind, request_id)
        except ProtocolError as error:
            if not problems:
                raise
            raise ProtocolError(f'{problems[0].problem}; {error}') from error
        if kind in _LAST:
            self._pending.done(request_id)
            self._watch_speech()
        return [*problems, *(decoded if isinstance(decoded, list) else [decoded])]

    def encode(self, message: Any) -> Sequence[Frame]:
        if type(message) not in self.capabilities:
            self._refuse(message)
        if isinstance(message, msg.AudioFrame):
            body = {'type': 'request.speak.audio.data', 'audio': self._sound(message)}
        elif isinstance(message, msg.WatchUsers):
            body = {'type': f'request.users.{message.watch.value}'}
        elif isinstance(message, msg.WatchCamera):
            body = {'type': f'request.camera.{message.watch.value}'}
        else:
            body = request_body(message)
        try:
            request_id = self._await_answer(message)
        except TooManyPending as error:
            raise ProtocolError(str(error)) from None
        if request_id:
            body['request_id'] = request_id
        return (dumps(body),)

    def _await_answer(self, message: Any) -> str:
        """Remember what the message asks for; the id of its answers, empty for none."""
        if isinstance(message, (msg.Say, msg.PlayUrl, msg.SpeakAudio)):
            return self._begin_speech(message)
        if isinstance(message, msg.StopSpeech):
            self._stop_speeches()
        elif isinstance(message, msg.SpeakAudioEnd):
            self._voice_rate = None
        elif isinstance(message, msg.CaptureAudio):
            self._microphone_rate = message.rate
        asked: str | None = getattr(message, 'request_id', None)
        if asked is None:
            return ''
        request_id = asked or self._new_id()
        seconds, gesture = ANSWER_TIME, isinstance(message, msg.Gesture)
        if gesture and message.monitor:
            seconds += message.duration
        elif gesture or getattr(message, 'watch', msg.Watch.ONCE) is not msg.Watch.ONCE:
            return asked

        def fail(reason: str) -> Any:
            if gesture:
                return msg.GestureState(message.name, False, request_id, reason)
            return msg.PeerError(
                msg.PeerErrorCode.TIMED_OUT, f'{type(message).__name__}: {reason}', request_id
            )

        self._pending.add(request_id, seconds, fail)
        return request_id

    def _begin_speech(self, message: msg.Say | msg.PlayUrl | msg.SpeakAudio) -> str:
        say_id = message.say_id or self._new_id()
        self._pending.add(
            say_id, inf, lambda reason: msg.SpeechEnded('', say_id, failed=True, error=reason)
        )
        if isinstance(message, msg.SpeakAudio):
            self._voice_rate = message.rate
        else:
            self._texts[say_id] = message.text
            if message.interrupt:
                self._stop_speeches()
        self._speeches[say_id] = SOUND_TIME
        if isinstance(message, msg.Say):
            self._speeches[say_id] = 2 * ANSWER_TIME + len(message.text) / SLOWEST_VOICE
        self._watch_speech()
        return say_id

    def _stop_speeches(self) -> None:
        for say_id in self._speeches:
            self._pending.extend(say_id, STOP_TIME)
        self._speeches = dict.fromkeys(self._speeches, STOP_TIME)

    def _watch_speech(self) -> None:
        """Count time for the speech whose turn it is; those behind it wait without limit."""
        self._speeches = {
            say_id: time for say_id, time in self._speeches.items() if say_id in self._pending
        }
        for kept in (self._texts, self._words):
            for say_id in kept.keys() - self._speeches.keys():
                del kept[say_id]
        first = next(iter(self._speeches), None)
        if first is not None and first != self._speaking:
            self._pending.extend(first, self._speeches[first])
        self._speaking = first

    def _sound(self, frame: msg.AudioFrame) -> str:
        if self._voice_rate is None:
            raise ProtocolError('sound without SpeakAudio before it')
        if len(frame.data) % 2 or len(frame.data) > MAX_SOUND:
            raise ProtocolError(
                f'sound of {len(frame.data)} bytes, expected whole 16-bit samples, at '
                f'most {MAX_SOUND} bytes'
            )
        if self._rates != (frame.rate, self._voice_rate):
            try:
                self._resample = Resampler(frame.rate, self._voice_rate)
            except ValueError as error:
                raise ProtocolError(str(error)) from None
            self._rates = (frame.rate, self._voice_rate)
        return base64.b64encode(self._resample(frame.data)).decode()

    def _speak_start(self, data: dict[str, Any], kind: str, request_id: str) -> Any:
        if request_id in self._speeches:
            self._pending.extend(request_id, self._speeches[request_id])
        time = read_field(data, 'gen_time', float, kind, None)
        return msg.SpeechStarted(
            read_field(data, 'text', str, kind, ''),
            request_id,
            None if time is None else time / 1000,
        )

    def _auth(self, data: dict[str, Any], kind: str, request_id: str) -> Any:
        if read_field(data, 'access', bool, kind):
            return msg.Access(read_field(data, 'scope', str, kind, ''))
        why = 'the head refused the key' if self._key else 'the head asks for a key'
        return msg.PeerError(msg.PeerErrorCode.AUTH_FAILED, why)

    def _speak_word(self, data: dict[str, Any], kind: str, request_id: str) -> Any:
        word = msg.SpeechWord(
            read_field(data, 'word', str, kind), read_field(data, 'index', int, kind), request_id
        )
        if request_id in self._texts:
            words = self._words.setdefault(request_id, [])
            if len(words) < MAX_WORDS:
                words.append(word.word)
        return word

    def _speak_end(self, data: dict[str, Any], kind: str, request_id: str) -> Any:
        aborted = read_field(data, 'aborted', bool, kind, False)
        failed = read_field(data, 'failed', bool, kind, False)
        # A head ends without a text: then all was said, or the words that it reported.
        spoken = read_field(data, 'text', str, kind, '')
        if not spoken and not (aborted or failed):
            spoken = self._texts.get(request_id, '')
        return msg.SpeechEnded(
            spoken or ' '.join(self._words.get(request_id, ())), request_id, aborted, failed
        )

    def _listen_start(self, data: dict[str, Any], kind: str, request_id: str) -> Any:
        self._listening = request_id
        return msg.Listening(True, request_id=request_id)

    def _listen_end(self, data: dict[str, Any], kind: str, request_id: str) -> Any:
        self._listening = None
        return msg.Listening(False, read_field(data, 'cause', str, kind, ''), request_id)

    def _audio_data(self, data: dict[str, Any], kind: str, request_id: str) -> Any:
        frames = []
        for source in (msg.AudioSource.MICROPHONE, msg.AudioSource.SPEAKER):
            if data.get(source.value) is not None:
                sound = read_base64(data, source.value, kind)
                if len(sound) % 2:
                    raise ProtocolError(f'{kind}: "{source.value}" ends in half a sample')
                frames.append(msg.AudioFrame(sound, self._microphone_rate, source))
        return frames


def _user(data: dict[str, Any]) -> msg.User:
    where = 'response.users.data, user'
    x, y, z = (read_field(data, axis, float, where) for axis in 'xyz')
    other = {key: value for key, value in data.items() if key not in ('id', 'x', 'y', 'z')}
    return msg.User(read_field(data, 'id', str, where), x, y, z, other)


def _users(data: dict[str, Any], kind: str, request_id: str) -> list[Any]:
    """Users as far as they can be read: one that cannot costs itself."""
    users: list[msg.User] = []
    problems: list[msg.LinkProblem] = []
    for number, user in enumerate(read_field(data, 'users', list, kind)):
        try:
            users.append(_user(read_field({'user': user}, 'user', dict, f'{kind}, item {number}')))
        except ProtocolError as error:
            if len(problems) < MAX_SAID:
                problems.append(msg.LinkProblem(str(error)))
    if problems and not users:
        raise ProtocolError(problems[0].problem)
    return [*problems, msg.Users(users, request_id)]


def _text_of(value: Any) -> str:
    """Target of attention: a name, or a place as JSON text."""
    value = readable_parts(value)
    return value if isinstance(value, str) else '' if value is None else dumps(value)


# Responses after which nothing more comes for their request_id.
_LAST = frozenset(
    f'response.{kind}'
    for kind in (
        'speak.end',
        'listen.start',
        'voice.status',
        'gesture.end',
        'face.status',
        'users.data',
        'camera.data',
        'system.status',
    )
)

_READERS: dict[str, Callable[[dict[str, Any], str, str], Any]] = {
    'response.speak.audio.buffer': lambda data, kind, request_id: msg.AudioBuffer(
        received=read_field(data, 'received', int, kind),
        played=read_field(data, 'played', int, kind),
    ),
    'response.hear.start': lambda data, kind, request_id: msg.HearingStarted(request_id),
    'response.hear.partial': lambda data, kind, request_id: msg.Heard(
        read_field(data, 'text', str, kind), False, request_id
    ),
    'response.hear.end': lambda data, kind, request_id: msg.Heard(
        read_field(data, 'text', str, kind, ''), True, request_id
    ),
    'response.voice.status': lambda data, kind, request_id: msg.Voices(
        read_field(data, 'voice_id', str, kind, ''),
        read_field(data, 'voice_list', list, kind, []),
        request_id,
    ),
    'response.attend.status': lambda data, kind, request_id: msg.Attention(
        _text_of(data.get('target')), _text_of(data.get('current'))
    ),
    'response.gesture.start': lambda data, kind, request_id: msg.GestureState(
        read_field(data, 'name', str, kind, ''), True, request_id
    ),
    'response.gesture.end': lambda data, kind, request_id: msg.GestureState(
        read_field(data, 'name', str, kind, ''), False, request_id
    ),
    'response.face.status': lambda data, kind, request_id: msg.Faces(
        read_field(data, 'face_id', str, kind, ''),
        read_list(data, 'face_list', str, kind, []),
        request_id,
    ),
    'response.users.data': lambda data, kind, request_id: _users(data, kind, request_id),
    'response.camera.data': lambda data, kind, request_id: msg.CameraFrame(
        read_base64(data, 'image', kind), request_id
    ),
    'response.system.status': lambda data, kind, request_id: msg.SystemState(
        read_field(data, 'volume', float, kind, 0.0),
        read_field(data, 'virtual', bool, kind, False),
        request_id,
    ),
}
