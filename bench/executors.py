# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Does rclpy's EventsExecutor serve the bridge better than its own executor and sample thread.

A node with as many entities as the bridge has hears raw Odometry: from one topic at 1000 Hz, from
20 at 100 Hz, and nothing at all, with 20 timers of 10 Hz. Each way runs in a process of its own,
in turn, several times; the age is from just before a sample is published until its callback. The
floor is the EventsExecutor. Run: `python bench/executors.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
import json
import os
from pathlib import Path
from statistics import median, quantiles
import struct
import subprocess
import sys
from threading import Timer
from time import process_time, sleep, time
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from comparison import CORES  # noqa: E402
import rclpy  # noqa: E402
from rclpy.signals import SignalHandlerOptions  # noqa: E402
from rows import Row, row, show  # noqa: E402
from stamped_publisher import publishing, STAMP  # noqa: E402

_WARM_UP = 3.0
_SECONDS = 8.0
_ROUNDS = 3
_TOPIC = '/bench/odom'
_WAYS = ('events', 'walled', 'samples')
# Timers, services and subscriptions of a bridge with the package's configuration.
_TIMERS, _SERVICES, _SUBSCRIPTIONS = 20, 20, 20

Figures = dict[str, float]


def run() -> list[Row]:
    """Rows of CPU and age, by load and way."""
    os.sched_setaffinity(0, {int(core) for core in CORES[1:] if core} or {0})
    rows: list[Row] = []
    for what, topics, rate in (('1 at 1000 Hz', 1, 1000.0), ('20 at 100 Hz', 20, 100.0)):
        found = _in_turn(_WAYS, topics, rate)
        for way, name in (('walled', 'our executor'), ('samples', 'sample thread')):
            rows += [
                row(
                    f'{what}, {name}: {figure}',
                    found[way][figure],
                    unit,
                    floor=found['events'][figure],
                    note=f'floor: EventsExecutor; {found[way]["heard"]:.0f} and '
                    f'{found["events"]["heard"]:.0f} of them a second',
                )
                for figure, unit in (('CPU', '% of a core'), ('p50 age', 'ms'), ('p99 age', 'ms'))
            ]
    idle = _in_turn(_WAYS[:2], 0, 0.0)
    return [
        *rows,
        row(
            f'{_TIMERS} timers of 10 Hz alone, our executor: CPU',
            idle['walled']['CPU'],
            '% of a core',
            floor=idle['events']['CPU'],
            note='floor: EventsExecutor',
        ),
    ]


def _in_turn(ways: tuple[str, ...], topics: int, rate: float) -> dict[str, Figures]:
    """Medians of each way."""
    found: dict[str, list[Figures]] = {way: [] for way in ways}
    publisher = publishing(_TOPIC, rate, topics, CORES[1]) if topics else nullcontext()
    with publisher:
        for _ in range(_ROUNDS):
            for way in ways:
                pinned = ['taskset', '-c', CORES[0]] if CORES[0] else []
                argv = [*pinned, sys.executable, __file__, way, str(topics)]
                done = subprocess.run(argv, check=True, capture_output=True, timeout=60)
                found[way].append(json.loads(done.stdout.splitlines()[-1]))
    return {
        way: {figure: median(one[figure] for one in figures) for figure in figures[0]}
        for way, figures in found.items()
    }


class Listener:
    """Counts samples and their ages while it is told to."""

    def __init__(self) -> None:
        self.ages: list[float] = []
        self.counting = False

    def hear(self, data: bytes, info: Any = None) -> None:
        """Take a serialized sample."""
        if self.counting:
            seconds, nanoseconds = struct.unpack_from('<iI', data, STAMP)
            self.ages.append((time() - seconds - nanoseconds / 1e9) * 1e3)


def serve(way: str, topics: int) -> Figures:
    """Be the process of one way."""
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node('bench_listener')
    listener = Listener()
    _furnish(node)
    _listen(node, way, topics, listener)
    found: Figures = {}
    stop = _executor(way, node)
    sleep(_WARM_UP)
    before = process_time()
    listener.counting = True
    sleep(_SECONDS)
    listener.counting = False
    found['CPU'] = (process_time() - before) / _SECONDS * 100
    ages = listener.ages or [0.0, 0.0]
    parts = quantiles(ages, n=100)
    found |= {'p50 age': parts[49], 'p99 age': parts[98], 'heard': len(listener.ages) / _SECONDS}
    Timer(5.0, os._exit, [0]).start()
    print(json.dumps(found), flush=True)
    stop()
    os._exit(0)


def _furnish(node: Any) -> None:
    """Give the node what a bridge has beside its telemetry."""
    from nav_msgs.msg import Odometry
    from std_srvs.srv import Trigger

    for number in range(_SERVICES):
        node.create_service(Trigger, f'~/service_{number}', lambda request, response: response)
    for number in range(_SUBSCRIPTIONS):
        node.create_subscription(Odometry, f'~/silent_{number}', lambda message: None, 10)
    for _ in range(_TIMERS):
        node.create_timer(0.1, lambda: None)


def _listen(node: Any, way: str, topics: int, listener: Listener) -> None:
    from nav_msgs.msg import Odometry

    from xparo_bridge.ros.samples import SampleThread
    from xparo_bridge.ros.subscription import Unscheduled

    group = Unscheduled() if way == 'samples' else None
    thread = SampleThread(node)
    for number in range(topics):
        name = _TOPIC if topics == 1 else f'{_TOPIC}{number}'
        subscription = node.create_subscription(
            Odometry, name, listener.hear, 1000, raw=True, callback_group=group
        )
        if way == 'samples':
            thread.add(subscription, listener.hear)


def _executor(way: str, node: Any) -> Callable[[], None]:
    """Let the node's callbacks run in a thread; return what ends it."""
    from threading import Thread

    if way == 'events':
        from rclpy.experimental.events_executor import EventsExecutor

        executor: Any = EventsExecutor()
        # Without a timeout it does not wait at all where its condition variable takes no date as
        # far ahead as it gives, as with the wheels from PyPI.
        executor.add_node(node)
        Thread(target=_spin, args=[executor], daemon=True).start()
        return lambda: None
    else:
        from xparo_bridge.ros.executor import WalledExecutor

        executor = WalledExecutor()
    executor.add_node(node)
    Thread(target=executor.spin, daemon=True).start()
    return lambda: executor.shutdown(2.0)


def _spin(executor: Any) -> None:
    while True:
        executor.spin_once(1.0)


if __name__ == '__main__':
    if sys.argv[1:2] and sys.argv[1] in _WAYS:
        serve(sys.argv[1], int(sys.argv[2]))
    else:
        show(run())
