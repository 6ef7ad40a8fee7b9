# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Which pages the console has, and at which addresses."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote

from fastapi import Request
from nicegui import ui

from . import chat_page, fleet_page, robot_page, trees_page, wire_page
from .layout import empty, frame
from .sessions import Session, Sessions

RobotPage = Callable[[Session, str], None]


def add_pages(sessions: Sessions) -> None:
    """Add them to NiceGUI's application."""

    @ui.page('/')
    async def _fleet(request: Request) -> None:
        session: Session = request.state.session
        await session.feed.first()
        with frame(session, 'Fleet'):
            fleet_page.draw(session)

    pages: dict[str, tuple[str, RobotPage]] = {
        '': ('Drive', robot_page.draw),
        '/trees': ('Trees', trees_page.draw),
        '/chat': ('Chat', chat_page.draw),
        '/wire': ('Wire', wire_page.draw),
    }
    for path, (name, draw) in pages.items():
        _add_robot_page(path, name, draw)


def _add_robot_page(path: str, name: str, draw: RobotPage) -> None:
    @ui.page(f'/robot/{{robot_id}}{path}')
    async def _page(request: Request, robot_id: str) -> None:
        session: Session = request.state.session
        robot_id = unquote(robot_id)  # robot_path
        await session.feed.first()
        with frame(session, f'{robot_id}: {name}', robot_id, path):
            if robot_id not in session.feed.robots:
                title = ui.element('h1').classes('xc-h1')
                with title:
                    ui.label(robot_id)
                empty(
                    'No robot of this name has been seen. When it connects, this page shows it; '
                    'the fleet has all that were.'
                )
                ui.timer(0.5, lambda: _reload_when_there(session, robot_id))
                return
            draw(session, robot_id)


def _reload_when_there(session: Session, robot_id: str) -> None:
    if robot_id in session.feed.robots:
        ui.navigate.reload()
