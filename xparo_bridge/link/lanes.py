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
from collections.abc import Sequence
from typing import Any

from ..messages import CommandState, CommandStatus, KEPT, Telemetry
from .protocols.base import Frame, Protocol


class Lanes:
    """Outbound lanes of one link; lives in the link thread."""

    def __init__(self, protocol: Protocol, *, control_bytes: int, telemetry_bytes: int) -> None:
        """Take the bounds of the two lanes, bytes."""
        self._protocol = protocol
        self.control = ControlLane(control_bytes)
        self.live = LiveLane()
        self.rest = LiveLane()
        self.rest.open = True
        self.telemetry = TelemetryLane(telemetry_bytes)
        self._ready = asyncio.Event()

    def put(self, message: Any) -> None:
        """Add a message to its lane; ProtocolError if the protocol cannot carry it."""
        if type(message) is Telemetry:
            if message.every_sample:
                self.telemetry.add_sample(self._protocol.encode(message))
            else:
                self.telemetry.merge(message)
        elif type(message) in self._protocol.rest_only:
            self.rest.add(self._protocol.encode(message))
        elif type(message) in KEPT or type(message) not in self._protocol.capabilities:
            self.control.add(self._protocol.encode(message), _replaces(message))
        elif self.live.open:
            self.live.add(self._protocol.encode(message))
        else:
            # Not encoded either: the adapter would wait for an answer to what was never sent.
            self.live.dropped += 1
        self._ready.set()

    async def next(self) -> tuple[Sequence[Frame], bool]:
        """Wait for the next frames to send, and whether they are of the control lane."""
        while True:
            frames = self.control.next()
            if frames is not None:
                return frames, True
            frames = self.live.next() or self.telemetry.next_sample()
            if frames is not None:
                return frames, False
            latest = self.telemetry.take_latest()
            if latest is not None:
                return self._protocol.encode(latest), False
            self._ready.clear()
            if self.telemetry.sends_old:
                # Sending need not wait, so without this nothing fresh would get here meanwhile.
                await asyncio.sleep(0)
                if not self._ready.is_set():
                    return self.telemetry.next_old_sample(), False
                continue
            await self._ready.wait()


def _replaces(message: Any) -> str | None:
    """Return what a waiting message must carry to be replaced: only progress is worth less."""
    if isinstance(message, CommandStatus) and message.state is CommandState.RUNNING:
        return message.command_id
    return None


class ControlLane:
    """
    Frames that must arrive, in order.

    `next` hands them out; they stay until `confirm` says the peer has them, and `rewind` hands
    them out again on a new connection. So a frame may arrive twice, never not at all.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._unsent: deque[tuple[Sequence[Frame], str | None]] = deque()
        self._unconfirmed: deque[tuple[Sequence[Frame], str | None]] = deque()
        self._sent = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._unsent) + len(self._unconfirmed)

    @property
    def sent(self) -> int:
        """How many entries were handed out in all; what `confirm` is given back."""
        return self._sent

    def add(self, frames: Sequence[Frame], replaces: str | None = None) -> None:
        """Append; an unsent newest entry of the same `replaces` goes, as it says less."""
        if replaces is not None and self._unsent and self._unsent[-1][1] == replaces:
            self._bytes -= _size(self._unsent.pop()[0])
        self._unsent.append((frames, replaces))
        self._bytes += _size(frames)
        while self._bytes > self._max_bytes:
            oldest = self._unconfirmed or self._unsent
            self._bytes -= _size(oldest.popleft()[0])
            self.dropped += 1

    def next(self) -> Sequence[Frame] | None:
        """Hand out the oldest entry that was not sent on this connection."""
        if not self._unsent:
            return None
        entry = self._unsent.popleft()
        self._unconfirmed.append(entry)
        self._sent += 1
        return entry[0]

    def confirm(self, sent: int) -> None:
        """Forget everything up to the `sent`-th entry: the peer has it."""
        while self._unconfirmed and self._sent - len(self._unconfirmed) < sent:
            self._bytes -= _size(self._unconfirmed.popleft()[0])

    def rewind(self) -> None:
        """Hand out again, on the next connection, what was never confirmed."""
        self._sent -= len(self._unconfirmed)
        self._unsent.extendleft(reversed(self._unconfirmed))
        self._unconfirmed.clear()


class LiveLane:
    """Frames for this connection or never; while it is not `open` nothing waits here."""

    MAX_BYTES = 1 << 20

    def __init__(self) -> None:
        self._frames: deque[Sequence[Frame]] = deque()
        self._bytes = 0
        self.open = False
        self.dropped = 0

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

    def connected(self) -> None:
        """Take note of a new connection: what is fresh goes before what waited for it."""
        self._old.extend(self._samples)
        self._samples.clear()
        self._fresh_sent = False

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
            self.dropped += len(self._latest.values.keys() & telemetry.values.keys())
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

    def take_latest(self) -> Telemetry | None:
        """Hand out the latest values, once."""
        latest, self._latest = self._latest, None
        self._fresh_sent = self._fresh_sent or latest is not None
        return latest


def _size(frames: Sequence[Frame]) -> int:
    return sum(map(len, frames))
