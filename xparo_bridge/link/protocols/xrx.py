# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Protocol `xrx`: a voice agent that hears the robot's microphone and answers in text and speech.

Text frames are JSON objects, binary frames sound: s16le mono, from the robot in frames of 30 ms.
The server hears at the rate of its speech-to-text (16 kHz) and speaks at that of its
text-to-speech (24 kHz), both as its makers ship it. docs/protocols.md has the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from ...audio import Framer, MAX_RATE, MIN_RATE, Resampler
from ...credentials import Credentials
from ...json_writer import dumps
from ...messages import (
    AgentAction,
    AudioFrame,
    AudioSource,
    ChatDelta,
    ChatReply,
    ChatRequest,
    ClearAudio,
    Heard,
    Json,
    Message,
    PeerActivity,
    PeerState,
    SpeechDone,
    Widget,
)
from .base import (
    Frame,
    parse_json,
    Protocol,
    ProtocolError,
    read_field,
    read_options,
    unknown_type,
)
from .parts import parse_parts, readable_parts

FRAME_TIME = 0.030  # s of sound in a frame
STT_RATE, TTS_RATE = 16000, 24000  # Hz
MAX_SOUND = 1 << 20  # bytes of one AudioFrame

STARTED, ENDED = 'agent_started_thinking', 'agent_ended_thinking'
ACTIONS: dict[str, Message] = {
    STARTED: PeerActivity(PeerState.THINKING),
    ENDED: PeerActivity(PeerState.IDLE),
    'clear_audio_buffer': ClearAudio(),
    'audio_generation_done': SpeechDone(),
}


class Xrx(Protocol):
    """
    One robot's conversation with an xRx server.

    A turn of the agent lasts from `agent_started_thinking` to `agent_ended_thinking`. Its texts
    are pieces of a stream as they come, and the last of them is the reply: those before it are
    fillers such as "One moment please". A server that reports no turns replies with each text.
    """

    name: ClassVar[str] = 'xrx'
    required_credentials = ()
    capabilities = frozenset({ChatRequest, AgentAction, AudioFrame})

    def __init__(
        self,
        *,
        url: str,
        secret_key: str = '',
        stt_sample_rate: int = 0,
        tts_sample_rate: int = 0,
        sample_rate: int = 0,
    ) -> None:
        """
        Take the endpoint, the API key where one is set, and the server's rates, Hz.

        `sample_rate` stands for both; 0 means what the server's makers ship.

        :raises ProtocolError: for a rate that sound cannot have.
        """
        self._url = url
        self._api_key = secret_key
        self._stt_rate = stt_sample_rate or sample_rate or STT_RATE
        self._tts_rate = tts_sample_rate or sample_rate or TTS_RATE
        for rate in (self._stt_rate, self._tts_rate):
            if not MIN_RATE <= rate <= MAX_RATE:
                raise ProtocolError(
                    f'options: a sample rate of {rate} Hz, expected {MIN_RATE} to {MAX_RATE}'
                )
        self._asked = False  # Whether something was said to which no text came yet.
        self._turns = 0
        self._turn_id = ''  # '' while the agent has no turn.
        self._said: str | None = None  # its last text of this turn
        self.on_open()

    @classmethod
    def configured(cls, settings: Mapping[str, Any], credentials: Credentials) -> Self:
        return cls(
            url=settings['url'],
            secret_key=credentials.secret_key,
            **read_options(settings, stt_sample_rate=int, tts_sample_rate=int, sample_rate=int),
        )

    def url(self) -> str:
        return self._url

    def redacted_url(self) -> str:
        return self._url

    def headers(self) -> dict[str, str]:
        return {'x-api-key': self._api_key} if self._api_key else {}

    def on_open(self) -> Sequence[Frame]:
        # Sound from before the connection was lost does not belong to what is said now.
        self._frames = Framer(round(self._stt_rate * FRAME_TIME) * 2)
        self._resample = Resampler(self._stt_rate, self._stt_rate)
        self._rate_in = self._stt_rate
        self._half_sample = b''
        return ()

    def on_close(self) -> Sequence[Message]:
        if not self._turn_id:
            return ()
        turn, self._turn_id = self._turn_id, ''
        return (
            ChatDelta('', turn, final=True, error='the connection was lost'),
            PeerActivity(PeerState.IDLE),
        )

    def decode(self, frame: Frame) -> Sequence[Message]:
        if isinstance(frame, bytes):
            return self._speech(frame)
        body, problems = parse_parts(frame)
        return [*problems, *self._read(body)]

    def _read(self, body: dict[str, Any]) -> Sequence[Message]:
        kind = read_field(body, 'type', str, 'message')
        user = read_field(body, 'user', str, 'message')
        if kind == 'widget':
            return (Widget(_widget(body)),)
        content = read_field(body, 'content', str, 'message')
        if kind == 'action':
            return self._action(content)
        if kind not in ('text', 'audio'):
            raise unknown_type(kind, ('text', 'audio', 'widget', 'action'))
        if user != 'user':
            return self._text(content)
        # What was typed comes back as text; as audio it is what the server heard.
        return (Heard(content),) if kind == 'audio' else ()

    def encode(self, message: Any) -> Sequence[Frame]:
        if isinstance(message, AudioFrame):
            return self._sound(message)
        if isinstance(message, ChatRequest):
            self._asked = True
            return (dumps({'type': 'text', 'content': message.text}),)
        if isinstance(message, AgentAction):
            modality = 'audio' if message.speak else 'text'
            # The parameters are a text: the server parses them and dies of an object. It reads
            # the modality beside the content, where the documents have it inside.
            content = {
                'tool': message.tool,
                'parameters': dumps(message.parameters),
                'modality': modality,
            }
            return (dumps({'type': 'action', 'content': content, 'modality': modality}),)
        self._refuse(message)

    def _text(self, text: str) -> Sequence[Message]:
        # An empty text after the answer is no later answer.
        if not text.strip() and (self._turn_id or not self._asked):
            return ()
        self._asked = False
        if self._turn_id:
            self._said = text
            return (ChatDelta(text, self._turn_id),)
        # Of a server that reports its turns, a text outside them answers nothing: a greeting, or
        # that the agent is still busy with somebody else.
        return (ChatReply(text, unasked=self._turns > 0),)

    def _action(self, action: str) -> Sequence[Message]:
        message = ACTIONS.get(action)
        if message is None:
            raise ProtocolError(
                f'unknown action "{action[:80]}"; this protocol has {", ".join(ACTIONS)}'
            )
        if action == STARTED:
            self._turns += 1
            self._turn_id, self._said = f'turn-{self._turns}', None
        elif action == ENDED:
            if not self._turn_id:
                return (message,)
            turn, self._turn_id = self._turn_id, ''
            # A turn without words, such as one with a widget only, is over all the same.
            return (ChatDelta('', turn, final=True), ChatReply(self._said or ''), message)
        else:
            # Both end a stream of sound; its odd byte is no part of the next one.
            self._half_sample = b''
        return (message,)

    def _speech(self, data: bytes) -> Sequence[Message]:
        """Sound as it came; frames may end within a sample, which goes on in the next."""
        sound = self._half_sample + data
        end = len(sound) - len(sound) % 2
        self._half_sample = sound[end:]
        return (AudioFrame(sound[:end], self._tts_rate, AudioSource.VOICE),) if end else ()

    def _sound(self, frame: AudioFrame) -> Sequence[Frame]:
        if len(frame.data) % 2 or len(frame.data) > MAX_SOUND:
            raise ProtocolError(
                f'sound of {len(frame.data)} bytes, expected whole 16-bit samples, at '
                f'most {MAX_SOUND} bytes'
            )
        if frame.rate != self._rate_in:
            try:
                self._resample = Resampler(frame.rate, self._stt_rate)
            except ValueError as error:
                raise ProtocolError(str(error)) from None
            self._rate_in = frame.rate
        return self._frames(self._resample(frame.data))


def _widget(body: dict[str, Any]) -> Json:
    """Content of a widget: an object, also as JSON text, or text such as markdown as it is."""
    content = readable_parts(body.get('content'))
    if isinstance(content, (dict, list)):
        return content
    text = read_field(body, 'content', str, 'widget')
    try:
        value = parse_json(text)
    except ProtocolError:
        return text
    return value if isinstance(value, (dict, list)) else text
