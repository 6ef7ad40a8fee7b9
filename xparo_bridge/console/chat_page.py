# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The chat with a robot: who said what, and what one says to it."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from . import words
from .layout import attempt, Button, empty, on_change
from .robot_view import RobotView
from .sessions import Session

_SHOWN = 100


def draw(session: Session, robot_id: str) -> None:
    """Draw the page."""
    feed = session.feed
    view = feed.robots[robot_id]
    with ui.element('h1').classes('xc-h1'):
        ui.label(f'{robot_id}: chat')
    with ui.element('section').classes('xc-panel').props('aria-label=Chat'):
        lines = ui.element('div').props('role=log aria-live=polite aria-label="What was said"')
        lines.style('max-height: 55vh; overflow-y: auto').props('tabindex=0')
        with ui.element('form').classes('xc-row').style('flex-wrap: nowrap') as form:
            text = ui.input(f'Say to {robot_id}').props('outlined dense')
            text.style('flex: 1; min-width: 0')

            async def say() -> None:
                said = str(text.value or '').strip()
                if said and await attempt(lambda: feed.request('chat', robot=robot_id, text=said)):
                    text.value = ''

            Button('Say', on_click=say).classes('xc-do').set_enabled(feed.may_command)
        form.on('submit.prevent', lambda: None)
        text.on('keydown.enter', say)
        ui.label(
            'What the robot asks is answered by the platform by a few rules; what you say is '
            'shown to the people at the robot, or spoken (docs/conversation.md).'
        ).classes('xc-soft')
    on_change(lambda: _revision(view), lambda: _show(session, view, lines))
    if not view.loaded:
        ui.timer(0.05, lambda: attempt(lambda: feed.load(robot_id)), once=True)


def _revision(view: RobotView) -> tuple[Any, ...]:
    return len(view.chat), view.chat[-1] if view.chat else None


def _show(session: Session, view: RobotView, place: ui.element) -> None:
    place.clear()
    with place:
        if not view.chat:
            empty('Nothing was said yet.')
        for line in list(view.chat)[-_SHOWN:]:
            robot = line.get('from') == 'robot'
            who = view.robot_id if robot else str(line.get('operator') or 'platform')
            when = line.get('time')
            ui.chat_message(
                str(line.get('text', '')),
                name=who,
                stamp=words.clock(float(when), session.zone) if when else None,
                sent=not robot,
            )
    ui.run_javascript(
        f'const e = getHtmlElement({place.id}); if (e) e.scrollTop = e.scrollHeight;'
    )
