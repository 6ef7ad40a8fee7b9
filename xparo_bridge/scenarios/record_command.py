# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""`scenario record`: watches what an operator does on a local platform, and writes a scenario."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
import os
from pathlib import Path
import signal
import sys

from websockets.exceptions import WebSocketException

from ..argument_types import Parser, port
from ..local.platform_client import OperatorClient, OperatorError
from .recorder import Recorder

DESCRIPTION = """\
Watches a local platform until Ctrl-C and writes what was done there as a scenario: commands,
chats, trees, driving by hand, and how each command ended."""


def main(argv: Sequence[str]) -> int:
    """Record; exit code 0, 1 if nothing was done or nobody listens."""
    parser = Parser('scenario record', description=DESCRIPTION)
    parser.add_argument('file', type=Path, metavar='FILE', help='the scenario to write')
    parser.add_argument('--host', default='127.0.0.1', help='of the platform [%(default)s]')
    parser.add_argument('--port', type=port, default=8765, help='of the platform [%(default)s]')
    parser.add_argument('--robot', metavar='ID', help='which robot, if there are several')
    options = parser.parse_args(argv)
    try:
        return asyncio.run(_record(options))
    except (OSError, OperatorError, WebSocketException) as error:
        where = f'{options.host}:{options.port}'
        print(f'scenario record: no platform at {where}: {error}', file=sys.stderr)
        return 1


async def _record(options: argparse.Namespace) -> int:
    recorder, stop = Recorder(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    def on_event(event: dict[str, object]) -> None:
        if options.robot in (None, event.get('robot')):
            recorder.on_event(event)

    client = await OperatorClient.connect(
        options.host,
        options.port,
        os.environ.get('XPARO_SECRET_KEY', 'demo'),
        os.environ.get('XPARO_PROJECT_ID', 'demo'),
        on_event=on_event,
    )
    async with client:
        print('recording; do what is to become a scenario, then press Ctrl-C', flush=True)
        gone = asyncio.ensure_future(client.wait_closed())
        waiting = asyncio.ensure_future(stop.wait())
        await asyncio.wait({gone, waiting}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        waiting.cancel()
    text = recorder.scenario(f'Recorded as {options.file.stem}.')
    if not recorder.steps:
        print('scenario record: nothing was done', file=sys.stderr)
        return 1
    options.file.parent.mkdir(parents=True, exist_ok=True)
    for name, content in recorder.files.items():
        (options.file.parent / name).write_text(content, encoding='utf-8')
    options.file.write_text(text, encoding='utf-8')
    print(f'wrote {options.file}: {len(recorder.steps)} steps')
    return 0
