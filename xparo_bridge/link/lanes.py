# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What waits to be sent on one link, in three lanes.

Control (status, chat, …) is kept until the peer has it. Live (speech, sound, gestures, …) is for
this connection or never. Telemetry is for now, a newer value of a key replacing the one still
waiting. They go in this order; all are bounded in bytes, and what is dropped is counted. What a
protocol sends by REST only waits beside them, in `rest`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
import contextlib
import time
from typing import Any

from ..json_writer import dumps
from ..messages import DURABLE, PeerError, PeerErrorCode, Telemetry, TelemetryHistory
from ..state import State
from ..state.writer import HANGS_AFTER
from .contained import call
from .control_entries import Cause
from .control_lane import ControlLane
from .history import History
from .outbox import Outbox
from .protocols.base import Frame, Protocol, ProtocolError

# Below this a limit that a peer seems to have is none, bytes.
_SMALLEST_LIMIT = 1024
# What a frame of telemetry has beside its values, bytes.
_ENVELOPE = 200
# How often a key that is left out is named, s, and how many are remembered.
_NAMED_EVERY = 60.0
_MAX_NAMED = 1000


class Lanes:
    """Outbound lanes of one link; lives in the link thread."""

    def __init__(
        self,
        protocol: Protocol,
        *,
        control_bytes: int,
        telemetry_bytes: int,
        state: State | None = None,
        name: str = '',
        history: tuple[int, float] = (0, 0.0),
        max_message: int = 1 << 20,
    ) -> None:
        """
        Take the bounds of the lanes in bytes, and of the history in bytes and s.

        What waits is kept in the state under the lanes' name. Without a state nothing outlives the
        process, and there is no history. No message over `max_message` bytes is sent; what is
        left out of one, or not sent at all, the control lane's `report` hears.
        """
        # The connection puts another one here when it dials another endpoint.
        self.protocol = protocol
        self._state = state
        self._writer = state.writer if state else None
        outbox = Outbox(self._writer, name) if self._writer else None
        self.history = (
            History(self._writer, name, *history)
            if state and history[0] and TelemetryHistory in protocol.capabilities
            else None
        )
        if outbox is not None:
            outbox.open()
        self.control = ControlLane(control_bytes, outbox, max_message=max_message)
        # What the peer takes at a time: less than the setting where it said so.
        self._limit = max_message
        self._largest = 0  # Of all but control on this connection, bytes.
        self._left_out: dict[str, float] = {}  # When a key was named last, monotonic s.
        self.live = LiveLane()
        # Answers that are due at once, such as pongs: whoever reads must not wait to send them.
        self.answers = LiveLane()
        self.rest = LiveLane()
        self.rest.open = True
        self.telemetry = TelemetryLane(telemetry_bytes)
        self._ready = asyncio.Event()
        # Whether the writer has sent all there was, and waits for more.
        self._writer_waits = False
        # Sends telemetry that nothing waits before, False if it is for the writer; none while
        # there is no connection. A turn of the writer takes 20 µs and another wait of the loop.
        self.send_at_once: Callable[[Sequence[Frame]], bool] | None = None

    def put(self, message: Any) -> None:
        """Add a message to its lane; ProtocolError if the protocol cannot carry it."""
        if type(message) not in self.protocol.capabilities:
            self.protocol.encode(message)  # Refuses it by name.
        if type(message) is Telemetry:
            if self._put_telemetry(message):
                return
        elif type(message) in self.protocol.rest_only:
            self.rest.add(self.protocol.encode(message))
        elif type(message) in DURABLE:
            # Encoded when it is sent: the adapter may by then be at another place in a
            # conversation, or be another adapter.
            self.control.add(message)
        elif self.live.open:
            self.live.add(self.protocol.encode(message))
        else:
            # Not encoded either: the adapter would wait for an answer to what was never sent.
            self.live.dropped += 1
        self._ready.set()

    def put_if_carried(self, message: Any) -> None:
        """Add a message, if the protocol can carry it."""
        if type(message) in self.protocol.capabilities:
            self.put(message)

    def answer(self, message: Any, frames: Sequence[Frame]) -> None:
        """Add what is due at once to a message that came."""
        (self.rest if type(message) in self.protocol.rest_only else self.answers).add(frames)
        self._ready.set()

    def heed(self, error: PeerError) -> None:
        """Take note of an error that the peer reports without closing the connection."""
        if error.code is not PeerErrorCode.MESSAGE_TOO_LARGE:
            return
        if self._largest > max(self.control.largest_unconfirmed, _SMALLEST_LIMIT):
            self._lower_limit()
        else:
            self.control.refuse_largest()
            self._ready.set()

    def connected(self) -> None:
        """Take note of a new connection."""
        self.answers.open = self.live.open = True
        self._largest = 0
        self.telemetry.connected()

    def disconnected(self, cause: Cause = Cause.CUT) -> None:
        """Take note that the connection, if there was one, is gone, and why."""
        if cause is Cause.TOO_BIG and self._largest > self.control.largest_unconfirmed:
            # Not a control message then; it converges after a few connections.
            self._lower_limit()
            cause = Cause.CUT
        self.control.rewind(cause=cause)
        self.answers.close()
        self.live.close()

    def _lower_limit(self) -> None:
        self._limit = max(_SMALLEST_LIMIT, self._largest // 2)
        self.control.report(
            f'the platform takes no message of {self._largest} bytes; '
            f'from now on telemetry has at most {self._limit}',
            None,
        )
        self._largest = 0

    def _put_telemetry(self, telemetry: Telemetry) -> bool:
        """Put telemetry on its lane, unless it is sent at once; whether it was."""
        send = self.send_at_once
        if send is not None and self._writer_waits and not self._ready.is_set():
            frames = self._fitting(telemetry)
            if send(frames):
                self.note_size(frames)
                return not self.telemetry.note_fresh()
            if not telemetry.every_sample:
                self.telemetry.merge(telemetry)
            else:
                self.telemetry.add_sample(frames)
        elif self.history is not None and not self.live.open:
            self.history.add(telemetry.values)
            self.telemetry.merge(telemetry)
        elif telemetry.every_sample:
            self.telemetry.add_sample(self._fitting(telemetry))
        else:
            self.telemetry.merge(telemetry)
        return False

    async def next(self) -> tuple[Sequence[Frame], bool]:
        """Wait for the next frames to send, and whether they are of the control lane."""
        while True:
            if (frames := self.answers.next()) is not None:
                return frames, False
            message = self.control.next()
            if message is not None:
                await self._on_record(self.control.mark)
                try:
                    return call(self.protocol.encode, message), True
                except ProtocolError as error:
                    error.about = message
                    raise
            frames = self.live.next() or self.telemetry.next_sample()
            if frames is not None:
                self.note_size(frames)
                return frames, False
            latest = self.telemetry.pop_latest()
            if latest is not None:
                frames = self._fitting(latest)
                self.note_size(frames)
                return frames, False
            self._ready.clear()
            if self.telemetry.sends_old:
                # Sending need not wait, so without this nothing fresh would get here meanwhile.
                await asyncio.sleep(0)
                if not self._ready.is_set():
                    return self.telemetry.next_old_sample(), False
                continue
            self._writer_waits = True
            try:
                await self._ready.wait()
            finally:
                self._writer_waits = False

    def note_size(self, frames: Sequence[Frame]) -> None:
        """Remember how large the largest frame is that is no control message."""
        self._largest = max(self._largest, *map(byte_size, frames), 0)

    def fits(self, frames: Sequence[Frame]) -> bool:
        """Whether the peer takes frames of this size."""
        return max(map(byte_size, frames), default=0) <= self._limit

    def _fitting(self, telemetry: Telemetry) -> Sequence[Frame]:
        """Frames of as much of some telemetry as the peer takes; what is left out is named."""
        frames = call(self.protocol.encode, telemetry)
        if self.fits(frames):
            return frames
        sizes = {key: len(dumps(value).encode()) for key, value in telemetry.values.items()}
        room = self._limit - _ENVELOPE
        for key in sorted(sizes, key=lambda key: -sizes[key]):
            if sum(size + len(name) + 4 for name, size in sizes.items()) <= room:
                break
            self._leave_out(key, sizes.pop(key))
        self.telemetry.dropped += 1
        kept = {key: value for key, value in telemetry.values.items() if key in sizes}
        if not kept:
            return ()
        return call(self.protocol.encode, Telemetry(kept, telemetry.every_sample))

    def _leave_out(self, key: str, size: int) -> None:
        now = time.monotonic()
        if now - self._left_out.get(key, -_NAMED_EVERY) < _NAMED_EVERY:
            return
        if len(self._left_out) > _MAX_NAMED:
            self._left_out.clear()
        self._left_out[key] = now
        self.control.report(
            f'telemetry "{key}" of {size} bytes is left out: at most {self._limit} are sent', None
        )

    async def _on_record(self, mark: int) -> None:
        """
        Wait until the robot's journal and this lane are on record up to a mark.

        Else a bridge that dies now would report another end of a command after its restart. A disk
        that hangs is not waited for.
        """
        if self._writer is None or self._writer.passed(mark):
            return
        loop, recorded = asyncio.get_running_loop(), asyncio.Event()
        if self._writer.when_on_record(mark, lambda: loop.call_soon_threadsafe(recorded.set)):
            return
        # Not wait_for: that of Python 3.11 may swallow a cancellation.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HANGS_AFTER):
                await recorded.wait()

    def confirm(self, sent: int) -> None:
        """Take note that the peer has the first `sent` control messages handed out."""
        self.control.confirm(sent)
        self._ready.set()

    @property
    def storage_problem(self) -> str:
        """Why what waits would not outlive the process, empty if it would."""
        return self._state.problem if self._state else ''

    def close(self) -> None:
        """Write what must outlive the process."""
        if self.history is not None:
            self.history.flush()

    @property
    def idle(self) -> bool:
        """Whether nothing of now waits to be sent."""
        return not self._ready.is_set() and not len(self.control)


class LiveLane:
    """Frames for this connection or never; while it is not `open` nothing waits here."""

    MAX_BYTES = 1 << 20

    def __init__(self) -> None:
        self._frames: deque[Sequence[Frame]] = deque()
        self._bytes = 0
        self.open = False
        self.dropped = 0

    @property
    def waiting(self) -> int:
        """How much waits, bytes; from any thread."""
        return self._bytes

    def add(self, frames: Sequence[Frame]) -> None:
        """Append; at the bound the oldest goes, because it is the latest already."""
        self._frames.append(frames)
        self._bytes += _size(frames)
        while self._bytes > self.MAX_BYTES:
            self._bytes -= _size(self._frames.popleft())
            self.dropped += 1

    def next(self) -> Sequence[Frame] | None:
        """Hand out the oldest entry."""
        if not self._frames:
            return None
        frames = self._frames.popleft()
        self._bytes -= _size(frames)
        return frames

    def close(self) -> None:
        """Forget what waits: the connection it was for is gone."""
        self.dropped += len(self._frames)
        self._frames.clear()
        self._bytes = 0
        self.open = False


class TelemetryLane:
    """Values of now: the latest of each key, and samples in order up to a bound."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._samples: deque[Sequence[Frame]] = deque()
        self._old: deque[Sequence[Frame]] = deque()
        self._fresh_sent = False
        self._latest: Telemetry | None = None
        self.dropped = 0
        self.replaced = 0

    def connected(self) -> None:
        """Take note of a new connection: what is fresh goes before what waited for it."""
        self._old.extend(self._samples)
        self._samples.clear()
        self._fresh_sent = False

    def note_fresh(self) -> bool:
        """Take note that something fresh was sent; whether samples that waited are next."""
        self._fresh_sent = True
        return bool(self._old)

    @property
    def sends_old(self) -> bool:
        """Whether it is the turn of samples that waited for this connection."""
        return bool(self._old) and self._fresh_sent

    def add_sample(self, frames: Sequence[Frame]) -> None:
        """Queue one sample; at the bound the oldest goes, because fresh values say more."""
        self._samples.append(frames)
        self._bytes += _size(frames)
        while self._bytes > self._max_bytes:
            self._pop(self._old or self._samples)
            self.dropped += 1

    def merge(self, telemetry: Telemetry) -> None:
        """Lay new values over those still waiting."""
        if self._latest is not None:
            self.replaced += len(self._latest.values.keys() & telemetry.values.keys())
            telemetry = Telemetry({**self._latest.values, **telemetry.values})
        self._latest = telemetry

    def next_sample(self) -> Sequence[Frame] | None:
        """Hand out the oldest sample of this connection."""
        if not self._samples:
            return None
        self._fresh_sent = True
        return self._pop(self._samples)

    def next_old_sample(self) -> Sequence[Frame]:
        """Hand out the oldest of the samples that waited for this connection."""
        return self._pop(self._old)

    def _pop(self, samples: deque[Sequence[Frame]]) -> Sequence[Frame]:
        frames = samples.popleft()
        self._bytes -= _size(frames)
        return frames

    def pop_latest(self) -> Telemetry | None:
        """Hand out the latest values, once."""
        latest, self._latest = self._latest, None
        self._fresh_sent = self._fresh_sent or latest is not None
        return latest


def byte_size(frame: Frame) -> int:
    """Return how many bytes a frame has on the wire."""
    return len(frame) if isinstance(frame, bytes) or frame.isascii() else len(frame.encode())


def _size(frames: Sequence[Frame]) -> int:
    return sum(map(byte_size, frames))
