# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The recordings of a robot's black box, as it reports them."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from . import words
from .layout import attempt, Button, empty, named, on_change
from .robot_view import RobotView
from .sessions import Session


def draw(session: Session, view: RobotView) -> None:
    """Draw the panel, which is not there for a robot without a black box."""
    with ui.element('section').classes('xc-panel').props('aria-label=Recordings') as panel:
        with ui.element('h2').classes('xc-h2'):
            ui.label('Recordings')
        place = ui.element('div').classes('xc-stack')

    def show() -> None:
        black_box = view.telemetry.get('black_box')
        panel.set_visibility(isinstance(black_box, dict))
        place.clear()
        if not isinstance(black_box, dict):
            return
        with place:
            recordings = [
                one for one in black_box.get('recordings') or () if isinstance(one, dict)
            ]
            if not recordings:
                empty('None yet. One is made when something goes wrong, or by freeze_recording.')
            for one in recordings:
                _row(session, view, one)

    show()
    on_change(lambda: str(view.telemetry.get('black_box')), show, 0.5)


def _row(session: Session, view: RobotView, about: dict[str, Any]) -> None:
    name = str(about.get('name'))
    with ui.element('div').classes('xc-row'):
        ui.label(name)
        ui.label('; '.join(map(str, about.get('reasons') or ())))
        ui.label(_size(about, session.zone)).classes('xc-soft')
        if 'upload_rosbag' in view.menu and session.feed.may_command:

            async def upload() -> None:
                await attempt(
                    lambda: session.feed.send(view.robot_id, 'upload_rosbag', {'bag': name})
                )

            fetch = Button('Fetch', on_click=upload).classes('xc-plain')
            named(fetch, f'Fetch {name}').props('dense')


def _size(about: dict[str, Any], zone: str) -> str:
    megabytes = float(about.get('bytes') or 0) / 1e6
    return f'{megabytes:.1f} MB, until {words.clock(float(about.get("end") or 0), zone)}'
