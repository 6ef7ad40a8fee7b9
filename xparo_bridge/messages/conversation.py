# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The vocabulary of talking in text, whatever the link: streams, typing, tools, sessions, meetings.

ChatRequest and ChatReply stand in `core`: every conversation has them. A tool that the peer calls
on the robot is a RemoteCommand, and its result the CommandStatus.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from .core import Json, Message

# --- platform → robot ---


@dataclass(frozen=True, slots=True)
class ChatDelta(Message):
    """
    The next piece of a reply that is still being made; the whole follows as a ChatReply.

    `final` closes the stream; with `error` no ChatReply follows, and this says why. `unasked` as
    in ChatReply.
    """

    text: str
    message_id: str = ''
    final: bool = False
    error: str = ''
    unasked: bool = False


class PeerState(StrEnum):
    """What the peer is doing before it answers."""

    IDLE = 'idle'
    TYPING = 'typing'
    THINKING = 'thinking'


@dataclass(frozen=True, slots=True)
class PeerActivity(Message):
    """The peer began or ended working on an answer."""

    state: PeerState


@dataclass(frozen=True, slots=True)
class Suggestions(Message):
    """What the peer proposes to say next."""

    texts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Widget(Message):
    """Something for a screen; `content` is data, and what it means is the screen's business."""

    content: Json


@dataclass(frozen=True, slots=True)
class ToolResult(Message):
    """What a tool that the peer ran on its own side gave."""

    tool: str
    result: Json


@dataclass(frozen=True, slots=True)
class ChatSession(Message):
    """A conversation began or ended."""

    session_id: str
    active: bool
    reason: str = ''


# Characters of what a peer says of an error; it is logged, and reported to who asked.
_LONGEST_ERROR = 1000


class PeerErrorCode(StrEnum):
    """Why a peer refused something."""

    AUTH_FAILED = 'auth_failed'
    SESSION_NOT_FOUND = 'session_not_found'
    RATE_LIMITED = 'rate_limited'
    MESSAGE_TOO_LARGE = 'message_too_large'
    INVALID_FORMAT = 'invalid_format'
    SUBSCRIPTION_FAILED = 'subscription_failed'
    TIMED_OUT = 'timed_out'
    OTHER = 'other'


@dataclass(frozen=True, slots=True)
class PeerError(Message):
    """
    The peer refused something, or did not answer in time; the connection goes on.

    After AUTH_FAILED dialling again with the same secret is of no use.
    """

    code: PeerErrorCode
    text: str
    request_id: str = ''

    def __post_init__(self) -> None:
        if len(self.text) > _LONGEST_ERROR:
            object.__setattr__(self, 'text', f'{self.text[:_LONGEST_ERROR]} …')


# --- robot → platform ---


@dataclass(frozen=True, slots=True)
class Typing(Message):
    """A person at the robot began or stopped typing."""

    active: bool


@dataclass(frozen=True, slots=True)
class Subscribe(Message):
    """Hear a session that somebody else began, or no longer."""

    session_id: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class AgentAction(Message):
    """Something done on a widget: a tool of the agent and its arguments."""

    tool: str
    parameters: Mapping[str, Json] = field(default_factory=dict)
    speak: bool = False


# --- both ways: a meeting's signalling, relayed for a WebRTC node ---


@dataclass(frozen=True, slots=True)
class MeetJoin(Message):
    """Enter a room, or somebody did."""

    room_id: str
    participant_name: str


@dataclass(frozen=True, slots=True)
class MeetLeave(Message):
    """Leave a room, or somebody did; `participant` is who, as far as the server says."""

    room_id: str
    participant: str = ''


@dataclass(frozen=True, slots=True)
class MeetSignal(Message):
    """
    A WebRTC offer, answer or candidate on its way to a participant; not looked into.

    `sender` is who sent it, as far as the server says.
    """

    room_id: str
    target_id: str
    signal: Json
    sender: str = ''
