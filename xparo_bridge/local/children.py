# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""How the demo holds its programs: started with it, watched by it, gone with it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
import ctypes
import os
from pathlib import Path
import re
import signal
import sys
from typing import Any

LOG_LINES = 2000
STOP_TIMEOUT = 6.0
READ_TIMEOUT = 1.0
_PR_SET_PDEATHSIG = 1


def cancel_on_signals(ended_by: list[signal.Signals]) -> None:
    """
    Cancel this task at SIGINT and SIGTERM, so that every way out ends the children.

    Which of them it was is put into the list.
    """
    this = asyncio.current_task()
    assert this is not None

    def end(number: signal.Signals) -> None:
        ended_by.append(number)
        this.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, end, number)


class Child:
    """A program in its own process group, with the last lines it printed."""

    def __init__(
        self, name: str, process: asyncio.subprocess.Process, log: Path | None = None
    ) -> None:
        """Take a started process; use `start`."""
        self.name = name
        self._log = log
        self.lines: deque[str] = deque(maxlen=LOG_LINES)
        self._process = process
        self._news = asyncio.Event()
        self._reader = asyncio.ensure_future(self._read())

    @classmethod
    async def start(
        cls,
        name: str,
        argv: Sequence[str],
        *,
        log: Path | None = None,
        env: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> Child:
        """
        Start a program that dies with this one, even if this one is killed.

        What it prints is appended to `log`, if there is one; `env` adds to the environment, and
        `folder` is where it runs.

        Its own process group keeps Ctrl-C from it: it is told to end when its turn has come.
        """
        return cls(
            name,
            await asyncio.create_subprocess_exec(
                *argv,
                env={**os.environ, 'PYTHONUNBUFFERED': '1', **(env or {})},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
                cwd=folder,
                preexec_fn=die_with_parent(),
            ),
            log,
        )

    @property
    def pid(self) -> int:
        """Its id, also its process group's."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Exit code, None while it runs."""
        return self._process.returncode

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send it and its group a signal, by default one that ends it at once."""
        self._signal(number)

    async def wait_for_line(self, pattern: str) -> re.Match[str]:
        """First line of its output, old or new, that a regular expression is found in."""
        while True:
            for line in self.lines:
                if match := re.search(pattern, line):
                    return match
            news = self._news
            await news.wait()

    async def wait(self) -> int:
        """Exit code, once it ended by itself."""
        code = await self._process.wait()
        await self._read_rest()
        return code

    async def stop(self) -> None:
        """End it politely, then not, and with it what it may have started."""
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT)
        except TimeoutError:
            pass
        self._signal(signal.SIGKILL)
        await self._process.wait()
        await self._read_rest()

    async def _read_rest(self) -> None:
        """Read what it printed last; what it started may hold the pipe open when it is gone."""
        await asyncio.wait({self._reader}, timeout=READ_TIMEOUT)
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            pass

    async def _read(self) -> None:
        assert self._process.stdout is not None
        with open(self._log or os.devnull, 'ab') as log:
            while line := await self._process.stdout.readline():
                log.write(line)
                log.flush()
                self.lines.append(line.decode(errors='replace').rstrip())
                self._news.set()
                self._news = asyncio.Event()


def die_with_parent() -> Callable[[], None] | None:
    """
    What a child does first, on Linux: ask to be killed when its parent is gone.

    To Linux the parent is the thread that starts the child, so that has to be one that stays.
    """
    if not sys.platform.startswith('linux'):
        return None
    libc: Any = ctypes.CDLL(None)
    parent = os.getpid()

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # It went before we asked.
            os._exit(1)

    return ask
