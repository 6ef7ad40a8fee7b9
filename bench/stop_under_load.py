# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How long does `stop` take to the base and to the action servers under all loads at once.

Its own link is flooded before and after it, 300 large commands wait, a tree spins and the disk of
the state directory hangs: every second time since before the flood, else since the moment of the
stop. `python bench/stop_under_load.py TIMES` stops so often.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, ExitStack
import json
import os
from pathlib import Path
import statistics
import sys
from tempfile import TemporaryDirectory
import threading
import time
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / 'test'))

from action_msgs.srv import CancelGoal  # noqa: E402
from bridge_process import running  # noqa: E402
from fixtures.domains import DDS, own_domain  # noqa: E402
from fixtures.freezing_disk import freezing_disk, FreezingDisk, NoDisk  # noqa: E402
from geometry_msgs.msg import Twist  # noqa: E402
from nav2_msgs.action import Wait  # noqa: E402
import rclpy  # noqa: E402
from rclpy.action import ActionClient  # noqa: E402
from robot_to_stop import ACTIONS, OF_OTHERS, robot_to_stop, StoppedRobot  # noqa: E402
from rows import Row, row  # noqa: E402
from websockets.exceptions import ConnectionClosed  # noqa: E402
from websockets.sync.client import connect  # noqa: E402
from websockets.sync.server import serve  # noqa: E402

TIMES = 100
GOAL = 100.0  # ms, at the 99th percentile
_UNHEARD = 20_000.0  # ms, of one that nobody heard
_AFTER = 0.2  # s, for how long the flood goes on after the stop
_QUIET = 0.5  # s without a move after which the base stands for good
_TREE = (
    '<root BTCPP_format="4"><BehaviorTree ID="spin"><Repeat num_cycles="-1"><Sequence>'
    + '<Script code="a:=1"/>' * 300
    + '</Sequence></Repeat></BehaviorTree></root>'
)


class NeverMoved(RuntimeError):
    """What is to be stopped does not begin to move."""


def _command(name: str, **parameters: Any) -> str:
    data = {'command': name, 'parameters': parameters, 'command_id': f'{name}-{time.time_ns()}'}
    return json.dumps({'type': 'remote_command', 'data': data})


class Flood:
    """A platform that sends what it is told to as fast as it can, in its own thread."""

    def __init__(self) -> None:
        self._server = serve(self._handle, '127.0.0.1', 0, compression=None)
        self.port = self._server.socket.getsockname()[1]
        self._sockets: list[Any] = []
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.sent = 0

    def _handle(self, socket: Any) -> None:
        self._sockets.append(socket)
        try:
            for _ in socket:
                pass
        except ConnectionClosed:
            pass
        self._sockets.remove(socket)

    @property
    def connected(self) -> bool:
        return bool(self._sockets)

    def send(self, frame: str) -> None:
        """Send one frame to the bridge."""
        self._sockets[-1].send(frame)
        self.sent += 1

    def drive(self, seconds: float) -> None:
        """Send commands to drive for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.send(_command('teleop', linear=0.3))

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()


def run(times: int = TIMES) -> list[Row]:
    """Stop so often."""
    os.environ.update(DDS)
    with own_domain() as domain:
        os.environ['ROS_DOMAIN_ID'] = str(domain)
        measured = _run(times, _bridge)
        floor = _run(max(10, times // 5), _floor)
    return [
        row(
            f'stop to the {what} in a flood, p99',
            _percentile(measured[what]),
            'ms',
            floor=_percentile(floor[what]),
            goal=GOAL,
            note=f'{measured["note"]}, {_note(measured[what])}; '
            f'floor, which reads one frame after the other: {_note(floor[what])}',
        )
        for what in ('base', 'action servers')
    ]


def _percentile(delays: list[float]) -> float:
    """The 99th, ms."""
    return sorted(delays)[int(0.99 * (len(delays) - 1))]


def _note(delays: list[float]) -> str:
    unheard = sum(delay >= _UNHEARD for delay in delays)
    return (
        f'{len(delays)} times, {unheard} not at all, '
        f'median {statistics.median(delays):.0f} ms, longest {max(delays):.0f} ms'
    )


@contextmanager
def _bridge(port: int, state_dir: Path) -> Iterator[None]:
    from fixtures.system import start_bridge

    settings = {
        'state_dir': str(state_dir),
        'commands': {
            'teleop': {'deadman': 5.0, 'linear_acceleration': 100.0},
            'wait': {'server_timeout': 20.0},
        },
        'base': {'stand_for': 0.3},
        'link': {'heartbeat': {'interval': 10.0, 'timeout': 30.0}},
    }
    with TemporaryDirectory() as folder, start_bridge(Path(folder), port, settings):
        yield


@contextmanager
def _floor(port: int, state_dir: Path) -> Iterator[None]:
    """The least program: what moves and what stops is published as it is read."""
    with running([sys.executable, __file__, 'floor', f'ws://127.0.0.1:{port}/ws']):
        yield


def floor(url: str) -> None:
    """Be the floor, which has no disk."""
    rclpy.init()
    node = rclpy.create_node('bench_floor')
    publisher = node.create_publisher(Twist, '/cmd_vel', 10)
    cancels = [node.create_client(CancelGoal, f'{name}/_action/cancel_goal') for name in ACTIONS]
    wait = ActionClient(node, Wait, 'wait')
    for client in cancels:
        client.wait_for_service(20.0)
    wait.wait_for_server(20.0)
    stopped = False
    with connect(url, compression=None, max_size=None) as socket:
        for frame in socket:
            data = json.loads(frame)['data']
            drives = data.get('command') == 'teleop' and 'linear' in data['parameters']
            if drives and not stopped:
                velocity = Twist()
                velocity.linear.x = data['parameters']['linear']
                publisher.publish(velocity)
            elif data.get('command') == 'wait':
                wait.send_goal_async(Wait.Goal())
            elif data.get('command') == 'stop':
                stopped = True
                publisher.publish(Twist())
                for client in cancels:
                    client.call_async(CancelGoal.Request())
            elif data.get('command') == 'resume':
                stopped = False
                rclpy.spin_once(node, timeout_sec=0.0)


def _run(
    times: int, program: Callable[[int, Path], AbstractContextManager[None]]
) -> dict[str, Any]:
    """Return the delays to the base and to the action servers, ms, and a note."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        disk, state_dir, note = None, folder / 'state', ''
        try:
            disk = stack.enter_context(freezing_disk(folder))
            state_dir = disk.place / 'state'
        except NoDisk as error:
            note = f', and no disk hangs as none can be made here ({error})'
        robot = stack.enter_context(robot_to_stop())
        flood = Flood()
        stack.callback(flood.close)
        stack.enter_context(program(flood.port, state_dir))
        _until(lambda: flood.connected, 60.0)
        delays: dict[str, Any] = {'base': [], 'action servers': []}
        for number in range(times):
            try:
                # What the stop before it asked for may come late and end a goal too early.
                while (delay := _stop_once(robot, flood, disk, number)) is None:
                    pass
            except NeverMoved as fault:
                if program is not _floor or not number:
                    raise
                # Behind by more than it can read: what is measured of it is enough.
                print(f'the floor: {fault}', flush=True)
                break
            base, servers = delay
            delays['base'].append(base)
            delays['action servers'].append(servers)
            print(f'stop: base {base:.0f} ms, action servers {servers:.0f} ms', flush=True)
            if max(base, servers) >= _UNHEARD:
                print(*robot.said, sep='\n', flush=True)
        delays['note'] = f'{flood.sent} frames{note}'
        return delays


def _until(condition: Callable[[], Any], timeout: float) -> bool:
    """Wait for something; whether it came."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def _stop_once(
    robot: StoppedRobot, flood: Flood, disk: FreezingDisk | None, number: int
) -> tuple[float, float] | None:
    """
    Drive, flood and stop; how long until the base and the action servers are told, ms.

    None if a goal had ended before the stop.
    """
    large = _command('teleop', buttons=['a'] * 4000, axes=[0.0])
    robot.begin()
    flood.send(_command('resume'))
    flood.send(
        json.dumps({'type': 'behavior_update', 'data': {'tree_name': 'spin', 'xml': _TREE}})
    )
    send_at = 0.0
    end = time.monotonic() + 30.0
    while not (robot.moves and all(map(robot.runs, ACTIONS))):
        now = time.monotonic()
        if now > end:
            raise NeverMoved(f'the robot does not begin to move, but {robot.said}')
        if now > send_at and not all(map(robot.runs, OF_OTHERS)):
            send_at = now + 1.0
            robot.send_goals_of_others()
        if not robot.runs('wait'):
            flood.send(_command('wait', seconds=600))
        flood.send(_command('teleop', linear=0.3))
        _until(lambda: robot.moves and robot.runs('wait'), 0.2)
    if disk is not None and number % 2:
        disk.freeze()
    try:
        for _ in range(300):
            flood.send(large)
        flood.drive(0.5)
        if disk is not None and not number % 2:
            disk.freeze()
        flood.drive(0.05)  # What freezing takes is no pause of the flood.
        if not all(map(robot.runs, ACTIONS)):
            return None
        sent = time.monotonic()
        flood.send(_command('stop'))
        flood.drive(_AFTER)
        end = sent + _UNHEARD / 1000
        _until(lambda: robot.stood_at(sent) and robot.cancelled_at(sent), end - time.monotonic())
        # It stands for good only if nothing of what came before still moves it.
        time.sleep(_QUIET)
    finally:
        if disk is not None:
            disk.thaw()
    reported = (robot.stood_at(sent), robot.cancelled_at(sent))
    base, servers = (_UNHEARD if at is None else 1000 * (at - sent) for at in reported)
    return base, servers


if __name__ == '__main__':
    if sys.argv[1:2] == ['floor']:
        floor(sys.argv[2])
    else:
        for each in run(*map(int, sys.argv[1:2])):
            print(each)
