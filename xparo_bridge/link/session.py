# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""One open connection of a link: read, write, learn what arrived, notice silence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
import time
from typing import Any

from ..messages import PeerError, RobotInfo, TelemetryHistory
from . import websocket
from .contained import begin, call, end, for_ever, within
from .faults import SilentPeer
from .frame_scanner import LOOKED_INTO
from .inbound import Inbound
from .lanes import byte_size, Lanes
from .large_frames import read_large
from .protocols.base import Frame, Protocol, ProtocolError
from .read_ahead import Arrival, DRAINING_TURN

# How long closing may take, s: the last status of a cancelled command, and the close frames.
_FLUSH_TIMEOUT, _CLOSE_TIMEOUT = 2.0, 1.0
# How late an adapter that keeps time may be called, s.
_TICK = 0.1
# For how long frames are read without a turn for others, s: a flood costs its own link only.
_READ_TURN = 0.002
# How often it is looked whether the robot has taken a stop, while nothing is read, s.
_QUIET_LOOK = 0.002
# Sending need not wait for anything, and a backlog is long: after so many messages others have
# their turn.
_TURNS = 16
# History goes in pieces that take about this long, so that live data waits no longer, s.
_HISTORY_TURN = 0.1
_HISTORY_BYTES = (4 * 1024, 256 * 1024)


@dataclass
class Counters:
    """What went over a link since start, in frames."""

    sent: int = 0
    received: int = 0


@dataclass(frozen=True)
class Heartbeat:
    """How a peer that went silent is noticed, s."""

    interval: float
    timeout: float


class Session:
    """Serves one open connection."""

    def __init__(
        self,
        socket: Any,
        protocol: Protocol,
        lanes: Lanes,
        inbound: Inbound,
        heartbeat: Heartbeat,
        counters: Counters,
        history_share: float,
        on_frame: Callable[[str, Frame], object] | None = None,
    ) -> None:
        """`on_frame` is called with each frame, 'in' or 'out', if anybody wants that."""
        self._socket = socket
        self._protocol = protocol
        self._lanes = lanes
        self._inbound = inbound
        self._heartbeat = heartbeat
        self._counters = counters
        self._history_share = history_share
        self._on_frame = on_frame
        inbound.begin()
        socket.judge = self._judge
        socket.leaves_out = self._leaves_out
        socket.on_left_out = self._left_out
        socket.urgent_waits = inbound.urgent_waits
        socket.urgent_words = inbound.first_words

    async def greet(self, greeting: RobotInfo) -> None:
        """Send what the protocol begins with, and who the robot is."""
        frames = list(call(self._protocol.on_open))
        if type(greeting) in self._protocol.capabilities:
            frames += call(self._protocol.encode, greeting)
        await self._send(frames)

    async def talk(self, stopping: asyncio.Event) -> None:
        """Serve until stopping; raises what ended the connection otherwise."""
        stop = begin(stopping.wait())
        writer = begin(self._write())
        tasks: list[asyncio.Task[Any]] = [
            stop,
            # The reader knows best why: it sees the close frame.
            begin(self._read()),
            begin(self._keep_heartbeat()),
            begin(self._keep_time()),
            begin(self._send_history()),
            writer,
        ]
        self._lanes.send_at_once = self._send_at_once
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if stop.done():
                await within(_FLUSH_TIMEOUT, self._flushed())
                await within(_CLOSE_TIMEOUT, self._socket.close(1001, 'bridge stops'))
                return
            for task in tasks[1:]:
                if task.done():
                    task.result()
        finally:
            self._lanes.send_at_once = None
            await end(*tasks)

    async def _send(self, frames: Sequence[Frame]) -> None:
        await websocket.send(self._socket, frames)
        self._note_sent(frames)

    def _send_at_once(self, frames: Sequence[Frame]) -> bool:
        """Send what nothing waits before, if the peer takes it now."""
        if call(self._protocol.send_not_before) > time.monotonic():
            return False
        if not websocket.send_at_once(self._socket, frames):
            return False
        self._note_sent(frames)
        return True

    def _note_sent(self, frames: Sequence[Frame]) -> None:
        if self._on_frame is not None:
            for frame in frames:
                self._on_frame('out', frame)
        self._counters.sent += len(frames)

    def _judge(self, text: bytes | None, arrival: Arrival) -> bool:
        """Look at a frame before it is read: take what stops the robot, leave out what is over."""
        try:
            kept = self._inbound.judge(self._protocol, text, arrival)
        except Exception as error:
            self._inbound.fault('looking at a frame', error)
            return True
        if not kept:
            self._counters.received += 1
        return kept

    def _leaves_out(self, data: bytes) -> bool:
        try:
            return self._inbound.leaves_out(self._protocol, data)
        except Exception as error:
            self._inbound.fault('looking at frames', error)
            return False

    def _left_out(self, count: int) -> None:
        self._counters.received += count
        self._inbound.left_out(count)

    async def _read(self) -> None:
        give_way = time.monotonic() + _READ_TURN
        while True:
            frame, arrival = await websocket.receive(self._socket)
            if not arrival.judged:  # It came before anybody looked.
                text = None
                if isinstance(frame, str) and len(frame) <= LOOKED_INTO:
                    text = frame.encode()
                if not self._judge(text, arrival):
                    continue
            self._counters.received += 1
            if self._on_frame is not None:
                self._on_frame('in', frame)
            if not self._inbound.skip(self._protocol, frame, arrival):
                try:
                    frame = await read_large(self._protocol, frame)
                except asyncio.CancelledError:  # The connection ends; a stop in it counts.
                    for _ in self._accepting(frame, arrival):
                        pass
                    raise
                for _ in self._accepting(frame, arrival):
                    if time.monotonic() > give_way:
                        await asyncio.sleep(0)
                        give_way = time.monotonic() + _READ_TURN
            if time.monotonic() > give_way or self._socket.quiet:
                while self._socket.quiet:
                    await asyncio.sleep(_QUIET_LOOK)
                await asyncio.sleep(0)
                turn = DRAINING_TURN if self._socket.draining else _READ_TURN
                give_way = time.monotonic() + turn

    def _accepting(self, frame: Frame, arrival: Arrival) -> Iterator[None]:
        """Take the messages of a frame one after another."""
        try:
            messages: Sequence[Any] = (
                call(self._protocol.decode, frame)
                if arrival.messages is None
                else arrival.messages
            )
        except ProtocolError as error:
            self._inbound.problem(f'not understood: {error}')
            return
        except Exception as error:
            self._inbound.fault('decode', error)
            return
        size = byte_size(frame)
        for message in messages:
            answers = self._inbound.accept(
                self._protocol, message, size, arrival.at, arrival.refusal
            )
            if answers:
                self._lanes.answer(message, answers)
            if isinstance(message, PeerError):
                self._lanes.heed(message)
            yield

    async def _keep_time(self) -> None:
        if type(self._protocol).deadline is Protocol.deadline:
            await for_ever()  # It never has one, and looking is most of what a link does at rest.
        while True:
            await asyncio.sleep(_TICK)
            deadline = call(self._protocol.deadline)
            if deadline is not None and deadline <= time.monotonic():
                for message in call(self._protocol.on_time):
                    answers = self._inbound.accept(self._protocol, message, 0, time.monotonic())
                    if answers:
                        self._lanes.answer(message, answers)

    async def _write(self) -> None:
        confirming: asyncio.Task[None] | None = None
        turns = 0
        try:
            while True:
                try:
                    frames, control = await self._lanes.next()
                except (ProtocolError, TypeError, ValueError) as error:
                    self._inbound.problem(f'not sent: {error}', getattr(error, 'about', None))
                    continue
                except Exception as error:
                    self._inbound.fault('encode', error)
                    continue
                pause = call(self._protocol.send_not_before) - time.monotonic()
                if pause > 0:
                    await asyncio.sleep(pause)
                await self._send(frames)
                turns += 1
                if not turns % _TURNS:
                    await asyncio.sleep(0)
                if control and (confirming is None or confirming.done()):
                    if confirming is not None:
                        confirming.result()  # No pong comes any more: the connection is lost.
                    confirming = begin(self._confirm())
        finally:
            if confirming is not None:
                await end(confirming)

    async def _confirm(self) -> None:
        """
        Learn that the peer has the control frames sent so far.

        The platform acknowledges nothing, but frames arrive in order: the pong to a ping sent
        after them proves that its WebSocket library has them, and the pong to a ping sent after
        that, that its program had its turn since.
        """
        confirmed = -1
        while confirmed != self._lanes.control.sent:
            sent = self._lanes.control.sent
            await self._round_trip()
            await self._round_trip()
            self._lanes.confirm(sent)
            confirmed = sent

    async def _send_history(self) -> None:
        """Report what happened during the outage, behind all that is live and at its share."""
        history = self._lanes.history
        size = _HISTORY_BYTES[0]
        while history is not None:
            number, samples = await history.oldest(size)
            if not number:
                break
            while not self._lanes.idle:
                await asyncio.sleep(_HISTORY_TURN)
            began = time.monotonic()
            frames = call(self._protocol.encode, TelemetryHistory(samples)) if samples else ()
            if not self._lanes.fits(frames):
                if size > _HISTORY_BYTES[0]:
                    size = _HISTORY_BYTES[0]
                    continue  # In smaller pieces, then.
                history.dropped += len(samples)
                frames = ()
            self._lanes.note_size(frames)
            await self._send(frames)
            await self._round_trip()
            history.forget(number)
            took = time.monotonic() - began
            size = int(
                min(
                    max(size * _HISTORY_TURN / max(took, 1e-3), _HISTORY_BYTES[0]),
                    _HISTORY_BYTES[1],
                    size * 2,
                )
            )
            await asyncio.sleep(took * (1 / self._history_share - 1))
        await for_ever()

    async def _keep_heartbeat(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat.interval)
            try:
                # Sending counts too: a peer that no longer reads blocks it.
                async with asyncio.timeout(self._heartbeat.timeout):
                    await self._round_trip()
            except TimeoutError:
                if not websocket.is_open(self._socket):
                    return await for_ever()  # The reader is about to say why.
                raise SilentPeer(f'no pong within {self._heartbeat.timeout:g} s') from None

    async def _round_trip(self) -> None:
        await (await self._socket.ping())

    async def _flushed(self) -> None:
        while len(self._lanes.control):
            await asyncio.sleep(0.01)
