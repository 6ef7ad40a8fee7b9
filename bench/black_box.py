# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What does it cost to record 20 topics at 100 Hz, and Odometry at 1000 Hz, into the black box.

The bridge as it is installed records to a disk, beside the same bridge that does not; the
difference is the recorder. The floor is a program that only holds raw subscriptions to the same
topics, served by rclpy's executor, less the same program that has none. All run in turn, several
times, while a process of its own publishes Odometry. Run: `python bench/black_box.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import json
from pathlib import Path
from statistics import median
import sys
from tempfile import TemporaryDirectory
import time

from bridge_process import running
from nav_msgs.msg import Odometry
import psutil
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from rows import Row, row, show, skipped
from stamped_publisher import publishing

from xparo_bridge.black_box.mcap import read

_TOPIC = '/bench/odom'
_CASES = (('20 topics at 100 Hz', 20, 100.0), ('Odometry at 1000 Hz', 1, 1000.0))
_FIRST = 500  # messages after which a role counts as up
_SETTLE = 5.0  # s
_WARM_UP = 4.0
_SECONDS = 8.0
_ROUNDS = 3


def run() -> list[Row]:
    """Rows of the CPU, and of what was lost."""
    rows = []
    for name, topics, rate in _CASES:
        found: dict[str, list[float]] = {}
        shares = []
        with publishing(_TOPIC, rate, topics):
            # Twenty topics and a reader that start at once may miss each other.
            time.sleep(_SETTLE)
            for _ in range(_ROUNDS):
                for role in ('floor', 'floor idle', 'bridge', 'bridge idle'):
                    with TemporaryDirectory() as folder:
                        found.setdefault(role, []).append(_measure(role, topics, Path(folder)))
                        if role == 'bridge':
                            shares.append(_recorded(Path(folder)) / (topics * rate))
        middle = {role: median(values) for role, values in found.items()}
        cost = middle['floor'] - middle['floor idle']
        if cost <= 0.0:
            rows.append(skipped(f'recording {name}', 'the machine was too busy for the floor'))
            continue
        rows.append(
            row(
                f'recording {name}',
                middle['bridge'] - middle['bridge idle'],
                '% of a core',
                floor=cost,
                goal=1.3,
                goal_is_ratio=True,
                note=f'the whole bridge {middle["bridge"]:.1f} %, without '
                f'{middle["bridge idle"]:.1f} %; median of {_ROUNDS} runs',
            )
        )
        rows.append(
            row(
                f'{name}: recorded',
                100 * median(shares),
                '%',
                note='of what was published in the last seconds, by the files',
            )
        )
    return rows


def _measure(role: str, topics: int, folder: Path) -> float:
    """CPU of a role, % of a core."""
    with _started(role, topics, folder) as process:
        program = psutil.Process(process.pid)
        give_up = time.monotonic() + 90.0
        while not _ready(role, folder):
            assert time.monotonic() < give_up, f'{role} takes no messages'
            time.sleep(0.1)
        time.sleep(_WARM_UP)
        program.cpu_percent()
        time.sleep(_SECONDS)
        return program.cpu_percent()


@contextmanager
def _started(role: str, topics: int, folder: Path) -> Iterator[psutil.Process]:
    if role.startswith('floor'):
        count = 0 if 'idle' in role else topics
        argv = [sys.executable, __file__, 'floor', str(count), str(folder / 'ready')]
    else:
        file = folder / 'bench.yaml'
        file.write_text(
            json.dumps(
                {
                    'robot_id': 'bench',
                    'state_dir': str(folder),
                    'telemetry': {'groups': {}},
                    'links': [{'name': 'none', 'protocol': 'xparo', 'url': 'ws://127.0.0.1:9/ws'}],
                    'black_box': {
                        'enabled': 'idle' not in role,
                        'folder': str(folder),
                        'topics': [f'{_TOPIC}*'],
                        'min_free': 0,
                    },
                }
            )
        )
        argv = [sys.executable, '-m', 'xparo_bridge', 'bridge', '--ros-args']
        argv += ['-p', f'config:=[{file}]']
    with running(argv) as process:
        yield process


def _ready(role: str, folder: Path) -> bool:
    """Whether a role is up, and has its messages if it is to have some."""
    if role.startswith('floor'):
        return (folder / 'ready').exists()
    if role == 'bridge':
        return sum(file.stat().st_size for file in folder.glob('ring/*.mcap')) > 500_000
    return (folder / 'audit.jsonl').exists()  # It has dialled.


def _recorded(folder: Path) -> float:
    """Messages a second in the last seconds but one of a ring."""
    times = sorted(
        message.log_time
        for file in (folder / 'ring').glob('*.mcap')
        for chunk in read(file)
        for message in chunk
        if message.channel.topic.startswith(_TOPIC)
    )
    end = times[-1] - 1_000_000_000
    begin = end - 5_000_000_000
    return sum(begin < at <= end for at in times) / 5


def floor(topics: int, ready: Path) -> None:
    """Be the floor program."""
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node('bench_floor')
    names = [_TOPIC] if topics == 1 else [f'{_TOPIC}{number}' for number in range(topics)]
    count = 0

    def take(data: bytes) -> None:
        nonlocal count
        count += 1
        if count == _FIRST:
            ready.touch()

    for name in names:
        node.create_subscription(Odometry, name, take, 200, raw=True)
    if not topics:
        ready.touch()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    executor.spin()


if __name__ == '__main__':
    if sys.argv[1:2] == ['floor']:
        floor(int(sys.argv[2]), Path(sys.argv[3]))
    else:
        show(run())
