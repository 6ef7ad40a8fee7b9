# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Protocol `xrx`: a voice agent that hears the robot's microphone and answers in text and speech.

Text frames are JSON objects, binary frames sound: s16le mono, from the robot in frames of 30 ms.
docs/protocols.md has the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from ...audio import Framer, Resampler
from ...credentials import Credentials
from ...messages import (
    AgentAction,
    AudioFrame,
    AudioSource,
    ChatReply,
    ChatRequest,
    ClearAudio,
    Heard,
    PeerActivity,
    PeerState,
    SpeechDone,
    Widget,
)
from ..json_text import dumps
from .base import Frame, parse_json, parse_object, Protocol, ProtocolError, take, take_options

FRAME_TIME = 0.030  # s of sound in a frame
MAX_SOUND = 1 << 20  # bytes of one AudioFrame

ACTIONS: dict[str, Any] = {
    'agent_started_thinking': PeerActivity(PeerState.THINKING),
    'agent_ended_thinking': PeerActivity(PeerState.IDLE),
    'clear_audio_buffer': ClearAudio(),
    'audio_generation_done': SpeechDone(),
}


class Xrx(Protocol):
    """One robot's conversation with an xRx server."""

    name: ClassVar[str] = 'xrx'
    required_credentials = ()
    capabilities = frozenset({ChatRequest, AgentAction, AudioFrame})

    def __init__(self, *, url: str, secret_key: str = '', sample_rate: int = 16000) -> None:
        """Take the endpoint, the API key where one is set, and the server's rate in Hz."""
        self._url = url
        self._api_key = secret_key
        self._rate = sample_rate
        self.on_open()

    @classmethod
    def configured(cls, settings: Mapping[str, Any], credentials: Credentials) -> Self:
        return cls(
            url=settings['url'],
            secret_key=credentials.secret_key,
            **take_options(settings, sample_rate=int),
        )

    def url(self) -> str:
        return self._url

    def redacted_url(self) -> str:
        return self._url

    def headers(self) -> dict[str, str]:
        return {'x-api-key': self._api_key} if self._api_key else {}

    def on_open(self) -> Sequence[Frame]:
        # Sound from before the connection was lost does not belong to what is said now.
        self._frames = Framer(round(self._rate * FRAME_TIME) * 2)
        self._resample = Resampler(self._rate, self._rate)
        self._rate_in = self._rate
        return ()

    def decode(self, frame: Frame) -> Sequence[Any]:
        if isinstance(frame, bytes):
            if len(frame) % 2:
                raise ProtocolError(f'sound of {len(frame)} bytes, expected whole 16-bit samples')
            return (AudioFrame(frame, self._rate, AudioSource.VOICE),) if frame else ()
        body = parse_object(frame)
        kind = take(body, 'type', str, 'message')
        user = take(body, 'user', str, 'message')
        content = take(body, 'content', str, 'message')
        if kind == 'widget':
            return (Widget(parse_json(content)),)
        if kind == 'action':
            if content not in ACTIONS:
                raise ProtocolError(
                    f'unknown action "{content[:80]}"; this protocol has {", ".join(ACTIONS)}'
                )
            return (ACTIONS[content],)
        if kind not in ('text', 'audio'):
            raise ProtocolError(
                f'unknown message type "{kind[:80]}"; this protocol has text, '
                'audio, widget, action'
            )
        if user != 'user':
            return (ChatReply(content),)
        # What was typed comes back as text; as audio it is what the server heard.
        return (Heard(content),) if kind == 'audio' else ()

    def encode(self, message: Any) -> Sequence[Frame]:
        if isinstance(message, AudioFrame):
            return self._sound(message)
        if isinstance(message, ChatRequest):
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

    def _sound(self, frame: AudioFrame) -> Sequence[Frame]:
        if len(frame.data) % 2 or len(frame.data) > MAX_SOUND:
            raise ProtocolError(
                f'sound of {len(frame.data)} bytes, expected whole 16-bit samples, at '
                f'most {MAX_SOUND} bytes'
            )
        if frame.rate != self._rate_in:
            try:
                self._resample = Resampler(frame.rate, self._rate)
            except ValueError as error:
                raise ProtocolError(str(error)) from None
            self._rate_in = frame.rate
        return self._frames(self._resample(frame.data))
