# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The commands of a robot, as forms of its own schemas, and what became of those sent."""

from __future__ import annotations

import json
from typing import Any

from nicegui import ui

from ..json_reader import JsonError
from . import words
from .forms import Form
from .layout import attempt, Button, empty, named, on_change, question, say
from .robot_view import ASKING, CommandView, RobotView
from .sessions import Session

SHOWN = 12  # commands of which the life is shown
# These have a place of their own on the page.
_ELSEWHERE = frozenset({'stop', 'pause', 'resume', 'teleop', 'cancel'}) | ASKING
_CHIPS = {'succeeded': 'xc-good', 'failed': 'xc-bad', 'rejected': 'xc-bad', 'timed_out': 'xc-bad'}
_SOURCES = {
    'tree': 'by a tree', 'ros': 'by a node of the robot', 'link_loss': 'as the link was lost',
}  # fmt: skip
_DRIVING = ('navigate', 'dock', 'undock', 'run_tree', 'action')


def motion_buttons(session: Session, view: RobotView) -> None:
    """Draw Pause and Resume; Resume asks first, as the robot may drive off."""
    feed = session.feed

    async def pause() -> None:
        await attempt(lambda: feed.send(view.robot_id, 'pause'))

    def ask() -> None:
        with question(f'Let {view.robot_id} move again?') as dialog:
            ui.label('What was paused goes on at once. Is nobody in its way?')

            async def resume() -> None:
                dialog.close()
                await attempt(lambda: feed.send(view.robot_id, 'resume'))

            with ui.row():
                Button('No', on_click=dialog.close).classes('xc-plain').props('autofocus')
                Button('Yes, resume', on_click=resume).classes('xc-do')

    pause_button = Button('Pause', on_click=pause).classes('xc-plain')
    again = Button('Resume…', on_click=ask).classes('xc-do')
    pause_button.set_enabled(feed.may_command)
    again.set_enabled(feed.may_command)

    def show() -> None:
        again.set_visibility(bool(view.motion_lock))
        pause_button.set_visibility(not view.motion_lock)

    on_change(lambda: view.revision, show)


def draw(session: Session, view: RobotView) -> None:
    """Draw the panel."""
    with ui.element('section').classes('xc-panel').props('aria-label=Commands'):
        with ui.element('h2').classes('xc-h2'):
            ui.label('Commands')
        place = ui.element('div')
        on_change(
            lambda: (sorted(view.menu), sorted(view.places)), lambda: _menu(session, view, place)
        )
        with ui.element('h3').classes('xc-h2'):
            ui.label('What became of them')
        lives = ui.element('div').props('role=log aria-label="What became of commands"')
        Lives(session, view, lives)


def _menu(session: Session, view: RobotView, place: ui.element) -> None:
    place.clear()
    with place:
        if not session.feed.may_command:
            empty('You are a viewer: you see all, and command nothing.')
            return
        names = [name for name in view.menu if name not in _ELSEWHERE]
        if not names:
            empty('The robot has not listed its commands yet. It is asked when it connects.')
            return
        with ui.element('div').classes('xc-row'):
            chosen = (
                ui.select(
                    {name: name.replace('_', ' ') for name in names},
                    label='Command',
                    value=names[0],
                )
                .props('outlined dense')
                .style('min-width: min(240px, 100%)')
            )
        form = ui.element('div').classes('xc-stack')
        chosen.on_value_change(lambda: _form(session, view, str(chosen.value), form))
        _form(session, view, names[0], form)


def _form(session: Session, view: RobotView, name: str, place: ui.element) -> None:
    place.clear()
    what = view.menu.get(name, {})
    drives = what.get('kind') in _DRIVING
    with place:
        ui.label(str(what.get('description', ''))).classes('xc-soft')
        form = Form(what.get('parameters') or {}, sorted(view.places))

        async def send() -> None:
            try:
                values = form.values()
            except JsonError as error:
                say(f'This is not JSON: {error}', bad=True)
                return
            await attempt(lambda: session.feed.send(view.robot_id, name, values))

        label = f'{name.replace("_", " ").capitalize()}: send'
        button = Button(label, on_click=send).classes('xc-do')
        if drives:
            button.props('icon=navigation')
            ui.label('This moves the robot.').classes('xc-soft')


class Lives:
    """The newest commands, each with its life in a line."""

    def __init__(self, session: Session, view: RobotView, place: ui.element) -> None:
        self._session = session
        self._view = view
        self._place = place
        self._rows: dict[str, Life] = {}
        self._ids: list[str] | None = None
        on_change(lambda: view.commands_revision, self._show)

    def _show(self) -> None:
        shown = self._view.shown_commands[:SHOWN]
        ids = [command.command_id for command in shown]
        if ids != self._ids:
            self._ids = ids
            self._rows.clear()
            self._place.clear()
            with self._place:
                if not shown:
                    empty('Nothing was commanded yet.')
                for command in shown:
                    self._rows[command.command_id] = Life(self._session, self._view, command)
        for command in shown:
            self._rows[command.command_id].show(command)


class Life:
    """One command's line."""

    def __init__(self, session: Session, view: RobotView, command: CommandView) -> None:
        self._session = session
        self._view = view
        self._id = command.command_id
        with ui.element('div').classes('xc-life'):
            with ui.element('div').classes('xc-row'):
                self._state = ui.label()
                self._name = ui.label().style('font-weight: 600')
                self._who = ui.label().classes('xc-soft')
                ui.space()
                self._cancel = Button('Cancel', on_click=self._on_cancel)
                named(self._cancel, f'Cancel {command.command}').classes('xc-danger')
                self._cancel.props('dense')
            self._bar = named(
                ui.linear_progress(0.0, show_value=False), f'Progress of {command.command}'
            )
            self._words = ui.label().classes('xc-soft')
        self.show(command)

    def show(self, command: CommandView) -> None:
        """Show how it stands."""
        self._state.text = words.ENDS.get(command.state, command.state)
        self._state.classes(replace=f'xc-chip {_CHIPS.get(command.state, "")}')
        goal = command.progress.get('goal')  # What the robot makes of an order it was not sent.
        said = words.text(command.parameters or ({'goal': goal} if goal else {}), 60)
        self._name.text = f'{command.command} {said}'.strip()
        when = words.clock(command.time, self._session.zone) if command.time else ''
        who = command.operator or _SOURCES.get(command.source, '')
        self._who.text = f'{when} {who}'.strip()
        self._cancel.set_visibility(command.is_open and self._session.feed.may_command)
        part = command.part
        self._bar.set_visibility(command.is_open and part is not None)
        self._bar.value = part or 0.0
        self._words.text = _ending(command)

    async def _on_cancel(self) -> None:
        await attempt(
            lambda: self._session.feed.request(
                'cancel', robot=self._view.robot_id, command_id=self._id
            )
        )


def _ending(command: CommandView) -> str:
    if command.error:
        return words.error_words(command.error)
    if command.is_open and command.progress:
        return words.text(
            {key: value for key, value in command.progress.items() if not isinstance(value, dict)}
        )
    result: Any = command.result
    if isinstance(result, dict) and result:
        return words.text(result)
    return '' if result in (None, {}) else json.dumps(result)[:120]
