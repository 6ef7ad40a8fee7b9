# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
One folder that files of a platform may be in, and no way out of it.

Names come from the wire. Each part of a path is opened from the folder above it and never through
a symbolic link, so nothing that is put there meanwhile leads outside either.
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
from typing import Any

from .sandbox_paths import FOLDER, is_text, MAX_DEPTH, opened, PART, path_parts, SandboxError
from .sandbox_room import Room
from .upload import Upload

_MAX_LISTED = 10_000
_MAX_SCANNED = 100_000  # of one folder, which others may fill too
_TO_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_TO_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


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
        self._room = Room(self.root, max_file, max_total, max_entries)

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
                if entry.name.startswith(PART):
                    continue
                count += 1
                if count > _MAX_LISTED:
                    break
                name = os.fsencode(entry.name).decode(errors='replace')
                item: dict[str, Any] = {'type': 'file', 'name': name, 'path': f'{at}{name}'}
                try:
                    if entry.is_dir(follow_symlinks=False) and at.count('/') < MAX_DEPTH - 1:
                        item |= {'type': 'folder', 'children': []}
                        with opened(entry.name, FOLDER, descriptor) as folder:
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
            with opened(str(self.root), FOLDER) as root:
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
        return sorted(name for name in found if not name.startswith(PART) and is_text(name))

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
        self._room.remove(status.st_size)

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
        self._room.check(path, size)
        with self._explained(path):
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._folder(path, make=True) as (folder, name):
            with self._explained(path):
                part = PART + secrets.token_hex(8)
                file = os.open(part, _TO_WRITE, 0o600, dir_fd=folder)
                try:
                    kept_open = os.dup(folder)
                except OSError:
                    os.close(file)
                    raise
        self._room.begin(part, size or 0)
        return Upload(self._room, path, size, kept_open, name, part, file)

    @contextlib.contextmanager
    def _folder(self, path: str, *, make: bool) -> Iterator[tuple[int, str]]:
        """Open the folder of a path, below the root for certain; it and the last name."""
        parts = path_parts(path)
        with contextlib.ExitStack() as stack:
            with self._explained(path):
                folder = stack.enter_context(opened(str(self.root), FOLDER))
                for part in parts[:-1]:
                    if make:
                        with contextlib.suppress(FileExistsError):
                            os.mkdir(part, 0o700, dir_fd=folder)
                            self._room.add_folder()
                    folder = stack.enter_context(opened(part, FOLDER, folder))
            yield folder, parts[-1]

    @contextlib.contextmanager
    def _explained(self, path: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                why = 'leads through something that is no folder'
                raise SandboxError(f'{path!r} {why}') from error
            raise SandboxError(f'{path!r}: {error.strerror}') from error
