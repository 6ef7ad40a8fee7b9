# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Give what the platform kept of a robot as a file: CSV or JSON lines."""

from __future__ import annotations

from collections.abc import AsyncIterator
import tempfile
import time
from typing import Any
from urllib.parse import quote, unquote

from fastapi import Request, Response
from fastapi.responses import PlainTextResponse, StreamingResponse
from nicegui import ui

from ..local.platform_client import OperatorError
from ..local.platform_history import KINDS
from ..local.platform_records import export, FORMATS
from .layout import Button, question, robot_path
from .robot_view import RobotView

_DAYS = {1.0: '1 day', 7.0: '7 days', 30.0: '30 days'}
_NAMES = {
    'telemetry': 'telemetry', 'order': 'commands', 'status': 'what became of commands',
    'chat': 'chat', 'tree': 'trees pushed', 'tree_report': 'reports of trees',
    'link': 'connections', 'error': 'errors of the protocol', 'log': 'log',
    'audit': 'who did what',
}  # fmt: skip
_FORMATS = {'csv': 'CSV', 'jsonl': 'JSON lines'}
_TYPES = {'csv': 'text/csv', 'jsonl': 'application/jsonl'}
_PIECE = 1 << 16
_IN_MEMORY = 1 << 22  # bytes of a file that are not put on disk


def export_button(view: RobotView) -> None:
    """Draw the button, which asks what to export."""

    def ask() -> None:
        with question(f'Export what was kept of {view.robot_id}') as dialog:
            kind = ui.select(
                {kind: _NAMES.get(kind, kind) for kind in KINDS}, value='telemetry', label='What'
            ).props('outlined dense')
            days = ui.select(_DAYS, value=1.0, label='Of the last').props('outlined dense')
            form = ui.select(_FORMATS, value='csv', label='As').props('outlined dense')

            def get() -> None:
                dialog.close()
                path = robot_path(view.robot_id, f'/{kind.value}.{form.value}')
                ui.navigate.to(f'/export{path.removeprefix("/robot")}?days={days.value}')

            with ui.row():
                Button('No', on_click=dialog.close).classes('xc-plain')
                Button('Download', on_click=get).classes('xc-do')

    Button('Export…', icon='download', on_click=ask).classes('xc-plain').props('dense')


def serve_exports(app: Any) -> None:
    """Add the address of the files; whoever may look may have them."""

    @app.get('/export/{robot}/{kind}.{form}')  # type: ignore[untyped-decorator]
    async def _export(
        request: Request, robot: str, kind: str, form: str, days: float = 1.0
    ) -> Response:
        if kind not in KINDS or form not in FORMATS or not 0.0 < days <= 3660.0:
            return PlainTextResponse('no such export', 404)
        robot = unquote(robot)
        feed = request.state.session.feed
        await feed.first()
        until = feed.clock.now
        # Where it ends is known only now, and what is wrong is to be said before it begins.
        file = tempfile.SpooledTemporaryFile(_IN_MEMORY, 'w+', encoding='utf-8', newline='')
        try:
            await export(feed, file, kind, robot, until - days * 86400.0, until, form)
        except OperatorError as error:
            file.close()
            return PlainTextResponse(str(error), 502)
        file.seek(0)
        stamp = time.strftime('%Y%m%d-%H%M%S', time.gmtime(until))
        name = quote(f'{robot}-{kind}-{stamp}.{form}')
        return StreamingResponse(
            _pieces(file),
            media_type=_TYPES[form],
            headers={'Content-Disposition': f"attachment; filename*=UTF-8''{name}"},
        )


async def _pieces(file: Any) -> AsyncIterator[str]:
    with file:
        while piece := file.read(_PIECE):
            yield piece
