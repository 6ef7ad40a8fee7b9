# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Sound in ROS: std_msgs/UInt8MultiArray of s16le samples, one channel.

`~/audio/microphone` is what the robot's own microphone hears, on its way to a link that listens.
`~/audio/speech` is to be played, `~/audio/clear` says that what is not played yet is not to be.
`~/audio/voice` is for the voice of a head (audio_speech.py). `~/audio/heard` and `~/audio/spoken`
are the microphone and the voice of a head, asked for only while a node listens. All have one rate:
the read-only parameters `audio_rate`, Hz, and `audio_channels` have it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node
from std_msgs.msg import Empty, UInt8MultiArray

from ...audio import Resampler
from ...messages import AudioFrame, AudioSource, CaptureAudio, ClearAudio, StopAudio
from ...ros.entities import Demand, publisher, subscription

_TOPICS = {
    AudioSource.VOICE: '~/audio/speech',
    AudioSource.MICROPHONE: '~/audio/heard',
    AudioSource.SPEAKER: '~/audio/spoken',
}
_DEPTH = 50  # frames, 1.5 s of 30 ms


def whole_samples(logger: Any, topic: str, data: bytes) -> bool:
    """Whether sound of a topic has no half sample; a warning says so if it has."""
    if len(data) % 2:
        logger.warning(
            f'{topic}: {len(data)} bytes, expected whole 16-bit samples',
            throttle_duration_sec=10.0,
        )
    return not len(data) % 2


class Audio:
    """Sound in and out; on the ROS thread."""

    def __init__(
        self,
        node: Node,
        rate: int,
        send: Callable[[AudioFrame], object],
        on_demand: Callable[[], None],
    ) -> None:
        """
        Take the rate of all topics, Hz, and what sends the microphone's sound.

        `on_demand` is called when what `capture` gives has changed.
        """
        fixed = ParameterDescriptor(read_only=True)
        node.declare_parameter('audio_rate', rate, fixed)
        node.declare_parameter('audio_channels', 1, fixed)
        self._logger = node.get_logger()
        self._rate = rate
        self._send = send
        self._demand = Demand(on_demand)
        self._publishers = {
            source: self._demand.publisher(node, UInt8MultiArray, topic, _DEPTH)
            for source, topic in _TOPICS.items()
        }
        self._clear = publisher(node, Empty, '~/audio/clear', 10)
        self._resamplers: dict[tuple[str, AudioSource, int], Resampler] = {}
        subscription(node, UInt8MultiArray, '~/audio/microphone', self._on_microphone, _DEPTH)

    def capture(self) -> CaptureAudio | StopAudio:
        """Return the request for what a head is to send of its sound."""
        microphone, voice = (
            _TOPICS[source] in self._demand
            for source in (AudioSource.MICROPHONE, AudioSource.SPEAKER)
        )
        if microphone or voice:
            return CaptureAudio(self._rate, microphone=microphone, speaker=voice)
        return StopAudio()

    def frame(self, link: str, frame: AudioFrame) -> None:
        """Publish sound that came by a link, in the rate of the topics."""
        key = (link, frame.source, frame.rate)
        resample = self._resamplers.get(key)
        if resample is None:
            resample = self._resamplers[key] = Resampler(frame.rate, self._rate)
        sound = resample(frame.data)
        if sound:
            self._publishers[frame.source].publish(UInt8MultiArray(data=sound))

    def clear(self, link: str, clear: ClearAudio) -> None:
        """Have the player throw away what it has."""
        self._clear.publish(Empty())

    def _on_microphone(self, sound: Any) -> None:
        data = bytes(sound.data)
        if whole_samples(self._logger, '~/audio/microphone', data):
            self._send(AudioFrame(data, self._rate))
