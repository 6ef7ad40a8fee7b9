# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What an operator can ask of the local platform, and how: docs/operator-api.md, version 1.

An operator sends `{"id": n, "verb": …, …}` and gets `{"id": n, "result": …}` or
`{"id": n, "error": "why not", "code": …}`; after `watch` also `{"event": {…}}`, see EventLog, or
with a `period` `{"events": [{…}, …]}`. Each verb stands with the role that it needs in VERBS.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from typing import Any
from uuid import uuid4

from websockets.exceptions import ConnectionClosed

from ..json_reader import read_object
from ..token_bucket import TokenBucket
from .platform_interface import Platform, Robot
from .platform_people import Person
from .teleop_lease import IDLE, LeaseTaken
from .watching import Watch

VERSION = 1
# Requests a second of one person's connection in the long run, and at once; a stop is not counted.
RATE, BURST = 50.0, 100.0
# Frames that only the owner sends, and those that carry the name of who sends them.
_OWNERS = frozenset({'REST_API_TOKEN', 'log_updated'})
_NAMED = frozenset({'remote_command', 'behavior_update'})
MOST_WAIT = 10.0  # s for a robot's pong
_numbers = itertools.count(1)


class Denied(Exception):
    """This person may not do that."""


class Operator:
    """One operator's connection."""

    def __init__(self, server: Platform, socket: Any, person: Person) -> None:
        self._server = server
        self._socket = socket
        self._person = person
        self._number = next(_numbers)
        self._watching: asyncio.Task[None] | None = None
        self._requests = TokenBucket(RATE, BURST)
        self._driven: dict[str, float] = {}

    async def serve(self) -> None:
        """Answer requests until the connection closes."""
        try:
            while True:
                await self._answer(await self._socket.recv())
        finally:
            self._server.leases.release_all(self._number)
            if self._watching is not None:
                self._watching.cancel()

    async def _answer(self, text: str | bytes) -> None:
        number = None
        code = 'bad_request'
        try:
            request = read_object(text)
            number = request.pop('id', None)
            verb = request.pop('verb', None)
            known = VERBS.get(verb)
            if known is None:
                code = 'unknown_verb'
                raise ValueError(f'no verb {verb!r}; there are {", ".join(VERBS)}')
            self._let_in(verb, known[0], request)
            try:
                reply = {'id': number, 'result': await known[1](self, request)}
            except ConnectionClosed:  # The robot's: the operator's own is only written to below.
                raise LookupError(f'{request.get("robot")} has just left') from None
        except KeyError as error:
            reply = {'id': number, 'error': f'"{error.args[0]}" is missing', 'code': code}
        except LookupError as error:
            reply = {'id': number, 'error': str(error), 'code': 'no_robot'}
        except Denied as error:
            reply = {'id': number, 'error': str(error), 'code': 'not_allowed'}
        except LeaseTaken as error:
            reply = {'id': number, 'error': str(error), 'code': 'lease'}
        except (ValueError, TypeError, AttributeError) as error:
            reply = {'id': number, 'error': str(error), 'code': code}
        await self._socket.send(json.dumps(reply))

    def _let_in(self, verb: str, role: str, request: dict[str, Any]) -> None:
        person = self._person
        if not self._server.people.admitted(person):
            raise Denied(f'the token of {person.name} counts no more')
        if not person.may(role):
            self._note(verb, request, refused=True)
            raise Denied(f'{verb} needs the role {role}; {person.name} is {person.role}')
        if person.role == 'owner' or request.get('command') == 'stop':
            return
        if not self._requests.acquire():
            raise Denied(f'too many requests; {RATE:g} a second are let in')

    def _note(self, verb: str, request: dict[str, Any], refused: bool = False) -> None:
        """Keep who did what in the platform's audit."""
        what = {key: value for key, value in request.items() if key not in ('robot', 'token')}
        text = json.dumps(what)
        self._server.history.add(
            'audit',
            str(request.get('robot') or ''),
            {
                'person': self._person.name or self._person.role,
                'role': self._person.role,
                'verb': verb,
                'what': what if len(text) < 2000 else text[:2000],
                **({'refused': True} if refused else {}),
            },
            name=self._person.name,
        )

    def _robot(self, request: dict[str, Any]) -> Robot:
        robot: Robot = self._server.connection(request.get('robot'))
        request['robot'] = robot.record.robot_id
        return robot

    async def _say(self, request: dict[str, Any], kind: str, data: dict[str, Any]) -> None:
        robot = self._robot(request)
        await self._server.send(robot, self._frame(robot, kind, data), self._person.name)

    def _frame(self, robot: Robot, kind: str, data: dict[str, Any]) -> str:
        """Return what carries a message; before it is noted, for it may be refused."""
        if self._person.name and kind in ('remote_command', 'behavior_update'):
            data['operator'] = self._person.name
        return robot.frame(kind, data)

    # --- looking ---

    async def hello(self, request: dict[str, Any]) -> Any:
        version = request.get('version', VERSION)
        if version != VERSION:
            raise ValueError(f'version {version!r} of this interface is not spoken; {VERSION} is')
        return {
            'version': VERSION,
            'project': self._server.project_id,
            'person': self._person.name,
            'role': self._person.role,
            'time': time.time(),
            'seq': self._server.events.last,
            'verbs': [name for name, (role, _) in VERBS.items() if self._person.may(role)],
            'lease_idle': IDLE,
        }

    async def robots(self, request: dict[str, Any]) -> Any:
        return [
            {
                **record.summary(),
                'lease': self._server.leases.holder(record.robot_id),
                'open_connections': self._server.open_connections(record),
            }
            for record in self._server.robots.values()
        ]

    async def state(self, request: dict[str, Any]) -> Any:
        robots = self._server.robots
        robot = request.get('robot')
        if robot is None and len(robots) == 1:
            robot = next(iter(robots))
        if robot not in robots:
            raise LookupError(f'no robot {robot!r}; known: {", ".join(sorted(robots)) or "none"}')
        return {**robots[robot].everything(), 'lease': self._server.leases.holder(robot)}

    async def history(self, request: dict[str, Any]) -> Any:
        keys = ('since', 'until', 'name', 'after', 'newest', 'limit')
        return await self._server.history.records(
            request['kind'],
            request.get('robot'),
            **{key: request[key] for key in keys if request.get(key) is not None},
        )

    async def series(self, request: dict[str, Any]) -> Any:
        return await self._server.history.series(
            request['robot'],
            [str(key) for key in request['keys']][:20],
            float(request.get('since', time.time() - 3600.0)),
            float(request.get('until', time.time())),
            min(int(request.get('points', 2000)), 10_000),
        )

    async def watch(self, request: dict[str, Any]) -> Any:
        watch = Watch(request)
        if self._watching is not None:
            self._watching.cancel()
        events = self._server.events
        seq = min(int(request.get('since', events.last)), events.last)
        self._watching = asyncio.ensure_future(watch.run(events, seq, self._socket))
        return {'seq': seq}

    # --- doing ---

    async def send(self, request: dict[str, Any]) -> Any:
        command_id = request.get('command_id', f'cmd-{uuid4().hex[:12]}')
        if command_id == '':
            raise ValueError('"command_id" is empty; leave it out to have one made')
        data = {'command': request['command'], 'parameters': request.get('parameters', {})}
        if command_id is not None:
            data['command_id'] = command_id
        data.update({key: request[key] for key in ('issued_at', 'deadline') if key in request})
        robot = self._robot(request)
        frame, record = self._frame(robot, 'remote_command', data), robot.record
        if record.drives(str(data['command'])):
            self._server.leases.acquire(record.robot_id, self._shown, self._number)
            now = time.monotonic()
            if now - self._driven.get(record.robot_id, -1e9) > IDLE:
                self._note('send', request)  # Once, not ten times a second.
            self._driven[record.robot_id] = now
        else:
            self._note('send', request)
            self._server.history.add(
                'order',
                record.robot_id,
                {**data, 'operator': self._person.name},
                name=str(command_id or ''),
            )
        await self._server.send(robot, frame, self._person.name)
        return {'command_id': command_id, 'reports': robot.reports}

    async def cancel(self, request: dict[str, Any]) -> Any:
        parameters = {
            key: request[key] for key in ('command_id', 'command', 'kind') if key in request
        }
        robot = {'robot': request['robot']} if request.get('robot') else {}
        return await self.send({**robot, 'command': 'cancel', 'parameters': parameters})

    async def lease(self, request: dict[str, Any]) -> Any:
        robot = self._robot(request)
        record = robot.record
        if not robot.carries_parameters:
            raise ValueError(
                f'{record.robot_id} cannot be driven by hand from here: its API carries no '
                'parameters, and so no speed'
            )
        taken = self._server.leases.acquire(
            record.robot_id,
            self._shown,
            self._number,
            take_over=request.get('take_over') is True,
            reason=str(request.get('reason', ''))[:200].strip(),
        )
        if request.get('take_over'):
            self._note('lease', request)
        return taken

    async def release(self, request: dict[str, Any]) -> Any:
        self._server.leases.release(self._robot(request).record.robot_id, self._number)
        return {}

    @property
    def _shown(self) -> str:
        return self._person.name or self._person.role

    async def chat(self, request: dict[str, Any]) -> Any:
        text = request['text']
        record = self._robot(request).record
        self._note('chat', request)
        said = {'from': 'platform', 'text': text}
        name = {'operator': self._person.name} if self._person.name else {}
        record.chat.append({**said, **name})
        self._server.history.add('chat', record.robot_id, {**said, **name})
        await self._say(request, 'chat_response', {'response': text})
        return {'robot': record.robot_id}

    async def reached(self, request: dict[str, Any]) -> Any:
        robot = self._robot(request)
        began = time.monotonic()
        # Frames arrive in order, and a pong only after what was sent before its ping.
        pong = await robot.socket.ping()
        # Who stopped waiting does not hear that the connection was cut later.
        pong.add_done_callback(lambda pong: pong.cancelled() or pong.exception())
        done, _ = await asyncio.wait(
            [pong], timeout=min(max(float(request.get('timeout', 2.0)), 0.0), MOST_WAIT)
        )
        reached = bool(done) and not pong.cancelled() and pong.exception() is None
        return {'reached': reached, 'seconds': time.monotonic() - began}

    async def push_tree(self, request: dict[str, Any]) -> Any:
        name, xml = request['name'], request['xml']
        robot = self._robot(request)
        frame = self._frame(robot, 'behavior_update', {'tree_name': name, 'xml': xml})
        self._note('push_tree', request)
        await self._server.send(robot, frame, self._person.name)
        self._server.history.add(
            'tree',
            robot.record.robot_id,
            {'xml': xml, 'operator': self._person.name},
            name=str(name),
        )
        return {'reports': robot.reports}

    async def raw(self, request: dict[str, Any]) -> Any:
        frame = bytes.fromhex(request['hex']) if 'hex' in request else str(request['text'])
        record = self._robot(request).record
        message = _object_of(frame)
        kind = message.get('type')
        # What cannot be read here may be readable to a robot.
        if not message or not _OWNERS.isdisjoint(
            (*message, kind if isinstance(kind, str) else '')
        ):
            if not self._person.may('owner'):
                self._note('raw', request, refused=True)
                raise Denied('such a frame needs the role owner')
        data = message.get('data')
        if kind in _NAMED and isinstance(data, dict):
            command = data.get('command')
            if kind == 'remote_command' and record.drives(str(command)):
                self._server.leases.acquire(record.robot_id, self._shown, self._number)
            if self._person.name:  # Nobody signs with the name of another.
                data['operator'] = self._person.name
                frame = json.dumps(message)
        self._note('raw', request)
        await self._server.send(self._robot(request), frame, self._person.name)
        return {}

    # --- running the platform ---

    async def log_session(self, request: dict[str, Any]) -> Any:
        data = {'session_id': request['session_id']}
        token = self._server.rest.token_for(self._robot(request).record.robot_id)
        if token:  # Without one the robot could send no line.
            await self._say(request, 'REST_API_TOKEN', {'token': token})
        await self._say(request, 'log_updated', data)
        return {}

    async def token(self, request: dict[str, Any]) -> Any:
        robot = self._robot(request).record.robot_id
        await self._say(request, 'REST_API_TOKEN', {'token': request['token']})
        self._server.rest.admit(str(request['token']), robot)
        return {}

    async def kick(self, request: dict[str, Any]) -> Any:
        connection = self._robot(request)
        await connection.socket.close(request.get('code', 1000), request.get('reason', ''))
        return {}

    async def stall(self, request: dict[str, Any]) -> Any:
        self._server.stall(self._robot(request), bool(request.get('on', True)))
        return {}

    async def people(self, request: dict[str, Any]) -> Any:
        return self._server.people.all()

    async def add_person(self, request: dict[str, Any]) -> Any:
        token = self._server.people.add(request['name'], request.get('role', 'viewer'))
        self._note('add_person', request)
        self._server.send_away()
        return {'token': token}

    async def remove_person(self, request: dict[str, Any]) -> Any:
        if not self._server.people.remove(request['name']):
            raise ValueError(f'there is nobody named {request["name"]!r}')
        self._note('remove_person', request)
        self._server.send_away()
        return {}


def _object_of(frame: str | bytes) -> dict[str, Any]:
    """Return the JSON object that a frame is, an empty one if it is none."""
    try:
        return read_object(frame)
    except ValueError:
        return {}


def _verbs() -> dict[str, tuple[str, Any]]:
    by_role = {
        'viewer': 'robots state hello history series watch',
        'operator': 'send cancel chat reached push_tree raw lease release',
        'owner': 'log_session token kick stall people add_person remove_person',
    }
    return {
        name: (role, getattr(Operator, name))
        for role, names in by_role.items()
        for name in names.split()
    }


VERBS = _verbs()
