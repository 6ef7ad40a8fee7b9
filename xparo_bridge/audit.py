# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Write the audit log: who ordered what of the robot, and what became of it.

One JSON object a line, only ever appended to, in files of mode 0600 that are rotated by size.
Secrets are taken out. Whoever notes an event waits for nothing: a thread of its own makes the line
and writes it. Nobody can wash the log away: each source has a budget, and what is beyond it is
counted, and the count written. What a disk does not take is counted too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
import json
import logging
from logging.handlers import RotatingFileHandler
import math
import os
from pathlib import Path
import queue
import threading
import time
from typing import Any

from .redaction import HIDDEN, redacted, SECRET_KEYS
from .state.files import open_private
from .token_bucket import TokenBucket

MAX_BYTES = 4 * 1024 * 1024
FILES = 5
# Events that wait for the disk, in all and of one source.
_WAITING, _WAITING_OF_ONE = 4000, 1000
# Longer texts are cut, and so are all of an event together: a log is no place for a map or a tree.
_LONGEST, _MOST_CHARACTERS, _MOST_VALUES = 2000, 8000, 200
# Characters behind a cut in which a secret may end that begins before it.
_LOOKED_AT = 1000
# Budgets in bytes a second and bytes at once. What a source made the robot do counts for each
# command by itself: a flood of one hides no other. With 20 commands a source that says as much as
# it may needs more than a day to turn over 20 MiB.
_ACTED, _SAID = (5.0, 128 * 1024), (50.0, 512 * 1024)
_MAX_BUDGETS = 1000
_OTHERS = '…'
# What comes within this time of an event is written with it, s. An order makes three events, and
# the thread that writes each at once takes the interpreter from the one that sends the goal.
_TOGETHER = 0.05
# Counts are written so often, s.
_COUNT_PERIOD = 60.0

Key = tuple[str, str]


class Audit:
    """The audit log in a file; without one it notes nothing."""

    def __init__(
        self,
        path: Path | None,
        report: Callable[[str], object],
        *,
        max_bytes: int = MAX_BYTES,
        files: int = FILES,
        count_period: float = _COUNT_PERIOD,
    ) -> None:
        """`report` hears of trouble with the disk, in the log's thread."""
        self._report = report
        self._count_period = count_period
        self._events: queue.SimpleQueue[tuple[str, dict[str, Any]] | None] = queue.SimpleQueue()
        self._waiting: Counter[str] = Counter()
        self._budgets: dict[Key, TokenBucket] = {}
        # By source and what: how many were not written.
        self._over: dict[str, Counter[str]] = {}
        self._lock = threading.Lock()
        self._lost = 0
        self._trouble = ''
        self._closing = threading.Event()
        self._file = None if path is None else _File(path, max_bytes, files)
        self._thread = threading.Thread(target=self._run, name='audit', daemon=True)
        if path is not None:
            self._thread.start()

    def note(self, event: str, **values: Any) -> None:
        """Append an event; never blocks, and takes no longer than 200 values do."""
        if self._file is None:
            return
        source = str(values.get('source', values.get('link', '')))[:100]
        with self._lock:
            if self._waiting[source] >= _WAITING_OF_ONE or self._waiting.total() >= _WAITING:
                self._count(source, event, values)
                return
            self._waiting[source] += 1
        room = _Room()
        entry = {'time': round(time.time(), 3), 'event': event}
        entry |= {key: _clipped(value, key, room) for key, value in values.items()}
        self._events.put((source, entry))

    def close(self, timeout: float = 2.0) -> None:
        """Write what waits; s."""
        if self._thread.is_alive():
            self._closing.set()
            self._events.put(None)
            self._thread.join(timeout)

    # --- the log's thread ---

    def _run(self) -> None:
        count_at = time.monotonic() + self._count_period
        going_on = True
        while going_on:
            batch: list[tuple[str, dict[str, Any]]] = []
            wait = max(count_at - time.monotonic(), 0.0) if self._over else None
            try:
                item = self._events.get(timeout=wait)
                self._closing.wait(_TOGETHER)
                while item is not None:
                    batch.append(item)
                    item = self._events.get_nowait()
                going_on = False
            except queue.Empty:
                pass
            self._write_all(batch)
            if not self._over:
                count_at = time.monotonic() + self._count_period
            elif not going_on or time.monotonic() >= count_at:
                self._write_counts()
                count_at = time.monotonic() + self._count_period

    def _write_all(self, batch: list[tuple[str, dict[str, Any]]]) -> None:
        for source, entry in batch:
            with self._lock:
                self._waiting[source] -= 1
                if not self._waiting[source]:
                    del self._waiting[source]
            line = _line(entry)
            if self._budget(source, entry).acquire(len(line)):
                self._write(line)
            else:
                with self._lock:
                    self._count(source, entry['event'], entry)
        if self._file is not None:
            self._file.release()

    def _budget(self, source: str, entry: Mapping[str, Any]) -> TokenBucket:
        """What a source did, by command, and what it said are counted apart."""
        acted = entry['event'] == 'command' and entry.get('state') != 'rejected'
        key = source, str(entry.get('command', ''))[:100] if acted else ''
        if key not in self._budgets and len(self._budgets) >= _MAX_BUDGETS:
            key = _OTHERS, ''
        return self._budgets.setdefault(key, TokenBucket(*(_ACTED if acted else _SAID)))

    def _count(self, source: str, event: str, values: Mapping[str, Any]) -> None:
        """Count what is not written; with the lock."""
        if source not in self._over and len(self._over) >= _MAX_BUDGETS:
            source = _OTHERS
        counts = self._over.setdefault(source, Counter())
        what = ' '.join(
            str(part)[:50] for part in (event, values.get('command'), values.get('state')) if part
        )
        counts[what if what in counts or len(counts) < 50 else _OTHERS] += 1

    def _write_counts(self) -> None:
        with self._lock:
            over, self._over = self._over, {}
        for source, counts in over.items():
            entry = {'time': round(time.time(), 3), 'event': 'not_written', 'source': source}
            self._write(_line({**entry, 'counts': dict(counts)}))
        if self._file is not None:
            self._file.release()

    def _write(self, line: str) -> None:
        assert self._file is not None
        try:
            if self._lost:
                self._file.append(
                    _line({'time': round(time.time(), 3), 'event': 'lost', 'lines': self._lost})
                )
                self._lost = 0
            self._file.append(line)
            self._trouble = ''
        except (OSError, ValueError) as error:
            self._lost += 1
            self._file.release()
            if str(error) != self._trouble:
                self._trouble = str(error)
                self._report(f'the audit log cannot be written: {error}')


class _File(RotatingFileHandler):
    """The standard library's rotation, on files of mode 0600 that are never a FIFO or a device."""

    def __init__(self, path: Path, max_bytes: int, files: int) -> None:
        super().__init__(path, maxBytes=max_bytes, backupCount=files - 1, delay=True)
        self._path = path
        self._descriptor: int | None = None

    def append(self, line: str) -> None:
        """
        Append a line.

        :raises OSError: if the disk does not take it.
        :raises DamagedFile: if there is no file but something else.
        """
        data = f'{line}\n'.encode(errors='replace')
        if self._size() + len(data) > self.maxBytes:
            self.release()
            self.doRollover()
        descriptor = self._opened()
        if os.write(descriptor, data) < len(data):  # A disk that is full: end the torn line.
            os.write(descriptor, b'\n')
            raise OSError('the disk is full')

    def release(self) -> None:
        """Close the file, so that others may move it; it is opened again when it is needed."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def emit(self, record: logging.LogRecord) -> None:
        self.append(self.format(record))

    def _size(self) -> int:
        return os.fstat(self._opened()).st_size

    def _opened(self) -> int:
        if self._descriptor is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = open_private(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        return self._descriptor


def _line(entry: Mapping[str, Any]) -> str:
    return json.dumps(_final(entry))


def for_log(values: Mapping[str, Any]) -> Any:
    """Return values as they may be written: without secrets, and bounded as in the audit log."""
    return _final(_clipped(values, '', _Room()))


class _Text:
    """The beginning of a long text, and how long all of it was."""

    def __init__(self, text: str, length: int) -> None:
        self.text = text
        self.length = length


class _Room:
    """How much of an event may still be noted: values, and characters of long texts."""

    def __init__(self) -> None:
        self.values = _MOST_VALUES
        self.characters = _MOST_CHARACTERS


def _clipped(value: Any, key: str, room: _Room) -> Any:
    """What is noted of a value: in time that does not depend on how large it is."""
    room.values -= 1
    if any(word in key.lower() for word in SECRET_KEYS):
        return HIDDEN
    if room.values < 0:
        return _OTHERS
    if isinstance(value, str):
        most = min(_LONGEST, max(room.characters, 100))
        room.characters -= min(len(value), most)
        if len(value) <= most:
            return value
        return _Text(value[: most + _LOOKED_AT], len(value))
    if isinstance(value, Mapping):
        clipped = {}
        for name, item in value.items():
            if room.values <= 0:
                clipped[_OTHERS] = f'{len(value)} in all'
                break
            clipped[str(name)[:200]] = _clipped(item, str(name)[:200], room)
        return clipped
    if isinstance(value, (list, tuple)):
        items = []
        for item in value[:100]:
            if room.values <= 0:
                break
            items.append(_clipped(item, '', room))
        if len(items) < len(value):
            items.append(f'{_OTHERS} {len(value)} in all')
        return items
    if is_dataclass(value):
        return {
            part.name: _clipped(getattr(value, part.name), part.name, room)
            for part in fields(value)
        }
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f'({len(value)} bytes)'
    if isinstance(value, int) and value.bit_length() > 64:
        return f'(a number of {value.bit_length()} bits)'
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, (int, float, type(None))) else str(value)[:200]


def _final(value: Any) -> Any:
    """Take secrets out, and then cut: else a secret could be cut in two and stay."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, _Text):
        kept = redacted(value.text)[: len(value.text) - _LOOKED_AT]
        return f'{kept}… ({value.length} characters)'
    if isinstance(value, Mapping):
        return {redacted(name): _final(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_final(item) for item in value]
    return value
