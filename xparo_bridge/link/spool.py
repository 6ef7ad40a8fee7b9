# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Where does what must reach the platform wait on disk, oldest first and within a bound."""

from __future__ import annotations

from collections.abc import Mapping
import json
from pathlib import Path
from typing import Any

from .json_text import dumps


class Spool:
    """
    A folder of JSON objects in order, one file each; its methods read and write the disk.

    At `max_bytes` the oldest are dropped and counted. What an earlier run left is still there.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        """Take the folder, which is made, readable for this user alone, when it is needed."""
        self._folder = folder
        self._max_bytes = max_bytes
        self._files = {path: path.stat().st_size for path in sorted(folder.glob('*.json'))}
        self._next = int(max(self._files).stem) + 1 if self._files else 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._files)

    def add(self, item: Mapping[str, Any]) -> None:
        """Keep an object; OSError where the disk does not take it."""
        data = dumps(item).encode()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f'{self._next:012d}.json'
        self._next += 1
        # Under another name first, so that a power cut leaves no half object.
        partial = path.with_suffix('.part')
        partial.write_bytes(data)
        partial.replace(path)
        self._files[path] = len(data)
        while sum(self._files.values()) > self._max_bytes:
            self.remove_first()
            self.dropped += 1

    def first(self) -> Mapping[str, Any] | None:
        """Return the oldest object; one that cannot be read any more is dropped."""
        while self._files:
            try:
                item: Mapping[str, Any] = json.loads(next(iter(self._files)).read_bytes())
                return item
            except (OSError, ValueError):
                self.remove_first()
                self.dropped += 1
        return None

    def remove_first(self) -> None:
        """Forget the oldest object."""
        path = next(iter(self._files))
        del self._files[path]
        path.unlink(missing_ok=True)
