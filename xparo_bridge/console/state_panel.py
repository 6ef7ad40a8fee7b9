# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What a robot says of itself: its values, what is not OK, its camera, its log."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from nicegui import ui

from ..local.platform_client import Event, OperatorError
from . import words
from .driving import Sight
from .layout import attempt, each, empty, on_change
from .robot_view import RobotView
from .sessions import Session

# These have a place of their own on the page.
_ELSEWHERE = frozenset({'map', 'plan', 'image', 'diagnostics', 'black_box'})
_LEVELS = ('DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL')
_CHIPS = {'OK': 'xc-good', 'WARN': 'xc-wait', 'ERROR': 'xc-bad', 'STALE': 'xc-bad'}
_MOST_LINES = 300


def draw(session: Session, sight: Sight) -> None:
    """Draw the panels."""
    view = sight.view
    with ui.element('section').classes('xc-panel').props('aria-label=Diagnostics'):
        with ui.element('h2').classes('xc-h2'):
            ui.label('Diagnostics')
        _diagnostics(view, ui.element('div').classes('xc-stack'))
    with ui.element('section').classes('xc-panel').props('aria-label="What it says"'):
        with ui.element('h2').classes('xc-h2'):
            ui.label('What it says')
        _values(view)
    with ui.element('section').classes('xc-panel').props('aria-label=Camera'):
        with ui.element('h2').classes('xc-h2'):
            ui.label('Camera')
        Camera(session, sight)
    with ui.element('section').classes('xc-panel').props('aria-label="Log"'):
        with ui.element('h2').classes('xc-h2'):
            ui.label('Log')
        _log(session, view)


def _values(view: RobotView) -> None:
    place = ui.element('dl').classes('xc-values')
    labels: dict[str, ui.label] = {}

    def show() -> None:
        keys = [key for key in view.telemetry if key not in _ELSEWHERE]
        if keys != list(labels):
            place.clear()
            labels.clear()
            with place:
                for key in keys:
                    with ui.element('dt'):
                        ui.label(key)
                    with ui.element('dd'):
                        labels[key] = ui.label()
        for key in keys:
            labels[key].text = words.number(view.telemetry[key], key)

    on_change(lambda: view.revision, show, 0.4)


def _diagnostics(view: RobotView, place: ui.element) -> None:
    def show() -> None:
        place.clear()
        diagnostics = view.telemetry.get('diagnostics')
        with place:
            if not isinstance(diagnostics, dict):
                empty('None have come. Switch on telemetry.groups.diagnostics.')
                return
            not_ok = diagnostics.get('not_ok') or []
            ok = (
                int(diagnostics.get('total', 0))
                - len(not_ok)
                - int(diagnostics.get('left_out', 0))
            )
            ui.label(f'{ok} of {diagnostics.get("total", 0)} parts are OK').classes('xc-soft')
            for part in not_ok:
                with ui.element('div').classes('xc-row'):
                    level = str(part.get('level'))
                    ui.label(level).classes(f'xc-chip {_CHIPS.get(level, "xc-bad")}')
                    ui.label(f'{part.get("name")}: {part.get("message")}')

    on_change(lambda: str(view.telemetry.get('diagnostics')), show, 0.6)


class Camera:
    """The robot's picture, sent only while it is looked at."""

    def __init__(self, session: Session, sight: Sight) -> None:
        self._feed = session.feed
        self._sight = sight
        self._view = sight.view
        self._shown: Any = None
        self._watched = False
        self._switch = ui.switch('Watch', on_change=self._on_switch)
        self._said = ui.label().classes('xc-soft')
        # An <img> alone: Quasar's fades one into another, which costs a page its rest.
        self._image = ui.element('img').props('alt="What the camera of the robot sees"')
        self._image.style('width: 100%; min-height: 40px; object-fit: contain')
        self._image.set_visibility(False)
        each(0.2, self._look)
        ui.context.client.on_delete(self._leave)

    @property
    def _can_switch(self) -> bool:
        groups = str(self._view.menu.get('set_telemetry', {}).get('parameters', {}))
        return "'image'" in groups and self._feed.may_command

    async def _on_switch(self) -> None:
        on = bool(self._switch.value)
        if on == self._watched:
            return
        self._watched = self._sight.camera = on
        await self._feed.watch_images(on)
        if self._can_switch:
            await attempt(
                lambda: self._feed.send(
                    self._view.robot_id, 'set_telemetry', {'group': 'image', 'enabled': on}
                )
            )

    async def _leave(self) -> None:
        if self._watched:
            self._watched = False
            await self._feed.watch_images(False)
            if self._can_switch:
                try:
                    await self._feed.send(
                        self._view.robot_id, 'set_telemetry', {'group': 'image', 'enabled': False}
                    )
                except OperatorError:
                    pass

    def _look(self) -> None:
        picture = self._view.telemetry.get('image')
        age = self._view.age('image')
        if not self._watched:
            self._said.text = ''
            self._image.set_visibility(False)
            return
        source = _source(picture)
        self._image.set_visibility(bool(source))
        if not source or age is None:
            self._said.text = (
                'No picture has come. The robot needs telemetry.groups.image, and image under '
                'groups of set_telemetry to switch it from here.'
            )
            return
        self._said.text = 'less than a second old' if age < 1.0 else f'{words.span(age)} old'
        if picture is not self._shown:
            self._shown = picture
            # Past the page's elements, of which each change draws the whole page again.
            ui.run_javascript(f'getHtmlElement({self._image.id}).src = {json.dumps(source)}')


def _source(picture: Any) -> str:
    """Return a data URL of a picture, empty if it is none."""
    if not isinstance(picture, dict) or picture.get('format') not in ('jpeg', 'jpg', 'png'):
        return ''
    try:
        base64.b64decode(str(picture.get('data', '')), validate=True)
    except (binascii.Error, ValueError):
        return ''
    kind = 'png' if picture['format'] == 'png' else 'jpeg'
    return f'data:image/{kind};base64,{picture["data"]}'


def _log(session: Session, view: RobotView) -> None:
    level = ui.select(list(_LEVELS), value='INFO', label='From level').props('outlined dense')
    lines = ui.log(max_lines=_MOST_LINES).classes('xc-mono').style('height: 180px')
    lines.props('tabindex=0 role=log aria-label="Log of the robot"')
    kept: list[tuple[str, str]] = []

    def show() -> None:
        lines.clear()
        least = _LEVELS.index(str(level.value))
        for name, text in kept[-_MOST_LINES:]:
            if _rank(name) >= least:
                lines.push(text)

    def add(name: str, moment: float, text: str) -> None:
        line = (name, f'{words.clock(moment, session.zone)} {name} {text}')
        kept.append(line)
        del kept[: -4 * _MOST_LINES]
        if _rank(name) >= _LEVELS.index(str(level.value)):
            lines.push(line[1])

    def on_event(event: Event) -> None:
        if event['event'] == 'error':
            add('ERROR', float(event['time']), f'against the protocol: {event["problem"]}')
        elif event['event'] in ('connected', 'disconnected'):
            why = f' {event.get("code", "")} {event.get("reason", "")}'.rstrip()
            add('INFO', float(event['time']), f'{event["event"]}{why}')
        elif event['event'] == 'log':
            add(str(event['level']), float(event['time']), str(event['text']))

    async def load() -> None:
        for kind, name in (('link', 'INFO'), ('error', 'ERROR'), ('log', '')):
            try:
                records = await session.feed.request(
                    'history', kind=kind, robot=view.robot_id, newest=True, limit=100
                )
            except OperatorError:
                return
            for record in records:
                data = record['data']
                text = data.get('text') or data.get('problem') or data.get('event', '')
                add(name or str(data.get('level', 'INFO')), record['time'], str(text))

    level.on_value_change(show)
    ui.timer(0.2, load, once=True)
    ui.context.client.on_delete(session.feed.listen(view.robot_id, on_event))


def _rank(name: str) -> int:
    return _LEVELS.index(name) if name in _LEVELS else 1
