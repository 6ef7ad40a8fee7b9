# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The map: where the robot is, where it goes, its places; a drag is a goal with a heading."""

from __future__ import annotations

from collections.abc import Mapping
import math
from typing import Any

from nicegui import ui
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from . import words
from .layout import attempt, Button, each, on_change, question, say
from .robot_view import RobotView
from .sessions import Session

_LOOK, _GOAL, _PLACE = 'look', 'goal', 'place'
_HELP = {
    _LOOK: 'Drag to move the map, wheel or two fingers to zoom; arrow keys, + and - too.',
    _GOAL: 'Press where the robot shall drive to, drag to where it shall look, let go: it drives.',
    _PLACE: 'Press and drag to add a place with a heading; drag a pin to move it.',
}


class MapCanvas(Element, component='map.js'):
    """The canvas; map.js says what its methods take. Lengths in m, angles in rad."""

    def __init__(self, label: str) -> None:
        super().__init__()
        self.props['label'] = label

    def describe(self, label: str) -> None:
        """Say to a screen reader what is to be seen."""
        if self.props.get('label') != label:
            self.props['label'] = label
            self.update()


def draw(session: Session, view: RobotView) -> None:
    """Draw the panel."""
    MapPanel(session, view).draw()


class MapPanel:
    """One robot's map on one page."""

    def __init__(self, session: Session, view: RobotView) -> None:
        self._session = session
        self._feed = session.feed
        self._view = view
        self._sent: dict[str, Any] = {}
        self._canvas: MapCanvas

    def draw(self) -> None:
        with ui.element('section').classes('xc-panel').props('aria-label=Map'):
            with ui.element('div').classes('xc-row'):
                with ui.element('h2').classes('xc-h2'):
                    ui.label('Map')
                self._mode = ui.toggle(
                    {_LOOK: 'Look', _GOAL: 'Drive to…', _PLACE: 'Places…'},
                    value=_LOOK,
                    on_change=self._on_mode,
                ).props('no-caps aria-label="What a press on the map does"')
                self._mode.set_enabled(self._feed.may_command)
                Button('Whole map', on_click=lambda: self._canvas.run_method('fit')).classes(
                    'xc-plain'
                ).props('dense')
            self._help = ui.label(_HELP[_LOOK]).classes('xc-soft')
            self._canvas = MapCanvas('Map')
            self._canvas.on('goal', self._on_goal)
            self._canvas.on('place', self._on_place)
            self._canvas.on('move', self._on_move)
            self._canvas.on('ready', self._on_ready)
            self._life = ui.element('div').classes('xc-row').props('role=status')
            with self._life:
                self._said = ui.label()
                self._bar = ui.linear_progress(0.0, show_value=False).props(
                    'aria-label="Part of the way"'
                )
                self._bar.style('width: 120px')
                self._cancel = Button('Cancel this goal', on_click=self._on_cancel)
                self._cancel.classes('xc-danger').props('dense')
            self._nothing = ui.label().classes('xc-empty')
        on_change(lambda: self._view.revision, self._show)
        each(2.0, lambda: self._canvas.describe(self._described()))

    def _on_ready(self) -> None:
        self._sent.clear()
        self._show()

    def _show(self) -> None:
        """Give the canvas what is new."""
        view, telemetry = self._view, self._view.telemetry
        self._give('map', telemetry.get('map'))
        self._give('pose', telemetry.get('pose'))
        plan = telemetry.get('plan')
        self._give('path', plan.get('points') if isinstance(plan, dict) else None)
        self._give('places', {name: pose for name, pose in view.places.items() if pose})
        goal = view.goal
        shown = None
        if goal is not None:
            target = goal.parameters.get('goal', goal.parameters)
            shown = view.places.get(target) if isinstance(target, str) else target
            shown = shown if isinstance(shown, Mapping) and 'x' in shown else None
        self._give('goal', dict(shown) if shown else None)
        self._show_goal()
        missing = [name for name in ('map', 'pose') if not telemetry.get(name)]
        self._nothing.text = (
            f'No {" and no ".join(missing)} has come. Switch on telemetry.groups.'
            f"{missing[0]} in the robot's configuration (docs/telemetry.md)."
            if missing
            else ''
        )
        self._nothing.set_visibility(bool(missing))

    def _give(self, what: str, value: Any) -> None:
        if self._sent.get(what, self) != value:
            self._sent[what] = value
            self._canvas.run_method(f'set_{what}', value)

    def _described(self) -> str:
        pose = self._view.telemetry.get('pose')
        if not isinstance(pose, dict):
            return 'Map; it is not known where the robot is'
        return (
            f'Map; the robot is at x {words.number(pose.get("x"), "x")}, '
            f'y {words.number(pose.get("y"), "y")}'
        )

    def _show_goal(self) -> None:
        goal = self._view.goal or self._last_goal()
        self._life.set_visibility(goal is not None)
        if goal is None:
            return
        left = goal.progress.get('distance_remaining')
        said = f'{goal.command}: {words.ENDS.get(goal.state, goal.state)}'
        if goal.is_open and left is not None:
            said += f', {words.number(left, "distance")} to go'
        if goal.error:
            said += f': {words.error_words(goal.error)}'
        self._said.text = said
        self._bar.value = goal.part or 0.0
        self._bar.set_visibility(goal.is_open)
        self._cancel.set_visibility(goal.is_open and self._feed.may_command)

    def _last_goal(self) -> Any:
        for command in self._view.shown_commands:
            kind = self._view.menu.get(command.command, {}).get('kind')
            if kind in ('navigate', 'dock', 'undock'):
                return command
        return None

    def _on_mode(self) -> None:
        self._help.text = _HELP[str(self._mode.value)]
        self._canvas.run_method('set_mode', self._mode.value)

    async def _on_goal(self, event: GenericEventArguments) -> None:
        command = next(
            (name for name, what in self._view.menu.items() if what.get('kind') == 'navigate'), ''
        )
        self._mode.value = _LOOK  # One press, one goal.
        if not command:
            say('This robot has no command that drives to a goal.', bad=True)
            return
        goal = _pose(event.args, self._view.telemetry.get('map'))
        await attempt(lambda: self._feed.send(self._view.robot_id, command, {'goal': goal}))

    async def _on_cancel(self) -> None:
        goal = self._view.goal
        if goal is not None:
            await attempt(
                lambda: self._feed.request(
                    'cancel', robot=self._view.robot_id, command_id=goal.command_id
                )
            )

    def _on_place(self, event: GenericEventArguments) -> None:
        pose = _pose(event.args, self._view.telemetry.get('map'))
        with question('A new place') as dialog:
            ui.label(f'at {words.text(pose)}').classes('xc-soft')
            name = ui.input('Name').props('outlined dense autofocus')

            async def save() -> None:
                dialog.close()
                await self._save(str(name.value).strip(), pose, replace=False)

            with ui.row():
                Button('No', on_click=dialog.close).classes('xc-plain')
                Button('Keep this place', on_click=save).classes('xc-do')

    async def _on_move(self, event: GenericEventArguments) -> None:
        name = str(event.args['name'])
        before = self._view.places.get(name) or {}
        pose = {
            **_pose(event.args, self._view.telemetry.get('map')),
            'yaw': before.get('yaw', 0.0),
        }
        await self._save(name, pose, replace=True)

    async def _save(self, name: str, pose: Mapping[str, Any], *, replace: bool) -> None:
        command = next(
            (key for key, what in self._view.menu.items() if what.get('kind') == 'save_place'), ''
        )
        if not command:
            say('This robot has no command that keeps places.', bad=True)
            return
        parameters = {'name': name, 'pose': dict(pose), **({'replace': True} if replace else {})}
        await attempt(lambda: self._feed.send(self._view.robot_id, command, parameters))


def _pose(args: Mapping[str, Any], shown: Any) -> dict[str, Any]:
    """Pose of a press on the map; without a heading where there was no drag."""
    pose: dict[str, Any] = {key: round(float(args[key]), 3) for key in ('x', 'y')}
    yaw = args.get('yaw')
    if isinstance(yaw, (int, float)) and math.isfinite(yaw):
        pose['yaw'] = round(float(yaw), 4)
    if isinstance(shown, Mapping) and shown.get('frame'):
        pose['frame'] = str(shown['frame'])
    return pose
