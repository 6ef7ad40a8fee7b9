# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Who told the robot to do what, and what became of it: the audit log.

One JSON object a line, only ever appended to, in files of mode 0600 that are rotated by size.
Secrets are taken out. A thread of its own writes, so that nobody waits for the disk; what a disk
does not take is counted, and the count is written as soon as it takes lines again.
"""

from __future__ import annotations

from collections.abc import Callable
import json
import os
from pathlib import Path
import queue
import threading
import time
from typing import Any

from .redaction import HIDDEN, redacted

MAX_BYTES = 4 * 1024 * 1024
FILES = 5
_WAITING = 10_000
# Longer values are cut: a log is no place for a map or a tree.
_LONGEST = 2000
_SECRET_KEYS = ('secret', 'token', 'password', 'credential', 'api_key', 'authorization')


class Audit:
    """The audit log in a file; without one it notes nothing."""

    def __init__(
        self,
        path: Path | None,
        tell: Callable[[str], None],
        *,
        max_bytes: int = MAX_BYTES,
        files: int = FILES,
    ) -> None:
        """`tell` is told of trouble with the disk, in the log's thread."""
        self._path = path
        self._tell = tell
        self._max_bytes = max_bytes
        self._files = files
        self._lines: queue.Queue[str | None] = queue.Queue(_WAITING)
        self._lost = 0
        self._trouble = ''
        self._thread = threading.Thread(target=self._write_all, name='audit', daemon=True)
        if path is not None:
            self._thread.start()

    def note(self, event: str, **fields: Any) -> None:
        """Append an event; never blocks."""
        if self._path is None:
            return
        entry = {
            'time': round(time.time(), 3),
            'event': event,
            **{key: _without_secrets(value) for key, value in fields.items()},
        }
        try:
            self._lines.put_nowait(redacted(json.dumps(entry, default=str)) + '\n')
        except queue.Full:
            self._lost += 1

    def close(self, timeout: float = 2.0) -> None:
        """Write what waits; s."""
        if self._thread.is_alive():
            try:
                self._lines.put(None, timeout=timeout)
                self._thread.join(timeout)
            except queue.Full:
                pass

    def _write_all(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                if self._lost:
                    lost = json.dumps({'time': time.time(), 'event': 'lost', 'lines': self._lost})
                    self._append(lost + '\n')
                    self._lost = 0
                self._append(line)
                self._trouble = ''
            except OSError as error:
                self._lost += 1
                if str(error) != self._trouble:
                    self._trouble = str(error)
                    self._tell(f'the audit log cannot be written: {error}')

    def _append(self, line: str) -> None:
        assert self._path is not None
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        data = line.encode()
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(file).st_size + len(data) > self._max_bytes:
                self._rotate()
                os.close(file)
                file = os.open(
                    self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600
                )
            written = os.write(file, data)
            if written < len(data):  # A disk that filled up meanwhile: end the torn line.
                os.write(file, b'\n')
                raise OSError('the disk is full')
        finally:
            os.close(file)

    def _rotate(self) -> None:
        assert self._path is not None
        names = [
            self._path,
            *(
                self._path.with_name(f'{self._path.name}.{number}')
                for number in range(1, self._files)
            ),
        ]
        for newer, older in zip(reversed(names[:-1]), reversed(names), strict=False):
            if newer.exists():
                newer.replace(older)


def _without_secrets(value: Any, key: str = '') -> Any:
    if any(word in key.lower() for word in _SECRET_KEYS):
        return HIDDEN
    if isinstance(value, dict):
        return {str(name): _without_secrets(item, str(name)) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_secrets(item) for item in value[:100]]
    if isinstance(value, str) and len(value) > _LONGEST:
        return value[:_LONGEST] + f'… ({len(value)} characters)'
    return value
