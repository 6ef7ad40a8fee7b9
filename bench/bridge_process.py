# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""How benchmarks run the bridge as it is installed, and what it connects to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
import json
import os
from pathlib import Path
import subprocess
import sys
from tempfile import TemporaryDirectory
import threading
from typing import Any

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosedError

# A domain of its own, so that nothing else on the machine is heard.
os.environ.setdefault('ROS_DOMAIN_ID', '91')
os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')

_ENVIRONMENT = {'XPARO_SECRET_KEY': 'bench', 'XPARO_PROJECT_ID': 'bench'}


class Sink:
    """
    WebSocket server on a port of this machine that hands every text frame to `on_frame`.

    What still comes of a connection when there is a newer one is left out.
    """

    def __init__(
        self, on_frame: Callable[[str], None], on_open: Callable[[], None] = lambda: None
    ) -> None:
        """Serve from a thread of its own, where both are called."""
        self._on_frame = on_frame
        self._on_open = on_open
        self._started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(
            target=lambda: self._loop.run_until_complete(self._serve()), daemon=True
        )
        self._thread.start()
        self._started.wait()

    async def _serve(self) -> None:
        async with serve(self._take, '127.0.0.1', 0, compression=None) as server:
            self.port: int = server.sockets[0].getsockname()[1]
            self._started.set()
            await self._stopping.wait()

    async def _take(self, socket: Any) -> None:
        self._newest = socket
        self._on_open()
        with suppress(ConnectionClosedError):
            async for frame in socket:
                if socket is self._newest:
                    self._on_frame(frame)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f'ws://127.0.0.1:{self.port}/ws'

    def close(self) -> None:
        """Stop serving."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()


@contextmanager
def running(argv: Sequence[str], cores: str = '') -> Iterator[subprocess.Popen[bytes]]:
    """Run a program, on certain cores as `taskset` names them if any."""
    pinned = ['taskset', '-c', cores] if cores else []
    process = subprocess.Popen(
        [*pinned, *argv],
        env={**os.environ, **_ENVIRONMENT},
        stdout=subprocess.DEVNULL,
        stderr=None if os.environ.get('BENCH_VERBOSE') else subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def bridge(
    url: str, telemetry: dict[str, Any], cores: str = '', **link: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a bridge with one link, to a sink, and this telemetry."""
    with TemporaryDirectory() as folder:
        file = Path(folder, 'bench.yaml')
        file.write_text(
            json.dumps(
                {
                    'robot_id': 'bench',
                    'telemetry': telemetry,
                    'links': [{'name': 'sink', 'protocol': 'xparo', 'url': url, **link}],
                }
            )
        )
        with running(
            [
                sys.executable,
                '-m',
                'xparo_bridge',
                'bridge',
                '--ros-args',
                '-p',
                f'config:=[{file}]',
            ],
            cores,
        ) as process:
            yield process
