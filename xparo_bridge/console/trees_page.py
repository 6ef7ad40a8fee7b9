# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Behaviour trees: written, pushed, refused at their lines, drawn as they tick and after."""

from __future__ import annotations

from collections.abc import Mapping
import contextlib
from typing import Any

from nicegui import ui
from nicegui.element import Element

from ..local.platform_client import Event, OperatorError
from . import words
from .layout import attempt, Button, each, empty, named, on_change, question, say
from .robot_view import RobotView
from .sessions import Session
from .tree_runs import end_words, GOING, last_good, TreeRun, TreeRuns

_NAME = 'hello'
_EXAMPLE = """\
<root BTCPP_format="4" main_tree_to_execute="hello">
  <BehaviorTree ID="hello">
    <Sequence>
      <RemoteCommand command="status"/>
      <RemoteCommand command="wait" seconds="2"/>
    </Sequence>
  </BehaviorTree>
</root>
"""
_CHIPS = {'succeeded': 'xc-good', 'running': 'xc-good', 'paused': 'xc-wait', 'stopping': 'xc-wait'}
# The editor has no setting for the name that a screen reader says, and forgets one it was given;
# nor one to have its scrolling part reached by keyboard.
_NAME_EDITOR = """<script>
new MutationObserver(() => {
    for (const field of document.querySelectorAll('.cm-content:not([aria-label])'))
        field.setAttribute('aria-label', 'XML of the tree');
    for (const part of document.querySelectorAll('.cm-scroller[tabindex="-1"]')) part.tabIndex = 0;
}).observe(document, { subtree: true, childList: true, attributeFilter: ['aria-label'] });
</script>"""
_KEPT = 500  # reports of the past that are looked at


class Drawing(Element, component='tree.js'):
    """The drawn tree; tree.js says what its methods take."""


def draw(session: Session, robot_id: str) -> None:
    """Draw the page."""
    TreesPage(session, session.feed.robots[robot_id]).draw()


class TreesPage:
    """One robot's trees on one page."""

    def __init__(self, session: Session, view: RobotView) -> None:
        self._session = session
        self._feed = session.feed
        self._view = view
        self._runs = TreeRuns()
        self._shown: TreeRun | None = None
        self._follows = True  # whether the newest run is shown, whichever that is
        self._at: int | None = None  # the moment that was chosen, in reports; None for the newest
        self._early: list[Event] | None = []  # what came before the history did
        self._drawn: tuple[Any, ...] = ()
        self._structure: Any = None
        self._library: list[dict[str, Any]] = []

    def draw(self) -> None:
        with ui.element('h1').classes('xc-h1'):
            ui.label(f'{self._view.robot_id}: behaviour trees')
        with ui.element('div').classes('xc-grid'):
            with ui.element('div').classes('xc-stack'):
                self._draw_run()
            with ui.element('div').classes('xc-stack'):
                self._draw_library()
                self._draw_editor()
        ui.timer(0.05, self._load, once=True)
        each(0.2, self._show)
        leave = self._feed.listen(self._view.robot_id, self._on_event)
        ui.context.client.on_delete(leave)

    # --- what runs, and what ran ---

    def _draw_run(self) -> None:
        with ui.element('section').classes('xc-panel').props('aria-label="Run of a tree"'):
            with ui.element('div').classes('xc-row'):
                with ui.element('h2').classes('xc-h2'):
                    ui.label('Runs')
                self._choice = ui.select({}, label='Which run', on_change=self._choose)
                self._choice.props('outlined dense').style('min-width: min(300px, 100%)')
                self._halt = Button('Halt the tree', on_click=self._on_halt).classes('xc-danger')
                self._halt.set_enabled(self._feed.may_command)
            with ui.element('div').classes('xc-row').props('role=status'):
                self._state = ui.label()
                self._active = ui.label()
            self._errors = ui.element('div')
            self._tree = Drawing()
            self._tree.on('ready', self._redraw)
            self._scrub = ui.slider(min=0, max=1, value=1, on_change=self._on_scrub).props(
                'aria-label="Moment of the run" label'
            )
            self._when = ui.label().classes('xc-soft')
            with ui.element('section').props('aria-label=Blackboard') as self._board:
                with ui.element('h3').classes('xc-h2'):
                    ui.label('Blackboard')
                self._entries = ui.element('dl').classes('xc-values')
            self._nothing = empty(
                'No tree has run yet. Write one and push it, or run one of the library.'
            )

    def _on_event(self, event: Event) -> None:
        if event.get('type') != 'behavior_status':
            return
        if self._early is not None:
            self._early.append(event)
        run = self._runs.on_status(event['data'], float(event['time']))
        if run is None:
            self._show_rejection(event['data'])
        elif self._follows:
            self._shown = self._runs.newest

    async def _load(self) -> None:
        robot = self._view.robot_id
        if not self._view.loaded:
            await attempt(lambda: self._feed.load(robot))
        await attempt(lambda: self._feed.ask(robot))
        try:
            reports = await self._feed.request(
                'history', kind='tree_report', robot=robot, newest=True, limit=_KEPT
            )
            pushed = await self._feed.request(
                'history', kind='tree', robot=robot, newest=True, limit=50
            )
        except OperatorError:
            return
        early, self._early = self._early or (), None
        self._runs = TreeRuns()
        for record in reports:
            self._runs.on_status(record['data'], record['time'])
        known = {record['data'].get('message_id') for record in reports}
        for event in early:
            if event['data'].get('message_id') not in known - {None}:
                self._runs.on_status(event['data'], float(event['time']))
        self._shown = self._runs.newest
        # What somebody has begun to write in the meantime is not written over.
        if pushed and (self._name.value, self._editor.value) == (_NAME, _EXAMPLE):
            self._name.value = pushed[-1]['name']
            self._editor.value = pushed[-1]['data']['xml']
        await self._ask_library()

    def _choose(self) -> None:
        run = self._runs.runs.get(str(self._choice.value))
        if run is not None and run is not self._shown:
            self._shown, self._at = run, None
            self._follows = run is self._runs.newest
            self._show()

    def _on_scrub(self) -> None:
        at, most = int(self._scrub.value), int(self._scrub._props['max'])
        self._at = at if at < most else None
        self._show()

    def _redraw(self) -> None:
        self._structure, self._drawn = None, ()
        self._show()

    def _show(self) -> None:
        runs = self._runs.runs
        options = {
            run.run_id: f'{run.name}, {run.state}, {words.clock(run.began, self._session.zone)}'
            for run in reversed(runs.values())
        }
        if options != self._choice.options:
            self._choice.set_options(options, value=self._shown.run_id if self._shown else None)
        run = self._shown
        for element in (self._tree, self._scrub, self._when, self._state, self._board):
            element.set_visibility(run is not None)
        self._nothing.set_visibility(run is None)
        self._halt.set_visibility(any(run.state in GOING for run in runs.values()))
        if run is None:
            return
        if self._choice.value != run.run_id:
            self._choice.value = run.run_id
        count = len(run.reports)
        at = count if self._at is None else self._at
        if self._scrub._props['max'] != max(count, 1):
            self._scrub._props['max'] = max(count, 1)
            self._scrub.update()
        if self._at is None and self._scrub.value != max(count, 1):
            self._scrub.value = max(count, 1)
        drawn = (run.run_id, at, count, run.state)
        if drawn == self._drawn:
            return
        self._drawn = drawn
        self._state.text = run.state
        self._state.classes(replace=f'xc-chip {_CHIPS.get(run.state, "xc-bad")}')
        active = run.active if run.state in GOING else []
        self._active.text = f'now: {", ".join(active)}' if active else ''
        if self._structure is not run.nodes:
            self._structure = run.nodes
            self._tree.run_method('set_tree', run.nodes)
        self._tree.run_method('set_status', run.at(at), run.messages)
        moment = run.reports[at - 1][0] if 0 < at <= count else run.began
        since = moment - run.began
        self._when.text = (
            f'{words.clock(moment, self._session.zone)}, {since:.1f} s after its begin, '
            f'report {at} of {count}'
        )
        self._show_blackboard(run.blackboard(at))
        self._show_errors(run.errors if run.state not in GOING else [])

    def _show_blackboard(self, entries: dict[str, Any]) -> None:
        self._board.set_visibility(bool(entries))
        self._entries.clear()
        with self._entries:
            for name, value in entries.items():
                with ui.element('dt'):
                    ui.label(name)
                with ui.element('dd'):
                    ui.label(words.text(value, 240))

    def _show_errors(self, errors: list[dict[str, Any]]) -> None:
        self._errors.clear()
        with self._errors:
            for error in errors[:10]:
                ui.label(_error_line(error)).classes('xc-soft')

    async def _on_halt(self) -> None:
        command = self._command('halt_tree')
        if command:
            await attempt(lambda: self._feed.send(self._view.robot_id, command))

    def _command(self, kind: str) -> str:
        for name, what in self._view.menu.items():
            if what.get('kind') == kind:
                return name
        say(f'This robot has no command of kind {kind}.', bad=True)
        return ''

    # --- the library ---

    def _draw_library(self) -> None:
        with ui.element('section').classes('xc-panel').props('aria-label="Library of trees"'):
            with ui.element('div').classes('xc-row'):
                with ui.element('h2').classes('xc-h2'):
                    ui.label('Library')
                Button('Look again', on_click=self._ask_library).classes('xc-plain').props('dense')
            self._shelf = ui.element('div').classes('xc-stack')
            with self._shelf:
                empty('The robot has not said yet which trees it knows.')
        on_change(lambda: self._view.commands_revision, self._look_for_library)

    async def _ask_library(self) -> None:
        if self._feed.may_command and self._view.connected:
            await attempt(lambda: self._feed.send(self._view.robot_id, 'list_trees'))

    def _look_for_library(self) -> None:
        for command in reversed(self._view.commands.values()):
            if command.command == 'list_trees' and isinstance(command.result, dict):
                trees = command.result.get('trees') or []
                if trees != self._library:
                    self._library = list(trees)
                    self._show_library()
                return

    def _show_library(self) -> None:
        self._shelf.clear()
        with self._shelf:
            if not self._library:
                empty('The robot knows no tree. Push one.')
            for tree in self._library:
                name = str(tree.get('tree_name'))
                with ui.element('div').classes('xc-row'):
                    ui.label(name).style('font-weight: 600')
                    ui.label('its own' if tree.get('own') else 'pushed').classes('xc-soft')
                    ui.space()
                    run = Button(f'Run {name}', on_click=lambda name=name: self._run(name))
                    run.classes('xc-do').props('dense').set_enabled(self._feed.may_command)
                    if not tree.get('own'):
                        gone = Button('Forget', on_click=lambda name=name: self._forget(name))
                        named(gone, f'Forget {name}').classes('xc-plain').props('dense')

    async def _run(self, name: str) -> None:
        command = self._command('run_tree')
        self._follows, self._at = True, None
        if command:
            await attempt(
                lambda: self._feed.send(self._view.robot_id, command, {'tree_name': name})
            )

    async def _forget(self, name: str) -> None:
        command = self._command('delete_tree')
        if command and await attempt(
            lambda: self._feed.send(self._view.robot_id, command, {'tree_name': name})
        ):
            ui.timer(1.0, self._ask_library, once=True)

    # --- the editor ---

    def _draw_editor(self) -> None:
        with ui.element('section').classes('xc-panel').props('aria-label=Editor'):
            with ui.element('h2').classes('xc-h2'):
                ui.label('Write and push')
            with ui.element('div').classes('xc-row'):
                self._name = ui.input('Name of the tree', value=_NAME).props('outlined dense')
                self._push = Button('Push and run', on_click=self._on_push).classes('xc-do')
                self._push.props('icon=play_arrow').set_enabled(self._feed.may_command)
                self._back = Button('Back to the last good one', on_click=self._ask_back)
                self._back.classes('xc-plain').set_enabled(self._feed.may_command)
            ui.label('What a tree does may move the robot.').classes('xc-soft')
            self._editor = ui.codemirror(
                _EXAMPLE, language='XML', theme='githubLight', line_wrapping=True
            )
            # It has colours of its own, and only the browser knows what "as the system" is.
            on_change(
                lambda: ('as set', self._session.dark),
                lambda: ui.timer(0.2, self._colour_editor, once=True),
            )
            self._editor.style('height: 320px; width: 100%; border: 1px solid var(--line)')
            ui.add_head_html(_NAME_EDITOR)
            self._mistakes = ui.element('div').props(
                'role=alert aria-label="Mistakes in the tree"'
            )

    async def _colour_editor(self) -> None:
        with contextlib.suppress(TimeoutError):
            await ui.context.client.connected()
            dark = await ui.run_javascript(
                'document.body.classList.contains("body--dark")', timeout=10.0
            )
            self._editor.theme = 'githubDark' if dark else 'githubLight'

    async def _on_push(self) -> None:
        await self._send(str(self._name.value or '').strip(), str(self._editor.value))

    async def _send(self, name: str, xml: str) -> None:
        if not name:
            say('Give the tree a name first.', bad=True)
            return
        self._editor.decorations = []
        self._mistakes.clear()
        self._follows, self._at = True, None
        await attempt(
            lambda: self._feed.request('push_tree', robot=self._view.robot_id, name=name, xml=xml)
        )

    def _show_rejection(self, data: Mapping[str, Any]) -> None:
        """Show what became of a tree without a run, with its errors at their lines."""
        if data.get('tree_name') != str(self._name.value or '').strip():
            return
        errors = [error for error in data.get('errors') or () if isinstance(error, dict)]
        lines = len(str(self._editor.value).splitlines())
        self._editor.decorations = [
            {'kind': 'line', 'line': int(error['line']), 'class': 'xc-mistake'}
            for error in errors
            if isinstance(error.get('line'), int) and 0 < error['line'] <= lines
        ]
        self._mistakes.clear()
        with self._mistakes:
            said, good = end_words(data)
            ui.label(said).classes(f'xc-chip {"xc-good" if good else "xc-bad"}')
            for error in errors[:20]:
                ui.label(_error_line(error))

    async def _ask_back(self) -> None:
        robot, name = self._view.robot_id, str(self._name.value or '').strip()
        try:
            pushed = await self._feed.request(
                'history', kind='tree', robot=robot, name=name, newest=True, limit=100
            )
            reports = await self._feed.request(
                'history', kind='tree_report', robot=robot, newest=True, limit=5000
            )
        except OperatorError as error:
            say(words.error_words({'code': error.code, 'message': str(error)}), bad=True)
            return
        xml = last_good(pushed, reports, name)
        if not xml:
            say(f'The robot took no earlier version of {name or "this tree"}.')
            return
        with question(f'Push and run the last good version of {name}?') as dialog:
            ui.label('What a tree does may move the robot.')

            async def back() -> None:
                dialog.close()
                self._editor.value = xml
                await self._send(name, xml)

            with ui.row():
                Button('No', on_click=dialog.close).classes('xc-plain').props('autofocus')
                Button('Push and run it', on_click=back).classes('xc-do')


def _error_line(error: Mapping[str, Any]) -> str:
    where = f'line {error["line"]}: ' if error.get('line') else ''
    where = where or (f'{error["path"]}: ' if error.get('path') else '')
    hint = f' ({error["hint"]})' if error.get('hint') else ''
    return f'{where}{error.get("message", "")}{hint}'
