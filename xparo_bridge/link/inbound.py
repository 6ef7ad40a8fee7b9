# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What comes from the peer of one link, on its way to the robot.

Commands that stop the robot are recognised as soon as their frame is read: no limit holds them
up, and they go before everything that waits. What is beyond the limits is refused and counted.
Each refused command is answered, by the router, which alone knows whether its id is under way;
other refused messages are answered once with their number.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
import time
from typing import Any

from ..crossing import Crossing
from ..faults import FAULTS
from ..messages import (
    ApiToken,
    BehaviorStatus,
    BehaviorUpdate,
    ErrorCode,
    Heartbeat,
    LinkCredential,
    LinkProblem,
    PeerError,
    PeerErrorCode,
    Ping,
    Refusal,
    RemoteCommand,
    RunTask,
    TaskResult,
    TransferError,
    TurnReached,
)
from ..redaction import hide_learnt, LONGEST, redacted
from ..token_bucket import TokenBucket
from .contained import call, LinkFault
from .faults import Refused
from .inbound_limits import InboundLimits
from .protocols.base import Frame, Protocol
from .read_ahead import Arrival

# Commands that were refused and wait for their answer: 2 s of a flood of the fastest peer.
MAX_REFUSED = 10_000
# So many of them are answered at a time, each _TICK s: the robot's thread has better to do.
_ANSWERS = 50
_TICK = 0.1
# How often refusals are reported in sum, s.
_SUM_PERIOD = 1.0
# Urgent commands that go before everything; a flood of them takes its turn behind so many.
MAX_URGENT = 100
# What a message costs beside the bytes of its frame, about.
_OVERHEAD = 400
# Names of trees that are told apart in such a sum.
_NAMES = 20
# Problems reported a second in the long run, and at once: a hostile peer must not fill the log.
_PROBLEMS = (1.0, 20.0)
# What of urgent commands goes before what waits; `resume` keeps its place behind it.
_FIRST = ('stop', 'pause', 'cancel')


@dataclass
class _Sum:
    """What was refused of a kind for one reason since it was reported last."""

    count: int = 0
    names: dict[str, int] | None = None


class Inbound:
    """
    The inbound side of one link; lives in the link thread.

    `urgent` are the commands that no limit holds up, with their kind: stop, pause, cancel, resume.
    """

    def __init__(
        self,
        link: str,
        crossing: Crossing,
        limits: InboundLimits,
        urgent: Mapping[str, str],
        on_token: Callable[[str], None],
        put: Callable[[Any], None],
    ) -> None:
        """
        Take the way to the robot.

        `on_token` gets the tokens for the platform's REST API, which the robot side never sees;
        `put` takes answers for the peer, if its protocol has room for them.
        """
        self._link = link
        self._crossing = crossing
        self.limits = limits
        self._urgent = urgent
        self._on_token = on_token
        self._put = put
        self._urgent_words = [name.encode() for name in urgent]
        first = [name.encode() for name, kind in urgent.items() if kind in _FIRST]
        # A word stands in JSON as it is, or with an escape of a letter.
        self.first_words = [b'\\u', *first]
        self._refused: deque[RemoteCommand] = deque()
        self._to_refuse = 0  # that are not read yet
        self._sums: dict[tuple[str, str], _Sum] = {}
        self._next_sum = 0.0
        self._problems = TokenBucket(*_PROBLEMS)
        self._unreported = 0
        # Set while something was refused that the robot is yet to hear of. To look each _TICK s
        # was a quarter of what a bridge costs at rest.
        self._some_refused = asyncio.Event()
        self.faults = 0

    def begin(self) -> None:
        """Begin with a new connection: what was not read of the last one never will be."""
        self._to_refuse = 0

    def judge(self, protocol: Protocol, text: bytes | None, arrival: Arrival) -> bool:
        """
        Look at a frame that has come and is not read yet; False if it need not be read.

        What stops the robot is taken here, whatever waits. Of the rest what is beyond the rate of
        frames goes, unless it wants an answer for which there is room. A frame that cannot be
        looked into (compressed, in pieces, binary, too large) has no `text` and is only counted.
        """
        arrival.judged = True
        within = self.limits.frame()
        if text is None:
            arrival.refusal = None if within else self.limits.frame_refusal()
            return True
        if _any_in(self.first_words, text):
            arrival.refusal = None if within else self.limits.frame_refusal()
            return self._pop_first(protocol, text, arrival)
        if within:
            return True
        if self._asks(protocol, text) or _any_in(self._urgent_words, text):
            self._to_refuse += 1
            arrival.to_answer = True
            arrival.refusal = self.limits.frame_refusal()
            return True
        self._refuse_other('frame', self.limits.too_many_frames)
        return False

    def urgent_waits(self) -> bool:
        """Whether the robot has not yet done what was to stop it."""
        return self._crossing.urgent_waits

    def leaves_out(self, protocol: Protocol, data: bytes) -> bool:
        """Whether `judge` would leave out each text message in some bytes."""
        return (
            self.limits.no_more_frames
            and not _any_in(self.first_words, data)
            and not _any_in(self._urgent_words, data)
            and not self._asks(protocol, data)
        )

    def left_out(self, count: int) -> None:
        """Count messages that were left out."""
        self._refuse_other('frame', self.limits.too_many_frames, count=count)

    def _asks(self, protocol: Protocol, text: bytes) -> bool:
        """Whether something in a text may want an answer for which there is room."""
        return len(self._refused) + self._to_refuse < MAX_REFUSED and _any_in(
            [word.encode() for word in protocol.asking_words], text
        )

    def _pop_first(self, protocol: Protocol, text: bytes, arrival: Arrival) -> bool:
        """Take what stops the robot out of a frame; False if there is nothing else in it."""
        try:
            messages = list(call(protocol.decode, text.decode()))
        except Exception:
            return True  # It is reported when its turn to be read comes.
        first: list[Any] = []
        others: list[Any] = []
        for message in messages:  # Once: a frame may hold thousands.
            stops = (
                isinstance(message, RemoteCommand) and self._urgent.get(message.command) in _FIRST
            )
            (first if stops else others).append(message)
        arrival.messages = others  # Not before: without, the frame is read in its turn.
        marked = False
        for message in first:
            marked |= self._accept_urgent(
                message, self._urgent[message.command], len(text), arrival.at
            )
        if marked:
            others.append(TurnReached(arrival.at))
        return bool(others) or not messages

    def skip(self, protocol: Protocol, frame: Frame, arrival: Arrival) -> bool:
        """Whether a frame beyond the rate, which could not be looked into, need not be read."""
        if arrival.to_answer:
            self._to_refuse -= 1
        if arrival.refusal is None or arrival.to_answer or arrival.messages is not None:
            return False
        if isinstance(frame, str):
            if '\\u' in frame or any(name in frame for name in self._urgent):
                return False
            if len(self._refused) < MAX_REFUSED and any(
                word in frame for word in protocol.asking_words
            ):
                return False
        self._refuse_other('frame', arrival.refusal.message)
        return True

    def accept(
        self,
        protocol: Protocol,
        message: Any,
        size: int,
        received_at: float,
        refusal: Refusal | None = None,
    ) -> list[Frame]:
        """
        Take one message of a frame, or refuse it; the frames that are due to the peer at once.

        `refusal` says why its frame is beyond the rate, `received_at` when it came, monotonic s.

        :raises Refused: if the peer says that the credentials are no good.
        """
        urgent = isinstance(message, RemoteCommand) and self._urgent.get(message.command)
        if urgent:
            if self._accept_urgent(message, urgent, size, received_at):
                self.deliver(TurnReached(received_at))
            return []
        if isinstance(message, TurnReached):
            self.deliver(message)
            return []
        refusal = self.limits.refusal(message, size) or refusal or self._no_room(message)
        refusal = refusal or _too_long(message)
        if refusal is not None:
            self._refuse(message, refusal)
            return []
        if isinstance(message, RemoteCommand):
            message = replace(message, received_at=received_at)
        elif isinstance(message, ApiToken):
            hide_learnt(self._link, message.token)
        elif isinstance(message, LinkCredential):
            hide_learnt(self._link, message.value)
        try:
            answers = list(call(protocol.answer, message))
        except Exception as error:
            self.fault('the answer to a message', error)
            answers = []
        if not isinstance(message, (Ping, Heartbeat)):
            self.deliver(message, size)
        if isinstance(message, PeerError) and message.code is PeerErrorCode.AUTH_FAILED:
            raise Refused(message.text)
        return answers

    def deliver(self, message: Any, size: int = 0) -> None:
        """Hand a message to the robot."""
        if isinstance(message, ApiToken):
            self._on_token(message.token)
            return
        self._crossing.deliver(self._link, message, size + _OVERHEAD if size else 0)

    def problem(self, problem: str, message: Any = None) -> None:
        """Report a problem, unless there were too many of late."""
        if self._problems.acquire():
            self.deliver(LinkProblem(redacted(problem), message))
        else:
            self._unreported += 1
            self._some_refused.set()

    def fault(self, where: str, error: BaseException) -> None:
        """Count a fault of the link's own; it is logged once per kind and minute."""
        self.faults += 1
        cause = error.__cause__ if isinstance(error, LinkFault) and error.__cause__ else error
        FAULTS.note(f'link {self._link}, {where}', cause)

    async def hand_on(self) -> None:
        """Hand on what is refused, as it comes, until cancelled."""
        while True:
            await self._some_refused.wait()
            await asyncio.sleep(_TICK)
            self._hand_on_some()
            if not (self._refused or self._sums or self._unreported):
                self._some_refused.clear()

    def _hand_on_some(self) -> None:
        for _ in range(min(_ANSWERS, len(self._refused))):
            self.deliver(self._refused.popleft())
        now = time.monotonic()
        if now < self._next_sum:
            return
        if self._sums or self._unreported:
            self._next_sum = now + _SUM_PERIOD
        sums, self._sums = self._sums, {}
        for (kind, why), total in sums.items():
            self.problem(f'refused: {total.count} {kind}: {why}')
            for name, count in (total.names or {}).items():
                self._answer(kind, name, f'{count} refused: {why}')
        if self._unreported:
            self.deliver(LinkProblem(f'{self._unreported} more problems, not reported one by one'))
            self._unreported = 0

    def _accept_urgent(
        self, command: RemoteCommand, kind: str, size: int, received_at: float
    ) -> bool:
        """Take what stops the robot; whether it is to be reported when its own turn comes."""
        limit = self.limits.size_of(command)
        if size > limit:
            problem = f'a frame of {size} bytes; at most {limit} are taken'
            command = replace(command, parameters={}, problems=(*command.problems, problem))
        command = replace(command, received_at=received_at)
        first = kind in _FIRST
        if first and self._crossing.urgent < MAX_URGENT:
            ahead = kind == 'cancel'  # The others need not know what they overtake.
            self._crossing.deliver(self._link, replace(command, ahead=ahead), urgent=True)
            return ahead
        if refusal := self._no_room(command):
            self._refuse(command, refusal)
        else:
            self.deliver(command, size)
        return False

    def _no_room(self, message: Any) -> Refusal | None:
        if not self._crossing.full(self._link) or isinstance(message, (Ping, Heartbeat)):
            return None
        return Refusal(ErrorCode.RATE_LIMITED, 'the robot has not taken what came before', 1.0)

    def _refuse(self, message: Any, refusal: Refusal) -> None:
        kind = type(message).__name__
        if isinstance(message, RemoteCommand) and message.command_id:
            if len(self._refused) < MAX_REFUSED:
                urgent = message.command in self._urgent  # Its router may do it all the same.
                parameters = message.parameters if urgent else {}
                self._refused.append(replace(message, parameters=parameters, refused=refusal))
                self._some_refused.set()
        self._refuse_other(kind, refusal.message, _name(message))

    def _refuse_other(
        self, kind: str, why: str, name: str | None = None, *, count: int = 1
    ) -> None:
        self.limits.count_refused(kind, count)
        total = self._sums.setdefault((kind, why), _Sum())
        self._some_refused.set()
        total.count += count
        if name is not None:
            total.names = total.names or {}
            if name in total.names or len(total.names) < _NAMES:
                total.names[name] = total.names.get(name, 0) + 1

    def _answer(self, kind: str, name: str, text: str) -> None:
        if kind == BehaviorUpdate.__name__:
            self._put(BehaviorStatus(name, 'rejected', errors=[{'message': text}]))
        elif kind == RunTask.__name__:
            self._put(TaskResult(name, False, 0.0, text))
        else:
            self._put(TransferError(f'{kind}: {text}'))


def _any_in(words: Iterable[bytes], text: bytes) -> bool:
    """Whether one of few words is in a text; a regular expression takes 50 ns a byte."""
    for word in words:  # any() would make a generator for each frame.
        if word in text:
            return True
    return False


def _too_long(message: object) -> Refusal | None:
    """Say if a secret of the peer's is longer than any that is kept and taken out of texts."""
    if isinstance(message, (ApiToken, LinkCredential)):
        secret = message.token if isinstance(message, ApiToken) else message.value
        if len(secret) > LONGEST:
            text = f'{type(message).__name__} of {len(secret)} characters'
            return Refusal(ErrorCode.TOO_LARGE, f'{text}; at most {LONGEST} are taken')
    return None


def _name(message: object) -> str | None:
    """Under which name a refused message is answered; None if it is not."""
    if isinstance(message, BehaviorUpdate):
        return str(message.tree_name)
    if isinstance(message, RunTask):
        return str(message.task_id)
    if isinstance(message, RemoteCommand):
        return None
    return ''
