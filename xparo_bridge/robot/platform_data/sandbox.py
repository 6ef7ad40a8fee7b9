# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
One folder that files of a platform may be in, and no way out of it.

Names come from the wire. Each part of a path is opened from the folder above it and never through
a symbolic link, so nothing that is put there meanwhile leads outside either. What the folder holds
is counted once and then kept up to date, so that a file costs the same however many there are.
"""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import errno
from itertools import islice
import os
from pathlib import Path
import secrets
import stat
import time
from typing import Any

from ...errors import BadInput

_MAX_DEPTH = 16
_MAX_NAME = 255  # bytes
_MAX_LISTED = 10_000
_MAX_SCANNED = 100_000  # of one folder, which others may fill too
_PART = '.part-'  # begins the name of a file that is still being written
_TO_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_TO_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# How old a count may be that says there is no room, s: others may have made some.
_RECOUNT = 5.0


class SandboxError(BadInput):
    """Something that the sandbox refuses; says what, without a path of the machine."""


class Sandbox:
    """Files below `root`, with bounds for each, for all and for their number; in one thread."""

    def __init__(
        self, root: Path, max_file: int, max_total: int, max_entries: int = 10_000
    ) -> None:
        """
        Make the folder if it is not there, for this user only; later where a disk is full.

        `max_file` bounds one file and `max_total` all, bytes; `max_entries` files and folders.
        """
        with contextlib.suppress(OSError):
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.root = root.resolve()
        self._max_file = max_file
        self._max_total = max_total
        self._max_entries = max_entries
        self._parts: dict[str, int] = {}  # files being written, and the bytes kept free for each
        self._counted_at: float | None = None
        self._bytes = 0
        self._entries = 0

    def tree(self) -> list[dict[str, Any]]:
        """
        Return all files and folders, names in order: {type, name, path, size or children}.

        A folder that cannot be read has no children, and `error` says why. A name that is no UTF-8
        is shown with replacement characters.

        :raises SandboxError: where the folder itself cannot be read.
        """
        count = 0

        def list_folder(descriptor: int, at: str) -> list[dict[str, Any]]:
            nonlocal count
            items: list[dict[str, Any]] = []
            with os.scandir(descriptor) as found:
                entries = sorted(islice(found, _MAX_SCANNED), key=lambda entry: entry.name)
            for entry in entries:
                if entry.name.startswith(_PART):
                    continue
                count += 1
                if count > _MAX_LISTED:
                    break
                name = os.fsencode(entry.name).decode(errors='replace')
                item: dict[str, Any] = {'type': 'file', 'name': name, 'path': f'{at}{name}'}
                try:
                    if entry.is_dir(follow_symlinks=False) and at.count('/') < _MAX_DEPTH - 1:
                        item |= {'type': 'folder', 'children': []}
                        with self._open(entry.name, _FOLDER, descriptor) as folder:
                            item['children'] = list_folder(folder, f'{at}{name}/')
                    elif entry.is_file(follow_symlinks=False):
                        item['size'] = entry.stat(follow_symlinks=False).st_size
                    else:
                        continue
                except OSError as error:
                    item['error'] = error.strerror
                items.append(item)
            return items

        try:
            with self._open(str(self.root), _FOLDER) as root:
                return list_folder(root, '')
        except (FileNotFoundError, NotADirectoryError):  # The disk did not take the folder.
            return []
        except OSError as error:
            raise SandboxError(f'the folder cannot be read: {error.strerror}') from error

    def names(self, folder: str) -> list[str]:
        """Names of the files in one folder below the root, in order, at most as many as listed."""
        try:
            with (
                self._folder(f'{folder}/x', make=False) as (descriptor, _),
                self._explained(folder),
            ):
                with os.scandir(descriptor) as entries:
                    found = [
                        entry.name
                        for entry in islice(entries, _MAX_LISTED)
                        if entry.is_file(follow_symlinks=False)
                    ]
        except SandboxError:
            return []
        return sorted(name for name in found if not name.startswith(_PART) and _is_text(name))

    def read(self, path: str, max_bytes: int) -> bytes:
        """Return a whole file of at most so many bytes."""
        file, size = self.open_to_read(path)
        with os.fdopen(file, 'rb') as stream, self._explained(path):
            if size > max_bytes:
                raise SandboxError(f'{path!r} has {size} bytes, expected at most {max_bytes}')
            return stream.read(max_bytes)

    def delete(self, path: str) -> None:
        """Delete one file."""
        with self._folder(path, make=False) as (folder, name):
            with self._explained(path):
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if not stat.S_ISREG(status.st_mode):
                    raise SandboxError(f'{path!r} is no file')
                os.unlink(name, dir_fd=folder)
        self._entries -= 1
        self._bytes -= status.st_size

    def open_to_read(self, path: str) -> tuple[int, int]:
        """Open a file: its descriptor, the caller's to close, and its size in bytes."""
        with self._folder(path, make=False) as (folder, name):
            with self._explained(path):
                file = os.open(name, _TO_READ, dir_fd=folder)
                try:
                    status = os.fstat(file)
                    if stat.S_ISREG(status.st_mode):
                        return file, status.st_size
                except BaseException:
                    os.close(file)
                    raise
            os.close(file)
            raise SandboxError(f'{path!r} is no file')

    def write(self, path: str, data: bytes) -> None:
        """Write a whole file."""
        upload = self.begin(path, len(data))
        try:
            upload.add(data)
            upload.finish()
        finally:
            upload.drop()

    def begin(self, path: str, size: int | None) -> Upload:
        """
        Begin to write a file of so many bytes; nothing is seen of it before its end.

        None is a size that nobody knows yet; then it may become as large as any.

        :raises SandboxError: where there is no room for it, by bytes or by number.
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
        with self._explained(path):
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._folder(path, make=True) as (folder, name):
            with self._explained(path):
                part = _PART + secrets.token_hex(8)
                file = os.open(part, _TO_WRITE, 0o600, dir_fd=folder)
                try:
                    kept_open = os.dup(folder)
                except OSError:
                    os.close(file)
                    raise
        self._parts[part] = size or 0
        self._entries += 1
        self._bytes += size or 0
        return Upload(self, path, size, kept_open, name, part, file)

    # --- for uploads ---

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
            folder = stack.enter_context(self._open(str(self.root), _FOLDER))
            for part in parts:
                os.stat(part, dir_fd=folder, follow_symlinks=False)
                missing -= 1
                if missing:
                    folder = stack.enter_context(self._open(part, _FOLDER, folder))
        return missing

    def _count(self) -> None:
        """Count what is there; what an upload left that no longer runs is removed."""
        size, count = sum(self._parts.values()), 0

        def add(descriptor: int, depth: int) -> None:
            nonlocal size, count
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    mine = entry.name in self._parts
                    if entry.name.startswith(_PART) and not mine:
                        with contextlib.suppress(OSError):
                            os.unlink(entry.name, dir_fd=descriptor)
                        continue
                    count += 1
                    with contextlib.suppress(OSError):
                        if entry.is_file(follow_symlinks=False) and not mine:
                            size += entry.stat(follow_symlinks=False).st_size
                        elif entry.is_dir(follow_symlinks=False) and depth < _MAX_DEPTH:
                            with self._open(entry.name, _FOLDER, descriptor) as folder:
                                add(folder, depth + 1)

        with contextlib.suppress(OSError):
            with self._open(str(self.root), _FOLDER) as root:
                add(root, 1)
        self._bytes, self._entries, self._counted_at = size, count, time.monotonic()

    @contextlib.contextmanager
    def _folder(self, path: str, *, make: bool) -> Iterator[tuple[int, str]]:
        """Open the folder of a path, below the root for certain; it and the last name."""
        parts = path_parts(path)
        with contextlib.ExitStack() as stack:
            with self._explained(path):
                folder = stack.enter_context(self._open(str(self.root), _FOLDER))
                for part in parts[:-1]:
                    if make:
                        with contextlib.suppress(FileExistsError):
                            os.mkdir(part, 0o700, dir_fd=folder)
                            self._entries += 1
                    folder = stack.enter_context(self._open(part, _FOLDER, folder))
            yield folder, parts[-1]

    @contextlib.contextmanager
    def _open(self, name: str, flags: int, folder: int | None = None) -> Iterator[int]:
        descriptor = os.open(name, flags, dir_fd=folder)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def _explained(self, path: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                why = 'leads through something that is no folder'
                raise SandboxError(f'{path!r} {why}') from error
            raise SandboxError(f'{path!r}: {error.strerror}') from error


class Upload:
    """A file being written, beside its place until it is whole."""

    def __init__(
        self,
        sandbox: Sandbox,
        path: str,
        size: int | None,
        folder: int,
        name: str,
        part: str,
        file: int,
    ) -> None:
        self.path = path
        self.size = size
        self.received = 0
        self._sandbox = sandbox
        self._folder = folder
        self._name = name
        self._part = part
        self._file = file
        self._kept = False
        self._replaced: int | None = None

    def add(self, data: bytes) -> None:
        """Write the next piece; never more than was announced or there is room for."""
        if self.size is None:
            self._sandbox.claim(self._part, len(data))
        elif self.received + len(data) > self.size:
            raise SandboxError(f'more than the {self.size} bytes announced')
        self.received += len(data)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._file, view) :]
        except OSError as error:
            raise SandboxError(f'{self.path!r}: {error.strerror}') from error

    def finish(self) -> None:
        """Put the file in its place if it is whole."""
        if self.size is not None and self.received != self.size:
            raise SandboxError(f'{self.received} of {self.size} bytes came')
        with contextlib.suppress(OSError):
            there = os.stat(self._name, dir_fd=self._folder, follow_symlinks=False)
            self._replaced = there.st_size
        try:
            os.replace(self._part, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        except OSError as error:
            raise SandboxError(f'{self.path!r}: {error.strerror}') from error
        self._kept = True

    def drop(self) -> None:
        """Close it, and forget what is not in its place."""
        if self._file < 0:
            return
        file, self._file = self._file, -1
        self._sandbox.settle(self._part, self._kept, self._replaced)
        # A disk that fails now must not keep the descriptors.
        with contextlib.suppress(OSError):
            os.close(file)
        if not self._kept:
            with contextlib.suppress(OSError):
                os.unlink(self._part, dir_fd=self._folder)
        with contextlib.suppress(OSError):
            os.close(self._folder)


def path_parts(path: str) -> list[str]:
    """
    Return the names in a path below the folder, outermost first.

    :raises SandboxError: for one that could lead elsewhere or no file system would take.
    """
    parts = path.split('/')
    if len(parts) > _MAX_DEPTH:
        raise SandboxError(f'a path of {len(parts)} parts; {_MAX_DEPTH} are allowed')
    for part in parts:
        if part in ('', '.', '..') or '\0' in part or '\\' in part or part.startswith(_PART):
            raise SandboxError(
                f'{path[:200]!r}: expected a path below the folder, such as a/b.txt'
            )
        if not _is_text(part):
            raise SandboxError('a name that is no UTF-8')
        if len(part.encode()) > _MAX_NAME:
            raise SandboxError(f'a name of {len(part.encode())} bytes; {_MAX_NAME} are allowed')
    return parts


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
