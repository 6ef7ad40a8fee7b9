# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Keep the trees that the robot knows by name, and which of them ran last.

Files of the robot's own folder are known by their names without `.xml`; nobody from outside can
change them. Trees that were given to the bridge are kept over a restart, and the one that ran last
is kept as it was then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
import hashlib
from pathlib import Path
from typing import Any

from ...json_reader import JsonError, read_own_object
from ...json_writer import dumps
from ...state import NoRoom, State
from ...utf8 import NotUtf8, read_text

# Trees that were given; the one given longest ago goes first.
MAX_KEPT = 200
_MAX_BYTES = 32 * 1024 * 1024
# A blackboard larger than this is not kept for a resume.
_MAX_BLACKBOARD = 1024 * 1024


@dataclass(frozen=True)
class StoredTree:
    """A tree by its name; `own` ones are files of the robot's folder."""

    name: str
    xml: str = field(repr=False)
    own: bool = False

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the text, made once: a megabyte takes 2 ms."""
        return hashlib.sha256(self.xml.encode()).hexdigest()


@dataclass
class LastRun:
    """The last tree that was good enough to run; `unfinished` if nothing has ended it."""

    name: str
    hash: str
    blackboard: dict[str, Any] = field(default_factory=dict)
    unfinished: bool = True


class TreeLibrary:
    """Trees by name; for the ROS thread, which waits for no disk here."""

    def __init__(self, state: State, own: Iterable[StoredTree] = ()) -> None:
        """Take the robot's own trees, and those that were given before."""
        self._own = {tree.name: tree for tree in own}
        self._given = state.table('trees', max_entries=MAX_KEPT, max_bytes=_MAX_BYTES, evicts=True)
        # Of the tree that ran last, apart: its end need not write its text again.
        self._last = state.table('last_tree', max_entries=3, max_bytes=_MAX_BYTES)
        self.last = self._read_last()
        # Those that were given, by name, with their hashes: of 200 that takes 0.2 s, so now.
        self._found: dict[str, StoredTree] = {}
        for name in self.names:
            tree = self.find(name)
            assert tree is not None and tree.hash

    def find(self, name: str) -> StoredTree | None:
        """The tree of a name; the robot's own one wins."""
        if name in self._own:
            return self._own[name]
        xml = self._given.get(name)
        tree = self._found.get(name)
        if xml is None:
            self._found.pop(name, None)
            return None
        if tree is None or tree.xml is not xml:
            tree = self._found[name] = StoredTree(name, xml)
        return tree

    def last_good(self) -> StoredTree | None:
        """The tree that ran last, as it was then."""
        if self.last is None:
            return None
        xml = self._last.get('xml')
        tree = None if xml is None else StoredTree(self.last.name, xml)
        # What is not the tree that ran must not move the robot.
        return tree if tree is not None and tree.hash == self.last.hash else None

    @property
    def names(self) -> list[str]:
        """All names there are."""
        return sorted({*self._own, *self._given})

    def is_own(self, name: str) -> bool:
        """Whether a name is that of a file of the robot's own folder."""
        return name in self._own

    def add(self, tree: StoredTree) -> None:
        """
        Keep a tree that was given.

        :raises NoRoom: if it is too large.
        """
        if tree.name not in self._own:
            self._given.put(tree.name, tree.xml)
            for name in self._found.keys() - self._given:  # Those that had to go.
                del self._found[name]
            kept = self.find(tree.name)
            assert kept is not None and kept.hash

    def remove(self, name: str) -> bool:
        """Forget a tree that was given; False if there is none of that name."""
        there = name in self._given
        self._given.delete(name)
        return there

    def ran(self, tree: StoredTree, blackboard: Mapping[str, Any]) -> None:
        """
        Note that a tree begins to run.

        :raises NoRoom: if tree or blackboard is too large to be kept for a resume.
        """
        self.last = None
        for key in ('unfinished', 'run', 'xml'):
            self._last.delete(key)
        run = dumps({'name': tree.name, 'hash': tree.hash, 'blackboard': dict(blackboard)})
        if len(run) > _MAX_BLACKBOARD:
            raise NoRoom(f'a blackboard of {len(run)} bytes, expected {_MAX_BLACKBOARD} at most')
        self._last.put('xml', tree.xml)
        self._last.put('run', run)
        self._last.put('unfinished', 'true')
        self.last = LastRun(tree.name, tree.hash, dict(blackboard))

    def ended(self) -> None:
        """Note that it ended, so that there is nothing to resume."""
        if self.last is not None and self.last.unfinished:
            self.last.unfinished = False
            self._last.put('unfinished', 'false')

    def _read_last(self) -> LastRun | None:
        text = self._last.get('run')
        if text is None:
            return None
        try:
            run = read_own_object(text)
            return LastRun(
                str(run['name']),
                str(run['hash']),
                dict(run['blackboard']),
                self._last.get('unfinished') == 'true',
            )
        except (JsonError, KeyError, TypeError, ValueError):
            return None


def read_folder(folder: Path) -> tuple[list[StoredTree], list[str]]:
    """
    Read the trees of a folder, by the names of their files; what cannot be read is left out.

    Return them, and a sentence for each that was left out.
    """
    trees, problems = [], []
    try:
        paths = sorted(folder.glob('*.xml'))
    except OSError as error:
        return [], [f'the trees of {folder} cannot be read: {error.strerror}']
    for path in paths:
        try:
            trees.append(StoredTree(path.stem, read_text(path), own=True))
        except (OSError, NotUtf8) as error:
            words = getattr(error, 'strerror', None) or error
            problems.append(f'the tree {path} is left out, it cannot be read: {words}')
    return trees, problems
