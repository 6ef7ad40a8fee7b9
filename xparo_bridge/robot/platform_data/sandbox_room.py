# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Count the bytes and entries in a folder, and say whether there is room for more.

What the folder holds is counted once and then kept up to date, so that a file costs the same
however many there are.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
import time

from .sandbox_paths import FOLDER, MAX_DEPTH, opened, PART, path_parts, SandboxError

# How old a count may be that says there is no room, s: others may have made some.
_RECOUNT = 5.0


class Room:
    """What is in a folder and how much more may be."""

    def __init__(self, root: Path, max_file: int, max_total: int, max_entries: int) -> None:
        """Bound one file by `max_file` and all by `max_total`, bytes; `max_entries` counts."""
        self._root = root
        self._max_file = max_file
        self._max_total = max_total
        self._max_entries = max_entries
        self._parts: dict[str, int] = {}  # files being written, and the bytes kept free for each
        self._counted_at: float | None = None
        self._bytes = 0
        self._entries = 0

    def check(self, path: str, size: int | None) -> None:
        """
        Refuse a file for which there is no room; None is a size that nobody knows yet.

        :raises SandboxError: naming the bound, of bytes or of number, that it would pass.
        """
        if size is not None and size > self._max_file:
            raise SandboxError(f'{size} bytes; a file may have {self._max_file}')
        needed = self._missing(path)
        if not self._fits(size or 0, needed):
            if self._entries + needed > self._max_entries:
                raise SandboxError(
                    f'{self._entries} files and folders are there; {self._max_entries} may be'
                )
            raise SandboxError(
                f'{size} bytes do not fit: {self._bytes} of {self._max_total} are used'
            )

    def begin(self, part: str, size: int) -> None:
        """Keep room free for a file that is begun."""
        self._parts[part] = size
        self._entries += 1
        self._bytes += size

    def add_folder(self) -> None:
        """Count a folder that was made."""
        self._entries += 1

    def remove(self, size: int) -> None:
        """Count out a file that was deleted."""
        self._entries -= 1
        self._bytes -= size

    def claim(self, part: str, more: int) -> None:
        """Make room for more of a file of unknown size."""
        if self._parts[part] + more > self._max_file:
            raise SandboxError(f'over {self._max_file} bytes; a file may have no more')
        if not self._fits(more, 0):
            raise SandboxError(f'no room: {self._bytes} of {self._max_total} bytes are used')
        self._bytes += more
        self._parts[part] += more

    def settle(self, part: str, kept: bool, replaced: int | None) -> None:
        """Take that an upload ended: whether it is kept, and the size of the file it replaced."""
        claimed = self._parts.pop(part)
        if not kept or replaced is not None:
            self._entries -= 1
        self._bytes -= (replaced or 0) if kept else claimed

    def _fits(self, size: int, entries: int) -> bool:
        """Whether so many bytes and entries more are within the bounds, counted anew if not."""
        now = time.monotonic()
        for most_age in (None, _RECOUNT):
            if self._counted_at is None or (most_age and now - self._counted_at > most_age):
                self._count()
            if (
                self._bytes + size <= self._max_total
                and self._entries + entries <= self._max_entries
            ):
                return True
        return False

    def _missing(self, path: str) -> int:
        """Return how many entries a file would add: itself, and folders that are not there."""
        parts = path_parts(path)
        missing = len(parts)
        # What cannot be opened is said when it is to be written.
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            folder = stack.enter_context(opened(str(self._root), FOLDER))
            for part in parts:
                os.stat(part, dir_fd=folder, follow_symlinks=False)
                missing -= 1
                if missing:
                    folder = stack.enter_context(opened(part, FOLDER, folder))
        return missing

    def _count(self) -> None:
        """Count what is there; what an upload left that no longer runs is removed."""
        size, count = sum(self._parts.values()), 0

        def add(descriptor: int, depth: int) -> None:
            nonlocal size, count
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    mine = entry.name in self._parts
                    if entry.name.startswith(PART) and not mine:
                        with contextlib.suppress(OSError):
                            os.unlink(entry.name, dir_fd=descriptor)
                        continue
                    count += 1
                    with contextlib.suppress(OSError):
                        if entry.is_file(follow_symlinks=False) and not mine:
                            size += entry.stat(follow_symlinks=False).st_size
                        elif entry.is_dir(follow_symlinks=False) and depth < MAX_DEPTH:
                            with opened(entry.name, FOLDER, descriptor) as folder:
                                add(folder, depth + 1)

        with contextlib.suppress(OSError):
            with opened(str(self._root), FOLDER) as root:
                add(root, 1)
        self._bytes, self._entries, self._counted_at = size, count, time.monotonic()
