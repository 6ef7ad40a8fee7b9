# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Write one file beside its place until it is whole."""

from __future__ import annotations

import contextlib
import os

from .sandbox_paths import SandboxError
from .sandbox_room import Room


class Upload:
    """A file being written, beside its place until it is whole."""

    def __init__(
        self,
        room: Room,
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
        self._room = room
        self._folder = folder
        self._name = name
        self._part = part
        self._file = file
        self._kept = False
        self._replaced: int | None = None

    def add(self, data: bytes) -> None:
        """Write the next piece; never more than was announced or there is room for."""
        if self.size is None:
            self._room.claim(self._part, len(data))
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
        self._room.settle(self._part, self._kept, self._replaced)
        # A disk that fails now must not keep the descriptors.
        with contextlib.suppress(OSError):
            os.close(file)
        if not self._kept:
            with contextlib.suppress(OSError):
                os.unlink(self._part, dir_fd=self._folder)
        with contextlib.suppress(OSError):
            os.close(self._folder)
