# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Names the requests of a Furhat head and their fields, and writes a message as one."""

from __future__ import annotations

from dataclasses import fields
from math import degrees
from typing import Any

from ... import messages as msg

# The requests whose fields are the message's; `_body` says how they are named on the wire.
REQUESTS: dict[type, str] = {
    msg.Say: 'speak.text',
    msg.PlayUrl: 'speak.audio',
    msg.SpeakAudio: 'speak.audio.start',
    msg.SpeakAudioEnd: 'speak.audio.end',
    msg.StopSpeech: 'speak.stop',
    msg.ListenConfig: 'listen.config',
    msg.Listen: 'listen.start',
    msg.StopListening: 'listen.stop',
    msg.ChooseVoice: 'voice.config',
    msg.AskVoices: 'voice.status',
    msg.AttendUser: 'attend.user',
    msg.AttendLocation: 'attend.location',
    msg.AttendNobody: 'attend.nobody',
    msg.Gesture: 'gesture.start',
    msg.FaceParams: 'face.params',
    msg.HeadPose: 'face.headpose',
    msg.FaceConfig: 'face.config',
    msg.AskFace: 'face.status',
    msg.ResetFace: 'face.reset',
    msg.Led: 'led.set',
    msg.Leds: 'led.set.individual',
    msg.SetVolume: 'system.config',
    msg.CaptureAudio: 'audio.start',
    msg.StopAudio: 'audio.stop',
    msg.AskSystem: 'system.status',
}
_WIRE_NAMES = {
    'interrupt': 'abort',
    'words': 'monitor_words',
    'rate': 'sample_rate',
    'voice.status current': 'voice_id',
    'voice.status available': 'voice_list',
    'face.status current': 'face_id',
    'face.status available': 'face_list',
}


def request_body(message: Any) -> dict[str, Any]:
    """Fields as the head names them; those that say nothing, such as abort false, are left out."""
    kind = REQUESTS[type(message)]
    body: dict[str, Any] = {'type': f'request.{kind}'}
    for field in fields(message):
        value = getattr(message, field.name)
        if field.name in ('say_id', 'request_id') or (not value and value == field.default):
            continue
        name = _WIRE_NAMES.get(f'{kind} {field.name}', _WIRE_NAMES.get(field.name, field.name))
        if isinstance(message, msg.HeadPose) and isinstance(value, float):
            value = round(degrees(value), 4)
        body[name] = value
    if isinstance(message, msg.ListenConfig) and not message.phrases:
        body.pop('phrases', None)
    return body
