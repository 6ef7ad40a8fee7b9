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
# After so many frames that were walked over the clock is looked at.
_STEPS = 1024
# So many frames with such a word are looked at in one go: each may take 0.1 ms.
_FOUND = 50
_LOOK_SLICE = 4096
# While ever more comes, the library has its turn after so many of these.
_LOOKS = 8
_READ_SLICE = 1024
# What is still read of a connection that is lost, bytes.
_LAST = 256 * 1024
# Bytes that came together are told apart by so much, s: no message has less than two.
_APART = 1e-8
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
# Whether all messages in some bytes that are text are to be left out, without a look at each.
LeavesOut = Callable[[bytes], bool]


class FrameScanner:
    """Walks over the bytes of a server, from its answer to the handshake on."""

    def __init__(self, judge: Callable[[bytes | None, int], bool]) -> None:
        """
        Call `judge` for each message, in order, before any byte of it is handed on.

        It gets the text and where the message ends, counted in bytes from the beginning.
        """
        self._judge = judge
        self._rest = bytearray()
        self._wanted = 0
        self._passing = 0
        self._head = b''
        self._opened = self._blind = False
        self._fed = 0

    @property
    def begins_at(self) -> int | None:
        """Where the next frame begins, in bytes from the beginning; None where nobody knows."""
        if self._blind or not self._opened:
            return None
        return self._fed - len(self._rest) + self._passing

    @property
    def rest(self) -> bytes:
        """What has come of the next frame."""
        return bytes(self._rest)

    def feed(self, data: bytes) -> bytes:
        """Return those of the bytes that are to be read now."""
        self._fed += len(data)
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
            self._fed -= len(data) - cut
            return data[:cut] + self.feed(data[cut:])
        data = self._joined(data)
        return self._walk(data) if data else b''

    def leave_out(self, data: bytes) -> tuple[int, bytes]:
        """
        Leave all messages out of the next bytes that are text and whole; how many, and the rest.

        What is left begins with the first that is neither, and is to be fed.
        """
        if self._blind or not self._opened or self._passing:
            return 0, data
        before = len(self._rest)
        joined = bytes(self._rest) + data if before else data
        count = at = 0
        size = len(joined)
        while at + 1 < size and joined[at] == _TEXT:
            length = joined[at + 1]
            if length < 126:
                end = at + 2 + length
            elif length == 126 and at + 3 < size:
                end = at + 4 + (joined[at + 2] << 8 | joined[at + 3])
            else:
                break
            if end > size:
                break
            at = end
            count += 1
        if not count:
            return 0, data
        self._rest.clear()
        self._fed += at - before
        return count, joined[at:]

    def _joined(self, data: bytes) -> bytes:
        """Return what there is of the next frames, if that is as much as was wanted."""
        if self._rest:
            self._rest += data
            if len(self._rest) < self._wanted:
                return b''
            data = bytes(self._rest)
            self._rest.clear()
        return data

    def _walk(self, data: bytes) -> bytes:
        kept: list[bytes] = []
        size = len(data)
        begin = 0  # of what is kept and not yet in `kept`
        origin = self._fed - size  # of the data, counted from the beginning
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
                if not self._judge(seen, origin + end):
                    kept.append(data[begin:at])
                    begin = end
            elif first & 0x80 and first & 0x0F < _CLOSING:
                self._judge(None, origin + end)
            if end > size:
                self._passing = end - size
                end = size
            at = end
        self._rest += data[at:]
        kept.append(data[begin:at])
        return b''.join(kept) if len(kept) > 1 else kept[0]


def frames_with(
    words: Sequence[bytes], data: bytes, give_way: float
) -> tuple[list[tuple[bytes, int]], int, bool]:
    """
    Find the text messages that hold one of some words, in bytes that begin with a frame.

    Walks over the others by their lengths alone, in a quarter of a microsecond each. Returns the
    texts, each with where it ends; where the next frame begins that was not looked at, the first
    that is not whole or was not reached before `give_way`, by the thread's time; and whether
    there is a word behind that.
    """
    found: list[tuple[bytes, int]] = []
    size, at, steps = len(data), 0, 0
    places = dict.fromkeys(words, -1)
    word_at = _next_word(places, data, 0)
    while at + 1 < size:
        if word_at > size:
            return found, at, False
        steps += 1
        if not steps % _STEPS and time.thread_time() > give_way:
            break
        length = data[at + 1]
        head = 2
        if length == 126:
            head, length = 4, int.from_bytes(data[at + 2 : at + 4])
        elif length == 127:
            head, length = 10, int.from_bytes(data[at + 2 : at + 10])
        elif length > 127:
            return found, size, False  # No server may send this.
        if at + head > size:
            break
        end = at + head + length
        if length > LOOKED_INTO:
            word_at = _next_word(places, data, end)
        elif end > size:
            break
        elif end > word_at:
            if data[at] == _TEXT:
                found.append((data[at + head : end], end))
                if len(found) >= _FOUND:
                    return found, end, True
            word_at = _next_word(places, data, end)
        at = end
    return found, at, word_at <= size


def _next_word(places: dict[bytes, int], data: bytes, start: int) -> int:
    """Return where the next of some words is; `places` keeps where each was found."""
    for word, place in places.items():
        if place < start:
            place = data.find(word, start)
            places[word] = place if place >= 0 else len(data) + 1
    return min(places.values(), default=len(data) + 1)


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
        self._pumping = self._library_paused = self._paused = self._ended = False

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
        self._looks = self._looks + 1 if more and not self._paused else 0
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
        if full != self._paused and not self.transport.is_closing():
            self._paused = full
            (self.transport.pause_reading if full else self.transport.resume_reading)()

    def _look(self) -> int:
        if not self._unseen:
            return 0
        came_at, data = self._unseen.popleft()
        looked = bytes(data[:_LOOK_SLICE])
        size = len(looked)
        # A time of the end of the slice, to tell that of the end of each message from.
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
            # What came first is told by its time, also within one packet.
            arrival = Arrival(self._looked_at - max(0, self._unseen_at - end) * _APART)
            kept = self.judge is None or self.judge(text, arrival)
        else:
            arrival, kept = found
        if kept:
            self.arrivals.append(arrival)
        return kept
