# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How the pieces of a streamed reply become one reply.

Every stream ends in exactly one final ChatDelta: with a ChatReply of the whole after it, or with
an error. What is held is bounded, in streams and in characters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..messages import ChatDelta, ChatReply

MAX_STREAMS = 16
MAX_CHARACTERS = 1 << 20
SILENCE = 60.0  # s without a piece after which a stream is given up


@dataclass
class _Stream:
    heard: float
    pieces: list[str] = field(default_factory=list)
    length: int = 0


class StreamJoiner:
    """The streams of one link that are open; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._open: dict[str, _Stream] = {}

    def start(self, message_id: str) -> list[Any]:
        """Open a stream; one of the same name or the oldest over the bound is given up."""
        given_up = []
        if message_id in self._open:
            given_up += self._give_up(message_id, 'the stream was started anew')
        elif len(self._open) >= MAX_STREAMS:
            given_up += self._give_up(next(iter(self._open)), f'over {MAX_STREAMS} streams')
        self._open[message_id] = _Stream(self._clock())
        return given_up

    def add(self, message_id: str, text: str) -> list[Any]:
        """Take a piece; a stream nobody opened opens with it."""
        messages = [] if message_id in self._open else self.start(message_id)
        stream = self._open[message_id]
        stream.heard = self._clock()
        stream.length += len(text)
        if stream.length > MAX_CHARACTERS:
            return messages + self._give_up(message_id, f'over {MAX_CHARACTERS} characters')
        stream.pieces.append(text)
        return [*messages, ChatDelta(text, message_id)]

    def end(self, message_id: str, whole: str | None = None) -> list[Any]:
        """Close a stream with the whole as the peer says it, else as its pieces make it."""
        stream = self._open.pop(message_id, None)
        if stream is None:  # Given up before, or never begun: its final piece is not due twice.
            return [ChatReply(whole)] if whole else []
        text = ''.join(stream.pieces) if whole is None else whole
        return [ChatDelta('', message_id, final=True), ChatReply(text)]

    def deadline(self) -> float | None:
        """Time at which the next stream will have been silent for too long."""
        heard = [stream.heard for stream in self._open.values()]
        return min(heard) + SILENCE if heard else None

    def expire(self) -> list[Any]:
        """Give up the streams that have been silent for too long."""
        due = self._clock() - SILENCE
        silent = [name for name, stream in self._open.items() if stream.heard <= due]
        return [
            end
            for name in silent
            for end in self._give_up(name, f'nothing came for {SILENCE:.0f} s')
        ]

    def abandon(self, reason: str) -> list[Any]:
        """Give up every stream."""
        return [end for name in list(self._open) for end in self._give_up(name, reason)]

    def _give_up(self, message_id: str, reason: str) -> list[Any]:
        del self._open[message_id]
        return [ChatDelta('', message_id, final=True, error=reason)]
