# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The fleet: every robot as a card or a row, live, and what can be done to several together."""

from __future__ import annotations

import functools
import time
from typing import Any

from nicegui import ui

from . import words
from .layout import attempt, Button, each, empty, named, question, robot_path, say, TICK
from .robot_view import RobotView
from .sessions import Session

CARDS = 60  # on a page; of more the table is the right view
# With more robots than these the page looks less often, and says so.
MANY, SLOW = 500, 1.0
_TOGETHER = ('stop', 'pause', 'resume')
_WORDS = {
    'ready': 'xc-good',
    'driving': 'xc-good',
    'runs a tree': 'xc-good',
    'stopped': 'xc-bad',
    'paused': 'xc-wait',
}
_COLUMNS = (
    ('robot', 'Robot', 170),
    ('state', 'State', 110),
    ('battery', 'Battery, %', 110),
    ('goal', 'Goal', 220),
    ('failure', 'Last failure', 260),
    ('version', 'Configuration', 150),
    ('seen', 'Last heard', 110),
)


def row(view: RobotView) -> dict[str, Any]:
    """Return what the table has of a robot; numbers stay numbers, so that they sort."""
    battery = view.telemetry.get('battery_percentage')
    return {
        'robot': view.robot_id,
        'state': view.activity,
        'battery': round(battery) if isinstance(battery, (int, float)) else None,
        'goal': goal_words(view),
        'failure': failure_words(view),
        'version': version_of(view),
        'seen': 'now' if view.connected else f'{words.span(view.silence)} ago',
    }


def goal_words(view: RobotView) -> str:
    """Return where it drives to and how far that is."""
    goal = view.goal
    if goal is None:
        tree = view.tree
        return f'tree {tree.get("tree_name")}' if view.activity == 'runs a tree' else ''
    where = goal.parameters.get('goal', goal.command)
    said = where if isinstance(where, str) else 'a pose'
    left = goal.progress.get('distance_remaining')
    return f'{said}, {words.number(left, "distance")} to go' if left is not None else said


def failure_words(view: RobotView) -> str:
    """Return what failed last."""
    failure = view.last_failure
    if not failure:
        return ''
    error = failure.get('error') or {}
    return f'{failure["command"]}: {error.get("message") or error.get("code") or failure["state"]}'


def version_of(view: RobotView) -> str:
    """Return the version of its configuration and how that stands, or else of its bridge."""
    running = view.info.get('configuration')
    if isinstance(running, dict):
        version = str(running.get('version') or str(running.get('hash') or '')[:8])
        state = str(running.get('state') or '')
        said = version if state in ('', 'applied') else f'{version} {state}'.strip()
        if running.get('drift'):
            said += ', drifted'
        if said:
            return said[:60]
    bridge = view.info.get('bridge_version')
    return f'bridge {bridge}'[:60] if bridge else ''


def _version_words(version: str) -> str:
    return version if version.startswith('bridge ') else f'configuration {version}'


def draw(session: Session) -> None:
    """Draw the page."""
    Fleet(session).draw()


class Fleet:
    """One browser's view of the fleet."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._feed = session.feed
        self._shown: dict[str, int] = {}  # revision of each robot that the page shows
        self._cards: dict[str, Card] = {}
        self._chosen: set[str] = set()
        self._as_cards = len(self._feed.robots) <= 24
        self._next_look = 0.0
        self._seen_at = 0.0

    def draw(self) -> None:
        with ui.element('h1').classes('xc-h1'):
            ui.label('Fleet')
        with ui.element('div').classes('xc-row'):
            self._filter = ui.input('Filter by name or state', on_change=self._rebuild)
            self._filter.props('outlined dense clearable').style('min-width: min(260px, 100%)')
            self._kind = ui.toggle(
                {True: 'Cards', False: 'Table'}, value=self._as_cards, on_change=self._rebuild
            ).props('aria-label="How robots are shown" no-caps')
            self._order = (
                ui.select(
                    {'robot': 'by name', 'state': 'by state', 'battery': 'by battery'},
                    value='robot',
                    label='Sorted',
                    on_change=self._rebuild,
                )
                .props('outlined dense')
                .style('min-width: 130px')
            )
            for command in _TOGETHER:
                self._button(command)
        self._hint = ui.label().classes('xc-soft').props('role=status')
        self._place = ui.element('div').style('width: 100%')
        self._rebuild()
        each(TICK, self._look)

    def _button(self, command: str) -> None:
        button = Button(
            f'{command.capitalize()} selected…', on_click=lambda: self._ask(command)
        ).classes('xc-danger' if command == 'stop' else 'xc-plain')
        button.set_enabled(self._feed.may_command)

    # --- what is shown ---

    def _selected(self) -> list[RobotView]:
        part = str(self._filter.value or '').lower()
        views = [
            view
            for view in self._feed.robots.values()
            if part in view.robot_id.lower() or part in view.activity
        ]
        order = self._order.value

        def key(view: RobotView) -> Any:
            battery = view.telemetry.get('battery_percentage')
            battery = battery if isinstance(battery, (int, float)) else 1e9
            return {'robot': '', 'state': view.activity, 'battery': battery}[order], view.robot_id

        return sorted(views, key=key)

    def _rebuild(self) -> None:
        self._as_cards = bool(self._kind.value)
        self._order.set_visibility(self._as_cards)
        self._cards.clear()
        self._shown.clear()
        self._place.clear()
        self._grid: ui.aggrid | None = None
        views = self._selected()
        self._count = len(self._feed.robots)
        with self._place:
            if not self._count:
                empty(
                    'No robot has connected yet. Point a link of a bridge to this platform: '
                    'protocol xparo, url ws://THIS-MACHINE:8765/ws/chatbot (docs/tutorial.md).'
                )
            elif not views:
                empty('No robot fits the filter.')
            elif self._as_cards:
                with ui.element('div').classes('xc-cards'):
                    for view in views[:CARDS]:
                        self._cards[view.robot_id] = Card(view, self)
            else:
                self._grid = self._table([row(view) for view in views])
        for view in views:
            self._shown[view.robot_id] = view.revision
        self._say_how(len(views))

    def _say_how(self, fitting: int) -> None:
        said = f'{len(self._chosen)} selected of {self._count}.' if self._count else ''
        if self._as_cards and fitting > CARDS:
            said += f' {CARDS} of {fitting} are shown: filter, or use the table.'
        if self._count > MANY:
            said += f' Of more than {MANY} robots the page shows what is new once in {SLOW:g} s.'
        self._hint.text = said

    def _table(self, rows: list[dict[str, Any]]) -> ui.aggrid:
        columns: list[dict[str, Any]] = [
            {'field': field, 'headerName': name, 'width': width, 'filter': True}
            for field, name, width in _COLUMNS
        ]
        columns[0]['pinned'] = 'left'
        grid = ui.aggrid(
            {
                'columnDefs': columns,
                'defaultColDef': {'sortable': True, 'resizable': True},
                'rowData': rows,
                'rowSelection': {'mode': 'multiRow'},
                ':getRowId': '(row) => row.data.robot',
                'animateRows': False,
                'asyncTransactionWaitMillis': 20,
                'ensureDomOrder': True,
                'enableCellTextSelection': True,
            },
            auto_size_columns=False,
        ).style('height: min(70vh, 700px); width: 100%')
        grid.on('selectionChanged', self._chosen_in_table)
        grid.on('cellDoubleClicked', lambda event: self._open(event.args.get('data') or {}))
        grid.on('cellClicked', lambda event: self._open_name(event.args))
        return grid

    def _open(self, data: dict[str, Any]) -> None:
        if data.get('robot'):
            ui.navigate.to(robot_path(data['robot']))

    def _open_name(self, args: dict[str, Any]) -> None:
        if args.get('colId') == 'robot':
            self._open(args.get('data') or {})

    async def _chosen_in_table(self) -> None:
        if self._grid is not None:
            self._chosen = {chosen['robot'] for chosen in await self._grid.get_selected_rows()}
            self._say_how(len(self._shown))

    def choose(self, robot: str, on: bool) -> None:
        """Select a robot or not."""
        (self._chosen.add if on else self._chosen.discard)(robot)
        self._say_how(len(self._shown))

    def is_chosen(self, robot: str) -> bool:
        """Whether a robot is selected."""
        return robot in self._chosen

    def _look(self) -> None:
        """Show what is new, of all robots at once."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + (SLOW if self._count > MANY else 0.0)
        robots = self._feed.robots
        if len(robots) != self._count:
            self._rebuild()
            return
        changed = [
            robots[name]
            for name, revision in self._shown.items()
            if robots[name].revision != revision
        ]
        if now - self._seen_at > 5.0:  # The time since a robot was heard goes on by itself.
            self._seen_at = now
            changed += [robots[name] for name in self._shown if not robots[name].connected]
        for view in changed:
            self._shown[view.robot_id] = view.revision
        if self._as_cards:
            for view in changed:
                if view.robot_id in self._cards:
                    self._cards[view.robot_id].show()
        elif self._grid is not None and changed:
            self._grid.run_grid_method(
                'applyTransactionAsync', {'update': [row(view) for view in changed]}
            )

    # --- several together ---

    def _ask(self, command: str) -> None:
        robots = sorted(self._chosen & self._feed.robots.keys())
        if not robots:
            say('Select robots first, by the boxes of their cards or rows.')
            return
        away = [name for name in robots if not self._feed.robots[name].connected]
        with question(f'{command.capitalize()} {len(robots)} robots?') as dialog:
            ui.label(', '.join(robots)).classes('xc-soft').style(
                'max-height: 40vh; overflow: auto'
            )
            if away:
                ui.label(f'Offline, not reached: {", ".join(away)}').classes('xc-chip xc-bad')
            with ui.row():
                Button('No', on_click=dialog.close).classes('xc-plain')
                Button(
                    f'{command.capitalize()} these {len(robots)}',
                    on_click=lambda: self._do(command, robots, dialog),
                ).classes('xc-danger' if command == 'stop' else 'xc-do')

    async def _do(self, command: str, robots: list[str], dialog: ui.dialog) -> None:
        dialog.close()
        done = 0
        for robot in robots:
            done += await attempt(functools.partial(self._feed.send, robot, command))
        say(f'{command}: sent to {done} of {len(robots)}', bad=done < len(robots))


class Card:
    """One robot of the fleet."""

    def __init__(self, view: RobotView, fleet: Fleet) -> None:
        self._view = view
        name = view.robot_id
        with named(ui.element('section').classes('xc-card'), name):
            with ui.row().classes('items-center').style('gap: 6px; flex-wrap: nowrap'):
                box = ui.checkbox(
                    value=fleet.is_chosen(name),
                    on_change=lambda event: fleet.choose(name, bool(event.value)),
                )
                named(box, f'Select {name}').props('dense')
                ui.link(name, robot_path(name))
                ui.space()
                self._state = ui.label()
            self._battery = ui.label()
            self._goal = ui.label()
            self._failure = ui.label().classes('xc-soft')
            self._seen = ui.label().classes('xc-soft')
        self.show()

    def show(self) -> None:
        """Show what is so now."""
        now = row(self._view)
        self._state.text = now['state']
        self._state.classes(replace=f'xc-chip {_WORDS.get(now["state"], "")}')
        battery = now['battery']
        self._battery.text = 'battery unknown' if battery is None else f'battery {battery} %'
        low = battery is not None and battery < 20
        self._battery.classes(replace='xc-bad' if low else '')
        self._goal.text = now['goal'] or 'no goal'
        self._failure.text = f'last failure: {now["failure"]}' if now['failure'] else ''
        self._seen.text = f'heard {now["seen"]}' + (
            f', {_version_words(now["version"])}' if now['version'] else ''
        )
