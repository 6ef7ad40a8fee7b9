# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What every page has: the way to the others, who one is, what is wrong, and Stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import contextlib
from contextlib import contextmanager
import logging
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from nicegui import ui
from nicegui.element import Element

from ..local.platform_client import OperatorError
from . import words
from .sessions import Session

TICK = 0.1  # s
REFRESH = 0.2  # s between two looks at what is new
_LOG = logging.getLogger(__name__)
_Labelled = TypeVar('_Labelled', bound=Element)
ROBOT_PAGES = (('', 'Drive'), ('/trees', 'Trees'), ('/chat', 'Chat'), ('/wire', 'Wire'))
_CSS = (Path(__file__).parent / 'console.css').read_text(encoding='utf-8')


class Button(ui.button):
    """A button whose colours are the style sheet's."""

    def __init__(
        self,
        text: str = '',
        *,
        on_click: Callable[..., Any] | None = None,
        icon: str | None = None,
    ) -> None:
        super().__init__(text, on_click=on_click, icon=icon, color=None)


def named(element: _Labelled, name: str, prop: str = 'aria-label') -> _Labelled:
    """
    Give an element the name that a screen reader says, or another property; the element.

    Not by `props`, which reads a text: names come from robots, and one with a quotation mark
    would give the element properties of its own.
    """
    element.props[prop] = name
    return element


def robot_path(robot: str, page: str = '') -> str:
    """
    Return the address of a page of a robot, whatever its name is.

    Quoted twice: a server undoes one before it looks for the page, and would take a / in a name
    for its own; a browser takes a name of dots for a way up.
    """
    quoted = quote(robot, safe='') if robot.strip('.') else robot.replace('.', '%2E')
    return f'/robot/{quote(quoted, safe="") if quoted != robot else robot}{page}'


@contextmanager
def frame(session: Session, title: str, robot: str = '', page: str = '') -> Iterator[None]:
    """Draw what stands around a page; the page itself goes into it."""
    client = ui.context.client
    _tickers[client.id] = _Ticker()
    client.on_delete(lambda: _tickers.pop(client.id, None))
    ui.page_title(f'{title} – xparo')
    ui.add_css(_CSS)
    ui.colors(primary='#0a5aa8')  # White on it has a contrast of 6.6 : 1.
    dark = ui.dark_mode(session.dark)
    with ui.header().classes('xc-header'):
        ui.link('xparo', '/').classes('xc-brand').props('aria-label="xparo: the fleet"')
        with ui.element('nav').classes('xc-nav').props('aria-label="Pages"'):
            _nav_link('Fleet', '/', current=not robot)
            if robot:
                for path, name in ROBOT_PAGES:
                    _nav_link(name, robot_path(robot, path), current=path == page)
        ui.space()
        _theme_button(session, dark)
        if robot:
            stop_button(session, robot)
    banner = ui.label().classes('xc-banner').props('role=alert')
    banner.set_visibility(False)

    drawn_for = session.feed.role

    def look() -> None:
        if session.feed.role != drawn_for:  # Known only now, or another since.
            ui.navigate.reload()
            return
        problem = session.feed.problem
        view = session.feed.robots.get(robot)
        if not problem and robot and view is not None and not view.connected:
            ago = words.span(view.silence)
            problem = f'{robot} is offline; what you see is what it said {ago} ago.'
        elif problem:
            problem = f'{problem[0].upper()}{problem[1:]}. What you see may be old.'
            if not session.feed.is_turned_away:
                problem += ' It is tried again.'
        banner.text = problem
        banner.set_visibility(bool(problem))

    each(0.6, look)
    with ui.column().classes('xc-page'):
        yield
    with ui.element('footer').classes('xc-foot'):
        who = ui.label()
        if session.signed_in:
            ui.link('Sign out', '/logout')

        def show_who() -> None:
            feed = session.feed
            who.text = f'{feed.person or "…"}, {feed.role}, at {feed.platform or "…"}'

        each(1.0, show_who)

    async def find_zone() -> None:
        with contextlib.suppress(TimeoutError):
            await ui.context.client.connected()
            zone = 'Intl.DateTimeFormat().resolvedOptions().timeZone'
            session.zone = str(await ui.run_javascript(zone, timeout=10.0) or '')

    if not session.zone:
        ui.timer(0.1, find_zone, once=True)


def _nav_link(name: str, target: str, *, current: bool) -> None:
    link = ui.link(name, target).classes('xc-link')
    if current:
        link.props('aria-current=page')


def _theme_button(session: Session, dark: Any) -> None:
    names = {None: 'as the system', False: 'light', True: 'dark'}
    icons = {None: 'brightness_auto', False: 'light_mode', True: 'dark_mode'}
    following = {None: True, True: False, False: None}

    def show() -> None:
        button.props(f'icon={icons[session.dark]}')
        named(button, f'Colours: {names[session.dark]}').update()

    def turn() -> None:
        session.dark = following[session.dark]
        dark.value = session.dark
        show()

    button = Button(on_click=turn).props('flat round dense').classes('xc-quiet')
    show()


class StopKeys(Element, component='stop_keys.js'):
    """The keys F9 and Ctrl+Space; an event `stop` when one is pressed."""


def stop_button(session: Session, robot: str) -> None:
    """Draw the button that stops a robot, and listen for its keys; what came of it is said."""

    async def stop() -> None:
        button.props('loading')
        try:
            await session.feed.send(robot, 'stop')
        except OperatorError as error:
            say(f'STOP WAS NOT SENT: {error}. Use the emergency stop on the robot.', bad=True)
        finally:
            button.props(remove='loading')

    button = Button('Stop', icon='pan_tool', on_click=stop).classes('xc-stop')
    named(button, f'Stop {robot} now').props('aria-keyshortcuts="F9 Control+Space"')
    button.set_enabled(session.feed.may_command or bool(session.feed.problem))
    StopKeys().on('stop', stop)


_tickers: dict[str, _Ticker] = {}  # by the ids of NiceGUI's clients


@contextmanager
def question(title: str) -> Iterator[ui.dialog]:
    """Open a dialog with a heading, into which the rest is drawn; closed, it is empty."""
    with ui.dialog() as dialog, ui.card():
        with ui.element('h2').classes('xc-h2'):
            ui.label(title)
        yield dialog
    named(dialog, title)
    dialog.on('hide', dialog.clear)
    dialog.open()


def say(text: str, *, bad: bool = False) -> None:
    """Say something in passing, to a screen reader too."""
    ui.notify(
        text, type='negative' if bad else 'info', position='bottom', timeout=6000 if bad else 3000
    )


class _Ticker:
    """
    Calls all that looks for what is new on one page, together.

    A browser draws the whole page again for each message that changes an element of it; what
    changes at one moment is one message.
    """

    def __init__(self) -> None:
        self.looks: list[tuple[int, Callable[[], Any]]] = []
        self._count = 0
        ui.timer(TICK, self._tick)

    def _tick(self) -> None:
        self._count += 1
        for every, look in self.looks:
            if self._count % every == 0:
                try:
                    look()
                except Exception:  # Of one panel; the others go on.
                    _LOG.exception('a part of the page cannot be shown')


def each(period: float, look: Callable[[], Any]) -> None:
    """Call `look` every so many seconds, at the same moments as the page's other ones."""
    _tickers[ui.context.client.id].looks.append((max(1, round(period / TICK)), look))


def on_change(
    revision: Callable[[], Any], refresh: Callable[[], Any], period: float = REFRESH
) -> None:
    """Call `refresh` now, and whenever what `revision` returns is another."""
    seen: list[Any] = [None]

    def look() -> None:
        now = revision()
        if now != seen[0]:
            seen[0] = now
            refresh()

    look()
    each(period, look)


async def attempt(do: Callable[[], Any]) -> bool:
    """Do something at the platform, and say so if it is refused; whether it was done."""
    try:
        await do()
    except OperatorError as error:
        say(words.error_words({'code': error.code, 'message': str(error)}), bad=True)
        return False
    return True


def empty(text: str) -> ui.label:
    """Say what to do where there is nothing yet."""
    return ui.label(text).classes('xc-empty')
