# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The vocabulary of speaking, listening and sound, whatever the link.

Sound is always s16le mono: signed 16-bit samples, little-endian, one channel. `say_id` and
`request_id` are the asker's own; what comes of it carries them back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from .core import Message

# --- to the one who speaks ---


@dataclass(frozen=True, slots=True)
class Say(Message):
    """
    Say this; with `interrupt` at once, else after what is being said; `words` reports each.

    `interruptable` is whether a person who speaks into it silences it; None is the speaker's own
    default.
    """

    text: str
    say_id: str = ''
    interrupt: bool = False
    words: bool = False
    interruptable: bool | None = None


@dataclass(frozen=True, slots=True)
class PlayUrl(Message):
    """Play a sound file from a URL the speaker fetches; `text` stands for it in logs."""

    url: str
    text: str = 'AUDIO'
    say_id: str = ''
    lipsync: bool = True
    interrupt: bool = False


@dataclass(frozen=True, slots=True)
class StopSpeech(Message):
    """Fall silent and forget what was still to be said."""


@dataclass(frozen=True, slots=True)
class SpeakAudio(Message):
    """Begin to speak the sound that follows as AudioFrames; `rate` in Hz."""

    rate: int
    say_id: str = ''
    lipsync: bool = True


@dataclass(frozen=True, slots=True)
class SpeakAudioEnd(Message):
    """No more sound follows."""


# --- from the one who speaks ---


@dataclass(frozen=True, slots=True)
class SpeechStarted(Message):
    """The voice began; `latency` is how long making it took, s."""

    text: str
    say_id: str = ''
    latency: float | None = None


@dataclass(frozen=True, slots=True)
class SpeechWord(Message):
    """This word is being said, the `index`-th of the text from 0."""

    word: str
    index: int
    say_id: str = ''


@dataclass(frozen=True, slots=True)
class SpeechEnded(Message):
    """The voice ended; `text` is what was said of it, `error` why it was not all."""

    text: str
    say_id: str = ''
    aborted: bool = False
    failed: bool = False
    error: str = ''


@dataclass(frozen=True, slots=True)
class SpeechDone(Message):
    """All sound of the answer has been sent."""


@dataclass(frozen=True, slots=True)
class ClearAudio(Message):
    """Somebody spoke into it: throw away sound that is not played yet."""


@dataclass(frozen=True, slots=True)
class AudioBuffer(Message):
    """How much of a SpeakAudio was received and played, bytes."""

    received: int
    played: int


# --- listening ---


@dataclass(frozen=True, slots=True)
class ListenConfig(Message):
    """Languages to expect, best first, such as en-US, and phrases to expect in them."""

    languages: Sequence[str]
    phrases: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Listen(Message):
    """
    Listen to people; `partial` reports what is understood so far.

    The timeouts, s: silence before speech and silence after it that end the listening. `concat`
    joins the sentences of one turn; the `stop_…` say what else ends it.
    """

    request_id: str = ''
    partial: bool = False
    concat: bool = True
    stop_no_speech: bool = True
    stop_robot_start: bool = True
    stop_user_end: bool = True
    resume_robot_end: bool = False
    no_speech_timeout: float = 8.0
    end_speech_timeout: float = 1.0


@dataclass(frozen=True, slots=True)
class StopListening(Message):
    """Listen no more."""


@dataclass(frozen=True, slots=True)
class Listening(Message):
    """Listening began or ended; `cause` says why it ended."""

    active: bool
    cause: str = ''
    request_id: str = ''


@dataclass(frozen=True, slots=True)
class HearingStarted(Message):
    """Somebody began to speak."""

    request_id: str = ''


@dataclass(frozen=True, slots=True)
class Heard(Message):
    """What a person said; until `final` it may still change."""

    text: str
    final: bool = True
    request_id: str = ''


# --- sound ---


class AudioSource(StrEnum):
    """Where sound comes from."""

    MICROPHONE = 'microphone'
    SPEAKER = 'speaker'
    VOICE = 'voice'


@dataclass(frozen=True, slots=True)
class AudioFrame(Message):
    """A piece of sound, s16le mono, `rate` in Hz; VOICE is speech that is to be played."""

    data: bytes
    rate: int
    source: AudioSource = AudioSource.MICROPHONE


@dataclass(frozen=True, slots=True)
class CaptureAudio(Message):
    """Send the sound of the robot's microphone, or of its own voice (speaker)."""

    rate: int = 16000
    microphone: bool = True
    speaker: bool = False


@dataclass(frozen=True, slots=True)
class StopAudio(Message):
    """Send no more sound."""


# --- voices ---


@dataclass(frozen=True, slots=True)
class ChooseVoice(Message):
    """Speak with the first voice that fits what is given; empty means any."""

    voice_id: str = ''
    name: str = ''
    gender: str = ''
    language: str = ''
    provider: str = ''
    input_language: bool = True
    request_id: str = ''


@dataclass(frozen=True, slots=True)
class AskVoices(Message):
    """Which voice is used, and which there are."""

    request_id: str = ''
    current: bool = True
    available: bool = True


@dataclass(frozen=True, slots=True)
class Voices(Message):
    """The voice in use and those there are, each as the speaker describes it."""

    current: str
    available: Sequence[object] = ()
    request_id: str = ''
