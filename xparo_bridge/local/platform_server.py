# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Serves robots on the documented endpoints, and operators beside them.

Robots speak the documented WebSocket API on ROBOT_PATH, and that of the platform's own clients, in
which keys are commands, on DISPATCH_PATH and KEYS_PATH, the latter also by REST.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
import contextlib
from http import HTTPStatus
import itertools
import json
import ssl
import sys
from typing import Any, IO
from urllib.parse import parse_qs, unquote, urlsplit

from websockets.exceptions import ConnectionClosed

from . import platform_socket
from .chat_rules import answer
from .key_api import KeyApi, results, robot_id_of
from .open_sockets import OpenSockets
from .platform_frames import FrameRefused, make, parse, parse_keys, without_token
from .platform_history import History
from .platform_keeper import first_number, Keeper, restored
from .platform_operator import Operator
from .platform_people import People, Person
from .platform_rest import PATH as REST_PATH
from .platform_rest import RestApi
from .platform_store import EventLog, EXCERPT, RobotRecord, same_name
from .robot_connections import DISPATCH_PATH, KeyConnection, KEYS_PATH, RobotConnection
from .teleop_lease import Leases

ROBOT_PATH = '/ws/chatbot'
OPERATOR_PATH = '/operator'
TOKEN_PATH = '/operator/v1'  # Who dials it shows a token: Authorization: Bearer TOKEN.
RECORDS_OF_GONE = 1000  # Robots that left; the oldest are forgotten.
PINGS_UNANSWERED = 3  # Then the connection is taken for dead.


class PlatformServer:
    """Robots and operators of one project."""

    def __init__(
        self,
        secret_key: str,
        project_id: str,
        *,
        ping_interval: float = 15.0,
        record: IO[str] | None = None,
        history: History | None = None,
    ) -> None:
        """Take the seconds between pings and where to write every event as a line of JSON."""
        self.project_id = project_id
        self.history = history or History()
        self.people = People(self.history)
        self._keys = KeyApi()
        self.rest = RestApi(self._note_log)
        self._paths: dict[str, Any] = {
            f'{path}/{secret_key}/{project_id}/': handler
            for path, handler in (
                (ROBOT_PATH, self._serve_robot),
                (OPERATOR_PATH, self._serve_operator),
            )
        }
        self._key_paths = {
            f'{path}/{secret}/{project_id}/'
            for path in (DISPATCH_PATH, KEYS_PATH)
            for secret in (secret_key, self._keys.credential)
        }
        self._paths |= dict.fromkeys(self._key_paths, self._serve_keys)
        self._open = OpenSockets()
        self._ping_interval = ping_interval
        self._numbers = itertools.count(1)
        self._server: Any = None
        self.events = EventLog(record, after=first_number(self.history))
        self._keeper = Keeper(self.history, self.events)
        self.leases = Leases(self._note_lease)
        self.robots: dict[str, RobotRecord] = restored(self.history)
        self._nobody = RobotRecord('connection_rest')  # whose REST requests name no robot
        self.connections: list[RobotConnection] = []

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Begin to listen; the port, also where 0 asked for a free one."""
        await self._keeper.restore(self.robots)
        self._server = await platform_socket.serve(
            self._serve, host, port, self._refusal, self._answer_rest, tls
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close every connection as a server that goes away does."""
        await platform_socket.stop(self._server)
        for record in self.robots.values():
            self._keeper.keep_now(record)
        self.history.close()

    def connection(self, robot: str | None) -> RobotConnection:
        """Newest connection of a robot, or the only robot's; LookupError says who is there."""
        there = {connection.record.robot_id: connection for connection in self.connections}
        if robot is None and len(there) == 1:
            return next(iter(there.values()))
        if robot in there:
            return there[robot]
        if not there:
            raise LookupError('no robot is connected')
        problem = f'robot "{robot}" is not connected' if robot else 'say which robot'
        raise LookupError(f'{problem}; connected: {", ".join(sorted(there))}')

    def open_connections(self, record: RobotRecord) -> int:
        """Return how many connections have a robot's name now."""
        return sum(connection.record is record for connection in self.connections)

    async def send(
        self, connection: RobotConnection, frame: str | bytes, operator: str = ''
    ) -> None:
        """Send a frame to a robot and note it, with the operator whose it is."""
        text = without_token(frame) if isinstance(frame, str) else frame.hex()
        by = {'operator': operator} if operator else {}
        self.events.add(connection.record.robot_id, 'sent', frame=text, **by)
        await connection.socket.send(frame)

    def stall(self, connection: RobotConnection, on: bool) -> None:
        """Stop reading from a robot, or go on: its sends fill the buffers on the way."""
        if on:
            connection.reading.clear()
            connection.socket.transport.pause_reading()
        else:
            connection.reading.set()
            connection.socket.transport.resume_reading()

    def _refusal(self, path: str, header: Callable[[str], str]) -> HTTPStatus | None:
        # A browser says whose page it shows; a page of another host has no business here.
        if platform_socket.is_foreign(header('Origin'), header('Host')):
            return HTTPStatus.FORBIDDEN
        if path.partition('?')[0].rstrip('/') == TOKEN_PATH:
            return HTTPStatus.FORBIDDEN if self._person(header) is None else None
        if self._handler(path) is not None:
            return None
        bases = (ROBOT_PATH, OPERATOR_PATH, DISPATCH_PATH, KEYS_PATH)
        known = any(unquote(path).startswith(f'{base}/') for base in bases)
        return HTTPStatus.FORBIDDEN if known else HTTPStatus.NOT_FOUND

    def _handler(self, path: str) -> Any:
        path = unquote(path.partition('?')[0])
        if path.rstrip('/') == TOKEN_PATH:
            return self._serve_person
        return self._paths.get(path)

    def _person(self, header: Callable[[str], str]) -> Person | None:
        scheme, _, token = header('Authorization').partition(' ')
        return self.people.find(token.strip()) if scheme.lower() == 'bearer' else None

    async def _serve(self, socket: Any) -> None:
        await self._handler(platform_socket.path_of(socket))(socket)

    async def _serve_operator(self, socket: Any) -> None:
        """Serve who has the project's secret key, which counts on this machine only."""
        if not platform_socket.is_local(socket):
            await socket.close(
                1008, 'from another machine show a token: local_platform people add NAME'
            )
            return
        query = parse_qs(urlsplit(platform_socket.path_of(socket)).query)
        name = query.get('person', [''])[0][:64]
        with contextlib.suppress(ConnectionClosed):
            await Operator(self, socket, Person(name, 'owner')).serve()

    async def _serve_person(self, socket: Any) -> None:
        """Serve who has a token."""
        person = self._person(lambda name: platform_socket.header_of(socket, name))
        if person is None:
            return
        with self._open.of(person, socket), contextlib.suppress(ConnectionClosed):
            await Operator(self, socket, person).serve()

    def send_away(self) -> None:
        """Close the connections of persons whose tokens count no more."""
        self._open.send_away(lambda person: not self.people.admitted(person))

    def _note_log(self, robot: str, level: str, text: str, session: str) -> None:
        self.events.add(robot, 'log', level=level, text=text, session=session)
        self.history.add('log', robot, {'level': level, 'text': text}, name=session)

    def _note_lease(self, robot: str, **what: Any) -> None:
        self.events.add(robot, 'lease', **what)
        self.history.add('audit', robot, {'verb': 'lease', **what}, name=what['holder'])

    async def _serve_robot(self, socket: Any) -> None:
        number = next(self._numbers)
        connection = RobotConnection(number, socket, self._record(f'connection_{number}'))
        await self._talk(connection)

    async def _serve_keys(self, socket: Any) -> None:
        number = next(self._numbers)
        connection = KeyConnection(number, socket, self._record(f'connection_{number}'))
        connection.chatbot = platform_socket.path_of(socket).startswith(f'{KEYS_PATH}/')
        await self._talk(connection)

    def _answer_rest(
        self, method: str, path: str, body: bytes, authorization: str
    ) -> tuple[int, str] | None:
        """Answer a robot's request, or one of the platform's own clients with the same keys."""
        if path.startswith(REST_PATH):
            return self.rest.answer(method, path, body, authorization)
        if not path.startswith(f'{KEYS_PATH}/'):
            return None
        if unquote(path.partition('?')[0]) not in self._key_paths:
            return 403, '{"error": "the secret key or the project is wrong"}'
        # The platform's own client takes 201 for an answer, and no other.
        if method == 'GET':
            return 201, '{}'
        if method != 'POST':
            return 405, '{"error": "GET or POST"}'
        try:
            keys = parse_keys(body)
        except FrameRefused as error:
            return 400, json.dumps({'error': str(error)})
        robot_id = self._keys.robot_id_of(keys)
        record = self._known(robot_id) if robot_id else self._nobody
        return 201, json.dumps(self._answer_keys(record, keys, len(body)))

    def _answer_keys(self, record: RobotRecord, keys: dict[str, Any], size: int) -> dict[str, Any]:
        for key, value in keys.items():
            # One that is unknown here may be the name of a documented message, and is none.
            if self._keys.knows(key):
                self.events.add(record.robot_id, 'received', type=key, data=value)
        for kind, data in results(keys):
            record.receive(kind, data, size)
            self.events.add(record.robot_id, 'received', type=kind, data=data)
            self._keeper.received(record, kind, data)
        said, problems = self._keys.answer(keys, record)
        if 'message' in said:
            self._keeper.said(record.robot_id, record.chat[-1])
        for problem in problems:
            record.errors.append(problem)
            self.events.add(record.robot_id, 'error', problem=problem, frame='')
        return said

    async def _talk(self, connection: RobotConnection) -> None:
        """Take what a robot sends until its connection closes."""
        number, socket = connection.number, connection.socket
        self.connections.append(connection)
        self.events.add(connection.record.robot_id, 'connected', connection=number)
        receive = self._receive_keys if isinstance(connection, KeyConnection) else self._receive
        pings = not isinstance(connection, KeyConnection)  # Their API has none.
        pinging = asyncio.ensure_future(self._ping(connection)) if pings else None
        try:
            while True:
                await connection.reading.wait()
                frame = await socket.recv()
                await connection.reading.wait()
                await receive(connection, frame)
        except ConnectionClosed:
            pass
        finally:
            if pinging is not None:
                pinging.cancel()
            self.connections.remove(connection)
            record = connection.record
            record.connected = any(other.record is record for other in self.connections)
            code, reason = platform_socket.closing(socket)
            how = {'code': code, 'reason': reason}
            # Another connection of it may be open already.
            there = {'connected': record.connected}
            self.events.add(record.robot_id, 'disconnected', connection=number, **how, **there)
            self._keeper.link(record, 'disconnected', **how)
            if record.is_unnamed and not record.counts:
                # Somebody who tried the key, such as the doctor: no robot that went.
                self.robots.pop(record.robot_id, None)

    def _known(self, robot_id: str) -> RobotRecord:
        if robot_id not in self.robots:
            gone = [name for name, record in self.robots.items() if not record.connected]
            if len(gone) >= RECORDS_OF_GONE:
                del self.robots[gone[0]]
        return self.robots.setdefault(robot_id, RobotRecord(robot_id, connected=False))

    def _record(self, robot_id: str) -> RobotRecord:
        record = self._known(robot_id)
        record.connected = True
        record.connections += 1
        return record

    def _name(self, connection: RobotConnection, robot_id: str) -> None:
        """Give a connection that so far had a number the record of the robot that it is."""
        if robot_id != connection.record.robot_id:
            self.robots.pop(f'connection_{connection.number}', None)
            connection.record = self._record(robot_id)
            self._keeper.link(connection.record, 'connected')
            self.events.add(robot_id, 'named', connection=connection.number)
            count = self.open_connections(connection.record)
            if count > 1:
                problem = same_name(count)
                self.events.add(robot_id, 'warning', problem=problem)
                print(f'local_platform: {robot_id}: {problem}', file=sys.stderr, flush=True)

    async def _receive(self, connection: RobotConnection, frame: str | bytes) -> None:
        try:
            kind, data = parse(frame)
        except FrameRefused as error:
            self._note_error(connection, str(error), frame)
            return
        if data.get('robot_id') and kind in ('robot_info', 'chat'):
            self._name(connection, data['robot_id'])
        record = connection.record
        contradiction = record.receive(kind, data, len(frame))
        self.events.add(record.robot_id, 'received', type=kind, data=data)
        self._keeper.received(record, kind, data)
        if contradiction:
            self._note_error(connection, contradiction, frame)
        if kind == 'pong':
            if not connection.pings_unanswered:
                self._note_error(connection, 'a pong without a ping', frame)
            else:  # Of one ping: on a slow line the next may be under way already.
                connection.pings_unanswered -= 1
        elif kind == 'chat':
            reply = answer(data['message'], record.telemetry)
            said = {'from': 'platform', 'text': reply}
            record.chat.append(said)
            self._keeper.said(record.robot_id, said)
            await self.send(connection, make('chat_response', {'response': reply}))

    async def _receive_keys(self, connection: RobotConnection, frame: str | bytes) -> None:
        try:
            if isinstance(frame, bytes):
                raise FrameRefused('a binary frame; the protocol has text frames only')
            keys = parse_keys(frame)
        except FrameRefused as error:
            self._note_error(connection, str(error), frame)
            await self.send(connection, json.dumps({'error': {'message': str(error)}}))
            return
        robot_id = robot_id_of(keys)
        if robot_id:
            self._name(connection, robot_id)
        said = self._answer_keys(connection.record, keys, len(frame))
        if said:
            await self.send(connection, json.dumps(said))

    def _note_error(self, connection: RobotConnection, problem: str, frame: str | bytes) -> None:
        connection.record.errors.append(problem)
        connection.record.count('errors')
        self.history.add('error', connection.record.robot_id, {'problem': problem[:EXCERPT]})
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
