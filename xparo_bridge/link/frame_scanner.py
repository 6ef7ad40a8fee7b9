# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Find the frames in the bytes of a server, and the words in them, without the library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import time

# Frames up to this size are looked into, bytes: as large as a command may be by default.
LOOKED_INTO = 64 * 1024
# After so many frames that were walked over the clock is looked at.
_STEPS = 1024
# So many frames with such a word are looked at in one go: each may take 0.1 ms.
_FOUND = 50
_TEXT, _BINARY = 0x81, 0x82  # First bytes of frames that are whole messages, not compressed.
_CLOSING = 8  # Opcodes from here on are control frames.
_END_OF_HEAD = b'\r\n\r\n'


class FrameScanner:
    """Walks over the bytes of a server, from its answer to the handshake on."""

    def __init__(self, judge: Callable[[bytes | None, int], bool]) -> None:
        """
        Call `judge` for each message, in order, before any byte of it is handed on.

        It gets the text and where the message ends, counted in bytes from the beginning.
        """
        self._judge = judge
        self._rest = bytearray()
        self._needed = 0
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
        """Return what there is of the next frames, if that is as much as was needed."""
        if self._rest:
            self._rest += data
            if len(self._rest) < self._needed:
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
                self._needed = head
                break
            first = data[at]
            if data[at + 1] & 0x80 or length >= 1 << 63:
                self._blind = True  # No server may send this; the library says so.
                at = size
                break
            end = at + head + length
            if first in (_TEXT, _BINARY) and length <= LOOKED_INTO:
                if end > size:
                    self._needed = head + length
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
