# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The bridge process with a robot that drives, an honest operator and hostile peers.

The operator's link and the hostile ones are served here. `look` asks for what costs little, after
each attack: the process lives, pongs, answers, has not printed a traceback, its memory is bounded.
`stop` asks for the rest: the robot stops, the base stands, each command has one end.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
import itertools
import json
import logging
import os
from pathlib import Path
import tempfile
import threading
import time
from typing import Any

from aiohttp import web, WSMsgType
from fixtures.processes import Process
from fixtures.ros_graph import RosGraph
from fixtures.system import start_bridge, start_robot
from nav_msgs.msg import Odometry
import psutil
from rclpy.qos import QoSDurabilityPolicy, QoSProfile
from xparo_interfaces.msg import BridgeStatus

# What must hold, s and bytes. An answer is due within a second however hostile the input is.
ANSWER = 1.0
STANDS_WITHIN = 2.5  # The robot itself needs a second to brake.
STOP_ENDS_WITHIN = 6.0
RSS = 400 << 20
TERMINAL = ('succeeded', 'failed', 'rejected', 'canceled', 'timed_out')
LATCHED = QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)
# Of a refusal, characters: 16 kB of error and what is around it.
LARGEST_REFUSAL = 18_000
_ANSWERS = ('command_status', 'behavior_status', 'tool_result', 'COMMAND_RESULT', 'task_', 'TASK')
_STANDS = 0.01  # m/s and rad/s
_PLACES = ('table_3', 'table_6', 'kitchen', 'entrance')

PATHS = {
    'xparo': '/ws/chatbot',
    'xparo_chatbot': '/chatbot_api',
    'xparo_dispatch': '/ws/chatbot_api',
    'furhat': '/v1/events',
    'xrx': '/api/v1/ws',
    'general_bots': '/ws',
    'general_bots_meet': '/ws/meet',
    'general_bots_source': '/ws',
}


# Links whose commands are held to have one end: the operator's, and a hostile one of its protocol.
_OUR_STATUS = ('operator', 'xparo')


def patience() -> float:
    """
    Return by how much longer anything may take than it should.

    A bridge that shares each processor with ten programs gets a tenth of one. Alone it is 1.
    """
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


class Failure(AssertionError):
    """Something that must hold does not."""


@dataclass
class Measured:
    """What was seen over a run: the longest of each wait, s, and the highest memory, bytes."""

    longest: dict[str, float] = field(default_factory=dict)
    rss: int = 0
    attacks: Counter[str] = field(default_factory=Counter)
    messages: int = 0
    stops: int = 0
    # The most that anything was given in addition, for the load of the machine.
    patience: float = 1.0
    # Of the bridge's own watch: the longest stall of each of its threads, s.
    stalls: dict[str, float] = field(default_factory=dict)

    def note(self, what: str, seconds: float) -> None:
        """Keep the longest of a wait."""
        self.longest[what] = max(self.longest.get(what, 0.0), seconds)
        self.patience = max(self.patience, patience())

    def take(self, status: BridgeStatus) -> None:
        """Keep the longest stalls of what the bridge says of itself."""
        for thread in status.threads:
            self.stalls[thread.name] = max(
                self.stalls.get(thread.name, 0.0), thread.longest_stall_ever
            )


class Peer:
    """One server for all links: the operator's and one hostile one a protocol."""

    def __init__(self) -> None:
        self.sockets: dict[str, web.WebSocketResponse] = {}
        self.transports: dict[str, asyncio.Transport] = {}
        # By link: what is answered to its next handshake, and to all its other requests.
        self.refusals: dict[str, web.Response] = {}
        self.answers: Callable[[], web.Response] | None = None
        self.port = 0
        self.pongs = 0
        # Characters of the largest refusal and the largest other answer.
        self.largest: dict[str, int] = {}
        self.too_large = ''
        self.states: dict[str, list[dict[str, Any]]] = {}
        self.news = asyncio.Event()

    async def start(self) -> None:
        """Serve on a free port; every path is `/<link>/…`."""
        application = web.Application()
        application.router.add_route('*', '/{link}/{rest:.*}', self._serve)
        # A connection that an attack cuts is no news.
        logging.getLogger('aiohttp.server').disabled = True
        self._runner = web.AppRunner(application, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, '127.0.0.1', 0).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """End all."""
        for socket in list(self.sockets.values()):
            await socket.close()
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        link = request.match_info['link']
        if request.headers.get('Upgrade', '').lower() != 'websocket':
            return web.json_response({}) if self.answers is None else self.answers()
        if (refusal := self.refusals.pop(link, None)) is not None:
            return refusal
        # The pongs are counted here, so the pings of the bridge are answered here as well.
        socket = web.WebSocketResponse(max_msg_size=32 << 20, autoping=False)
        await socket.prepare(request)
        self.sockets[link] = socket
        if isinstance(request.transport, asyncio.Transport):
            self.transports[link] = request.transport
        self.news.set()
        async for frame in socket:
            if frame.type is WSMsgType.PING:
                with suppress(ConnectionError):  # An attack may have cut it.
                    await socket.pong(frame.data)
            elif frame.type is WSMsgType.TEXT:
                self._measure(link, frame.data)
                if link in _OUR_STATUS:
                    self._heard(json.loads(frame.data))
            elif link == 'operator' and frame.type is WSMsgType.PONG:
                self.pongs += 1
                self.news.set()
        if self.sockets.get(link) is socket:
            del self.sockets[link]
        return socket

    def _measure(self, link: str, frame: str) -> None:
        """Keep the largest of what a link sends but for telemetry; a refusal has a bound."""
        head = frame[:200]
        if not any(word in head for word in _ANSWERS):
            return
        refusal = '"rejected"' in head or '"failed"' in head
        kind = 'refusal' if refusal else 'answer'
        self.largest[kind] = max(self.largest.get(kind, 0), len(frame))
        if refusal and len(frame) > LARGEST_REFUSAL:
            self.too_large = f'{link} sent {len(frame)} characters: {frame[:300]}'

    def _heard(self, body: dict[str, Any]) -> None:
        if body.get('type') == 'command_status':
            status = body['data']
            self.states.setdefault(status['command_id'], []).append(status)
            self.news.set()

    async def until(self, holds: Any, seconds: float) -> Any:
        """Wait until something is true of what came; None if it does not become so in time."""
        end = time.monotonic() + seconds * patience()
        while not (found := holds()):
            left = end - time.monotonic()
            if left <= 0:
                return None
            self.news.clear()
            try:
                await asyncio.wait_for(self.news.wait(), min(left, 0.05))
            except TimeoutError:
                pass
        return found


class Robot:
    """What the robot does, as its odometry says, heard in a thread of its own."""

    def __init__(self) -> None:
        self.graph = RosGraph('hostile_node')
        self.moving = False
        # What the bridge says of itself.
        self.status = BridgeStatus()
        self._over = threading.Event()
        self.graph.node.create_subscription(
            BridgeStatus,
            '/xparo_bridge/status',
            self._on_status,
            QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL),
        )
        self.graph.node.create_subscription(Odometry, '/odom', self._on_odometry, 10)
        self.lock = threading.Lock()
        self._thread = threading.Thread(target=self._spin)
        self._thread.start()

    def _spin(self) -> None:
        while not self._over.is_set():
            with self.lock:
                self.graph.spin_once(0.01)

    def _on_status(self, message: BridgeStatus) -> None:
        self.status = message

    def _on_odometry(self, message: Odometry) -> None:
        twist = message.twist.twist
        speed = max(abs(twist.linear.x), abs(twist.linear.y), abs(twist.angular.z))
        self.moving = speed > _STANDS

    def close(self) -> None:
        """Leave the graph."""
        self._over.set()
        self._thread.join()
        self.graph.__exit__()


class House:
    """All of it, and the checks."""

    def __init__(self, folder: Path, protocols: list[str], measured: Measured) -> None:
        self.peer = Peer()
        self.measured = measured
        self.protocols = protocols
        self._folder = folder
        self._ids = itertools.count()
        self._places = itertools.cycle(_PLACES)
        self._read_lines = 0
        self._goal = ''
        # Commands that ended, the oldest first.
        self._over: dict[str, None] = {}
        self.bridge: Process

    def configuration(self) -> dict[str, Any]:
        """Give the bridge a use for everything a peer can send."""
        secrets = self._folder / 'secrets.yaml'
        secrets.touch(mode=0o600)
        secrets.write_text('secret_key: SECRET-of-the-hostile\nproject_id: PROJECT\n')
        links: list[dict[str, Any]] = []
        for name, protocol in [('operator', 'xparo'), *((p, p) for p in self.protocols)]:
            link: dict[str, Any] = {
                'name': name,
                'protocol': protocol,
                'url': f'ws://127.0.0.1:{self.peer.port}/{name}{PATHS[protocol]}',
                'backoff': {'initial': 0.05, 'maximum': 0.2, 'refused': 0.2},
            }
            if protocol.startswith('xparo'):
                link['credentials_file'] = str(secrets)
            if protocol == 'general_bots':
                link['options'] = {'auth': 'query'}
            links.append(link)
        files = self._folder / 'files'
        files.mkdir(exist_ok=True)
        return {
            'links': links,
            'files': {'folder': str(files), 'max_total_bytes': 4 << 20},
            'joystick': {'command': 'teleop'},
            'routes': {'chat': 'operator'},
            'project': {'parameters': {'k': {'node': '/simulated_robot', 'parameter': 'speed'}}},
            'telemetry': {
                'period': 0.2,
                'groups': {
                    'system': {},
                    'battery': {'topic': '/battery_state'},
                    'pose': {'topic': '/odom'},
                    'velocity': {'topic': '/odom'},
                    'diagnostics': {},
                },
                'topics': [{'topic': '/scan', 'fields': {'nearest': 'min(ranges)'}}],
            },
        }

    async def start(self) -> None:
        """Start the bridge and wait for the operator's link."""
        self.bridge = await asyncio.to_thread(start_bridge, self._folder, 0, self.configuration())
        self._read_lines = 0
        if not await self.peer.until(lambda: 'operator' in self.peer.sockets, 30.0):
            raise Failure('the bridge does not connect: ' + '\n'.join(self.bridge.lines[-20:]))

    async def restart(self) -> None:
        """Kill the bridge and begin anew, without what it remembers."""
        await asyncio.to_thread(self.bridge.stop)
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            (self._folder / 'state').rename(Path(folder, 'state'))
        self.peer.sockets.pop('operator', None)
        self.peer.states.clear()
        await self.start()

    # --- what the operator does ---

    async def send(self, command: str, **parameters: Any) -> str:
        """Send a command by the operator's link; its id."""
        command_id = f'operator-{next(self._ids)}'
        await self._socket().send_str(
            json.dumps(
                {
                    'type': 'remote_command',
                    'data': {
                        'command': command,
                        'command_id': command_id,
                        'parameters': parameters,
                    },
                }
            )
        )
        return command_id

    def _socket(self) -> web.WebSocketResponse:
        socket = self.peer.sockets.get('operator')
        if socket is None:
            raise Failure("the operator's link is gone")
        return socket

    def end_of(self, command_id: str) -> dict[str, Any] | None:
        """Return the terminal status of a command, if it has come."""
        found = [s for s in self.peer.states.get(command_id, ()) if s['state'] in TERMINAL]
        return found[0] if found else None

    async def ended(self, what: str, seconds: float, **parameters: Any) -> dict[str, Any]:
        """Send a command and wait for its end; Failure if it does not come in time."""
        began = time.monotonic()
        command_id = await self.send(what, **parameters)
        end = await self.peer.until(lambda: self.end_of(command_id), seconds)
        self.measured.note(what, time.monotonic() - began)
        if end is None:
            raise Failure(f'{what} has no end after {seconds:g} s x {patience():.1f}')
        return end

    async def drive(self, robot: Robot) -> None:
        """Have the robot drive by a goal of the operator, if it does not yet."""
        if robot.moving and self._goal and self.end_of(self._goal) is None:
            return
        for attempt in range(8):
            if attempt > 2:  # Orders of the hostile peers wait, and each would preempt the goal.
                await self.ended('stop', STOP_ENDS_WITHIN)
            await self.ended('resume', ANSWER + 1.0)
            command_id = await self.send('start_navigation', goal=next(self._places))
            self._goal = command_id
            await self.peer.until(
                lambda sent=command_id: robot.moving or self.end_of(sent),
                8.0,
            )
            if robot.moving and self.end_of(command_id) is None:
                return
            if self.end_of(command_id) is None and command_id in self.peer.states:
                return  # It is under way, only slow.
        raise Failure(f'no goal drives the robot: {self.peer.states.get(command_id)}')

    # --- what must hold ---

    async def look(self) -> None:
        """Ask for what must hold after each attack and costs little."""
        self._check_process()
        began = time.monotonic()
        await self._pong()
        await self.ended('status', ANSWER)
        self.measured.note('pong and status', time.monotonic() - began)
        self._check_process()

    async def _pong(self) -> None:
        socket, pongs = self._socket(), self.peer.pongs
        await socket.ping()
        if not await self.peer.until(lambda: self.peer.pongs > pongs, ANSWER):
            raise Failure(f'no pong within {ANSWER:g} s x {patience():.1f}')

    async def stop(self, robot: Robot) -> None:
        """Ask for the rest: the robot stops and stands, and each command has one end."""
        await self._check_stop(robot)
        self.measured.stops += 1
        self.measured.take(robot.status)
        self._check_ends()
        self._check_process()

    async def _check_stop(self, robot: Robot) -> None:
        began = time.monotonic()
        stop = await self.send('stop')
        stood = await self.peer.until(lambda: not robot.moving, STANDS_WITHIN)
        if not stood:
            raise Failure(f'the base still moves {STANDS_WITHIN:g} s after stop')
        self.measured.note('base stands', time.monotonic() - began)
        end = await self.peer.until(lambda: self.end_of(stop), STOP_ENDS_WITHIN)
        if end is None or end['state'] != 'succeeded':
            raise Failure(f'stop ended so: {end}')
        if robot.moving:
            raise Failure('the base moves after stop has succeeded')

    def _check_ends(self) -> None:
        for command_id, states in self.peer.states.items():
            if not command_id.startswith(('operator-', 'h0.')):
                continue
            ends = [s for s in states if s['state'] in TERMINAL and not s.get('resent')]
            if len(ends) + (command_id in self._over) > 1:
                raise Failure(f'{command_id} has more than one end: {ends}')
            if ends:
                self._over[command_id] = None
        self.peer.states = {
            command_id: states
            for command_id, states in self.peer.states.items()
            if command_id not in self._over
        }
        for command_id in list(self._over)[:-20_000]:
            del self._over[command_id]

    def _check_process(self) -> None:
        if self.peer.too_large:
            too_large, self.peer.too_large = self.peer.too_large, ''
            raise Failure(f'an answer is too large: {too_large}')
        if self.bridge.returncode is not None:
            raise Failure(f'the bridge ended with {self.bridge.returncode}')
        rss = psutil.Process(self.bridge.pid).memory_info().rss
        self.measured.rss = max(self.measured.rss, rss)
        if rss > RSS:
            raise Failure(f'the bridge has {rss >> 20} MiB')
        lines = self.bridge.lines[self._read_lines :]
        self._read_lines += len(lines)
        for line in lines:
            if 'Traceback' in line or 'SECRET-of-the-hostile' in line:
                raise Failure(f'the bridge printed: {line[:400]}')


@contextmanager
def robot() -> Iterator[Robot]:
    """Run the simulated robot, and listen to it."""
    process = start_robot(0.4)  # Slow, so that a goal lasts for many attacks.
    listener = Robot()
    try:
        yield listener
    finally:
        listener.close()
        process.stop()


@asynccontextmanager
async def house(protocols: list[str], measured: Measured) -> AsyncIterator[House]:
    """Run everything but the robot."""
    with tempfile.TemporaryDirectory(prefix='hostile') as folder:
        made = House(Path(folder), protocols, measured)
        await made.peer.start()
        try:
            await made.start()
            yield made
        finally:
            await asyncio.to_thread(made.bridge.stop)
            await made.peer.stop()
