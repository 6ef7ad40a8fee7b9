# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Start and end the local platform: the verb `serve`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
from pathlib import Path
import signal
import ssl
import sys

from ..argument_types import not_negative, positive
from .platform_history import History
from .platform_server import PlatformServer, ROBOT_PATH


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `serve` takes."""
    parser.add_argument(
        '--ping-interval',
        type=positive,
        default=15.0,
        metavar='SECONDS',
        help='how often robots are pinged [%(default)g]',
    )
    parser.add_argument(
        '--record',
        type=Path,
        metavar='FILE',
        help='append everything that happens to FILE, a JSON object a line',
    )
    parser.add_argument(
        '--data',
        type=Path,
        metavar='FOLDER',
        help='where to keep history, people and what robots said last; "" for nowhere '
        '[$ROS_HOME/xparo_bridge/local_platform/PORT; nowhere with --port 0]',
    )
    parser.add_argument(
        '--keep-days',
        type=not_negative,
        default=30.0,
        metavar='DAYS',
        help='of history [%(default)g]',
    )
    parser.add_argument(
        '--keep-bytes',
        type=not_negative,
        default=2e9,
        metavar='BYTES',
        help='of history [%(default)g]',
    )
    parser.add_argument(
        '--certificate', type=Path, metavar='FILE', help='PEM certificate chain, to serve wss'
    )
    parser.add_argument(
        '--certificate-key', type=Path, metavar='FILE', help="the certificate's PEM key"
    )


async def serve(options: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM."""
    tls = None
    if options.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.certificate, options.certificate_key)
    with contextlib.ExitStack() as stack:
        record = None
        if options.record:
            record = stack.enter_context(options.record.open('a', encoding='utf-8'))
        server = PlatformServer(
            options.secret_key,
            options.project_id,
            ping_interval=options.ping_interval,
            record=record,
            history=_history(options),
        )
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        port = await server.start(options.host, options.port, tls)
        host = f'[{options.host}]' if ':' in options.host else options.host
        print(f'listening on {"wss" if tls else "ws"}://{host}:{port}{ROBOT_PATH}', flush=True)
        await stop.wait()
        await server.stop()
    return 0


def _history(options: argparse.Namespace) -> History:
    folder = options.data
    if folder is None:
        if not options.port:  # Of a passing platform nothing is left.
            return History()
        home = Path(os.environ.get('ROS_HOME') or Path.home() / '.ros')
        folder = home / 'xparo_bridge' / 'local_platform' / str(options.port)
    elif not options.data.name:
        return History()
    keep = {'keep_days': options.keep_days, 'keep_bytes': options.keep_bytes}
    try:
        return History(folder, **keep)
    except OSError as error:
        if options.data is not None:
            raise
        print(f'local_platform: nothing is kept on disk: {error}', file=sys.stderr, flush=True)
        return History()
