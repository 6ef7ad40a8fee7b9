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
from .frame_scanner import frames_with, FrameScanner

# Bytes that may wait for the library; beyond, the peer has to wait.
MAX_AHEAD = 16 * 1024 * 1024
# For how long frames are looked at, and then read, before others have their turn, s: 256 KiB, as
# much as comes at a time, may hold 100 000 empty frames, which take a second to be read.
TURN = 0.002
# For how long they are read while much comes at once: to have it here goes first, for a stop may
# be in it.
DRAINING_TURN = 0.0005
# For how long frames with a word that may stop the robot are looked for, s of this thread's time:
# on a busy machine the clock goes on while it does not.
_URGENT_TURN = 0.02
# For how long nothing else is done after one was found, s, while the robot's thread takes it.
_QUIET = 0.02
_LOOK_SLICE = 4096
# While ever more comes, the library has its turn after so many of these.
_LOOKS = 8
_READ_SLICE = 1024
# What is still read of a connection that is lost, bytes.
_LAST = 256 * 1024
# Bytes that came together are told apart by so much, s: no message has less than two.
_APART = 1e-8


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
# Whether all messages in some bytes that are text are to be left out, without a look at each.
LeavesOut = Callable[[bytes], bool]


class ReadAhead:
    """
    A mixin for a connection of websockets: the library reads what was looked at.

    The connection hands it what comes, and says by `pause_library` that its library takes no more
    for now.
    """

    transport: Any
    loop: Any

    def begin_to_look(self) -> None:
        """Begin; to be called before the first byte."""
        self.arrivals: deque[Arrival] = deque()
        # Who judges messages; until somebody does all are kept.
        self.judge: Judge | None = None
        self.leaves_out: LeavesOut = lambda data: False
        self.on_left_out: Callable[[int], object] = lambda count: None
        self.urgent_waits: Callable[[], bool] = lambda: False
        # Words of the frames that are not to wait for others' turns.
        self.urgent_words: Sequence[bytes] = ()
        self._scanner = FrameScanner(self._judged)
        self._unseen: deque[tuple[float, memoryview]] = deque()
        self._seen: deque[memoryview] = deque()
        self._waiting = 0  # bytes in both
        # Where what is unseen begins, counted from the beginning, and when its first byte came.
        self._unseen_at = 0
        self._came_at = 0.0
        # Up to where frames with urgent words were found ahead, and what was judged of them.
        self._found_at = 0
        self._found: dict[int, tuple[Arrival, bool]] = {}
        self._tail = b''
        # Whether much comes at once, and the rest of it goes before what is here.
        self.draining = False
        self._quiet_until = 0.0
        self._more = False
        self._looks = 0
        self._looked_at = 0.0
        self._urgent = False
        self._pumping = self._library_paused = self._reading_paused = self._ended = False

    def read_now(self, data: bytes) -> None:
        """Give bytes to the library."""
        raise NotImplementedError

    def end_now(self) -> None:
        """Give the library the end of what the peer sends."""
        raise NotImplementedError

    def look_at(self, data: bytes) -> None:
        """Take what came."""
        # Not before the end of what came before: times are in the order of the bytes.
        self._came_at = max(time.monotonic(), self._came_at)
        self._unseen.append((self._came_at, memoryview(data)))
        self._came_at += len(data) * _APART
        self._waiting += len(data)
        self._more = bool(self._seen) or len(data) > _LOOK_SLICE
        # Of a word the beginning may be the last that came before.
        edge = self._tail + data[: self._longest_word]
        self._tail = data[-self._longest_word :]
        self._urgent = self._urgent or any(
            word in data or word in edge for word in self.urgent_words
        )
        if self._urgent:
            self._look_ahead()
        if not self._pumping:
            self._pump()

    def _look_ahead(self) -> None:
        """Judge those of the frames that hold an urgent word, whatever came before them."""
        begin = self._scanner.begins_at
        if begin is None or self.judge is None:
            return
        begin = max(begin, self._found_at)
        pieces, came = [], []
        at = self._unseen_at - len(self._scanner.rest)
        for came_at, piece in ((0.0, memoryview(self._scanner.rest)), *self._unseen):
            if at + len(piece) > begin:
                skipped = max(0, begin - at)
                came.append((max(at, begin), came_at + skipped * _APART))
                pieces.append(piece[skipped:])
            at += len(piece)
        data = b''.join(pieces)
        give_way = time.thread_time() + _URGENT_TURN
        # Behind what was not reached there may be more: the rest comes in the next turn.
        frames, done, self._urgent = frames_with(self.urgent_words, data, give_way)
        for text, end in frames:
            starts, came_at = next(each for each in reversed(came) if each[0] < begin + end)
            arrival = Arrival(came_at + (begin + end - starts) * _APART)
            self._found[begin + end] = arrival, self.judge(text, arrival)
            if self.urgent_waits():
                self._quiet_until = time.monotonic() + _QUIET
        self._found_at = begin + done

    def end_after(self) -> bool:
        """Whether the end of what the peer sends has to wait for what it sent before."""
        self._ended = bool(self._unseen or self._seen)
        return self._ended

    def lose(self) -> None:
        """Read the last of a connection that is lost."""
        self._library_paused, left = False, _LAST
        while (self._unseen or self._seen) and left > 0:
            left -= self._look() + self._read()
        self._unseen.clear()
        self._seen.clear()

    @property
    def quiet(self) -> bool:
        """Whether the robot's thread is to have the interpreter, to stop the robot."""
        return self._quiet_until > 0.0 and self._still_quiet()

    def _still_quiet(self) -> bool:
        if self.urgent_waits() and time.monotonic() < self._quiet_until:
            return True
        self._quiet_until = 0.0
        return False

    @property
    def _longest_word(self) -> int:
        return max(map(len, self.urgent_words), default=1)

    def pause_library(self) -> None:
        """Keep what comes: the library takes no more for now."""
        self._library_paused = True

    def resume_library(self) -> None:
        """Hand on to the library again."""
        self._library_paused = False
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
        if self._urgent:
            self._look_ahead()
        if self.quiet:
            self._pumping = True
            self.loop.call_later(_QUIET / 10, self._pump)
            return
        self.draining = self._more
        end = time.monotonic() + TURN
        while self._unseen and time.monotonic() < end:
            self._look()
        # Where much comes, or again before all is read, there may be more, and a stop in it.
        more = self._more or self._unseen
        self._looks = self._looks + 1 if more and not self._reading_paused else 0
        self._more = False
        if self._looks % _LOOKS == 0:
            end = time.monotonic() + TURN
            while self._seen and not self._library_paused and time.monotonic() < end:
                self._read()
        if self._ended and not self._unseen and not self._seen:
            self._ended = False
            self.end_now()
        if self._unseen or (self._seen and not self._library_paused):
            self._pumping = True
            self.loop.call_soon(self._pump)
        full = self._waiting > MAX_AHEAD
        if full != self._reading_paused and not self.transport.is_closing():
            self._reading_paused = full
            (self.transport.pause_reading if full else self.transport.resume_reading)()

    def _look(self) -> int:
        if not self._unseen:
            return 0
        came_at, data = self._unseen.popleft()
        looked = bytes(data[:_LOOK_SLICE])
        size = len(looked)
        # A time of the end of the slice, from which that of the end of each message follows.
        self._looked_at = came_at + size * _APART
        self._unseen_at += size
        if size < len(data):
            self._unseen.appendleft((self._looked_at, data[size:]))
        if self.leaves_out(self._scanner.rest + looked):
            count, looked = self._scanner.leave_out(looked)
            if count:
                self.on_left_out(count)
        kept = self._scanner.feed(looked)
        self._waiting += len(kept) - size
        if kept:
            self._seen.append(memoryview(kept))
        return size

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

    def _judged(self, text: bytes | None, end: int) -> bool:
        found = self._found.pop(end, None) if self._found else None
        if found is None:
            # What came first is known by its time, also within one packet.
            arrival = Arrival(self._looked_at - max(0, self._unseen_at - end) * _APART)
            kept = self.judge is None or self.judge(text, arrival)
        else:
            arrival, kept = found
        if kept:
            self.arrivals.append(arrival)
        return kept
