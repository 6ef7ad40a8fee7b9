# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
One link's connection: dial, talk, notice silence, back off, dial again.

Lives in the link thread and never ends by an exception; every change of state goes to the robot
side as LinkStateChanged, with the error in words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
import contextlib
from dataclasses import dataclass
import ssl
import time
from typing import Any

from ..credentials import CredentialsError
from ..crossing import Crossing
from ..messages import (
    ApiToken,
    CommandState,
    CommandStatus,
    Heartbeat,
    LinkCredential,
    LinkProblem,
    LinkState,
    LinkStateChanged,
    LinkStatistics,
    PeerError,
    PeerErrorCode,
    Ping,
    RemoteCommand,
    RobotInfo,
    TelemetryHistory,
)
from ..redaction import hide, redacted
from . import websocket
from .backoff import Backoff
from .endpoints import Endpoints
from .faults import explain, Fault, Refused, SilentPeer
from .inbound_limits import Bucket, InboundLimits, Limit
from .lanes import Lanes
from .protocols.base import Frame, Protocol, ProtocolError

# How long closing may take, s: enough for the last status of a cancelled command.
_CLOSE_TIMEOUT = 2.0
# How late an adapter that keeps time may be called, s.
_TICK = 0.1
# How often the robot side is told the numbers of the link, s.
_STATISTICS_PERIOD = 1.0
# How often a link that waits looks whether its credentials were replaced, s.
_CREDENTIALS_PERIOD = 5.0
# Problems told a second in the long run, and at once: a hostile peer must not fill the log.
_PROBLEMS = Limit(0, 1.0, 20.0)
# Sending need not wait for anything, and a backlog is long: after so many messages others have
# their turn.
_TURNS = 16
# History goes in pieces that take about this long, so that live data waits no longer, s.
_HISTORY_TURN = 0.1
_HISTORY_BYTES = (4 * 1024, 256 * 1024)


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
    inbound_limits: Mapping[str, Limit]
    proxy: str | None = None
    history_share: float = 0.2


class Connection:
    """Keeps one link up for as long as the bridge runs."""

    def __init__(
        self,
        endpoints: Endpoints,
        lanes: Lanes,
        crossing: Crossing,
        greeting: RobotInfo,
        options: LinkOptions,
        *,
        on_token: Callable[[str], None] = lambda token: None,
    ) -> None:
        """
        Join where to dial, what waits to be sent, and the way to the robot.

        `on_token` gets the tokens for the platform's REST API, which the robot side never sees.
        """
        self._endpoints = endpoints
        self._protocol = endpoints.current
        self._lanes = lanes
        self._crossing = crossing
        self._greeting = greeting
        self._options = options
        self._on_token = on_token
        self._backoff = options.backoff
        self._limits = InboundLimits(options.inbound_limits)
        self._problems = Bucket(_PROBLEMS)
        self._untold = 0
        self._frames_sent = 0
        self._frames_received = 0
        # The platform's Unix time minus our steady one: so a step of our own clock shows at once.
        self._platform_clock: float | None = None
        self._certificate_expiry: float | None = None
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Say goodbye and end `run`."""
        self._stopping.set()

    async def run(self) -> None:
        """Stay connected until `stop`."""
        counting = asyncio.ensure_future(self._count())
        rest = None
        if self._protocol.rest_only:
            # Only here, because few links need it: aiohttp takes a tenth of the bridge's memory.
            from .rest_side import RestSide

            rest = asyncio.ensure_future(
                RestSide(
                    self._lanes,
                    self._deliver,
                    tls=self._options.tls,
                    max_bytes=self._options.max_frame_bytes,
                ).run()
            )
        try:
            await self._stay_connected()
        finally:
            counting.cancel()
            if rest is not None:
                rest.cancel()
                await asyncio.gather(rest, return_exceptions=True)

    async def _stay_connected(self) -> None:
        while not self._stopping.is_set():
            self._renew()
            self._protocol = self._lanes.protocol = self._endpoints.current
            self._tell(LinkState.CONNECTING)
            fault, was_stable = await self._dial_and_talk()
            if self._stopping.is_set():
                break
            if was_stable:
                self._endpoints.begin()
            elif self._endpoints.advance():
                self._tell(
                    LinkState.WAITING,
                    f'{fault.error}; the next address is tried now',
                    fault.remedy,
                )
                continue
            wait = self._backoff.wait(fault.refused)
            state = LinkState.REFUSED if fault.refused else LinkState.WAITING
            self._tell(state, f'{fault.error}; next try in {wait:.1f} s', fault.remedy)
            await self._wait(wait)
        self._tell(LinkState.STOPPED)

    async def _wait(self, seconds: float) -> None:
        """Wait before the next try, but not with credentials that were replaced meanwhile."""
        end = time.monotonic() + seconds
        while not self._stopping.is_set() and (left := end - time.monotonic()) > 0:
            await _within(min(left, _CREDENTIALS_PERIOD), self._stopping.wait())
            if left > _CREDENTIALS_PERIOD and self._renew():
                return

    def _renew(self) -> bool:
        try:
            return self._endpoints.renew()
        except CredentialsError as error:
            self._problem(f'{error}; the credentials read before are used')
            return False

    async def _dial_and_talk(self) -> tuple[Fault, bool]:
        """Why it ended, and whether the connection had been up for long enough to trust."""
        opened = None
        stable = False
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
            fault = Fault('stopped', '')
        except Exception as error:  # Whatever it was, the link must come back.
            fault = explain(error, self._protocol.redacted_url())
        finally:
            self._lanes.control.rewind()
            self._lanes.live.close()
            for message in self._protocol.on_close():
                self._deliver(message)
            if opened is not None:
                stable = self._backoff.after_connection(time.monotonic() - opened)
        return fault, stable

    async def _dial(self) -> Any:
        began = time.monotonic()
        socket = await websocket.dial(
            self._protocol.url(),
            headers=self._protocol.headers(),
            tls=self._options.tls,
            open_timeout=self._options.open_timeout,
            compression=self._options.compression,
            max_frame_bytes=self._options.max_frame_bytes,
            proxy=self._options.proxy,
        )
        theirs = websocket.server_time(socket)
        # The header is cut to the second, and was written about halfway.
        self._platform_clock = (
            None if theirs is None else theirs + 0.5 - (began + time.monotonic()) / 2
        )
        self._certificate_expiry = websocket.certificate_expiry(socket)
        return socket

    @property
    def _clock_offset(self) -> float | None:
        """The platform's clock minus the robot's, s; None while unknown."""
        if self._platform_clock is None:
            return None
        return self._platform_clock + time.monotonic() - time.time()

    async def _talk(self, socket: Any) -> None:
        """Serve one open connection; returns when stopping, raises what ended it."""
        greeting = type(self._greeting) in self._protocol.capabilities
        for frame in (
            *self._protocol.on_open(),
            *(self._protocol.encode(self._greeting) if greeting else ()),
        ):
            await self._send(socket, frame)
        self._lanes.live.open = True
        self._lanes.telemetry.connected()
        self._tell(LinkState.CONNECTED)
        stopping = asyncio.ensure_future(self._stopping.wait())
        writer = asyncio.ensure_future(self._write(socket))
        tasks = [
            stopping,
            writer,
            asyncio.ensure_future(self._read(socket)),
            asyncio.ensure_future(self._heartbeat(socket)),
            asyncio.ensure_future(self._keep_time(socket)),
            asyncio.ensure_future(self._send_history(socket)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if stopping.done():
                await _within(_CLOSE_TIMEOUT, self._flushed())
                await _within(_CLOSE_TIMEOUT, socket.close(1001, 'bridge stops'))
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

    async def _send(self, socket: Any, frame: Frame) -> None:
        await socket.send(frame)
        self._frames_sent += 1

    async def _read(self, socket: Any) -> None:
        while True:
            frame = await socket.recv()
            self._frames_received += 1
            try:
                messages = self._protocol.decode(frame)
            except ProtocolError as error:
                self._problem(f'not understood: {error}')
            else:
                await self._take(socket, messages, len(frame))
            pause = self._limits.pause()
            if pause:
                await asyncio.sleep(pause)
            while self._crossing.full:
                await asyncio.sleep(0.01)

    async def _take(self, socket: Any, messages: Sequence[Any], size: int = 0) -> None:
        """Answer what wants an answer at once, and hand the rest to the robot."""
        for message in messages:
            problem = self._limits.problem(message, size)
            if problem:
                self._refuse(message, problem)
                continue
            if isinstance(message, ApiToken):
                hide(message.token)
            if isinstance(message, LinkCredential):
                hide(message.value)
            answers = self._protocol.answer(message)
            if type(message) in self._protocol.rest_only:
                self._lanes.rest.add(answers)
            else:
                for answer in answers:
                    await self._send(socket, answer)
            if not isinstance(message, (Ping, Heartbeat)):
                self._deliver(message, size)
            if isinstance(message, PeerError) and message.code is PeerErrorCode.AUTH_FAILED:
                raise Refused(message.text)

    def _refuse(self, message: Any, problem: str) -> None:
        self._problem(f'refused: {problem}')
        if isinstance(message, RemoteCommand) and message.command_id:
            self._put(
                CommandStatus(
                    message.command_id,
                    message.command,
                    CommandState.REJECTED,
                    error={'code': 'rate_limited', 'message': problem},
                )
            )

    def _put(self, message: Any) -> None:
        if type(message) in self._protocol.capabilities:
            self._lanes.put(message)

    async def _keep_time(self, socket: Any) -> None:
        if type(self._protocol).deadline is Protocol.deadline:
            await _for_ever()  # It never has one, and looking is most of what a link does at rest.
        while True:
            await asyncio.sleep(_TICK)
            due = self._protocol.deadline()
            if due is not None and due <= time.monotonic():
                await self._take(socket, self._protocol.on_time())

    async def _write(self, socket: Any) -> None:
        confirming: asyncio.Task[None] | None = None
        turns = 0
        try:
            while True:
                try:
                    frames, control = await self._lanes.next()
                except (ProtocolError, TypeError, ValueError) as error:
                    self._problem(f'not sent: {error}', getattr(error, 'about', None))
                    continue
                hold = self._protocol.hold_until() - time.monotonic()
                if hold > 0:
                    await asyncio.sleep(hold)
                for frame in frames:
                    await self._send(socket, frame)
                turns += 1
                if not turns % _TURNS:
                    await asyncio.sleep(0)
                if control and (confirming is None or confirming.done()):
                    confirming = asyncio.ensure_future(self._confirm(socket))
        finally:
            if confirming is not None:
                confirming.cancel()

    async def _confirm(self, socket: Any) -> None:
        """
        Learn that the peer has the control frames sent so far.

        The platform acknowledges nothing, but frames arrive in order: the pong to a ping sent
        after them proves that its WebSocket library has them, and the pong to a ping sent after
        that, that its program had its turn since.
        """
        confirmed = -1
        while confirmed != self._lanes.control.sent:
            sent = self._lanes.control.sent
            await _round_trip(socket)
            await _round_trip(socket)
            self._lanes.confirm(sent)
            confirmed = sent

    async def _send_history(self, socket: Any) -> None:
        """Tell what happened during the outage, behind all that is live and at its share."""
        history = self._lanes.history
        size = _HISTORY_BYTES[0]
        while history is not None:
            number, samples = await history.oldest(size)
            if not number:
                break
            while not self._lanes.idle:
                await asyncio.sleep(_HISTORY_TURN)
            began = time.monotonic()
            for frame in self._protocol.encode(TelemetryHistory(samples)):
                await self._send(socket, frame)
            await _round_trip(socket)
            history.forget(number)
            took = time.monotonic() - began
            size = int(
                min(
                    max(size * _HISTORY_TURN / max(took, 1e-3), _HISTORY_BYTES[0]),
                    _HISTORY_BYTES[1],
                    size * 2,
                )
            )
            await asyncio.sleep(took * (1 / self._options.history_share - 1))
        await _for_ever()

    async def _heartbeat(self, socket: Any) -> None:
        options = self._options
        while True:
            await asyncio.sleep(options.heartbeat_interval)
            try:
                # Sending counts too: a peer that no longer reads blocks it.
                async with asyncio.timeout(options.heartbeat_timeout):
                    await _round_trip(socket)
            except TimeoutError:
                if not websocket.is_open(socket):
                    return await _for_ever()  # The reader is about to say why.
                raise SilentPeer(f'no pong within {options.heartbeat_timeout:g} s') from None

    async def _flushed(self) -> None:
        while len(self._lanes.control):
            await asyncio.sleep(0.01)

    async def _count(self) -> None:
        while True:
            lanes = self._lanes
            self._deliver(
                LinkStatistics(
                    frames_sent=self._frames_sent,
                    frames_received=self._frames_received,
                    queued={
                        'control': len(lanes.control),
                        'history': lanes.history.queued if lanes.history else 0,
                    },
                    dropped={
                        'control': lanes.control.dropped,
                        'telemetry': lanes.telemetry.dropped,
                        'live': lanes.live.dropped,
                        'history': lanes.history.dropped if lanes.history else 0,
                    },
                    refused=dict(self._limits.refused),
                    clock_offset=self._clock_offset,
                    certificate_expiry=self._certificate_expiry,
                    storage_problem=lanes.storage_problem,
                )
            )
            if self._untold:
                self._deliver(LinkProblem(f'{self._untold} more problems, not told one by one'))
                self._untold = 0
            await asyncio.sleep(_STATISTICS_PERIOD)

    def _problem(self, problem: str, message: Any = None) -> None:
        if self._problems.take():
            self._deliver(LinkProblem(redacted(problem), message))
        else:
            self._untold += 1

    def _deliver(self, message: Any, size: int = 0) -> None:
        if isinstance(message, ApiToken):
            self._on_token(message.token)
            return
        self._crossing.deliver(self._options.name, message, size)

    def _tell(self, state: LinkState, error: str = '', remedy: str = '') -> None:
        self._deliver(LinkStateChanged(state, redacted(error), remedy))


async def _for_ever() -> None:
    await asyncio.Event().wait()


async def _round_trip(socket: Any) -> None:
    await (await socket.ping())


async def _within(seconds: float, waiting: Any) -> None:
    """Wait for something, but not longer."""
    # Not wait_for: that of Python 3.11 may swallow a cancellation.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await waiting
