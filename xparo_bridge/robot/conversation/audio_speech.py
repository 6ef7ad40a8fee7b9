# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Speaks sound that the robot makes by a head's voice: topic `~/audio/voice`.

An utterance begins with the first sound and ends with an empty message, or when none came for a
while. It waits its turn among the goals of `~/speech/say` as a text does. What is left of one that
was silenced is dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from std_msgs.msg import UInt8MultiArray

from ...messages import AudioFrame, AudioSource, SpeakAudio, SpeakAudioEnd, SpeechEnded
from ...ros.entities import subscription, timer
from ...ros.walls import when_done
from .audio_topics import whole_samples
from .speaking import Speech, Voice

# Silence on the topic that ends an utterance, s.
_PAUSE = 0.5
# Sound of one utterance that may wait for its turn, bytes: 16 s of 16 kHz. As text it must find
# room in the link's live lane.
_MAX_WAITING = 1 << 19
_DEPTH = 50


class _Utterance:
    """Sound that belongs together."""

    def __init__(self, rate: int, on_turn: Callable[[_Utterance], None]) -> None:
        self.speech = Speech(SpeakAudio(rate), begun=lambda: on_turn(self))
        self.waiting: list[bytes] = []  # What came before its turn.
        self.speaking = False  # Whether its turn has come.
        self.complete = False

    @property
    def over(self) -> bool:
        """Whether nobody is to hear any more of it."""
        return self.speech.silenced or bool(self.speech.ended.done())


class VoiceStream:
    """One utterance of sound after the other; on the ROS thread."""

    def __init__(self, node: Node, rate: int, voice: Voice, send: Callable[[Any], object]) -> None:
        """Take the rate of the topic, Hz, and what sends a message to the link that speaks."""
        self._logger = node.get_logger()
        self._rate = rate
        self._voice = voice
        self._send = send
        self._current: _Utterance | None = None
        self._open: list[_Utterance] = []
        subscription(node, UInt8MultiArray, '~/audio/voice', self._on_sound, _DEPTH)
        self._pause = timer(node, _PAUSE, self._complete)
        self._pause.cancel()

    def clear(self) -> None:
        """Silence what is said of this and what waits, as somebody spoke into it."""
        for utterance in self._open[:]:
            self._voice.stop(utterance.speech)

    def _on_sound(self, sound: Any) -> None:
        data = bytes(sound.data)
        if not data:
            self._complete()
        elif whole_samples(self._logger, '~/audio/voice', data):
            self._pause.reset()
            self._add(self._current or self._begin(), data)

    def _begin(self) -> _Utterance:
        self._current = utterance = _Utterance(self._rate, self._on_turn)
        self._open.append(utterance)
        when_done(utterance.speech.ended, lambda ended: self._on_end(utterance, ended.result()))
        self._voice.say(utterance.speech)
        return utterance

    def _add(self, utterance: _Utterance, data: bytes) -> None:
        if utterance.over:
            return
        if utterance.speaking:
            self._send(AudioFrame(data, self._rate, AudioSource.VOICE))
            return
        utterance.waiting.append(data)
        if sum(map(len, utterance.waiting)) > _MAX_WAITING:
            self._logger.warning(f'~/audio/voice: over {_MAX_WAITING} bytes wait for their turn')
            self._voice.stop(utterance.speech)

    def _on_turn(self, utterance: _Utterance) -> None:
        utterance.speaking = True
        for data in utterance.waiting:
            self._add(utterance, data)
        if utterance.complete:
            self._send(SpeakAudioEnd())

    def _complete(self) -> None:
        """Let the next sound begin another utterance."""
        self._pause.cancel()
        utterance, self._current = self._current, None
        if utterance is not None:
            utterance.complete = True
            if utterance.speaking and not utterance.over:
                self._send(SpeakAudioEnd())

    def _on_end(self, utterance: _Utterance, end: SpeechEnded) -> None:
        self._open.remove(utterance)
        if end.failed:
            self._logger.warning(
                f'~/audio/voice: {end.error or "the speaker failed"}', throttle_duration_sec=5.0
            )
