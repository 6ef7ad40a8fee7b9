# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Which trees does the robot know by name, and which of them ran last.

Files of the robot's own folder are known by their names without `.xml`; nobody from outside can
change them. Trees that were given to the bridge are kept on disk by the hash of their text, beside
an index that is replaced as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
import hashlib
import json
from pathlib import Path
from typing import Any

from ...state_directory import write_whole

# Trees that were given; the one unused for longest goes first.
MAX_KEPT = 200
# Texts that the disk did not take are kept in memory, up to so many characters.
_MAX_UNWRITTEN = 32 * 1024 * 1024


@dataclass(frozen=True)
class StoredTree:
    """A tree by its name; `own` ones are files of the robot's folder."""

    name: str
    xml: str = field(repr=False)
    own: bool = False

    @property
    def hash(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.xml.encode()).hexdigest()


@dataclass
class LastRun:
    """The last tree that was good enough to run; `unfinished` if nothing has ended it."""

    name: str
    hash: str
    blackboard: dict[str, Any] = field(default_factory=dict)
    unfinished: bool = True


class TreeLibrary:
    """Trees by name; what the disk does not take is kept in memory and tried again."""

    def __init__(
        self,
        kept_in: Path,
        own: Iterable[StoredTree] = (),
        outcome: Callable[[Path, OSError | None], object] = lambda path, error: None,
    ) -> None:
        """
        Read what is kept; what cannot be read is as if it were not there.

        `outcome` is told how each write went.
        """
        self._folder = kept_in
        self._outcome = outcome
        self._unwritten: dict[str, str] = {}  # texts by hash
        self._own = {tree.name: tree for tree in own}
        self._given: dict[str, str] = {}
        self.last: LastRun | None = None
        try:
            index = json.loads((kept_in / 'index.json').read_text(encoding='utf-8'))
            self._given = {str(name): str(hash_) for name, hash_ in index['trees'].items()}
            if index.get('last'):
                self.last = LastRun(**index['last'])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass

    def find(self, name: str) -> StoredTree | None:
        """The tree of a name; the robot's own one wins."""
        if name in self._own:
            return self._own[name]
        hash_ = self._given.get(name)
        xml = None if hash_ is None else self._read(hash_)
        return None if xml is None else StoredTree(name, xml)

    def last_good(self) -> StoredTree | None:
        """The tree that ran last, as it was then."""
        if self.last is None:
            return None
        tree = self._own.get(self.last.name)
        if tree is not None and tree.hash == self.last.hash:
            return tree
        xml = self._read(self.last.hash)
        return None if xml is None else StoredTree(self.last.name, xml)

    @property
    def names(self) -> list[str]:
        """All names there are."""
        return sorted({*self._own, *self._given})

    def is_own(self, name: str) -> bool:
        """Whether a name is that of a file of the robot's own folder."""
        return name in self._own

    def add(self, tree: StoredTree) -> None:
        """Keep a tree that was given."""
        if tree.name in self._own:
            return
        self._keep(tree)
        self._given.pop(tree.name, None)
        self._given[tree.name] = tree.hash
        while len(self._given) > MAX_KEPT:
            del self._given[next(iter(self._given))]
        self._write_index()

    def remove(self, name: str) -> bool:
        """Forget a tree that was given; False if there is none of that name."""
        if self._given.pop(name, None) is None:
            return False
        self._write_index()
        return True

    def ran(self, tree: StoredTree, blackboard: Mapping[str, Any]) -> None:
        """Note that a tree begins to run."""
        self._keep(tree)
        self.last = LastRun(tree.name, tree.hash, dict(blackboard))
        self._write_index()

    def ended(self) -> None:
        """Note that it ended, so that there is nothing to resume."""
        if self.last is not None and self.last.unfinished:
            self.last.unfinished = False
            self._write_index()

    def _read(self, hash_: str) -> str | None:
        if hash_ in self._unwritten:
            return self._unwritten[hash_]
        try:
            xml = (self._folder / f'{hash_}.xml').read_text(encoding='utf-8')
        except (OSError, ValueError):
            return None
        # A file that was changed or cut off is not the tree that was checked.
        return xml if hashlib.sha256(xml.encode()).hexdigest() == hash_ else None

    def _keep(self, tree: StoredTree) -> None:
        if self._read(tree.hash) is None:
            self._unwritten[tree.hash] = tree.xml
            while sum(map(len, self._unwritten.values())) > _MAX_UNWRITTEN:
                del self._unwritten[next(iter(self._unwritten))]

    def _write_index(self) -> None:
        index = json.dumps(
            {'trees': self._given, 'last': asdict(self.last) if self.last else None}
        )
        used = {*self._given.values(), self.last.hash if self.last else ''}
        self._unwritten = {hash_: xml for hash_, xml in self._unwritten.items() if hash_ in used}
        path = self._folder / 'index.json'
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Texts first, so that the index names none that is not there.
            for hash_, xml in list(self._unwritten.items()):
                write_whole(self._folder / f'{hash_}.xml', xml)
                del self._unwritten[hash_]
            write_whole(path, index)
            for text in self._folder.glob('*.xml'):
                if text.stem not in used:
                    text.unlink(missing_ok=True)
        except OSError as error:
            self._outcome(path, error)
        else:
            self._outcome(path, None)


def read_folder(folder: Path) -> list[StoredTree]:
    """The trees of a folder by the names of their files; OSError if one cannot be read."""
    return [
        StoredTree(path.stem, path.read_text(encoding='utf-8'), own=True)
        for path in sorted(folder.glob('*.xml'))
    ]
