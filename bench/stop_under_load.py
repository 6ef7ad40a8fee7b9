# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""How long does `stop` take to the base while its own link is flooded and a tree spins."""

from __future__ import annotations

from contextlib import ExitStack
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

from fixtures.domains import DDS, own_domain  # noqa: E402
from rows import Row, row  # noqa: E402
from websockets.exceptions import ConnectionClosed  # noqa: E402
from websockets.sync.server import serve  # noqa: E402

TIMES = 100
GOAL = 100.0  # ms, at the 99th percentile
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
    with own_domain() as domain, ExitStack() as stack:
        os.environ['ROS_DOMAIN_ID'] = str(domain)
        return _run(stack, times)


def _run(stack: ExitStack, times: int) -> list[Row]:
    from chaos.teleop_link_cut import Base
    from fixtures.ros_graph import RosGraph
    from fixtures.system import start_bridge

    base = Base(stack.enter_context(RosGraph('base')))
    stack.callback(base.close)
    flood = Flood()
    stack.callback(flood.close)
    folder = Path(stack.enter_context(TemporaryDirectory()))
    teleop = {'deadman': 5.0, 'linear_acceleration': 100.0}
    settings = {
        'commands': {'teleop': teleop},
        'base': {'stand_for': 0.3},
        'link': {'heartbeat': {'interval': 10.0, 'timeout': 30.0}},
    }
    stack.enter_context(start_bridge(folder, flood.port, settings))
    base.wait_until(lambda: flood.connected, 60.0)
    large = _command('teleop', buttons=['a'] * 4000, axes=[0.0])
    delays, unheard = [], 0
    for _ in range(times):
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
            base.wait_until(lambda sent=sent: base.stood_at(sent) is not None, 20.0)
            # It stands for good only if nothing of what came before still moves it.
            quiet = time.monotonic() + 0.5
            base.wait_until(lambda quiet=quiet: time.monotonic() > quiet, 2.0)
            stood = base.stood_at(sent)
        except AssertionError:
            unheard += 1
            continue
        if stood is None:
            unheard += 1
            continue
        delays.append(1000 * (stood - sent))
        print(f'stop after {delays[-1]:.0f} ms', flush=True)
    ordered = sorted(delays)
    note = (
        f'{len(ordered)} times, {unheard} not at all, {flood.sent} frames; '
        f'median {statistics.median(ordered):.0f} ms, longest {ordered[-1]:.0f} ms'
    )
    value = ordered[int(0.99 * (len(ordered) - 1))] if not unheard else 20000.0
    return [row('stop to the base in a flood, p99', value, 'ms', goal=GOAL, note=note)]
