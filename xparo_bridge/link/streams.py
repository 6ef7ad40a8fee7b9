# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Joins the pieces of a streamed reply into one reply.

Every stream ends in exactly one final ChatDelta: with a ChatReply of the whole after it, or with
an error. Pieces that arrive after the end of their stream are dropped. What is held is bounded, in
streams and in characters.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from ..messages import ChatDelta, ChatReply, Message

MAX_STREAMS = 16
MAX_CHARACTERS = 1 << 20
SILENCE = 60.0  # s without a piece after which a stream is given up
# Streams that ended, remembered so that a late piece of one opens no stream that nobody ends.
MAX_ENDED = 64


@dataclass
class _Stream:
    heard: float
    unasked: bool
    started: bool = False  # by its own start, not by a piece that came before it
    pieces: list[str] = field(default_factory=list)
    length: int = 0


class StreamJoiner:
    """The streams of one link that are open; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._open: dict[str, _Stream] = {}
        self._ended: OrderedDict[str, bool] = OrderedDict()  # whether its whole was reported

    def start(self, message_id: str, unasked: bool | None = None) -> list[Message]:
        """
        Open a stream; one that a piece opened goes on, one that was started begins anew.

        At the bound the oldest stream is given up. `unasked` marks all that comes of it; None
        leaves that as it is.
        """
        given_up: list[Message] = []
        if message_id not in self._open:
            given_up = self._begin(message_id)
        stream = self._open[message_id]
        stream.heard = self._clock()
        if stream.started:
            stream.pieces, stream.length = [], 0
        stream.started = True
        if unasked is not None:
            stream.unasked = unasked
        return given_up

    def add(self, message_id: str, text: str, unasked: bool | None = None) -> list[Message]:
        """Take a piece; a stream nobody opened opens with it, one that ended takes no more."""
        if message_id not in self._open and message_id in self._ended:
            return []
        messages = [] if message_id in self._open else self._begin(message_id)
        stream = self._open[message_id]
        if unasked is not None:
            stream.unasked = unasked
        stream.heard = self._clock()
        stream.length += len(text)
        if stream.length > MAX_CHARACTERS:
            return messages + self._give_up(message_id, f'over {MAX_CHARACTERS} characters')
        stream.pieces.append(text)
        return [*messages, ChatDelta(text, message_id, unasked=stream.unasked)]

    def end(
        self, message_id: str, whole: str | None = None, unasked: bool | None = None
    ) -> list[Message]:
        """
        Close a stream with the whole as the peer says it, else as its pieces make it.

        The whole of a stream that was given up is unasked by now; a second end reports nothing.
        """
        stream = self._open.pop(message_id, None)
        if stream is None:
            late = message_id in self._ended
            reported = self._ended.get(message_id, False)
            self._note_end(message_id, whole=True)
            return [ChatReply(whole, bool(unasked) or late)] if whole and not reported else []
        if unasked is not None:
            stream.unasked = unasked
        self._note_end(message_id, whole=True)
        text = whole or ''.join(stream.pieces)
        return [
            ChatDelta('', message_id, final=True, unasked=stream.unasked),
            ChatReply(text, stream.unasked),
        ]

    def deadline(self) -> float | None:
        """Time at which the next stream will have been silent for too long."""
        heard = [stream.heard for stream in self._open.values()]
        return min(heard) + SILENCE if heard else None

    def expire(self) -> list[Message]:
        """Give up the streams that have been silent for too long."""
        before = self._clock() - SILENCE
        silent = [name for name, stream in self._open.items() if stream.heard <= before]
        return [
            end
            for name in silent
            for end in self._give_up(name, f'nothing came for {SILENCE:.0f} s')
        ]

    def abandon(self, reason: str) -> list[Message]:
        """Give up every stream."""
        return [end for name in list(self._open) for end in self._give_up(name, reason)]

    def _begin(self, message_id: str) -> list[Message]:
        given_up: list[Message] = []
        if len(self._open) >= MAX_STREAMS:
            given_up += self._give_up(next(iter(self._open)), f'over {MAX_STREAMS} streams')
        self._ended.pop(message_id, None)
        self._open[message_id] = _Stream(self._clock(), unasked=False)
        return given_up

    def _give_up(self, message_id: str, reason: str) -> list[Message]:
        stream = self._open.pop(message_id)
        self._note_end(message_id, whole=False)
        return [ChatDelta('', message_id, final=True, error=reason, unasked=stream.unasked)]

    def _note_end(self, message_id: str, *, whole: bool) -> None:
        self._ended[message_id] = whole
        self._ended.move_to_end(message_id)
        if len(self._ended) > MAX_ENDED:
            self._ended.popitem(last=False)
