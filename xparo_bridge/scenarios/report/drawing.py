# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What a report draws: the way over the map, the time line, charts; each an SVG text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
import math
from typing import Any

import numpy as np

from ...local.platform_frames import TERMINAL_STATES
from ...local.sim.world import Floor
from ..timeline import Event, Timeline
from .png import data_url, grey_png

COLOURS = ('#1664c0', '#c2410c', '#15803d', '#7e22ce', '#a16207', '#be123c')
_CELL = 0.05  # m a pixel of the map
_WIDTH = 900  # of time line and charts, pixels
_LEFT = 200  # where time begins, behind the names of the rows
_ROW = 22
_MOST = 1500  # points of a line
_STATES = {
    'accepted': '#93c5fd',
    'running': '#3b82f6',
    'succeeded': '#16a34a',
    'canceled': '#a16207',
    'failed': '#dc2626',
    'rejected': '#dc2626',
    'timed_out': '#dc2626',
}


def map_drawing(timeline: Timeline, robots: Sequence[str], floor: Floor | None) -> str:
    """Draw where each robot went, over the map where there is one."""
    paths = {
        robot: [
            (event.data['x'], event.data['y'])
            for event in timeline.of('truth', robot)
            if event.at >= 0.0
        ]
        for robot in robots
    }
    points = [point for path in paths.values() for point in path]
    if floor is not None:
        (west, south), (width, height) = floor.origin, floor.size
    elif points:
        west, south = (min(p[axis] for p in points) - 1.0 for axis in (0, 1))
        width, height = (
            max(p[axis] for p in points) + 1.0 - low for axis, low in ((0, west), (1, south))
        )
    else:
        return ''
    top = south + height
    scale = min(900.0 / width, 600.0 / height)

    def at(x: float, y: float) -> str:
        return f'{(x - west) * scale:.1f},{(top - y) * scale:.1f}'

    parts = [f'<svg viewBox="0 0 {width * scale:.0f} {height * scale:.0f}" class="map">']
    if floor is not None:
        free = floor.clearance_grid(_CELL)[::-1] > 0.0
        picture = data_url(grey_png(np.where(free, 250, 90).astype(np.uint8)))
        parts.append(
            f'<image href="{picture}" width="{width * scale:.1f}" height="{height * scale:.1f}" '
            'preserveAspectRatio="none" style="image-rendering: pixelated"/>'
        )
    for event in timeline.of('obstacle'):
        x, y = at(event.data['x'], event.data['y']).split(',')
        parts.append(
            f'<circle cx="{x}" cy="{y}" r="{event.data["radius"] * scale:.1f}" class="obstacle">'
            f'<title>obstacle from {event.at:.1f} s on</title></circle>'
        )
    for number, (robot, path) in enumerate(paths.items()):
        if not path:
            continue
        colour = COLOURS[number % len(COLOURS)]
        line = ' '.join(at(x, y) for x, y in thinned(path))
        parts.append(f'<polyline points="{line}" stroke="{colour}" class="path"/>')
        for (x, y), name in ((path[0], 'begin'), (path[-1], 'end')):
            cx, cy = at(x, y).split(',')
            fill = colour if name == 'end' else 'white'
            parts.append(
                f'<circle cx="{cx}" cy="{cy}" r="6" fill="{fill}" stroke="{colour}" '
                f'stroke-width="2"><title>{escape(robot)}: {name}, x {x:.2f} y {y:.2f}</title>'
                '</circle>'
            )
    return ''.join([*parts, '</svg>'])


def thinned(items: Sequence[Any]) -> Sequence[Any]:
    """Return at most so many of a long list, the last of them too."""
    if len(items) <= _MOST:
        return items
    step = math.ceil(len(items) / _MOST)
    return [*items[::step], items[-1]]


class _Rows:
    """Bars and ticks over time, a row a subject."""

    def __init__(self, length: float) -> None:
        self._per_second = (_WIDTH - _LEFT - 10) / max(length, 1e-3)
        self._length = length
        self._parts: list[str] = []
        self._rows = 0

    def row(self, name: str) -> None:
        """Begin a row."""
        self._rows += 1
        y = self._rows * _ROW - 6
        self._parts.append(f'<text x="0" y="{y}">{escape(name[:24])}</text>')

    def bar(self, begin: float, end: float, colour: str, title: str) -> None:
        """Add a bar to the row."""
        begin, end = max(begin, 0.0), min(end, self._length)
        x, wide = self._x(begin), max((end - begin) * self._per_second, 2.0)
        self._parts.append(
            f'<rect x="{x:.1f}" y="{(self._rows - 1) * _ROW + 4}" width="{wide:.1f}" '
            f'height="{_ROW - 8}" fill="{colour}"><title>{escape(title)}</title></rect>'
        )

    def ticks(self, times: Iterable[float], colour: str) -> None:
        """Add thin lines to the row, one a pixel at most."""
        low, high = (self._rows - 1) * _ROW + 5, self._rows * _ROW - 5
        pixels = sorted({round(self._x(at)) for at in times if at >= 0.0})
        path = ''.join(f'M{x},{low}V{high}' for x in pixels)
        self._parts.append(f'<path d="{path}" stroke="{colour}" fill="none"/>')

    def mark(self, at: float, title: str) -> None:
        """Add a line across all rows."""
        x = self._x(at)
        self._parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{self._rows * _ROW}" class="failed">'
            f'<title>{escape(title)}</title></line>'
        )

    def _x(self, at: float) -> float:
        return _LEFT + max(at, 0.0) * self._per_second

    def drawing(self) -> str:
        """Return all rows above their scale."""
        bottom = self._rows * _ROW + 16
        scale = []
        step = max(1, round(self._length / 10))
        for second in range(0, math.floor(self._length) + 1, step):
            x = self._x(second)
            scale.append(f'<text x="{x:.1f}" y="{bottom}" class="scale">{second} s</text>')
        return (
            f'<svg viewBox="0 0 {_WIDTH} {bottom + 6}" class="time">'
            + ''.join([*self._parts, *scale])
            + '</svg>'
        )


def time_line(timeline: Timeline, robots: Sequence[str]) -> str:
    """Draw steps, faults, commands, connections and frames over time."""
    rows = _Rows(max(timeline.now, 1.0))
    rows.row('steps')
    steps = list(timeline.of('step'))
    ends = [step.at for step in steps[1:]] + [timeline.now]
    for step, after in zip(steps, ends, strict=False):  # Of a run that did not start are none.
        rows.bar(step.at, max(after, step.at), '#cbd5e1', f'{step.at:.1f} s {step.data["text"]}')
    rows.row('faults')
    for fault in timeline.of('fault'):
        seconds = fault.data['seconds']
        end = timeline.now if seconds is None else fault.at + seconds
        rows.bar(fault.at, end, '#f97316', f'{fault.at:.1f} s {fault.data["text"]}')
    for robot in robots:
        rows.row(f'link of {robot}')
        for begin, end in timeline.connections(robot):
            rows.bar(begin, end, '#86efac', f'connected {begin:.1f} s to {end:.1f} s')
        rows.row('frames in and out')
        rows.ticks((event.at for event in timeline.of('received', robot)), '#64748b')
        rows.ticks((event.at for event in timeline.of('sent', robot)), '#0f172a')
    for command_id, statuses in _commands(timeline).items():
        rows.row(statuses[0].data['data']['command'])
        nexts = [event.at for event in statuses[1:]] + [timeline.now]
        for event, end in zip(statuses, nexts, strict=True):
            state = event.data['data']['state']
            if state in TERMINAL_STATES:
                end = event.at
            title = f'{command_id} {state} at {event.at:.1f} s'
            rows.bar(event.at, end, _STATES.get(state, '#94a3b8'), title)
    for event in timeline.of('failed'):
        rows.mark(timeline.now, f'{event.data["text"]}: {event.data["said"]}')
    return rows.drawing()


_MOST_COMMANDS = 30


def _commands(timeline: Timeline) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for event in timeline.received('command_status'):
        found.setdefault(event.data['data']['command_id'], []).append(event)
    # Of driving by hand there is a command each 100 ms.
    return dict(list(found.items())[:_MOST_COMMANDS])


def chart(name: str, lines: dict[str, list[tuple[float, float]]], length: float) -> str:
    """Draw values over time; a gap of more than 5 s, such as an outage, is left open."""
    lines = {
        robot: [(time, value) for time, value in line if time >= 0.0]
        for robot, line in lines.items()
    }
    values = [value for line in lines.values() for _, value in line]
    if not values:
        return ''
    low, high = min(values), max(values)
    spread = (high - low) or 1.0
    height = 110

    def at(time: float, value: float) -> str:
        x = _LEFT + time / max(length, 1e-3) * (_WIDTH - _LEFT - 10)
        return f'{x:.1f},{8 + (high - value) / spread * (height - 24):.1f}'

    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {height}" class="chart"><text x="0" y="20">{escape(name)}'
        f'</text><text x="{_LEFT - 6}" y="14" class="bound">{high:.3g}</text>'
        f'<text x="{_LEFT - 6}" y="{height - 16}" class="bound">{low:.3g}</text>'
    ]
    for number, (robot, line) in enumerate(lines.items()):
        path, before = [], -math.inf
        for time, value in thinned(line):
            path.append(f'{"L" if time - before <= 5.0 else "M"}{at(time, value)}')
            before = time
        colour = COLOURS[number % len(COLOURS)]
        parts.append(
            f'<path d="{"".join(path)}" stroke="{colour}" class="line">'
            f'<title>{escape(robot)}</title></path>'
        )
    return ''.join([*parts, '</svg>'])
