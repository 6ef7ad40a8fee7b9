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
import os
from pathlib import Path
import secrets
import stat
from typing import Any

from ...errors import BadInput

_MAX_DEPTH = 16
_MAX_NAME = 255  # bytes
_MAX_LISTED = 10_000
_PART = '.part-'  # begins the name of a file that is still being written
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class SandboxError(BadInput):
    """Something that the sandbox refuses; says what, without a path of the machine."""


class Sandbox:
    """Files below `root`; `max_file` bounds one of them and `max_total` all, bytes."""

    def __init__(self, root: Path, max_file: int, max_total: int) -> None:
        """Make the folder if it is not there, for this user only; later where a disk is full."""
        with contextlib.suppress(OSError):
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.root = root.resolve()
        self._max_file = max_file
        self._max_total = max_total

    def tree(self) -> list[dict[str, Any]]:
        """Return all files and folders, names in order: {type, name, path, size or children}."""
        count = 0

        def list_folder(descriptor: int, at: str) -> list[dict[str, Any]]:
            nonlocal count
            items = []
            for entry in sorted(os.scandir(descriptor), key=lambda entry: entry.name):
                path = f'{at}{entry.name}'
                count += 1
                if entry.name.startswith(_PART) or count > _MAX_LISTED:
                    continue
                if entry.is_dir(follow_symlinks=False) and path.count('/') < _MAX_DEPTH:
                    with self._open(entry.name, _FOLDER, descriptor) as folder:
                        items.append(
                            {
                                'type': 'folder',
                                'name': entry.name,
                                'path': path,
                                'children': list_folder(folder, f'{path}/'),
                            }
                        )
                elif entry.is_file(follow_symlinks=False):
                    items.append(
                        {
                            'type': 'file',
                            'name': entry.name,
                            'path': path,
                            'size': entry.stat(follow_symlinks=False).st_size,
                        }
                    )
            return items

        try:
            with self._open(str(self.root), _FOLDER) as root:
                return list_folder(root, '')
        except (FileNotFoundError, NotADirectoryError):  # The disk did not take the folder.
            return []

    def delete(self, path: str) -> None:
        """Delete one file."""
        with self._folder(path, make=False) as (folder, name):
            with self._explained(path):
                if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                    raise SandboxError(f'{path!r} is no file')
                os.unlink(name, dir_fd=folder)

    def open_to_read(self, path: str) -> tuple[int, int]:
        """Open a file: its descriptor, the caller's to close, and its size in bytes."""
        with self._folder(path, make=False) as (folder, name):
            with self._explained(path):
                file = os.open(
                    name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder
                )
            status = os.fstat(file)
            if stat.S_ISREG(status.st_mode):
                return file, status.st_size
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

    def begin(self, path: str, size: int) -> Upload:
        """Begin to write a file of so many bytes; nothing is seen of it before its end."""
        if size > self._max_file:
            raise SandboxError(f'{size} bytes; a file may have {self._max_file}')
        used = _size(self.tree())
        if used + size > self._max_total:
            raise SandboxError(f'{size} bytes do not fit: {used} of {self._max_total} are used')
        with self._explained(path):
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._folder(path, make=True) as (folder, name):
            with self._explained(path):
                part = _PART + secrets.token_hex(8)
                file = os.open(
                    part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder
                )
                return Upload(path, size, os.dup(folder), name, part, file)

    @contextlib.contextmanager
    def _folder(self, path: str, *, make: bool) -> Iterator[tuple[int, str]]:
        """Open the folder of a path, below the root for certain; it and the last name."""
        parts = _parts(path)
        with contextlib.ExitStack() as stack:
            with self._explained(path):
                folder = stack.enter_context(self._open(str(self.root), _FOLDER))
                for part in parts[:-1]:
                    if make:
                        with contextlib.suppress(FileExistsError):
                            os.mkdir(part, 0o700, dir_fd=folder)
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
                raise SandboxError(f'{path!r} leads through something that is no folder') from None
            raise SandboxError(f'{path!r}: {error.strerror}') from None


class Upload:
    """A file being written, beside its place until it is whole."""

    def __init__(self, path: str, size: int, folder: int, name: str, part: str, file: int) -> None:
        self.path = path
        self.size = size
        self.received = 0
        self._folder = folder
        self._name = name
        self._part = part
        self._file = file

    def add(self, data: bytes) -> None:
        """Write the next piece; never more than was announced."""
        if self.received + len(data) > self.size:
            raise SandboxError(f'more than the {self.size} bytes announced')
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._file, view) :]
        except OSError as error:
            raise SandboxError(f'{self.path!r}: {error.strerror}') from None
        self.received += len(data)

    def finish(self) -> None:
        """Put the file in its place if it is whole."""
        if self.received != self.size:
            raise SandboxError(f'{self.received} of {self.size} bytes came')
        try:
            os.replace(self._part, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        except OSError as error:
            raise SandboxError(f'{self.path!r}: {error.strerror}') from None

    def drop(self) -> None:
        """Close it, and forget what is not in its place."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._part, dir_fd=self._folder)
            os.close(self._folder)


def _parts(path: str) -> list[str]:
    parts = path.split('/')
    if len(parts) > _MAX_DEPTH:
        raise SandboxError(f'a path of {len(parts)} parts; {_MAX_DEPTH} are allowed')
    for part in parts:
        if part in ('', '.', '..') or '\0' in part or '\\' in part or part.startswith(_PART):
            raise SandboxError(
                f'{path[:200]!r}: expected a path below the folder, such as a/b.txt'
            )
        try:
            encoded = part.encode()
        except UnicodeEncodeError:
            raise SandboxError('a name that is no UTF-8') from None
        if len(encoded) > _MAX_NAME:
            raise SandboxError(f'a name of {len(encoded)} bytes; {_MAX_NAME} are allowed')
    return parts


def _size(tree: list[dict[str, Any]]) -> int:
    return sum(
        item['size'] if item['type'] == 'file' else _size(item['children']) for item in tree
    )
