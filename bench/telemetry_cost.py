# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How does the cost of telemetry grow with the number of topics and with the rate it is sent at.

The bridge as it is installed sends Odometry once a second from 1 to 200 topics at 10 Hz, and from
one topic at 1000 Hz at rates up to each sample. Makes the plots in docs/images/. Run:
`python bench/telemetry_cost.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
import json
from pathlib import Path
from time import sleep

from bridge_process import bridge, Sink
import psutil
from rows import Row, row, show
from stamped_publisher import publishing

_COUNTS = (1, 20, 50, 100, 200)
_RATES = (1.0, 10.0, 100.0, 300.0, 1000.0)
_WARM_UP = 5.0
_SECONDS = 8.0
_PLOTS = Path(__file__).parents[1] / 'docs' / 'images'
_GROUPS = {'groups': {'system': {}}}


def run() -> list[Row]:
    """Rows of the CPU for each number of topics and each rate."""
    by_count = [_measure(10.0, count, [{'topic': '/bench/odom**'}]) for count in _COUNTS]
    by_rate = [_measure(1000.0, 1, [{'topic': '/bench/odom', **_at(rate)}]) for rate in _RATES]
    _PLOTS.mkdir(parents=True, exist_ok=True)
    plot(_PLOTS / 'telemetry_topics.svg', _COUNTS, by_count, 'topics at 10 Hz, sent at 1 Hz')
    plot(_PLOTS / 'telemetry_rate.svg', _RATES, by_rate, 'Hz sent, of a topic at 1000 Hz')
    return [
        *(
            row(f'{count} topics at 10 Hz sent at 1 Hz', cpu, '% of a core')
            for count, cpu in zip(_COUNTS, by_count, strict=True)
        ),
        *(
            row(f'a topic at 1000 Hz sent at {rate:g} Hz', cpu, '% of a core')
            for rate, cpu in zip(_RATES, by_rate, strict=True)
        ),
    ]


def _at(rate: float) -> dict[str, object]:
    return {'every_sample': True} if rate == _RATES[-1] else {'max_rate': rate}


def _measure(rate: float, topics: int, wanted: list[dict[str, object]]) -> float:
    """CPU of the bridge, percent of a core."""
    frames: list[int] = []
    sink = Sink(lambda frame: frames.append(len(json.loads(frame))))
    try:
        with (
            publishing('/bench/odom', rate, topics),
            bridge(sink.url, {**_GROUPS, 'topics': wanted}) as process,
        ):
            while not frames:
                sleep(0.1)
            sleep(_WARM_UP)
            program = psutil.Process(process.pid)
            program.cpu_percent()
            sleep(_SECONDS)
            return program.cpu_percent()
    finally:
        sink.close()


def plot(file: Path, xs: Sequence[float], ys: Sequence[float], label: str) -> None:
    """Write a line plot with its points' values as SVG."""
    width, height, left, low = 480, 260, 50, 210
    most = max(ys) * 1.15

    def at(number: int) -> tuple[float, float]:
        # Evenly spaced, as both scales are about logarithmic.
        return (
            left + (width - left - 30) * number / (len(xs) - 1),
            low - (low - 20) * ys[number] / most,
        )

    points = [at(number) for number in range(len(xs))]
    marks = ''.join(
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="3" fill="#06c"/>'
        f'<text x="{x:.0f}" y="{y - 8:.0f}">{value:.1f}</text>'
        f'<text x="{x:.0f}" y="{low + 16}">{of:g}</text>\n'
        for (x, y), value, of in zip(points, ys, xs, strict=True)
    )
    line = ' '.join(f'{x:.0f},{y:.0f}' for x, y in points)
    file.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="11" text-anchor="middle">\n'
        f'<rect width="{width}" height="{height}" fill="#fff"/>\n'
        f'<path d="M{left} 20V{low}H{width - 20}" stroke="#888" fill="none"/>\n'
        f'<polyline points="{line}" fill="none" stroke="#06c" stroke-width="1.5"/>\n{marks}'
        f'<text x="{width / 2:.0f}" y="{height - 12}">{label}</text>\n'
        f'<text transform="translate(14 {low / 2:.0f}) rotate(-90)">% of a core</text>\n</svg>\n'
    )


if __name__ == '__main__':
    show(run())
