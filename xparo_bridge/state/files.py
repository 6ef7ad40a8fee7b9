# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Open, read and set aside files that may be anything: damaged, of somebody else, or no files at all.

A FIFO would block whoever opens it and a device may act on it, so neither is ever opened.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
import stat
import time

from ..errors import BadInput

# Older copies of a damaged file make room for newer ones.
_COPIES = 3


class DamagedFile(BadInput, ValueError):
    """A file cannot be what the bridge wrote; says why."""


def problem_with(path: Path) -> str:
    """Return why a path that exists cannot be used as a file of the bridge, empty if it can."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        # A link to nothing would let the file be made wherever it points to.
        return 'a link to a file that is not there' if path.is_symlink() else ''
    except OSError as error:
        return error.strerror or str(error)
    if not stat.S_ISREG(mode):
        return f'it is {_KINDS.get(stat.S_IFMT(mode), "no regular file")}'
    return ''


_KINDS = {
    stat.S_IFDIR: 'a directory',
    stat.S_IFIFO: 'a FIFO',
    stat.S_IFCHR: 'a device',
    stat.S_IFBLK: 'a device',
    stat.S_IFSOCK: 'a socket',
}


def make_accessible(path: Path) -> str:
    """Let this user alone read and write its file; return why that cannot be, empty if it can."""
    try:
        found = path.stat()
        if found.st_mode & 0o777 != 0o600 and found.st_uid == os.geteuid():
            path.chmod(0o600)
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC))
    except PermissionError as error:
        return error.strerror or str(error)
    return ''


def open_private(path: Path, flags: int) -> int:
    """
    Open or make a regular file of mode 0600 and return its descriptor; never blocks on a FIFO.

    :raises DamagedFile: for anything but a regular file.
    :raises OSError: where the disk does not serve.
    """
    if problem := problem_with(path):
        raise DamagedFile(f'{path}: {problem}')
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, 0o600)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):  # It was replaced in between.
        os.close(descriptor)
        raise DamagedFile(f'{path}: it is no regular file')
    if found.st_mode & 0o077:
        with contextlib.suppress(OSError):
            os.fchmod(descriptor, 0o600)
    return descriptor


def read_text(path: Path, max_bytes: int) -> str | None:
    """
    Return the text of a file, None if there is none.

    :raises DamagedFile: for what is no text file of at most so many bytes, or cannot be read.
    """
    try:
        if not os.path.lexists(path):
            return None
        with open(open_private(path, os.O_RDONLY), 'rb') as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise DamagedFile(f'{path}: {error.strerror or error}') from error
    if len(data) > max_bytes:
        raise DamagedFile(f'{path}: more than {max_bytes} bytes')
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise DamagedFile(f'{path}: no UTF-8 text: {error}') from error


def set_aside(path: Path) -> Path:
    """
    Rename what is damaged to `….damaged`, and return its new name.

    :raises OSError: where the directory cannot be changed.
    """
    copies = [path.with_name(f'{path.name}.damaged{number or ""}') for number in range(_COPIES)]
    free = next((copy for copy in copies if not os.path.lexists(copy)), None)
    if free is None:
        free = min(copies, key=lambda copy: copy.lstat().st_mtime)
        if stat.S_ISDIR(free.lstat().st_mode):  # Whatever is in it is not ours to delete.
            free = path.with_name(f'{path.name}.damaged-{time.time_ns()}')
    path.rename(free)
    return free
