# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The vocabulary of a robot head: whom it looks at, what its face does, what it sees.

Positions are metres in the head's own frame, angles radians.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from .core import Json, Message

# --- to the head ---


@dataclass(frozen=True, slots=True)
class AttendUser(Message):
    """
    Look at a person; `closest` is whoever stands nearest.

    The eyes may be off by `slack_pitch` and `slack_yaw`, degrees, for `slack_timeout`, ms, before
    the head follows them at a `speed` of the head's own names. None is the head's default.
    """

    user_id: str = 'closest'
    slack_pitch: float | None = None
    slack_yaw: float | None = None
    slack_timeout: int | None = None
    speed: str | None = None


@dataclass(frozen=True, slots=True)
class AttendLocation(Message):
    """Look at a point, m in the head's frame; the rest as in AttendUser."""

    x: float
    y: float
    z: float
    slack_pitch: float | None = None
    slack_yaw: float | None = None
    slack_timeout: int | None = None
    speed: str | None = None


@dataclass(frozen=True, slots=True)
class AttendNobody(Message):
    """Look at nobody."""


@dataclass(frozen=True, slots=True)
class Gesture(Message):
    """Make a gesture of the head's repertoire; with `monitor` its start and end are reported."""

    name: str
    intensity: float = 1.0
    duration: float = 1.0
    monitor: bool = False
    request_id: str = ''


@dataclass(frozen=True, slots=True)
class FaceParams(Message):
    """Set parameters of the face, by the head's own names."""

    params: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class HeadPose(Message):
    """Turn the head, rad; `relative` to where it looks, else to its body; `speed` by name."""

    yaw: float
    pitch: float
    roll: float
    relative: bool = False
    speed: str | None = None


@dataclass(frozen=True, slots=True)
class FaceConfig(Message):
    """
    Change what is given of the face: character, visibility, and involuntary movements, of which
    newer heads switch blinking and the sway of the head apart.
    """

    face_id: str | None = None
    visibility: bool | None = None
    microexpressions: bool | None = None
    blinking: bool | None = None
    head_sway: bool | None = None


@dataclass(frozen=True, slots=True)
class AskFace(Message):
    """Which face is worn, and which there are."""

    request_id: str = ''
    current: bool = True
    available: bool = True


@dataclass(frozen=True, slots=True)
class ResetFace(Message):
    """Set every parameter of the face back."""


@dataclass(frozen=True, slots=True)
class Led(Message):
    """Light the LED: a colour's name or #rrggbb."""

    color: str


@dataclass(frozen=True, slots=True)
class Leds(Message):
    """Light the LEDs each by its colour, in order; with `fill` the colours go round the ring."""

    leds: Sequence[str]
    fill: bool = False


@dataclass(frozen=True, slots=True)
class SetVolume(Message):
    """Make the voice louder or softer, 0 to 100."""

    volume: int


class Watch(StrEnum):
    """How long something is to be sent."""

    START = 'start'
    STOP = 'stop'
    ONCE = 'once'


@dataclass(frozen=True, slots=True)
class WatchUsers(Message):
    """Report whom the head sees."""

    watch: Watch
    request_id: str = ''


@dataclass(frozen=True, slots=True)
class WatchCamera(Message):
    """Send what the camera sees."""

    watch: Watch
    request_id: str = ''


@dataclass(frozen=True, slots=True)
class AskSystem(Message):
    """Report the volume and whether the head is virtual."""

    request_id: str = ''


# --- from the head ---


@dataclass(frozen=True, slots=True)
class Access(Message):
    """The head lets us in; `scope` says from where it takes us to come."""

    scope: str


@dataclass(frozen=True, slots=True)
class Attention(Message):
    """Whom the head wants to look at and whom it looks at."""

    target: str
    current: str


@dataclass(frozen=True, slots=True)
class GestureState(Message):
    """A monitored gesture began or ended; `error` says why it will not be reported."""

    name: str
    active: bool
    request_id: str = ''
    error: str = ''


@dataclass(frozen=True, slots=True)
class Faces(Message):
    """The face that is worn and those there are."""

    current: str
    available: Sequence[str] = ()
    request_id: str = ''


@dataclass(frozen=True, slots=True)
class User(Message):
    """A person the head sees, m in the head's frame; `other` is what else it reports."""

    user_id: str
    x: float
    y: float
    z: float
    other: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Users(Message):
    """Everybody the head sees, nearest first."""

    users: Sequence[User]
    request_id: str = ''


@dataclass(frozen=True, slots=True)
class CameraFrame(Message):
    """What the camera sees, a JPEG."""

    jpeg: bytes = field(repr=False)
    request_id: str = ''


@dataclass(frozen=True, slots=True)
class SystemState(Message):
    """The head's volume, 0 to 100, and whether there is no hardware behind it."""

    volume: float
    virtual: bool
    request_id: str = ''
