# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The page on which one robot is seen and driven."""

from __future__ import annotations

from nicegui import ui

from . import (
    charts_panel,
    command_panel,
    map_panel,
    recordings_panel,
    state_panel,
    teleop_panel,
)
from .driving import Sight
from .layout import attempt, on_change
from .sessions import Session

_CHIPS = {'stopped': 'xc-bad', 'paused': 'xc-wait', 'offline': 'xc-bad', 'ready': 'xc-good'}


def draw(session: Session, robot_id: str) -> None:
    """Draw the page."""
    feed = session.feed
    view = feed.robots[robot_id]
    sight = Sight(feed, view)
    with ui.element('div').classes('xc-row'):
        with ui.element('h1').classes('xc-h1'):
            ui.label(robot_id)
        state = ui.label().props('role=status aria-label="State of the robot"')
        command_panel.motion_buttons(session, view)

    def show_state() -> None:
        state.text = view.activity
        state.classes(replace=f'xc-chip {_CHIPS.get(view.activity, "xc-wait")}')

    on_change(lambda: view.revision, show_state)
    with ui.element('div').classes('xc-grid'):
        with ui.element('div').classes('xc-stack'):
            map_panel.draw(session, view)
            charts_panel.draw(session, view)
        with ui.element('div').classes('xc-stack'):
            command_panel.draw(session, view)
            teleop_panel.draw(session, sight)
            recordings_panel.draw(session, view)
            state_panel.draw(session, sight)
    ui.timer(0.05, lambda: _prepare(session, robot_id), once=True)


async def _prepare(session: Session, robot_id: str) -> None:
    feed = session.feed
    if not feed.robots[robot_id].loaded:
        await attempt(lambda: feed.load(robot_id))
    await attempt(lambda: feed.ask(robot_id))
