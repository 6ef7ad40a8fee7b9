# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Telemetry over time: several keys in one chart; an outage is a gap until its history comes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nicegui import ui

from ..local.platform_client import Event
from ..local.platform_history import at_path
from . import words
from .exporting import export_button
from .layout import attempt, each, empty
from .robot_view import RobotView
from .sessions import Session

POINTS = 1500  # of a key
_SPANS = {300: '5 min', 3600: '1 h', 21_600: '6 h', 86_400: '1 d', 604_800: '7 d'}
_FIRST = ('battery_percentage', 'velocity.linear', 'cpu_usage')
# Without a value for this many times the usual time between two, there is a gap.
_GAP, _LEAST_GAP = 4.0, 3.0
_PERIOD = 0.6  # s between two drawings


def draw(session: Session, view: RobotView) -> None:
    """Draw the panel."""
    with ui.element('section').classes('xc-panel').props('aria-label=Charts'):
        with ui.element('div').classes('xc-row'):
            with ui.element('h2').classes('xc-h2'):
                ui.label('Charts')
            ui.space()
            export_button(view)
        Charts(session, view)


def numeric_keys(telemetry: dict[str, Any], prefix: str = '') -> Iterable[str]:
    """Dotted keys of all numbers."""
    for key, value in telemetry.items():
        name = f'{prefix}.{key}' if prefix else key
        if isinstance(value, dict):
            yield from numeric_keys(value, name)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield name


def with_gaps(points: list[tuple[float, Any]]) -> list[list[Any]]:
    """Points [ms, value] by time, with a null where the chart's line is to break."""
    points = sorted(point for point in points if isinstance(point[1], (int, float)))
    steps = sorted(later[0] - before[0] for before, later in zip(points, points[1:], strict=False))
    usual = steps[len(steps) // 2] if steps else 0.0
    longest = max(_LEAST_GAP, _GAP * usual)
    drawn: list[list[Any]] = []
    for index, (moment, value) in enumerate(points):
        if index and moment - points[index - 1][0] > longest:
            drawn.append([(points[index - 1][0] + moment) * 500.0, None])
        drawn.append([moment * 1000.0, value])
    return drawn


class Charts:
    """One page's chart."""

    def __init__(self, session: Session, view: RobotView) -> None:
        self._feed = session.feed
        self._view = view
        self._points: dict[str, list[tuple[float, Any]]] = {}
        self._new = False
        known = sorted(numeric_keys(view.telemetry))
        chosen = [key for key in _FIRST if key in known] or known[:1]
        with ui.element('div').classes('xc-row'):
            self._keys = (
                ui.select(
                    known, label='Values', value=chosen, multiple=True, on_change=self._reload
                )
                .props('outlined dense use-chips')
                .style('min-width: min(280px, 100%)')
            )
            self._span = (
                ui.select(_SPANS, label='Time', value=300, on_change=self._reload)
                .props('outlined dense')
                .style('min-width: 100px')
            )
            self._paused = ui.switch('Pause')
        self._chart = ui.echart(
            {
                'animation': False,
                'grid': {'left': 50, 'right': 16, 'top': 34, 'bottom': 62},
                'tooltip': {'trigger': 'axis'},
                'legend': {'type': 'scroll', 'top': 0, 'textStyle': {'color': '#7a8896'}},
                'xAxis': {'type': 'time'},
                'yAxis': {'type': 'value', 'scale': True},
                'dataZoom': [{'type': 'inside'}, {'type': 'slider', 'height': 18, 'bottom': 8}],
                'series': [],
            }
        ).props('role=img aria-label="Chart of the chosen values over time"')
        self._chart.style('height: 300px; width: 100%')
        self._nothing = empty('')
        ui.timer(0.1, self._reload, once=True)
        each(_PERIOD, self._draw)
        leave = self._feed.listen(view.robot_id, self._on_event)
        ui.context.client.on_delete(leave)

    def _on_event(self, event: Event) -> None:
        kind = event.get('type')
        if kind == 'telemetry':
            self._add(float(event['time']), event['data'])
        elif kind == 'telemetry_history':
            for sample in event['data']['samples']:
                self._add(float(sample['time']), sample['values'])

    def _add(self, moment: float, values: dict[str, Any]) -> None:
        for key, points in self._points.items():
            value = at_path(values, key)
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                points.append((moment, value))
                self._new = True

    async def _reload(self) -> None:
        keys = list(self._keys.value or ())
        since = self._feed.clock.now - float(self._span.value)
        found: dict[str, Any] = {}

        async def ask() -> None:
            found.update(
                await self._feed.request(
                    'series', robot=self._view.robot_id, keys=keys, since=since, points=POINTS
                )
            )

        self._points = {key: [] for key in keys}
        if keys and not self._feed.problem and await attempt(ask):
            for key in self._points:
                later = self._points[key]
                self._points[key] = [(at, value) for at, value in found.get(key, ())] + later
        self._new = True
        self._draw()

    def _draw(self) -> None:
        known = sorted(numeric_keys(self._view.telemetry))
        if known != self._keys.options:
            self._keys.set_options(known)
            if not self._keys.value:
                self._keys.set_value([key for key in _FIRST if key in known] or known[:1])
        self._nothing.text = '' if known else 'No numbers have come from this robot yet.'
        if self._paused.value or not self._new:
            return
        self._new = False
        since = self._feed.clock.now - float(self._span.value)
        series = []
        for key, points in self._points.items():
            kept = list({at: value for at, value in points if at >= since}.items())
            self._points[key] = kept
            series.append(
                {
                    'name': words.with_unit(key),
                    'type': 'line',
                    'showSymbol': False,
                    'connectNulls': False,
                    'data': with_gaps(kept),
                }
            )
        self._chart.run_chart_method('setOption', {'series': series}, {'replaceMerge': ['series']})
