# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Looks at what a server sends as soon as it is there, ahead of the library that reads it.

A stop may be behind thousands of frames. To read one takes some ten µs, to walk over one about
one: so the socket is emptied at once, each frame is shown to whoever judges it, and what is kept
waits here, in bytes, for the library.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
import time
from typing import Any

from ..messages import Refusal

# Frames up to this size are looked into, bytes: as large as a command may be by default.
LOOKED_INTO = 64 * 1024
# Bytes that may wait for the library; beyond, the peer has to wait.
MAX_AHEAD = 8 * 1024 * 1024
# For how long frames are looked at, and then read, before others have their turn, s: 256 KiB, as
# much as comes at a time, may hold 100 000 empty frames, which take a second to be read.
TURN = 0.002
# The same where the bytes have a word that may stop the robot.
_URGENT_TURN = 0.02
_LOOK_SLICE = 4096
# While ever more comes, the library has its turn after so many of these.
_LOOKS = 8
_READ_SLICE = 1024
# What is still read of a connection that is lost, bytes.
_LAST = 256 * 1024
# Two messages that came together are told apart by so much, s.
_APART = 1e-7
_TEXT, _BINARY = 0x81, 0x82  # First bytes of frames that are whole messages, not compressed.
_CLOSING = 8  # Opcodes from here on are control frames.
_END_OF_HEAD = b'\r\n\r\n'


@dataclass
class Arrival:
    """When a message came, monotonic s, and what is known of it before the library reads it."""

    at: float
    refusal: Refusal | None = None
    # What it says, where it was decoded already.
    messages: list[Any] | None = None
    judged: bool = False
    # Whether it is read only to be answered that it is refused.
    to_answer: bool = False


# Judges a message: its text, or None if that cannot be seen; False leaves it out.
Judge = Callable[[bytes | None, Arrival], bool]


class FrameScanner:
    """Walks over the bytes of a server, from its answer to the handshake on."""

    def __init__(self, judge: Callable[[bytes | None], bool]) -> None:
        """Call `judge` for each message, in order, before any byte of it is handed on."""
        self._judge = judge
        self._rest = bytearray()
        self._wanted = 0
        self._passing = 0
        self._head = b''
        self._opened = self._blind = False

    def feed(self, data: bytes) -> bytes:
        """Return those of the bytes that are to be read now."""
        if self._blind:
            return data
        if not self._opened:
            joined = self._head + data
            at = joined.find(_END_OF_HEAD)
            if at < 0:
                self._head = joined[1 - len(_END_OF_HEAD) :]
                return data
            self._opened = True
            cut = at + len(_END_OF_HEAD) - len(self._head)
            return data[:cut] + self.feed(data[cut:])
        if self._rest:
            self._rest += data
            if len(self._rest) < self._wanted:
                return b''
            data = bytes(self._rest)
            self._rest.clear()
        return self._walk(data)

    def _walk(self, data: bytes) -> bytes:
        kept: list[bytes] = []
        size = len(data)
        begin = 0  # of what is kept and not yet in `kept`
        at = min(self._passing, size)
        self._passing -= at
        while at < size:
            head, length = 2, (data[at + 1] & 0x7F) if at + 1 < size else 0
            if length == 126:
                head, length = 4, int.from_bytes(data[at + 2 : at + 4])
            elif length == 127:
                head, length = 10, int.from_bytes(data[at + 2 : at + 10])
            if at + head > size:
                self._wanted = head
                break
            first = data[at]
            if data[at + 1] & 0x80 or length >= 1 << 63:
                self._blind = True  # No server may send this; the library says so.
                at = size
                break
            end = at + head + length
            if first in (_TEXT, _BINARY) and length <= LOOKED_INTO:
                if end > size:
                    self._wanted = head + length
                    break
                seen = data[at + head : end] if first == _TEXT else None
                if not self._judge(seen):
                    kept.append(data[begin:at])
                    begin = end
            elif first & 0x80 and first & 0x0F < _CLOSING:
                self._judge(None)
            if end > size:
                self._passing = end - size
                end = size
            at = end
        self._rest += data[at:]
        kept.append(data[begin:at])
        return b''.join(kept) if len(kept) > 1 else kept[0]


class ReadAhead:
    """
    A mixin for a connection of websockets: the library reads what was looked at.

    The connection hands it what comes, and says by `held` that its library wants no more for now.
    """

    transport: Any
    loop: Any

    def begin_to_look(self) -> None:
        """Begin; to be called before the first byte."""
        self.arrivals: deque[Arrival] = deque()
        # Who judges messages; until somebody does all are kept.
        self.judge: Judge | None = None
        # Words of the frames that are not to wait for others' turns.
        self.urgent_words: Sequence[bytes] = ()
        self._scanner = FrameScanner(self._judged)
        self._unseen: deque[tuple[float, memoryview]] = deque()
        self._seen: deque[memoryview] = deque()
        self._waiting = 0  # bytes in both
        self._came_at = self._last_arrival = 0.0
        self._more = False
        self._looks = 0
        self._urgent = False
        self._pumping = self._held = self._paused = self._ended = False

    def read_now(self, data: bytes) -> None:
        """Give bytes to the library."""
        raise NotImplementedError

    def end_now(self) -> None:
        """Give the library the end of what the peer sends."""
        raise NotImplementedError

    def look_at(self, data: bytes) -> None:
        """Take what came."""
        self._unseen.append((time.monotonic(), memoryview(data)))
        self._waiting += len(data)
        self._more = bool(self._seen) or len(data) > _LOOK_SLICE
        self._urgent = self._urgent or any(word in data for word in self.urgent_words)
        if not self._pumping:
            self._pump()

    def end_after(self) -> bool:
        """Whether the end of what the peer sends has to wait for what it sent before."""
        self._ended = bool(self._unseen or self._seen)
        return self._ended

    def lose(self) -> None:
        """Read the last of a connection that is lost."""
        self._held, left = False, _LAST
        while (self._unseen or self._seen) and left > 0:
            left -= self._look() + self._read()
        self._unseen.clear()
        self._seen.clear()

    def hold(self) -> None:
        """Keep what comes: the library has enough."""
        self._held = True

    def go_on(self) -> None:
        """Hand on to the library again."""
        self._held = False
        if not self._pumping and self._seen:
            self._pumping = True
            self.loop.call_soon(self._pump)

    def _pump(self) -> None:
        """Look at what came, then have the library read; both for a turn."""
        self._pumping = False
        if self.transport.is_closing():
            self._unseen.clear()
            self._seen.clear()
            return
        end = time.monotonic() + (_URGENT_TURN if self._urgent else TURN)
        while self._unseen and time.monotonic() < end:
            self._look()
        if not self._unseen:
            self._urgent = False
        # Where much comes, or again before all is read, there may be more, and a stop in it.
        more = self._more or self._unseen
        self._looks = self._looks + 1 if more and not self._paused else 0
        self._more = False
        if self._looks % _LOOKS == 0:
            end = time.monotonic() + TURN
            while self._seen and not self._held and time.monotonic() < end:
                self._read()
        if self._ended and not self._unseen and not self._seen:
            self._ended = False
            self.end_now()
        if self._unseen or (self._seen and not self._held):
            self._pumping = True
            self.loop.call_soon(self._pump)
        full = self._waiting > MAX_AHEAD
        if full != self._paused and not self.transport.is_closing():
            self._paused = full
            (self.transport.pause_reading if full else self.transport.resume_reading)()

    def _look(self) -> int:
        if not self._unseen:
            return 0
        self._came_at, data = self._unseen[0]
        if len(data) > _LOOK_SLICE:
            self._unseen[0] = (self._came_at, data[_LOOK_SLICE:])
        else:
            self._unseen.popleft()
        looked = bytes(data[:_LOOK_SLICE])
        kept = self._scanner.feed(looked)
        self._waiting += len(kept) - len(looked)
        if kept:
            self._seen.append(memoryview(kept))
        return len(looked)

    def _read(self) -> int:
        if not self._seen:
            return 0
        data = self._seen[0]
        if len(data) > _READ_SLICE:
            self._seen[0] = data[_READ_SLICE:]
        else:
            self._seen.popleft()
        read = bytes(data[:_READ_SLICE])
        self._waiting -= len(read)
        self.read_now(read)
        return len(read)

    def _judged(self, text: bytes | None) -> bool:
        # What came first is told by its time, also within one packet.
        self._last_arrival = max(self._came_at, self._last_arrival + _APART)
        arrival = Arrival(self._last_arrival)
        if self.judge is not None and not self.judge(text, arrival):
            return False
        self.arrivals.append(arrival)
        return True
