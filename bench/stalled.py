# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What does a platform cost that stops answering while the robot reports everything at full rate.

The platform is a process that is stopped as a debugger stops one: the machine still takes its
connections and nobody answers. Odometry comes at 500 Hz, every sample to be sent, and the system
group each second. Run: `python bench/stalled.py [SECONDS]`, ten minutes by default.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from time import monotonic, sleep, time
from typing import Any

from bridge_process import bridge, Sink
import psutil
from rows import Row, row, show
from stamped_publisher import publishing

_RATE = 500.0
_MEMORY = 32.0  # Most that may be added, MB.
_SETTLE = 20.0  # Until what grows at first has grown, s.
_LISTEN = 5.0  # How long to listen after the recovery, s.
_TELEMETRY = {
    'period': 1.0,
    'groups': {'system': {}},
    'topics': [
        {
            'topic': '/bench/odom',
            'fields': {'stamp': 'header.stamp', 'x': 'pose.pose.position.x'},
            'every_sample': True,
        }
    ],
}


def run(seconds: float = 600.0) -> list[Row]:
    """Rows of memory and of what comes first after the stall."""
    with subprocess.Popen(
        [sys.executable, __file__, 'sink'],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as sink:
        assert sink.stdout is not None
        try:
            url = json.loads(sink.stdout.readline())
            with publishing('/bench/odom', _RATE), bridge(url, _TELEMETRY) as process:
                sink.stdout.readline()  # The first sample.
                sleep(min(_SETTLE, seconds))
                memory = psutil.Process(process.pid)
                before = memory.memory_info().rss
                sink.send_signal(signal.SIGSTOP)
                most, end = before, monotonic() + seconds
                while monotonic() < end:
                    sleep(1.0)
                    most = max(most, memory.memory_info().rss)
                recovery = time()
                sink.send_signal(signal.SIGCONT)
                first = _first_after(sink, recovery)
        finally:
            sink.send_signal(signal.SIGCONT)
            sink.kill()
    minutes = f'{seconds / 60:.3g} min'
    grown = f'{before / 1e6:.0f} MB before'
    return [
        row(
            f'memory added by {minutes} of a stalled platform',
            (most - before) / 1e6,
            'MB',
            goal=_MEMORY,
            note=f'{_RATE:.0f} samples/s; {grown}',
        ),
        row(
            'age of the first value after it',
            recovery_age(first, recovery),
            's',
            goal=1.0,
            note=f'new connection {first["opened"] - recovery:.1f} s after the recovery',
        ),
        row('old samples sent before fresh ones', first['old'], 'samples', goal=0),
    ]


def recovery_age(first: dict[str, float], recovery: float) -> float:
    """How old the first value was when it came, s."""
    return first['at'] - first['stamp']


def _first_after(sink: subprocess.Popen[str], recovery: float) -> dict[str, float]:
    """What the sink tells of the first connection that was made after the recovery."""
    assert sink.stdin is not None and sink.stdout is not None
    while True:
        reported: Any = json.loads(sink.stdout.readline())
        if (
            isinstance(reported, dict)
            and reported['stamp']
            and reported['opened'] >= recovery - 1.0
        ):
            return reported


def sink_program() -> None:
    """Tell the address, then of each connection the first sample and how many old ones came."""
    state: dict[str, float] = {}
    stamps: list[float] = []

    def opened() -> None:
        state.update(opened=time())
        stamps.clear()

    def frame(text: str) -> None:
        data = json.loads(text)['data']
        if 'stamp' not in data:
            return
        stamps.append(data['stamp'])
        now = time()
        if len(stamps) == 1:
            state.update(at=now, stamp=data['stamp'], reported=0.0)
        if not state['reported'] and now - state['opened'] > _LISTEN:
            state['reported'] = 1.0
            fresh = next(
                (number for number, stamp in enumerate(stamps) if stamp >= state['opened'] - 1.0),
                len(stamps),
            )
            print(json.dumps({**state, 'old': fresh}), flush=True)

    sink = Sink(frame, opened)
    print(json.dumps(sink.url), flush=True)
    signal.pause()


if __name__ == '__main__':
    if sys.argv[1:] == ['sink']:
        sink_program()
    else:
        show(run(*map(float, sys.argv[1:])))
