# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The last minutes on disk: a ring of MCAP files, each whole as soon as the next one begins.

What was said once and still holds (/tf_static, the map, whatever publishers keep for whoever comes
later) is repeated at the beginning of each file, as sequence 0, so that each can be read alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
import contextlib
from dataclasses import dataclass
import errno
import os
from pathlib import Path
import time

from ..state.files import open_private
from .mcap import Channel, is_whole, Message, read, Writer

# Bytes after which a chunk is written though its time has not come.
CHUNK = 256 * 1024
# In how many files the ring is, by time and by bytes: so much more than asked for is kept.
_FILES = 20
_SHORTEST, _LONGEST = 1.0, 30.0  # s
_SMALLEST = 64 * 1024
# Share of a file that what is repeated may take.
_REPEATED = 1 / 4
# s of rest after each chunk that is copied at the start, when others have much to do.
_REST = 0.001
REPEATED = 0  # The sequence of what is repeated.


@dataclass
class _File:
    path: Path
    size: int
    ended: float  # Steady time, s.


class Ring:
    """The files; all of it is one thread's, which may wait for the disk. Methods raise OSError."""

    def __init__(self, folder: Path, seconds: float, max_bytes: int, min_free: int) -> None:
        """
        Take how much is kept: so long, in so many bytes.

        Nothing is written where the disk would have fewer than `min_free` bytes left.
        """
        self._folder = folder
        # There while a process writes, so that the next one knows of its death.
        self._mark = folder / 'in_use'
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._min_free = min_free
        self._file_seconds = min(max(seconds / _FILES, _SHORTEST), _LONGEST)
        self._file_bytes = max(max_bytes // _FILES, _SMALLEST)
        self._files: deque[_File] = deque()
        self._number = 0
        self._writer: Writer | None = None
        self._path = Path()
        self._began = self._synced = 0.0
        self._kept: dict[Channel, Message] = {}
        self._kept_bytes = 0
        # The files that an earlier process left, if it was killed.
        self.left_by_killed: list[Path] = []

    def open(self) -> None:  # noqa: A003
        """Take over what an earlier process left, and finish what it could not."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for stray in self._folder.glob('*.tmp'):
            stray.unlink()
        self._files.clear()
        killed = self._mark.exists()
        os.close(open_private(self._mark, os.O_WRONLY | os.O_CREAT))
        for path in sorted(self._folder.glob('*.mcap')):
            with contextlib.suppress(ValueError):
                self._number = max(self._number, int(path.stem))
            if not is_whole(path):
                copy([path], path, pause=_REST)
            found = path.stat()
            age = min(max(time.time() - found.st_mtime, 0.0), self._seconds)
            self._files.append(_File(path, found.st_size, time.monotonic() - age))
        self.left_by_killed = [file.path for file in self._files] if killed else []
        self._prune()

    def add(self, message: Message, *, keep: bool = False) -> None:
        """Take a message; `keep` it to be repeated in each file that begins."""
        if self._writer is None:
            self._begin()
        assert self._writer is not None
        if keep:
            self._keep(message)
        self._writer.add(message)
        if self._writer.waiting >= CHUNK:
            self.flush()

    def flush(self) -> None:
        """Write what waits, and go on in another file if it is time."""
        if self._writer is None:
            return
        self._writer.flush()
        if (
            self._writer.size >= self._file_bytes
            or time.monotonic() - self._began >= self._file_seconds
        ):
            self.rotate()

    def sync(self) -> None:
        """Have the disk keep what was written also through a power cut."""
        if self._writer is not None:
            self._writer.sync()

    def rotate(self) -> list[Path]:
        """End the file that is written; all files that are kept, oldest first."""
        writer, self._writer = self._writer, None
        if writer is not None:
            try:
                writer.finish()
            finally:
                writer.close()
                self._files.append(_File(self._path, writer.size, time.monotonic()))
        self._prune()
        return [file.path for file in self._files]

    def close(self) -> None:
        """End for good, so that the next process finds everything in order."""
        self.rotate()
        self._mark.unlink(missing_ok=True)

    def give_up(self) -> None:
        """Leave the file that could not be written as it is; a later message begins another."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with contextlib.suppress(OSError):
                writer.close()
            self._files.append(_File(self._path, writer.size, time.monotonic()))

    def make_room(self) -> None:
        """Let go of the older half, for a disk that is full."""
        for _ in range((len(self._files) + 1) // 2):
            self._files.popleft().path.unlink(missing_ok=True)

    def _begin(self) -> None:
        room = os.statvfs(self._folder)
        if room.f_bavail * room.f_frsize < self._min_free:
            raise OSError(
                errno.ENOSPC, f'fewer than {self._min_free // 1_000_000} MB of the disk are free'
            )
        self._prune()
        self._number += 1
        self._path = self._folder / f'{self._number:08}.mcap'
        self._writer = Writer(open_private(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL))
        self._began = time.monotonic()
        now = time.time_ns()
        for message in self._kept.values():
            self._writer.add(message._replace(sequence=REPEATED, log_time=now))

    def _keep(self, message: Message) -> None:
        before = self._kept.pop(message.channel, None)
        self._kept_bytes += len(message.data) - (len(before.data) if before else 0)
        self._kept[message.channel] = message
        while self._kept_bytes > self._file_bytes * _REPEATED:
            largest = max(self._kept.values(), key=lambda one: len(one.data))
            del self._kept[largest.channel]
            self._kept_bytes -= len(largest.data)

    def _prune(self) -> None:
        size, now = sum(file.size for file in self._files), time.monotonic()
        while self._files and (
            now - self._files[0].ended > self._seconds or size + self._file_bytes > self._max_bytes
        ):
            file = self._files.popleft()
            file.path.unlink(missing_ok=True)
            size -= file.size


def copy(
    paths: Sequence[Path], to: Path, metadata: dict[str, str] | None = None, pause: float = 0.0
) -> Writer:
    """
    Write the messages of files, torn or not, into one that is whole; s between chunks.

    `to` is there when it is whole and on disk, and may be one of the files.

    :raises OSError: where the disk does not serve; what was at `to` is there then as before.
    """
    made = to.with_suffix('.tmp')
    made.unlink(missing_ok=True)
    writer = Writer(open_private(made, os.O_RDWR | os.O_CREAT | os.O_EXCL))
    try:
        for number, path in enumerate(paths):
            for messages in read(path):
                for message in messages:
                    if message.sequence != REPEATED or not number:
                        writer.add(message)
                writer.flush()
                if pause:
                    time.sleep(pause)
        if metadata:
            writer.add_metadata(LIBRARY_METADATA, metadata)
        writer.finish()
        writer.sync()
        made.replace(to)
    except BaseException:
        made.unlink(missing_ok=True)
        raise
    finally:
        writer.close()
    return writer


LIBRARY_METADATA = 'xparo_bridge'
