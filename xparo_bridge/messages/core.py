# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The vocabulary of every link: commands, trees, chat, telemetry, and the link itself.

Small frozen dataclasses, nothing else. Protocols turn frames into these and back; the robot side
never sees a frame and the link side never sees a ROS message. Times are Unix seconds, angles
radians, lengths metres.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
import time
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """Base of all that crosses between link side and robot side; handlers are typed by it."""


# Characters of the name or id of a command, a tree or a task: they come back in each report.
MAX_NAME = 256

Json = Any  # A value that json.dumps accepts; `Any` because JSON types are recursive.


class CommandState(StrEnum):
    """Where a command is in its life; every command ends in exactly one terminal state."""

    ACCEPTED = 'accepted'
    RUNNING = 'running'
    PAUSED = 'paused'
    SUCCEEDED = 'succeeded'
    FAILED = 'failed'
    REJECTED = 'rejected'
    CANCELED = 'canceled'
    TIMED_OUT = 'timed_out'

    @property
    def terminal(self) -> bool:
        """Whether a command in this state is over."""
        return self not in (CommandState.ACCEPTED, CommandState.RUNNING, CommandState.PAUSED)


# --- platform → robot ---


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a link does not let a message in; `retry_after` in s where that may help."""

    code: str
    message: str
    retry_after: float | None = None

    @property
    def error(self) -> dict[str, Json]:
        """The error of a command's status."""
        after = {} if self.retry_after is None else {'retry_after': round(self.retry_after, 3)}
        return {'code': self.code, 'message': self.message, **after}


@dataclass(frozen=True, slots=True)
class RemoteCommand(Message):
    """
    Do something; `command` is a name of the robot's own configuration.

    `issued_at` and `deadline` are the sender's clock, Unix s; `received_at` is the robot's own
    monotonic clock. `problems` say which members could not be read; those have their defaults.
    One that is `refused` was not let in by its link, and is to be answered but not done.
    `operator` is the person who gave it, as the sender has it; empty if it does not say.
    `ahead`: its link handed it over before what it had received earlier, and a `TurnReached`
    follows behind that.
    """

    command: str
    parameters: Mapping[str, Json] = field(default_factory=dict)
    command_id: str = ''
    issued_at: float | None = None
    deadline: float | None = None
    received_at: float = field(default_factory=time.monotonic, compare=False, repr=False)
    problems: Sequence[str] = ()
    refused: Refusal | None = None
    operator: str = ''
    ahead: bool = field(default=False, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class TurnReached(Message):
    """All that a link received before a command that went ahead of it has been handed over."""

    received_at: float  # of that command


@dataclass(frozen=True, slots=True)
class BehaviorUpdate(Message):
    """
    Run this behaviour tree: a whole BehaviorTree.CPP document or one element of it.

    `operator` is the person who pushed it, empty if the sender does not say.
    """

    tree_name: str
    xml: str
    operator: str = ''


@dataclass(frozen=True, slots=True)
class ChatReply(Message):
    """
    What the platform says, as an answer or unasked.

    `unasked`: the adapter knows that this does not answer what the robot asked last, such as a
    filler before the answer or the words of another session.
    """

    text: str
    unasked: bool = False


@dataclass(frozen=True, slots=True)
class LogSession(Message):
    """From now on log lines and metrics belong to this session."""

    session_id: str


@dataclass(frozen=True, slots=True)
class ApiToken(Message):
    """The token for the platform's REST endpoints; never printed."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ping(Message):
    """The platform asks whether somebody is there."""


# --- robot → platform ---
#
# The outbox fills in `message_id`, unique for ever, and `resent`: the peer may have it already.


@dataclass(frozen=True, slots=True)
class Pong(Message):
    """Somebody is."""


@dataclass(frozen=True, slots=True)
class ChatRequest(Message):
    """
    What the robot, or a person at the robot, says to the platform.

    A question is withdrawn if it did not arrive while somebody waits for its answer, `good_for` s.
    """

    text: str
    robot_id: str
    message_id: str = ''
    resent: bool = False
    good_for: float | None = None


@dataclass(frozen=True, slots=True)
class Telemetry(Message):
    """
    Named values of one moment.

    With `every_sample` a slow link keeps the samples in order up to its bound in bytes; without,
    a newer value of a key replaces the one still waiting.
    """

    values: Mapping[str, Json]
    every_sample: bool = False


@dataclass(frozen=True, slots=True)
class TelemetryHistory(Message):
    """What could not be reported when it was measured: samples {time, values}, oldest first."""

    samples: Sequence[Mapping[str, Json]]


@dataclass(frozen=True, slots=True)
class CommandStatus(Message):
    """
    How a command stands; `progress`, `result` and `error` are there when they say something.

    `source` is who ordered it: a link, `ros`, `tree` or `link_loss`. `time`, Unix s, is when it
    came into this state, or got this far; None if that is not known. `omitted` names what was left
    out because the platform takes no message so big.
    """

    command_id: str
    command: str
    state: CommandState
    progress: Mapping[str, Json] | None = None
    result: Mapping[str, Json] | None = None
    error: Mapping[str, Json] | None = None
    source: str = ''
    time: float | None = None
    message_id: str = ''
    resent: bool = False
    omitted: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class BehaviorStatus(Message):
    """
    How a run of a tree stands; docs/protocol-xparo.md has the states.

    `structure` comes once at its start, and after each connect: every node with uid, parent, name,
    type, kind, path and status. `nodes` are those whose status changed since the last report, each
    with uid, status, and result and message where there are any. `errors` say what is wrong with a
    tree, each with message, line, path and hint. `blackboard` has the entries that were written
    since the last report, null for those that are gone.
    """

    tree_name: str
    state: str
    nodes: Sequence[Mapping[str, Json]] = ()
    errors: Sequence[Mapping[str, Json]] = ()
    run_id: str = ''
    structure: Sequence[Mapping[str, Json]] = ()
    message_id: str = ''
    resent: bool = False
    omitted: Sequence[str] = ()
    blackboard: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RobotInfo(Message):
    """Who and what the robot is; said once after each connect."""

    values: Mapping[str, Json]


# --- about the link itself, to the robot side ---


class LinkState(StrEnum):
    """Where a link is; REFUSED means the platform does not know the key or the project."""

    CONNECTING = 'connecting'
    CONNECTED = 'connected'
    WAITING = 'waiting'
    REFUSED = 'refused'
    STOPPED = 'stopped'


@dataclass(frozen=True, slots=True)
class LinkStateChanged(Message):
    """A link changed state; `error` says why in words and `remedy` what to do about it."""

    state: LinkState
    error: str = ''
    remedy: str = ''


@dataclass(frozen=True, slots=True)
class Heartbeat(Message):
    """It is time to show the peer that somebody is here; the adapter answers it itself."""


@dataclass(frozen=True, slots=True)
class LinkStatistics(Message):
    """
    The numbers of a link, sent about once a second.

    Counts are since start: `dropped` by lane, `refused` inbound messages by kind, `faults` of the
    link's own. `clock_offset`
    is the platform's clock minus the robot's, s; both it and the expiry are None while unknown.
    """

    frames_sent: int
    frames_received: int
    queued: Mapping[str, int]
    dropped: Mapping[str, int]
    refused: Mapping[str, int]
    clock_offset: float | None
    certificate_expiry: float | None
    storage_problem: str
    faults: int = 0


@dataclass(frozen=True, slots=True)
class LinkProblem(Message):
    """
    A frame not understood or a message not carried; it was dropped, the link goes on.

    `message` is the one that was not carried.
    """

    problem: str
    message: Any = None


Inbound = (
    RemoteCommand
    | BehaviorUpdate
    | ChatReply
    | LogSession
    | ApiToken
    | LinkStateChanged
    | LinkProblem
    | LinkStatistics
)
Control = ChatRequest | CommandStatus | BehaviorStatus | RobotInfo
Outbound = Control | Telemetry | TelemetryHistory
