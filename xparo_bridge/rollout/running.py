# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What configuration a bridge runs: its hash, version, layers, and which files have changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import hashlib
import json
from pathlib import Path
import threading
from typing import Any

from ..configuration import Configuration
from .bundle import is_bundle
from .manifest import BundleError, drift, FileEntry, MANIFEST, Manifest
from .store import APPLIED, Store, StoreError

# How often files are compared with what they were, s.
_PERIOD = 30.0
_MOST = 20


class Running:
    """
    Knows what a bridge runs and says it as facts; safe from any thread.

    Files are read in a thread of its own, as a disk may hang.
    """

    def __init__(self, configuration: Configuration, store: Store | None = None) -> None:
        """Take note of the files as they are now."""
        self._store = store
        self._folder: Path | None = None
        self._manifest: Manifest | None = None
        self._entries: dict[Path, FileEntry] = {}
        files = [file for layer in configuration.layers.layers for file in layer.files]
        if files and is_bundle(files[0].parent):
            self._folder = files[0].parent
            try:
                self._manifest = Manifest.from_bytes((self._folder / MANIFEST).read_bytes())
            except (OSError, BundleError):
                self._manifest = None
        if self._manifest is None:
            for file in files:
                try:
                    self._entries[file] = FileEntry.of(file.read_bytes())
                except OSError:
                    continue
        text = json.dumps(configuration.data, sort_keys=True, default=str)
        self._hash = hashlib.sha256(text.encode()).hexdigest()
        self._files = [str(file) for file in files]
        self._drift: list[str] = []
        self._state: tuple[str, str] = (APPLIED, '')
        self._reported = (APPLIED, '')
        self._changed: Callable[[str], object] = lambda problem: None
        self._stopped = threading.Event()

    def start(self, changed: Callable[[str], object] = lambda problem: None) -> None:
        """Begin to watch the files; `changed` hears what is wrong, at each change of state too."""
        self._changed = changed
        threading.Thread(target=self._watch, name='configuration', daemon=True).start()

    def stop(self) -> None:
        """Watch no more."""
        self._stopped.set()

    @property
    def drift(self) -> list[str]:
        """Files that are not as they were when they were read or made, each as file:line."""
        return self._drift

    def facts(self) -> dict[str, Any]:
        """Return what a platform or an operator is told."""
        manifest = self._manifest
        state, reason = self._state
        return {
            'hash': manifest.hash if manifest else self._hash,
            'content': manifest.content if manifest else '',
            'version': manifest.version if manifest else 0,
            'made_from': manifest.made_from if manifest else 'files',
            'layers': list(manifest.layers) if manifest else self._files,
            'state': state,
            'reason': reason,
            'drift': list(self._drift[:_MOST]),
        }

    @property
    def problem(self) -> str:
        """What is wrong; empty if nothing is."""
        state, reason = self._state
        parts = [f'{state}: {reason}'] if reason else []
        if self._drift:
            more = f' and {len(self._drift) - 1} more' if self._drift[1:] else ''
            parts.append(f'changed by hand: {self._drift[0]}{more}')
        return '; '.join(parts)

    def look(self) -> None:
        """Compare all files with what they were, and ask the store; not on the ROS thread."""
        if self._manifest is not None and self._folder is not None:
            self._drift = list(drift(self._folder, self._manifest))
        else:
            self._drift = list(self._changed_files())
        if self._store is not None:
            try:
                state = self._store.state
                self._state = (state.state, state.reason)
            except StoreError as error:
                self._state = ('unknown', str(error))
        now = (self._state[0], self.problem)
        if now != self._reported:
            self._reported = now
            self._changed(now[1])

    def _changed_files(self) -> Iterator[str]:
        for file, entry in self._entries.items():
            try:
                line = entry.changed_line(file.read_bytes())
            except OSError as error:
                yield f'{file}: cannot be read: {error.strerror}'
                continue
            if line:
                yield f'{file}:{line}'

    def _watch(self) -> None:
        while not self._stopped.is_set():
            self.look()
            self._stopped.wait(_PERIOD)
