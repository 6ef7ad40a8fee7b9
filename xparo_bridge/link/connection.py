# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
One link's connection: dial, talk, notice silence, back off, dial again.

Lives in the link thread and never ends by an exception; every change of state goes to the robot
side as LinkChange, with the error in words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
import ssl
import time
from typing import Any

from ..crossing import Crossing
from ..messages import (
    ApiToken,
    Heartbeat,
    LinkChange,
    LinkCredential,
    LinkProblem,
    LinkState,
    PeerError,
    PeerErrorCode,
    Ping,
    RobotInfo,
)
from . import websocket
from .backoff import Backoff
from .faults import explain, Fault, Refused, SilentPeer
from .lanes import Lanes
from .protocols.base import Protocol, ProtocolError

# How long closing may take, s: enough for the last status of a cancelled command.
_FAREWELL = 2.0
# How late an adapter that keeps time may be called, s.
_TICK = 0.1


@dataclass(frozen=True)
class LinkOptions:
    """How one link behaves; the keys of `links[]` in the configuration. Times in s."""

    name: str
    open_timeout: float
    heartbeat_interval: float
    heartbeat_timeout: float
    max_frame_bytes: int
    compression: bool
    tls: ssl.SSLContext | None
    backoff: Backoff


class Connection:
    """Keeps one link up for as long as the bridge runs."""

    def __init__(self, protocol: Protocol, lanes: Lanes, crossing: Crossing,
                 greeting: RobotInfo, options: LinkOptions, *,
                 on_token: Callable[[str], None] = lambda token: None) -> None:
        """
        Join a protocol, what waits to be sent, and the way to the robot.

        `on_token` gets the tokens for the platform's REST API, which the robot side never sees.
        """
        self._protocol = protocol
        self._lanes = lanes
        self._crossing = crossing
        self._greeting = greeting
        self._options = options
        self._on_token = on_token
        self._backoff = options.backoff
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Say goodbye and end `run`."""
        self._stopping.set()

    async def run(self) -> None:
        """Stay connected until `stop`."""
        rest = None
        if self._protocol.rest_only:
            # Only here, because few links need it: aiohttp takes a tenth of the bridge's memory.
            from .rest_side import RestSide
            rest = asyncio.ensure_future(RestSide(
                self._protocol, self._lanes, self._deliver, tls=self._options.tls,
                max_bytes=self._options.max_frame_bytes).run())
        try:
            await self._stay_connected()
        finally:
            if rest is not None:
                rest.cancel()
                await asyncio.gather(rest, return_exceptions=True)

    async def _stay_connected(self) -> None:
        while not self._stopping.is_set():
            self._tell(LinkState.CONNECTING)
            fault = await self._dial_and_talk()
            if self._stopping.is_set():
                break
            wait = self._backoff.wait(fault.refused)
            state = LinkState.REFUSED if fault.refused else LinkState.WAITING
            self._tell(state, f'{fault.error}; next try in {wait:.1f} s', fault.remedy)
            await _within(wait, self._stopping.wait())
        self._tell(LinkState.STOPPED)

    async def _dial_and_talk(self) -> Fault:
        opened = None
        try:
            try:
                socket = await self._dial()
            except Exception as error:
                if not self._protocol.refused(websocket.http_status(error) or 0):
                    raise
                self._deliver(LinkCredential(''))
                socket = await self._dial()
            opened = time.monotonic()
            await self._talk(socket)
            return Fault('stopped', '')
        except Exception as error:  # Whatever it was, the link must come back.
            return explain(error, self._protocol.redacted_url())
        finally:
            self._lanes.control.rewind()
            self._lanes.live.close()
            for message in self._protocol.on_close():
                self._deliver(message)
            if opened is not None:
                self._backoff.after_connection(time.monotonic() - opened)

    async def _dial(self) -> Any:
        return await websocket.dial(
            self._protocol.url(), headers=self._protocol.headers(), tls=self._options.tls,
            open_timeout=self._options.open_timeout, compression=self._options.compression,
            max_frame_bytes=self._options.max_frame_bytes)

    async def _talk(self, socket: Any) -> None:
        """Serve one open connection; returns when stopping, raises what ended it."""
        greeting = type(self._greeting) in self._protocol.capabilities
        for frame in (*self._protocol.on_open(),
                      *(self._protocol.encode(self._greeting) if greeting else ())):
            await socket.send(frame)
        self._lanes.live.open = True
        self._lanes.telemetry.connected()
        self._tell(LinkState.CONNECTED)
        stopping = asyncio.ensure_future(self._stopping.wait())
        writer = asyncio.ensure_future(self._write(socket))
        tasks = [stopping, writer, asyncio.ensure_future(self._read(socket)),
                 asyncio.ensure_future(self._heartbeat(socket)),
                 asyncio.ensure_future(self._keep_time(socket))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if stopping.done():
                await _within(_FAREWELL, self._flushed())
                await _within(_FAREWELL, socket.close(1001, 'bridge stops'))
                return
            # The reader knows best why: it sees the close frame.
            for task in (*tasks[2:], writer):
                if task.done():
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            # A dead peer would hold a polite close until its timeout; there is nobody to be
            # polite to. After a close this does nothing.
            socket.transport.abort()

    async def _read(self, socket: Any) -> None:
        while True:
            frame = await socket.recv()
            try:
                messages = self._protocol.decode(frame)
            except ProtocolError as error:
                self._deliver(LinkProblem(f'not understood: {error}'), len(frame))
                continue
            await self._take(socket, messages, len(frame))
            while self._crossing.full:
                await asyncio.sleep(0.01)

    async def _take(self, socket: Any, messages: Sequence[Any], size: int = 0) -> None:
        """Answer what wants an answer at once, and hand the rest to the robot."""
        for message in messages:
            answers = self._protocol.answer(message)
            if type(message) in self._protocol.rest_only:
                self._lanes.rest.add(answers)
            else:
                for answer in answers:
                    await socket.send(answer)
            if not isinstance(message, (Ping, Heartbeat)):
                self._deliver(message, size)
            if isinstance(message, PeerError) and message.code is PeerErrorCode.AUTH_FAILED:
                raise Refused(message.text)

    async def _keep_time(self, socket: Any) -> None:
        while True:
            await asyncio.sleep(_TICK)
            due = self._protocol.deadline()
            if due is not None and due <= time.monotonic():
                await self._take(socket, self._protocol.on_time())

    async def _write(self, socket: Any) -> None:
        confirming: asyncio.Task[None] | None = None
        try:
            while True:
                try:
                    frames, control = await self._lanes.next()
                except (ProtocolError, TypeError, ValueError) as error:
                    self._deliver(LinkProblem(f'not sent: {error}'))
                    continue
                hold = self._protocol.hold_until() - time.monotonic()
                if hold > 0:
                    await asyncio.sleep(hold)
                for frame in frames:
                    await socket.send(frame)
                if control and (confirming is None or confirming.done()):
                    confirming = asyncio.ensure_future(self._confirm(socket))
        finally:
            if confirming is not None:
                confirming.cancel()

    async def _confirm(self, socket: Any) -> None:
        """
        Learn that the peer has the control frames sent so far.

        The platform acknowledges nothing, but frames arrive in order: the pong to a ping sent
        after them proves that they did.
        """
        confirmed = -1
        while confirmed != self._lanes.control.sent:
            sent = self._lanes.control.sent
            await (await socket.ping())
            self._lanes.control.confirm(sent)
            confirmed = sent

    async def _heartbeat(self, socket: Any) -> None:
        options = self._options
        while True:
            await asyncio.sleep(options.heartbeat_interval)
            try:
                # Sending counts too: a peer that no longer reads blocks it.
                await asyncio.wait_for(_round_trip(socket), options.heartbeat_timeout)
            except TimeoutError:
                raise SilentPeer(f'no pong within {options.heartbeat_timeout:g} s') from None

    async def _flushed(self) -> None:
        while len(self._lanes.control):
            await asyncio.sleep(0.01)

    def _deliver(self, message: Any, size: int = 0) -> None:
        if isinstance(message, ApiToken):
            self._on_token(message.token)
            return
        self._crossing.deliver(self._options.name, message, size)

    def _tell(self, state: LinkState, error: str = '', remedy: str = '') -> None:
        self._deliver(LinkChange(state, error, remedy))


async def _round_trip(socket: Any) -> None:
    await (await socket.ping())


async def _within(seconds: float, waiting: Any) -> None:
    """Wait for something, but not longer."""
    try:
        await asyncio.wait_for(waiting, seconds)
    except TimeoutError:
        pass
