# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Are trees kept over a restart, whole or not at all."""

from __future__ import annotations

import pytest

from xparo_bridge.behavior.ros.tree_library import (
    MAX_KEPT,
    read_folder,
    StoredTree,
    TreeLibrary,
)


def test_trees_and_the_last_run_are_there_after_a_restart(tmp_path):
    library = TreeLibrary(tmp_path)
    library.add(StoredTree('a', '<a/>'))
    library.ran(StoredTree('b', '<b/>\r\n'), {'x': 1})
    again = TreeLibrary(tmp_path)
    assert again.names == ['a']
    assert again.find('a') == StoredTree('a', '<a/>')
    assert again.last_good() is None or again.last_good().xml == '<b/>\r\n'
    assert (again.last.name, again.last.blackboard, again.last.unfinished) == ('b', {'x': 1}, True)
    again.ended()
    assert not TreeLibrary(tmp_path).last.unfinished


def test_the_last_run_is_kept_when_its_name_gets_another_tree(tmp_path):
    library = TreeLibrary(tmp_path)
    library.add(StoredTree('a', '<old/>'))
    library.ran(StoredTree('a', '<old/>'), {})
    library.add(StoredTree('a', '<new/>'))
    assert library.find('a').xml == '<new/>'
    assert library.last_good().xml == '<old/>'


def test_files_nobody_names_any_more_go(tmp_path):
    library = TreeLibrary(tmp_path)
    for number in range(3):
        library.add(StoredTree('a', f'<a n="{number}"/>'))
    assert len(list(tmp_path.glob('*.xml'))) == 1
    assert library.remove('a')
    assert not library.remove('a')
    assert list(tmp_path.glob('*.xml')) == []


def test_no_more_are_kept_than_a_bound(tmp_path, monkeypatch):
    monkeypatch.setattr('xparo_bridge.behavior.ros.tree_library.MAX_KEPT', 3)
    library = TreeLibrary(tmp_path)
    for number in range(5):
        library.add(StoredTree(f't{number}', f'<t{number}/>'))
    assert library.names == ['t2', 't3', 't4']
    assert MAX_KEPT > 3


@pytest.mark.parametrize('damage', ['{', '[]', '{"trees": 3}', '{"trees": {}, "last": {"x": 1}}'])
def test_a_damaged_index_is_as_if_there_were_none(tmp_path, damage):
    (tmp_path / 'index.json').write_text(damage)
    library = TreeLibrary(tmp_path)
    assert (library.names, library.last) == ([], None)
    library.add(StoredTree('a', '<a/>'))
    assert TreeLibrary(tmp_path).names == ['a']


def test_a_tree_that_was_cut_off_or_changed_on_disk_is_not_there(tmp_path):
    library = TreeLibrary(tmp_path)
    tree = StoredTree('a', '<a/>')
    library.ran(tree, {})
    library.add(tree)
    (tmp_path / f'{tree.hash}.xml').write_text('<a')
    assert library.find('a') is None
    assert library.last_good() is None
    library.add(tree)
    assert library.find('a') == tree


def test_the_robots_own_trees_stand_before_those_it_was_given(tmp_path):
    folder = tmp_path / 'own'
    folder.mkdir()
    (folder / 'patrol.xml').write_text('<own/>')
    library = TreeLibrary(tmp_path / 'kept', read_folder(folder))
    library.add(StoredTree('patrol', '<given/>'))
    assert library.find('patrol').xml == '<own/>'
    assert library.is_own('patrol')
    assert not library.remove('patrol')
