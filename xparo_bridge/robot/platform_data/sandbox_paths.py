# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Read paths of files that come from the wire, and open them without leaving their folder."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import os

from ...errors import BadInput

MAX_DEPTH = 16
_MAX_NAME = 255  # bytes
PART = '.part-'  # begins the name of a file that is still being written
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class SandboxError(BadInput):
    """Something that the sandbox refuses; says what, without a path of the machine."""


def path_parts(path: str) -> list[str]:
    """
    Return the names in a path below the folder, outermost first.

    :raises SandboxError: for one that could lead elsewhere or no file system would take.
    """
    parts = path.split('/')
    if len(parts) > MAX_DEPTH:
        raise SandboxError(f'a path of {len(parts)} parts; {MAX_DEPTH} are allowed')
    for part in parts:
        if part in ('', '.', '..') or '\0' in part or '\\' in part or part.startswith(PART):
            raise SandboxError(
                f'{path[:200]!r}: expected a path below the folder, such as a/b.txt'
            )
        if not is_text(part):
            raise SandboxError('a name that is no UTF-8')
        if len(part.encode()) > _MAX_NAME:
            raise SandboxError(f'a name of {len(part.encode())} bytes; {_MAX_NAME} are allowed')
    return parts


def is_text(name: str) -> bool:
    """Whether a name is UTF-8, as the wire has it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


@contextlib.contextmanager
def opened(name: str, flags: int, folder: int | None = None) -> Iterator[int]:
    """Open a file or folder below an open one, and close it at the end."""
    descriptor = os.open(name, flags, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
