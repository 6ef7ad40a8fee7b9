# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Driving by hand: held, by one person, and only while what one sees and says is fresh.

The browser repeats what is held over a WebSocket of its own (teleop.js), which ends in a Driver.
A driver has its own connection to the platform, so that no other request is in its way, and the
lease belongs to that connection. Nothing here repeats what the browser said: when the browser, the
console or the way to the robot fails, commands end to come, and the robot's dead man's switch
stops it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
import contextlib
from dataclasses import dataclass
import math
import secrets
import time
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect

from ..errors import BadInput
from ..json_reader import read_object
from ..local.platform_client import Event, OperatorClient, OperatorError
from .feed import Feed
from .robot_view import RobotView

# Older than this the place of the robot, and the picture while it is looked at, is no sight of it.
OLDEST_SIGHT = 3.0  # s
OLDEST_ANSWER = 1.0  # s, for which a command may be unanswered
LOST = 5.0  # s after which an answer is expected no more
LATEST = 0.4  # s; what a browser said so long ago is nothing to drive by
RENEW = 4.0  # s between two renewals of a lease that is not driven with
_LONGEST = 300  # characters of a message of the browser


@dataclass
class Sight:
    """What a page shows of a robot's motion, and whether that is enough to drive by."""

    feed: Feed
    view: RobotView
    camera: bool = False  # whether its picture is looked at

    @property
    def age(self) -> float | None:
        """
        Age of what is known of the robot's motion, s; None if nothing is.

        A localization such as AMCL says nothing new of a robot that stands, its odometry does.
        """
        ages = [self.view.age(key) for key in ('pose', 'velocity')]
        return min((age for age in ages if age is not None), default=None)

    @property
    def picture_age(self) -> float | None:
        """Age of the picture, s; None if it is not looked at, or none has come."""
        return self.view.age('image') if self.camera else None

    @property
    def problem(self) -> str:
        """Why one must not drive now, empty if one may."""
        if self.feed.problem:
            return self.feed.problem
        if not self.view.connected:
            return 'the robot is not connected'
        if self.view.motion_lock:
            return f'the robot is {self.view.motion_lock}; resume first'
        age = self.age
        if age is None:
            return 'it is not known where the robot is (telemetry.groups pose and velocity)'
        if age > OLDEST_SIGHT:
            return f'the robot said where it is and how fast {_ago(age)}'
        picture = self.picture_age
        if self.camera and picture is None:
            return 'no picture has come; end watching it to drive without'
        if picture is not None and picture > OLDEST_SIGHT:
            return f'the picture came {_ago(picture)}; end watching it to drive without'
        return ''


class Driver:
    """One page's lease of a robot, and the way of its stick to the robot."""

    def __init__(self, feed: Feed, sight: Sight, command: str) -> None:
        self.key = secrets.token_urlsafe(16)  # the last part of the address of its WebSocket
        self._feed = feed
        self._sight = sight
        self._robot = sight.view.robot_id
        self._command = command
        self._client: OperatorClient | None = None
        self._socket: WebSocket | None = None
        self._number = 0
        self._unanswered: dict[str, tuple[float, float]] = {}  # by id: sent at, browser's time
        self._offset = math.inf  # of the browser's clock: the least time between said and heard, s
        self._driving = False
        self._sending: set[asyncio.Task[None]] = set()
        self._renew_at = 0.0
        self.is_lost = False  # whether another has the lease, perhaps this person's other page

    @property
    def is_open(self) -> bool:
        """Whether its connection to the platform is there, and with it the lease."""
        return self._client is not None and not self._client.is_closed

    async def open(self, **how: Any) -> None:
        """
        Take the lease; `how` is `take_over` and `reason`.

        :raises OperatorError: if another has it, or the platform refuses it or is not there
        """
        self._client = await self._feed.another(
            self._hear, robots=[self._robot], events=['received'], types=['command_status']
        )
        try:
            await self._client.request('lease', robot=self._robot, **how)
        except OperatorError:
            await self._client.close()
            raise
        self._renew_at = time.monotonic() + RENEW

    async def close(self) -> None:
        """Tell the robot to stand if it was driven, and give the lease back."""
        if self._socket is not None:
            await _end(self._socket)
        client, self._client = self._client, None
        if client is None:
            return
        with contextlib.suppress(OperatorError, TimeoutError):
            async with asyncio.timeout(2.0):
                if self._driving:
                    await self._send(client, 0.0, 0.0, time.time())
                await client.request('release', robot=self._robot)
        await client.close()  # With it the lease is gone in any case.

    async def renew(self) -> None:
        """Keep the lease while nothing is held."""
        client = self._client
        if client is None or time.monotonic() < self._renew_at:
            return
        self._renew_at = time.monotonic() + RENEW
        try:
            await client.request('lease', robot=self._robot)
        except OperatorError as error:
            self.is_lost = self.is_lost or error.code == 'lease'

    def doubt(self) -> None:
        """Have the next renewal ask at once whether the lease is still this page's."""
        self._renew_at = 0.0

    @property
    def waits(self) -> float:
        """For how long the robot owes an answer, s."""
        now = time.monotonic()
        for command_id, (sent, _) in list(self._unanswered.items()):
            if now - sent > LOST:  # Lost on the way; whether the next is answered shows.
                del self._unanswered[command_id]
        return max((now - sent for sent, _ in self._unanswered.values()), default=0.0)

    @property
    def problem(self) -> str:
        """Why one must not drive now, empty if one may."""
        waits = self.waits
        if waits > OLDEST_ANSWER:
            return f'the robot has not answered for {waits:.0f} s'
        return self._sight.problem

    # --- the browser ---

    async def serve(self, socket: WebSocket) -> None:
        """Take what a browser says until its WebSocket closes; a later one takes its place."""
        await socket.accept()
        before, self._socket = self._socket, socket
        if before is not None:
            await _end(before)
        self._offset = math.inf
        try:
            while self.is_open:
                self._on_text(await socket.receive_text())
        except (WebSocketDisconnect, RuntimeError):
            pass  # RuntimeError: closed by a later one, or by `close`.
        finally:
            if self._socket is socket:
                self._socket = None
                self._stand()

    def _on_text(self, text: str) -> None:
        now = time.time()
        try:
            if len(text) > _LONGEST:
                raise BadInput('too long')
            said = read_object(text)
            at, linear, angular = (_number(said, key) for key in ('at', 'linear', 'angular'))
        except (BadInput, ValueError) as error:
            self._send_to_page(refused=f'not understood: {error}')
            return
        # The clocks need not agree: late is what comes later after it was said than the quickest.
        self._offset = min(self._offset, now - at)
        late = now - at - self._offset
        if not (linear or angular):
            self._stand()
            return
        problem = self.problem
        if problem or late > LATEST:
            self._stand()
            self._send_to_page(refused=problem or f'it came {late:.1f} s late')
            return
        self._driving = True
        self._start(linear, angular, now - late, at)

    def _stand(self) -> None:
        """Tell the robot to stand, once after it was driven."""
        if self._driving:
            self._driving = False
            self._start(0.0, 0.0, time.time(), 0.0)

    def _start(self, linear: float, angular: float, issued_at: float, at: float) -> None:
        """Send without waiting for an answer, which may be a long way off."""
        if self._client is not None:
            sending = asyncio.ensure_future(
                self._send(self._client, linear, angular, issued_at, at)
            )
            self._sending.add(sending)
            sending.add_done_callback(self._sending.discard)

    async def _send(
        self,
        client: OperatorClient,
        linear: float,
        angular: float,
        issued_at: float,
        at: float = 0.0,
    ) -> None:
        self._number += 1
        command_id = f'{self.key[:10]}-{self._number}'
        velocity = {'linear': round(linear, 3), 'angular': round(angular, 3)}
        self._unanswered[command_id] = (time.monotonic(), at)
        self._renew_at = time.monotonic() + RENEW
        try:
            await client.request(
                'send',
                robot=self._robot,
                command=self._command,
                parameters={**velocity, 'hold': any(velocity.values())},
                command_id=command_id,
                issued_at=issued_at,
            )
        except OperatorError as error:
            self._unanswered.pop(command_id, None)
            self.is_lost = self.is_lost or error.code == 'lease'
            self._send_to_page(refused=str(error))

    def _hear(self, event: Event) -> None:
        data = event.get('data')
        if event.get('type') == 'command_status' and isinstance(data, dict):
            sent = self._unanswered.pop(str(data.get('command_id')), None)
            if sent is None:
                return
            error = data.get('error')
            if isinstance(error, dict):
                self._send_to_page(refused=str(error.get('message') or error.get('code')))
            elif sent[1]:
                self._send_to_page(answered=sent[1])

    def _send_to_page(self, **what: Any) -> None:
        socket = self._socket
        if socket is not None:
            sending = asyncio.ensure_future(_say(socket, what))
            self._sending.add(sending)
            sending.add_done_callback(self._sending.discard)


Drivers = dict[str, Driver]


def serve_drivers(app: Any, drivers: Callable[[WebSocket], Drivers]) -> None:
    """Add the WebSockets of all drivers; `drivers` are those of the session of one."""

    @app.websocket('/teleop/{key}')  # type: ignore[untyped-decorator]
    async def _serve(socket: WebSocket, key: str) -> None:
        driver = drivers(socket).get(key)
        if driver is None:
            await socket.close(1008, 'nobody drives by this')
        else:
            await driver.serve(socket)


async def _say(socket: WebSocket, what: dict[str, Any]) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        await socket.send_json(what)


def _ago(age: float) -> str:
    return f'{age:.0f} s ago' if math.isfinite(age) else 'before a clock was set'


async def _end(socket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        await socket.close(1000, 'no longer driven by this')


def _number(said: dict[str, Any], key: str) -> float:
    value = said.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise BadInput(f'{key} is no number')
    return float(value)
