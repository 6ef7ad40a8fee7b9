# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The wire: each frame in both directions, decoded, and messages to try by hand."""

from __future__ import annotations

from collections import Counter, deque
import json
from typing import Any

from nicegui import ui

from ..json_reader import JsonError, read_json
from ..local.platform_client import Event
from . import words
from .layout import attempt, Button, each, empty, say
from .robot_view import RobotView
from .sessions import Session

SHOWN = 40
_SECRETS = ('secret', 'token', 'password', 'credential', 'api_key', 'authorization')
# Each message that the protocol has towards the robot (docs/protocol-xparo.md).
TEMPLATES: dict[str, dict[str, Any]] = {
    'remote_command': {
        'type': 'remote_command',
        'data': {'command': 'status', 'parameters': {}, 'command_id': 'try-1'},
    },
    'chat_response': {'type': 'chat_response', 'data': {'response': 'Good evening'}},
    'behavior_update': {'type': 'behavior_update', 'data': {'tree_name': 'try', 'xml': '<root/>'}},
    'log_updated': {'type': 'log_updated', 'data': {'session_id': 'try-1'}},
    'REST_API_TOKEN': {'type': 'REST_API_TOKEN', 'data': {'token': 'put a token here'}},
    'ping': {'type': 'ping'},
}


def draw(session: Session, robot_id: str) -> None:
    """Draw the page."""
    WirePage(session, session.feed.robots[robot_id]).draw()


def blanked(value: Any, key: str = '') -> Any:
    """Return a decoded frame without its secrets."""
    if any(word in key.lower() for word in _SECRETS) and isinstance(value, (str, int, float)):
        return '***'
    if isinstance(value, dict):
        return {name: blanked(item, str(name)) for name, item in value.items()}
    if isinstance(value, list):
        return [blanked(item) for item in value]
    return value


def decoded(event: Event) -> tuple[str, str, Any, int]:
    """Direction, kind, content without secrets, and size in characters of an event's frame."""
    if event['event'] == 'sent':
        text = str(event.get('frame', ''))
        try:
            frame = read_json(text)
        except JsonError:
            return 'to the robot', 'no JSON', text[:2000], len(text)
        # Where it has no type, its keys are what it says.
        keys = ', '.join(frame)[:80] if isinstance(frame, dict) else ''
        kind = str(frame.get('type', keys or '?')) if isinstance(frame, dict) else '?'
        if kind == 'REST_API_TOKEN':
            frame = {'type': kind, 'data': {'token': '***'}}
        return 'to the robot', kind, blanked(frame), len(text)
    if event['event'] == 'received':
        content = {'type': event['type'], 'data': event.get('data')}
        return 'from the robot', str(event['type']), blanked(content), len(json.dumps(content))
    content = {key: value for key, value in event.items() if key not in ('seq', 'robot')}
    return 'link', str(event['event']), blanked(content), 0


class WirePage:
    """One robot's frames on one page."""

    def __init__(self, session: Session, view: RobotView) -> None:
        self._session = session
        self._feed = session.feed
        self._view = view
        # Number, time, direction, kind, content and size of each.
        self._frames: deque[tuple[int, float, str, str, Any, int]] = deque(maxlen=1000)
        self._count = 0
        self._drawn = 0
        self._rows: deque[ui.element] = deque()
        self._selected: set[str] = set()
        self._empty: ui.element | None = None
        self._recent: deque[tuple[float, str]] = deque(maxlen=5000)
        self._last: dict[str, float] = {}
        self._new = True

    def draw(self) -> None:
        with ui.element('h1').classes('xc-h1'):
            ui.label(f'{self._view.robot_id}: wire')
        with ui.element('div').classes('xc-grid'):
            with ui.element('div').classes('xc-stack'):
                self._draw_frames()
            with ui.element('div').classes('xc-stack'):
                self._draw_playground()
                self._draw_keys()
        for event in list(self._view.frames):
            self._on_event(event)
        leave = self._feed.listen(self._view.robot_id, self._on_event)
        ui.context.client.on_delete(leave)
        each(0.6, self._show)

    def _on_event(self, event: Event) -> None:
        direction, kind, content, size = decoded(event)
        moment = float(event['time'])
        self._count += 1
        self._frames.append((self._count, moment, direction, kind, content, size))
        self._recent.append((moment, f'{direction}: {kind}'))
        self._last[f'{direction}: {kind}'] = moment
        self._new = True

    def _draw_frames(self) -> None:
        with ui.element('section').classes('xc-panel').props('aria-label=Frames'):
            with ui.element('h2').classes('xc-h2'):
                ui.label('Frames')
            with ui.element('div').classes('xc-row'):
                self._only = ui.select([], label='Only', multiple=True, on_change=self._again)
                self._only.props('outlined dense use-chips').style('min-width: min(260px, 100%)')
                self._paused = ui.switch('Pause')
            self._rates = ui.label().classes('xc-soft')
            self._list = ui.element('div').props('role=log aria-label="Frames, newest first"')

    def _again(self) -> None:
        self._new = True
        self._show()

    def _show(self) -> None:
        kinds = sorted({frame[3] for frame in self._frames})
        if kinds != self._only.options:
            self._only.set_options(kinds)
        self._show_rates()
        self._show_keys()
        if self._paused.value or not self._new:
            return
        self._new = False
        selected = set(self._only.value or ())
        if selected != self._selected or self._empty is not None:
            self._selected, self._empty = selected, None
            self._list.clear()
            self._rows.clear()
            self._drawn = 0
        # Only what is new is drawn: a page that draws all of it again twice a second is a load.
        fresh = [frame for frame in self._frames if frame[0] > self._drawn]
        fresh = [frame for frame in fresh if not selected or frame[3] in selected][-SHOWN:]
        self._drawn = self._count
        with self._list:
            for _, moment, direction, kind, content, size in fresh:
                made = self._frame(moment, direction, kind, content, size)
                made.move(target_index=0)
                self._rows.append(made)
            if not self._rows:
                self._empty = empty('No frame has passed since this page knows the robot.')
        while len(self._rows) > SHOWN:
            self._rows.popleft().delete()

    def _frame(
        self, moment: float, direction: str, kind: str, content: Any, size: int
    ) -> ui.element:
        arrow = {'to the robot': '→', 'from the robot': '←'}.get(direction, '·')
        text = json.dumps(content)
        frame = ui.element('details').classes('xc-life')
        with frame:
            with ui.element('summary'):
                head = (
                    f'{words.clock(moment, self._session.zone)} {arrow} {kind}, {size} characters'
                )
                ui.label(head).style('display: inline')
                ui.label(text[:160]).classes('xc-mono xc-soft')
            ui.label(json.dumps(content, indent=2)[:20_000]).classes('xc-mono')
            Button('Copy as JSON', on_click=lambda: self._copy(text)).classes('xc-plain').props(
                'dense'
            )
        return frame

    def _copy(self, text: str) -> None:
        ui.clipboard.write(text)
        say('copied')

    def _show_rates(self) -> None:
        now = self._feed.clock.now
        counts = Counter(what for moment, what in self._recent if now - moment < 10.0)
        self._rates.text = '; '.join(
            f'{what} {counts.get(what, 0) / 10.0:.1f} a second, {words.span(now - last)} ago'
            for what, last in sorted(self._last.items())
        )

    # --- why a value does not come ---

    def _draw_keys(self) -> None:
        with ui.element('section').classes('xc-panel').props('aria-label="Values and their age"'):
            with ui.element('h2').classes('xc-h2'):
                ui.label('When each value came')
            self._keys = ui.element('dl').classes('xc-values')
            self._labels: dict[str, ui.label] = {}
            ui.label(
                'The robot itself knows why a value is not sent: it has not changed (on_change), '
                'its rate is held (max_rate, period), it is off, or nobody publishes its topic.'
            ).classes('xc-soft')
            ask = Button('Why is a value not sent?', on_click=self._ask).classes('xc-plain')
            ask.set_enabled(self._feed.may_command)
            self._problems = ui.element('div').props('role=status')

    def _show_keys(self) -> None:
        now = self._feed.clock.now
        times = self._view.times
        if list(times) != list(self._labels):
            self._keys.clear()
            self._labels.clear()
            with self._keys:
                for key in times:
                    with ui.element('dt'):
                        ui.label(key)
                    with ui.element('dd'):
                        self._labels[key] = ui.label()
        for key, moment in times.items():
            self._labels[key].text = f'{words.span(now - moment)} ago'

    async def _ask(self) -> None:
        sent: list[str] = []

        async def ask() -> None:
            schema = self._view.menu.get('status', {}).get('parameters') or {}
            knows = not schema or 'telemetry' in (schema.get('properties') or {})
            parameters = {'telemetry': True} if knows else {}
            sent.append(await self._feed.send(self._view.robot_id, 'status', parameters))

        if not await attempt(ask):
            return

        def look() -> None:
            command = self._view.commands.get(sent[0])
            if command is None or command.is_open:
                return
            timer.cancel()
            result = command.result if isinstance(command.result, dict) else {}
            said = [f'{name}: {why}' for name, why in (result.get('telemetry') or {}).items()]
            problems = result.get('problems') or []
            if isinstance(problems, dict):
                problems = [f'{name}: {problem}' for name, problem in problems.items()]
            said += [words.text(problem, 300) for problem in problems[:20]]
            self._problems.clear()
            with self._problems:
                for line in said or ['The robot knows of no problem.']:
                    ui.label(line)

        with self._problems:
            timer = ui.timer(0.1, look)

    # --- the playground ---

    def _draw_playground(self) -> None:
        with ui.element('section').classes('xc-panel').props('aria-label=Playground'):
            with ui.element('h2').classes('xc-h2'):
                ui.label('Try a message')
            ui.label(
                'It goes to the robot as it stands here; a command in it may move the robot.'
            ).classes('xc-soft')
            chosen = ui.select(list(TEMPLATES), value='remote_command', label='Message')
            chosen.props('outlined dense')
            text = (
                ui.textarea('Frame', value=json.dumps(TEMPLATES['remote_command'], indent=2))
                .props('outlined autogrow')
                .classes('xc-mono')
            )
            chosen.on_value_change(
                lambda: text.set_value(json.dumps(TEMPLATES[str(chosen.value)], indent=2))
            )

            async def send() -> None:
                try:
                    frame = json.dumps(read_json(str(text.value)))
                except JsonError as error:
                    say(f'This is not JSON, and is not sent: {error}', bad=True)
                    return
                await attempt(
                    lambda: self._feed.request('raw', robot=self._view.robot_id, text=frame)
                )

            button = Button('Send this frame', on_click=send).classes('xc-danger')
            button.set_enabled(self._feed.may_command)
