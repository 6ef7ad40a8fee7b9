# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Keeps one link up: dial, talk, back off, dial again.

Lives in the link thread. Every change of state goes to the robot side as LinkStateChanged, with
the error in words. A fault of the link's own ends neither the link nor others: it is reported, and
the link begins again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
import ssl
import time
from typing import Any

from ..clock import CLOCK_SET, YEAR
from ..credentials import Credentials, CredentialsError
from ..crossing import Crossing
from ..messages import (
    LinkCredential,
    LinkProblem,
    LinkState,
    LinkStateChanged,
    LinkStatistics,
    RobotInfo,
)
from ..observers import notify, Observers
from ..redaction import redacted
from . import websocket
from .backoff import Backoff
from .contained import begin, call, contain, end, within
from .control_entries import Cause
from .endpoints import Endpoints
from .faults import explain, Fault
from .inbound import Inbound
from .inbound_limits import InboundLimits, Limit
from .lanes import Lanes
from .session import Counters, Heartbeat, Session

# How often the robot side gets the numbers of the link, s.
_STATISTICS_PERIOD = 1.0
# How often a link that waits looks whether its credentials were replaced, s.
_CREDENTIALS_PERIOD = 5.0
# How long a dial waits for the disk that has them, s.
_CREDENTIALS_TIMEOUT = 1.0
# How long a part of a link that failed waits before it begins again, s.
_RESTART = 1.0
# A clock after 2100 is not right either, Unix s.
_CLOCK_LAST = 4102444800.0


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
    # Commands that no limit holds up, with their kinds: stop, pause, cancel, resume.
    urgent: Mapping[str, str] = field(default_factory=dict)


class _Stopping(Exception):  # noqa: N818
    """The bridge stops while a link is being dialled."""


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
        observers: Observers | None = None,
    ) -> None:
        """
        Join where to dial, what waits to be sent, and the way to the robot.

        `on_token` gets the tokens for the platform's REST API, which the robot side never sees;
        `observers` are notified of each frame if they want that.
        """
        self._endpoints = endpoints
        self._protocol = endpoints.current
        self._lanes = lanes
        self._greeting = greeting
        self._options = options
        self._observers = observers or Observers()
        self._backoff = options.backoff
        self._counters = Counters()
        self.inbound = Inbound(
            options.name,
            crossing,
            InboundLimits(options.inbound_limits),
            options.urgent,
            on_token,
            lanes.put_if_carried,
        )
        lanes.control.report = lambda problem, message: self.inbound.deliver(
            LinkProblem(redacted(problem), message)
        )
        # The platform's Unix time minus our steady one: so a step of our own clock shows at once.
        self._platform_clock: float | None = None
        self._clock_believed = True
        self._certificate_expiry: float | None = None
        self._stopping = asyncio.Event()
        # The credentials, while they are read in a thread beside.
        self._reading: asyncio.Future[Credentials | None] | None = None

    def stop(self) -> None:
        """Close the connection and end `run`."""
        self._stopping.set()

    async def run(self) -> None:
        """Stay connected until `stop`."""
        others = [
            begin(self._supervised(part))
            for part in (self.inbound.hand_on, self._count, *self._rest_side())
        ]
        try:
            await self._supervised(self._stay_connected)
        finally:
            await end(*others)
            self._publish_state(LinkState.STOPPED)

    def _rest_side(self) -> list[Callable[[], Any]]:
        if not self._protocol.rest_only:
            return []
        # Only here, because few links need it: aiohttp takes a tenth of the bridge's memory.
        from .rest_side import RestSide

        side = RestSide(
            self._lanes,
            self.inbound,
            tls=self._options.tls,
            max_bytes=self._options.max_frame_bytes,
            on_frame=self._frame_observer(),
        )
        return [side.run]

    def _frame_observer(self) -> Callable[[str, str | bytes], object] | None:
        observe = self._observers.frame
        return None if observe is None else partial(notify, observe, self._options.name)

    async def _supervised(self, part: Callable[[], Any]) -> None:
        """Run a part of the link, again and again if it fails, until it returns."""
        while not self._stopping.is_set():
            try:
                await contain(part())
                return
            except Exception as error:
                self.inbound.fault(part.__name__.strip('_'), error)
                await within(_RESTART, self._stopping.wait())

    async def _stay_connected(self) -> None:
        while not self._stopping.is_set():
            await self._renew()
            self._protocol = self._lanes.protocol = self._endpoints.current
            self._publish_state(LinkState.CONNECTING)
            fault, was_stable = await self._dial_and_talk()
            if self._stopping.is_set():
                break
            if was_stable:
                self._endpoints.begin()
            elif self._endpoints.advance():
                self._publish_state(
                    LinkState.WAITING,
                    f'{fault.error}; the next address is tried now',
                    fault.remedy,
                )
                continue
            wait = max(self._backoff.wait(fault.refused), fault.retry_after)
            state = LinkState.REFUSED if fault.refused else LinkState.WAITING
            self._publish_state(state, f'{fault.error}; next try in {wait:.1f} s', fault.remedy)
            await self._wait(wait)

    async def _wait(self, seconds: float) -> None:
        """Wait before the next try, but not with credentials that were replaced meanwhile."""
        until = time.monotonic() + seconds
        while not self._stopping.is_set() and (left := until - time.monotonic()) > 0:
            await within(min(left, _CREDENTIALS_PERIOD), self._stopping.wait())
            if left > _CREDENTIALS_PERIOD and await self._renew():
                return

    async def _renew(self) -> bool:
        """Read the credentials again; whether they are new. A dial does not wait for the disk."""
        if self._reading is None:
            loop = asyncio.get_running_loop()
            self._reading = loop.run_in_executor(None, self._endpoints.read)
        done, _ = await asyncio.wait([self._reading], timeout=_CREDENTIALS_TIMEOUT)
        if not done:
            self.inbound.problem('the disk does not answer; the credentials read before are used')
            return False
        reading, self._reading = self._reading, None
        try:
            credentials = reading.result()
            return call(lambda: self._endpoints.renew(credentials))
        except CredentialsError as error:
            self.inbound.problem(f'{error}; the credentials read before are used')
        except Exception as error:
            self.inbound.fault('reading the credentials', error)
        return False

    async def _dial_and_talk(self) -> tuple[Fault, bool]:
        """Why it ended, and whether the connection had been up for long enough to trust."""
        opened = socket = None
        stable = False
        cause = Cause.CUT
        try:
            socket = await self._dial()
            opened = time.monotonic()
            session = Session(
                socket,
                self._protocol,
                self._lanes,
                self.inbound,
                Heartbeat(self._options.heartbeat_interval, self._options.heartbeat_timeout),
                self._counters,
                self._options.history_share,
                self._frame_observer(),
            )
            await session.greet(self._greeting)
            self._lanes.connected()
            self._publish_state(LinkState.CONNECTED)
            await session.talk(self._stopping)
            fault = Fault('stopped', '')
        except _Stopping:
            fault = Fault('stopped', '')
        except Exception as error:  # Whatever it was, the link must come back.
            cause = _cause(error)
            fault = explain(error, self._where())
            if fault.internal:
                self.inbound.fault('an open connection', error)
        finally:
            if socket is not None:
                # A dead peer would hold a polite close until its timeout; there is nobody to be
                # polite to. After a close this does nothing.
                socket.transport.abort()
            self._lanes.disconnected(cause)
            self._end_conversation()
            if opened is not None:
                stable = self._backoff.after_connection(time.monotonic() - opened)
        return fault, stable

    def _where(self) -> str:
        try:
            return call(self._protocol.redacted_url)
        except Exception:
            return f'link {self._options.name}'

    def _end_conversation(self) -> None:
        try:
            for message in call(self._protocol.on_close):
                self.inbound.deliver(message)
        except Exception as error:
            self.inbound.fault('the end of a connection', error)

    async def _dial(self) -> Any:
        """Open a connection, with the project's secret where an issued credential is refused."""
        try:
            return await self._dial_once()
        except Exception as error:
            if not call(self._protocol.refused, websocket.http_status(error) or 0):
                raise
            self.inbound.deliver(LinkCredential(''))
            return await self._dial_once()

    async def _dial_once(self) -> Any:
        began = time.monotonic()
        dialling = begin(
            websocket.dial(
                call(self._protocol.url),
                headers=call(self._protocol.headers),
                tls=self._options.tls,
                open_timeout=self._options.open_timeout,
                compression=self._options.compression,
                max_frame_bytes=self._options.max_frame_bytes,
                proxy=self._options.proxy,
                with_origin=self._protocol.sends_origin,
            )
        )
        stop = begin(self._stopping.wait())
        try:
            await asyncio.wait((dialling, stop), return_when=asyncio.FIRST_COMPLETED)
            if not dialling.done():
                raise _Stopping
            socket = dialling.result()
        finally:
            await end(stop, dialling)
        theirs = websocket.server_time(socket)
        # The header is cut to the second, and was written about halfway.
        self._platform_clock = (
            None if theirs is None else theirs + 0.5 - (began + time.monotonic()) / 2
        )
        self._certificate_expiry = websocket.certificate_expiry(socket)
        believed = theirs is None or believable(theirs, time.time())
        if self._clock_believed and not believed:
            day = time.strftime('%d %B %Y', time.gmtime(theirs))
            self.inbound.deliver(
                LinkProblem(
                    f'the platform says that it is {day}: '
                    "its clock is not believed, and the robot's own judges the age of commands"
                )
            )
        self._clock_believed = believed
        return socket

    @property
    def _clock_offset(self) -> float | None:
        """The platform's clock minus the robot's, s; None while unknown or not to be believed."""
        if self._platform_clock is None:
            return None
        theirs, ours = self._platform_clock + time.monotonic(), time.time()
        return theirs - ours if believable(theirs, ours) else None

    async def _count(self) -> None:
        while True:
            lanes = self._lanes
            self.inbound.deliver(
                LinkStatistics(
                    frames_sent=self._counters.sent,
                    frames_received=self._counters.received,
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
                    refused=dict(self.inbound.limits.refused),
                    clock_offset=self._clock_offset,
                    certificate_expiry=self._certificate_expiry,
                    storage_problem=lanes.storage_problem,
                    faults=self.inbound.faults,
                )
            )
            await asyncio.sleep(_STATISTICS_PERIOD)

    def _publish_state(self, state: LinkState, error: str = '', remedy: str = '') -> None:
        self.inbound.deliver(LinkStateChanged(state, redacted(error), remedy))


def _cause(error: Exception) -> Cause:
    """Say what the end of a connection means for what was sent on it last."""
    if not isinstance(error, websocket.ConnectionClosed) or websocket.fault_of_peer(error):
        return Cause.CUT
    code, _ = websocket.close_code(error)
    if code == 1009:
        return Cause.TOO_BIG
    if code in (1003, 1007):
        return Cause.UNREADABLE
    # Going away, restarting, busy: about the peer, not about what it was sent.
    return Cause.CUT if code in (None, 1000, 1001, 1008, 1012, 1013, 1014) else Cause.CLOSED


def believable(theirs: float, ours: float) -> bool:
    """
    Whether the platform's clock may judge the age of commands, both as Unix times.

    One that was never set may not, nor one that is far off a robot's clock that is set.
    """
    if not CLOCK_SET <= theirs < _CLOCK_LAST:
        return False
    return ours < CLOCK_SET or abs(theirs - ours) <= YEAR
