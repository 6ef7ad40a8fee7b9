# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""How long does `stop` take to the base while its own link is flooded and a tree spins."""

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

from bridge_process import running  # noqa: E402
from fixtures.domains import DDS, own_domain  # noqa: E402
from geometry_msgs.msg import Twist  # noqa: E402
import rclpy  # noqa: E402
from rows import Row, row  # noqa: E402
from websockets.exceptions import ConnectionClosed  # noqa: E402
from websockets.sync.client import connect  # noqa: E402
from websockets.sync.server import serve  # noqa: E402

TIMES = 100
GOAL = 100.0  # ms, at the 99th percentile
_UNHEARD = 20_000.0  # ms, of one that nobody heard
_TREE = (
    '<root BTCPP_format="4"><BehaviorTree ID="spin"><Repeat num_cycles="-1"><Sequence>'
    + '<Script code="a:=1"/>' * 300
    + '</Sequence></Repeat></BehaviorTree></root>'
)


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

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()


def run(times: int = TIMES) -> list[Row]:
    """Stop so often."""
    os.environ.update(DDS)
    with own_domain() as domain:
        os.environ['ROS_DOMAIN_ID'] = str(domain)
        delays, note = _run(times, _bridge)
        floor, floor_note = _run(max(10, times // 5), _floor)
    return [
        row(
            'stop to the base in a flood, p99',
            _percentile(delays),
            'ms',
            floor=_percentile(floor),
            goal=GOAL,
            note=f'{note}; floor, which reads one frame after the other: {floor_note}',
        )
    ]


def _percentile(delays: list[float]) -> float:
    """The 99th, ms."""
    return sorted(delays)[int(0.99 * (len(delays) - 1))]


@contextmanager
def _bridge(port: int) -> Iterator[None]:
    from fixtures.system import start_bridge

    settings = {
        'commands': {'teleop': {'deadman': 5.0, 'linear_acceleration': 100.0}},
        'base': {'stand_for': 0.3},
        'link': {'heartbeat': {'interval': 10.0, 'timeout': 30.0}},
    }
    with TemporaryDirectory() as folder, start_bridge(Path(folder), port, settings):
        yield


@contextmanager
def _floor(port: int) -> Iterator[None]:
    """The least program: what moves and what stops is published as it is read."""
    with running([sys.executable, __file__, 'floor', f'ws://127.0.0.1:{port}/ws']):
        yield


def floor(url: str) -> None:
    """Be the floor."""
    rclpy.init()
    node = rclpy.create_node('bench_floor')
    publisher = node.create_publisher(Twist, '/cmd_vel', 10)
    with connect(url, compression=None, max_size=None) as socket:
        for frame in socket:
            data = json.loads(frame)['data']
            if data.get('command') == 'teleop' and 'linear' in data['parameters']:
                velocity = Twist()
                velocity.linear.x = data['parameters']['linear']
                publisher.publish(velocity)
            elif data.get('command') == 'stop':
                publisher.publish(Twist())


def _run(times: int, program: Callable[[int], AbstractContextManager[None]]) -> tuple[Any, str]:
    from chaos.teleop_link_cut import Base
    from fixtures.ros_graph import RosGraph

    with ExitStack() as stack:
        base = Base(stack.enter_context(RosGraph('base')))
        stack.callback(base.close)
        flood = Flood()
        stack.callback(flood.close)
        stack.enter_context(program(flood.port))
        base.wait_until(lambda: flood.connected, 60.0)
        delays = []
        for _ in range(times):
            delays.append(_stop_once(base, flood))
            print(f'stop after {delays[-1]:.0f} ms', flush=True)
    unheard = sum(delay >= _UNHEARD for delay in delays)
    return delays, (
        f'{times} times, {unheard} not at all, {flood.sent} frames, '
        f'median {statistics.median(delays):.0f} ms, longest {max(delays):.0f} ms'
    )


def _stop_once(base: Any, flood: Flood) -> float:
    """Drive, flood and stop; how long until the base is told, ms."""
    large = _command('teleop', buttons=['a'] * 4000, axes=[0.0])
    flood.send(_command('resume'))
    flood.send(
        json.dumps({'type': 'behavior_update', 'data': {'tree_name': 'spin', 'xml': _TREE}})
    )
    base.told.clear()
    until_moves = time.monotonic() + 20.0
    while not base.moves and time.monotonic() < until_moves:
        flood.send(_command('teleop', linear=0.3))
        time.sleep(0.05)
    for _ in range(300):
        flood.send(large)
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        flood.send(_command('teleop', linear=0.3))
    sent = time.monotonic()
    flood.send(_command('stop'))
    try:
        base.wait_until(lambda: base.stood_at(sent) is not None, _UNHEARD / 1000)
        # It stands for good only if nothing of what came before still moves it.
        quiet = time.monotonic() + 0.5
        base.wait_until(lambda: time.monotonic() > quiet, 2.0)
        stood = base.stood_at(sent)
    except AssertionError:
        return _UNHEARD
    return _UNHEARD if stood is None else 1000 * (stood - sent)


if __name__ == '__main__':
    if sys.argv[1:2] == ['floor']:
        floor(sys.argv[2])
