# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Are trees kept over a restart, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
from dataclasses import FrozenInstanceError
import hashlib
from pathlib import Path
import sqlite3
from typing import Any

from fixtures.cpu import cpu_time
import pytest

from xparo_bridge.behavior.ros.tree_library import (
    MAX_KEPT,
    read_folder,
    StoredTree,
    TreeLibrary,
)
from xparo_bridge.state import NoRoom, State
from xparo_bridge.state.database import FILE_NAME


@contextlib.contextmanager
def library(folder: Path, *own: StoredTree) -> Iterator[TreeLibrary]:
    """The library of one run of the bridge."""
    state = State(folder, print)
    yield TreeLibrary(state, own)
    state.close(60.0)


def change(folder: Path, query: str, *values: Any) -> None:
    with contextlib.closing(sqlite3.connect(folder / FILE_NAME)) as db, db:
        db.execute(query, values)


def test_trees_and_the_last_run_are_there_after_a_restart(tmp_path):
    with library(tmp_path) as first:
        first.add(StoredTree('a', '<a/>'))
        first.ran(StoredTree('b', '<b/>\r\n'), {'x': 1})
    with library(tmp_path) as again:
        assert again.names == ['a']
        assert again.find('a') == StoredTree('a', '<a/>')
        assert again.last_good() == StoredTree('b', '<b/>\r\n')
        last = again.last
        assert (last.name, last.blackboard, last.unfinished) == ('b', {'x': 1}, True)
        again.ended()
    with library(tmp_path) as ended:
        assert not ended.last.unfinished


def test_all_names_and_hashes_are_reported_without_reading_all_texts(tmp_path):
    texts = {f'{n}': f'<a n="{n}">' + 'x' * 160_000 + '</a>' for n in range(MAX_KEPT)}
    with library(tmp_path) as first:
        for name, text in texts.items():
            first.add(StoredTree(name, text))
        listing = [(name, first.find(name).hash) for name in first.names]
        assert dict(listing) == {
            name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()
        }
        first.add(StoredTree('0', '<b/>'))
        first.add(StoredTree('new', '<c/>'))
        first.remove('2')
        assert first.find('0').hash == StoredTree('0', '<b/>').hash
        assert first.find('new').hash == StoredTree('new', '<c/>').hash
        assert (first.find('1'), first.find('2')) == (None, None)
    with library(tmp_path) as again:
        assert cpu_time(lambda: [again.find(name).hash for name in again.names], 0.01) < 0.01


def test_the_last_run_is_kept_when_its_name_gets_another_tree(tmp_path):
    with library(tmp_path) as first:
        first.add(StoredTree('a', '<old/>'))
        first.ran(StoredTree('a', '<old/>'), {})
        first.add(StoredTree('a', '<new/>'))
    with library(tmp_path) as again:
        assert again.find('a').xml == '<new/>'
        assert again.last_good().xml == '<old/>'


def test_a_tree_that_was_forgotten_is_not_there_after_a_restart(tmp_path):
    with library(tmp_path) as first:
        first.add(StoredTree('a', '<a/>'))
        assert first.remove('a')
        assert not first.remove('a')
    with library(tmp_path) as again:
        assert again.names == []


def test_no_more_are_kept_than_a_bound(tmp_path, monkeypatch):
    monkeypatch.setattr('xparo_bridge.behavior.ros.tree_library.MAX_KEPT', 3)
    with library(tmp_path) as first:
        for number in range(5):
            first.add(StoredTree(f't{number}', f'<t{number}/>'))
        assert first.names == ['t2', 't3', 't4']
    assert MAX_KEPT > 3


@pytest.mark.parametrize('damage', ["value = '<a'", 'crc = 1', "value = x'00ff'"])
def test_a_tree_that_was_changed_on_disk_is_not_there(tmp_path, damage):
    with library(tmp_path) as first:
        first.ran(StoredTree('a', '<a/>'), {})
        first.add(StoredTree('a', '<a/>'))
        first.add(StoredTree('b', '<b/>'))
    change(tmp_path, f"UPDATE trees SET {damage} WHERE key = 'a'")
    change(tmp_path, f"UPDATE last_tree SET {damage} WHERE key = 'xml'")
    with library(tmp_path) as again:
        assert again.names == ['b']
        assert again.last_good() is None
        again.add(StoredTree('a', '<a/>'))
    with library(tmp_path) as more:
        assert more.names == ['a', 'b']


def test_a_blackboard_that_is_too_large_leaves_nothing_to_resume(tmp_path):
    with library(tmp_path) as first:
        first.ran(StoredTree('a', '<a/>'), {})
        with pytest.raises(NoRoom):
            first.ran(StoredTree('b', '<b/>'), {'map': 'x' * 2_000_000})
        first.ended()
    with library(tmp_path) as again:
        assert again.last is None


def test_the_robots_own_trees_stand_before_those_it_was_given(tmp_path):
    folder = tmp_path / 'own'
    folder.mkdir()
    (folder / 'patrol.xml').write_text('<own/>')
    with library(tmp_path / 'kept', *read_folder(folder)[0]) as trees:
        trees.add(StoredTree('patrol', '<given/>'))
        assert trees.find('patrol').xml == '<own/>'
        assert trees.is_own('patrol')
        assert not trees.remove('patrol')


@pytest.mark.parametrize(
    ('encoding', 'words'),
    [
        ('latin-1', 'line 2 is not UTF-8'),
        ('utf-16', 'it is UTF-16'),
        ('utf-16-le', 'it is UTF-16'),
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_the_others_are_taken(tmp_path, encoding, words):
    (tmp_path / 'good.xml').write_text('<good/>')
    odd = tmp_path / 'odd.xml'
    odd.write_text('<a>\n"café"</a>', encoding=encoding)
    (tmp_path / 'away.xml').symlink_to(tmp_path / 'nothing')
    trees, problems = read_folder(tmp_path)
    assert trees == [StoredTree('good', '<good/>', own=True)]
    assert problems == [
        f'the tree {tmp_path / "away.xml"} is left out, it cannot be read: '
        'No such file or directory',
        f'the tree {odd} is left out, it cannot be read: {words}; save it as UTF-8',
    ]


def test_a_tree_is_the_robots_own_only_if_it_is_a_file_of_its_folder_and_never_changes(tmp_path):
    with library(tmp_path) as first:
        first.add(StoredTree('a', '<a/>'))
        first.ran(StoredTree('a', '<a/>'), {})
    with library(tmp_path) as again:
        assert not again.find('a').own
        assert not again.last_good().own
        # Its hash is made once.
        with pytest.raises(FrozenInstanceError):
            again.find('a').xml = '<b/>'
