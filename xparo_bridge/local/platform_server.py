# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The local platform's server: robots on the documented endpoint, operators beside it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from typing import Any, IO
from urllib.parse import unquote

from websockets.exceptions import ConnectionClosed

from . import platform_socket
from .chat_rules import answer
from .platform_frames import FrameRefused, make, parse
from .platform_operator import Operator
from .platform_store import EventLog, EXCERPT, RobotRecord

ROBOT_PATH = '/ws/chatbot'
OPERATOR_PATH = '/operator'
RECORDS_OF_GONE = 1000  # Robots that left; the oldest are forgotten.
PINGS_UNANSWERED = 3  # Then the connection is taken for dead.


class RobotConnection:
    """One open connection of a robot."""

    def __init__(self, number: int, socket: Any, record: RobotRecord) -> None:
        self.number = number
        self.socket = socket
        self.record = record
        self.reading = asyncio.Event()
        self.reading.set()
        self.pings_unanswered = 0


class PlatformServer:
    """Robots and operators of one project."""

    def __init__(
        self,
        secret_key: str,
        project_id: str,
        *,
        ping_interval: float = 15.0,
        record: IO[str] | None = None,
    ) -> None:
        """Take the seconds between pings and where to write every event as a line of JSON."""
        self._paths = {
            f'{path}/{secret_key}/{project_id}/': handler
            for path, handler in (
                (ROBOT_PATH, self._serve_robot),
                (OPERATOR_PATH, self._serve_operator),
            )
        }
        self._ping_interval = ping_interval
        self._numbers = itertools.count(1)
        self._server: Any = None
        self.events = EventLog(record)
        self.robots: dict[str, RobotRecord] = {}
        self.connections: list[RobotConnection] = []

    async def start(self, host: str, port: int) -> int:
        """Begin to listen; the port, also where 0 asked for a free one."""
        self._server = await platform_socket.serve(self._serve, host, port, self._admits)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close every connection as a server that goes away does."""
        await platform_socket.stop(self._server)

    def connection(self, robot: str | None) -> RobotConnection:
        """Newest connection of a robot, or the only robot's; LookupError says who is there."""
        there = {connection.record.robot_id: connection for connection in self.connections}
        if robot is None and len(there) == 1:
            return next(iter(there.values()))
        if robot in there:
            return there[robot]
        if not there:
            raise LookupError('no robot is connected')
        wanted = f'robot "{robot}" is not connected' if robot else 'say which robot'
        raise LookupError(f'{wanted}; connected: {", ".join(sorted(there))}')

    async def send(self, connection: RobotConnection, frame: str | bytes) -> None:
        """Send a frame to a robot and note it."""
        text = frame if isinstance(frame, str) else frame.hex()
        self.events.add(connection.record.robot_id, 'sent', frame=text)
        await connection.socket.send(frame)

    def stall(self, connection: RobotConnection, on: bool) -> None:
        """Stop reading from a robot, or go on: its sends fill the buffers on the way."""
        if on:
            connection.reading.clear()
            connection.socket.transport.pause_reading()
        else:
            connection.reading.set()
            connection.socket.transport.resume_reading()

    def _admits(self, path: str) -> bool:
        return self._handler(path) is not None

    def _handler(self, path: str) -> Any:
        return self._paths.get(unquote(path.partition('?')[0]))

    async def _serve(self, socket: Any) -> None:
        await self._handler(platform_socket.path_of(socket))(socket)

    async def _serve_operator(self, socket: Any) -> None:
        with contextlib.suppress(ConnectionClosed):
            await Operator(self, socket).serve()

    async def _serve_robot(self, socket: Any) -> None:
        number = next(self._numbers)
        connection = RobotConnection(number, socket, self._record(f'connection_{number}'))
        self.connections.append(connection)
        self.events.add(connection.record.robot_id, 'connected', connection=number)
        pinging = asyncio.ensure_future(self._ping(connection))
        try:
            while True:
                await connection.reading.wait()
                frame = await socket.recv()
                await connection.reading.wait()
                await self._receive(connection, frame)
        except ConnectionClosed:
            pass
        finally:
            pinging.cancel()
            self.connections.remove(connection)
            record = connection.record
            record.connected = any(other.record is record for other in self.connections)
            code, reason = platform_socket.closing(socket)
            self.events.add(
                record.robot_id, 'disconnected', connection=number, code=code, reason=reason
            )

    def _record(self, robot_id: str) -> RobotRecord:
        if robot_id not in self.robots:
            gone = [name for name, record in self.robots.items() if not record.connected]
            if len(gone) >= RECORDS_OF_GONE:
                del self.robots[gone[0]]
        record = self.robots.setdefault(robot_id, RobotRecord(robot_id))
        record.connected = True
        record.connections += 1
        return record

    def _name(self, connection: RobotConnection, robot_id: str) -> None:
        """Give a connection that so far had a number the record of the robot that it is."""
        if robot_id != connection.record.robot_id:
            self.robots.pop(f'connection_{connection.number}', None)
            connection.record = self._record(robot_id)

    async def _receive(self, connection: RobotConnection, frame: str | bytes) -> None:
        try:
            kind, data = parse(frame)
        except FrameRefused as error:
            self._note_error(connection, str(error), frame)
            return
        if data.get('robot_id') and kind in ('robot_info', 'chat'):
            self._name(connection, data['robot_id'])
        record = connection.record
        contradiction = record.receive(kind, data)
        self.events.add(record.robot_id, 'received', type=kind, data=data)
        if contradiction:
            self._note_error(connection, contradiction, frame)
        if kind == 'pong':
            if not connection.pings_unanswered:
                self._note_error(connection, 'a pong without a ping', frame)
            connection.pings_unanswered = 0
        elif kind == 'chat':
            reply = answer(data['message'], record.telemetry)
            record.chat.append({'from': 'platform', 'text': reply})
            await self.send(connection, make('chat_response', {'response': reply}))

    def _note_error(self, connection: RobotConnection, problem: str, frame: str | bytes) -> None:
        connection.record.errors.append(problem)
        connection.record.count('errors')
        self.events.add(
            connection.record.robot_id,
            'error',
            problem=problem,
            frame=frame[:EXCERPT] if isinstance(frame, str) else frame[:EXCERPT].hex(),
        )

    async def _ping(self, connection: RobotConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(self._ping_interval)
                if not connection.reading.is_set():
                    continue
                if connection.pings_unanswered >= PINGS_UNANSWERED:
                    self._note_error(connection, 'pings are not answered', '')
                    await connection.socket.close(1011, 'no pong')
                    return
                connection.pings_unanswered += 1
                await self.send(connection, make('ping'))
