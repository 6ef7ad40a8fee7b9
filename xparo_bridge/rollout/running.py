# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What configuration a bridge runs: its hash, version, layers, and which files have changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
import contextlib
from dataclasses import dataclass
import hashlib
import json
from pathlib import Path
import threading
from typing import Any

from ..configuration import Configuration
from .bundle import is_bundle
from .manifest import BundleError, changed_files, drift, FileEntry, MANIFEST, Manifest
from .store import APPLIED, Store, StoreError

# How often files are compared with what they were, s.
_PERIOD = 30.0
_MOST = 20


@dataclass(frozen=True)
class _Origin:
    """
    Where a configuration came from: the folder of its bundle with what that says of itself.

    Without a bundle its files as they were when it was read, by their entries.
    """

    hash: str  # noqa: A003
    files: tuple[str, ...]
    folder: Path | None
    manifest: Manifest | None
    entries: Mapping[Path, FileEntry]

    @classmethod
    def of(cls, configuration: Configuration) -> _Origin:
        """Read it; what cannot be read is left out."""
        files = [file for layer in configuration.layers.layers for file in layer.files]
        folder, manifest = None, None
        if files and is_bundle(files[0].parent):
            folder = files[0].parent
            with contextlib.suppress(OSError, BundleError):
                manifest = Manifest.from_bytes((folder / MANIFEST).read_bytes())
        entries: dict[Path, FileEntry] = {}
        if manifest is None:
            for file in files:
                with contextlib.suppress(OSError):
                    entries[file] = FileEntry.of(file.read_bytes())
        text = json.dumps(configuration.data, sort_keys=True, default=str)
        return cls(
            hashlib.sha256(text.encode()).hexdigest(),
            tuple(map(str, files)),
            folder,
            manifest,
            entries,
        )

    def drift(self) -> Iterator[str]:
        """Say which files are not as they were."""
        if self.manifest is not None and self.folder is not None:
            yield from drift(self.folder, self.manifest)
        else:
            yield from changed_files(self.entries)


class Running:
    """
    Knows what a bridge runs and says it as facts; safe from any thread.

    Files are read in a thread of its own, as a disk may hang.
    """

    def __init__(self, configuration: Configuration, store: Store | None = None) -> None:
        """Take note of the files as they are now."""
        self._store = store
        self._drift: list[str] = []
        self._state: tuple[str, str] = (APPLIED, '')
        self._changed: Callable[[str], object] = lambda problem: None
        self._stopped = threading.Event()
        self._origin = _Origin.of(configuration)
        if store is not None:
            self._state = _state_of(store)
        self._reported = (self._state[0], '')

    def follow(self, configuration: Configuration) -> None:
        """Take note that another configuration runs; not on the ROS thread."""
        self._origin = _Origin.of(configuration)
        self.look()

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
        """Return what is reported to a platform or an operator."""
        origin = self._origin
        manifest = origin.manifest
        state, reason = self._state
        files = map(_printable, origin.files)
        return {
            'hash': manifest.hash if manifest else origin.hash,
            'content': manifest.content if manifest else '',
            'version': manifest.version if manifest else 0,
            'made_from': manifest.made_from if manifest else 'files',
            'layers': list(manifest.layers if manifest else files),
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
        self._drift = [_printable(text) for text in self._origin.drift()]
        if self._store is not None:
            self._state = _state_of(self._store)
        now = (self._state[0], self.problem)
        if now != self._reported:
            self._reported = now
            self._changed(now[1])

    def _watch(self) -> None:
        while not self._stopped.is_set():
            self.look()
            self._stopped.wait(_PERIOD)


def _state_of(store: Store) -> tuple[str, str]:
    """How the store stands, and why."""
    try:
        state = store.state
    except StoreError as error:
        return 'unknown', _printable(str(error))
    return state.state, _printable(state.reason)


def _printable(text: str) -> str:
    """Return a text that may name a file without the bytes of its name that are no UTF-8."""
    return text.encode(errors='replace').decode()
