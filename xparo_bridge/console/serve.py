# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Serve the console's pages, and end that."""

from __future__ import annotations

import argparse
import asyncio
import functools
import getpass
import socket
import ssl
import sys

from fastapi import FastAPI
from nicegui import ui
import uvicorn
from websockets.exceptions import WebSocketException

from ..local.platform_client import OperatorClient, OperatorError
from .driving import serve_drivers
from .exporting import serve_exports
from .feed import Connect
from .gate import Gate, is_loopback
from .pages import add_pages
from .sessions import Sessions

STOP_TIMEOUT = 2  # s for browsers to let go


def serve(options: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM; exit code."""
    try:
        listening = _listen(options.host, options.port)
        connect = _Connector(options)
    except (OSError, ValueError) as error:
        print(f'console: {error}', file=sys.stderr)
        return 1
    local = is_loopback(options.host)
    sessions = Sessions(connect)
    app = FastAPI(openapi_url=None)
    serve_exports(app)
    serve_drivers(app, lambda socket: socket.state.session.drivers)
    add_pages(sessions)
    ui.run_with(
        app,
        title='xparo console',
        dark=None,
        language='en-US',
        show_welcome_message=False,
        reconnect_timeout=30.0,
        binding_refresh_interval=None,
    )

    async def try_token(token: str) -> str:
        try:
            async with asyncio.timeout(10.0):
                await (await connect(token)()).close()
        except WebSocketException:
            return 'The platform does not know this token.'
        except (OSError, OperatorError, TimeoutError) as error:
            return f'The platform cannot be asked: {error}.'
        return ''

    gate = Gate(app, sessions, try_token, local=local, secure=bool(options.certificate))
    server = uvicorn.Server(
        uvicorn.Config(
            gate,
            log_level='warning',
            ws_max_size=2**20,
            timeout_graceful_shutdown=STOP_TIMEOUT,
            ssl_certfile=options.certificate,
            ssl_keyfile=options.certificate_key,
            server_header=False,
            proxy_headers=False,  # Who asks is who connects.
        )
    )

    host = f'[{options.host}]' if ':' in options.host else options.host
    scheme = 'https' if options.certificate else 'http'

    async def announce() -> None:
        while not server.started:
            await asyncio.sleep(0.02)
        print(f'console on {scheme}://{host}:{listening.getsockname()[1]}', flush=True)
        if not local:
            print('each person signs in with a token: local_platform people add NAME', flush=True)

    async def run() -> None:
        announcing = asyncio.ensure_future(announce())
        try:
            await server.serve(sockets=[listening])
        finally:
            announcing.cancel()
            sessions.end_all()

    asyncio.run(run())
    return 0


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        raise OSError(f'cannot listen on {host}:{port}: {error.strerror}') from error
    return listening


class _Connector:
    """Makes the connections of persons by their tokens, the owner's without one."""

    def __init__(self, options: argparse.Namespace) -> None:
        address = options.platform.removeprefix('ws://')
        self._tls = None
        if address.startswith('wss://'):
            address = address.removeprefix('wss://')
            self._tls = ssl.create_default_context(cafile=options.platform_authority)
        host, _, port = address.rstrip('/').rpartition(':')
        self._host, self._port = host.strip('[]'), int(port)
        self._keys = (options.secret_key, options.project_id)

    def __call__(self, token: str) -> Connect:
        return functools.partial(
            OperatorClient.connect,
            self._host,
            self._port,
            *self._keys,
            token=token,
            person='' if token else _user(),
            tls=self._tls,
        )


def _user() -> str:
    """Name of who started the console, for the audit."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ''
