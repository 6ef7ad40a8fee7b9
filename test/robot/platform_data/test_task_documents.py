# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is a tree of a task read whole, or as its root node alone, however it begins."""

from __future__ import annotations

import pytest

from xparo_bridge.behavior import builtin_registry, load
from xparo_bridge.robot.platform_data.tasks import _document

WHOLE = (
    '<root BTCPP_format="4"><BehaviorTree ID="M"><AlwaysSuccess/></BehaviorTree></root>',
    '<BehaviorTree ID="M"><AlwaysSuccess/></BehaviorTree>',
)


@pytest.mark.parametrize('before', ['', '\ufeff', '\n', '<?xml version="1.0"?>', '<!-- <a/> -->'])
@pytest.mark.parametrize('xml', WHOLE)
def test_a_whole_document_is_taken_as_it_is(before, xml):
    assert _document(before + xml, 'task') == before + xml


@pytest.mark.parametrize('before', ['', '\n', '<!-- <root> -->', '<!--a-->' * 40])
def test_a_root_node_alone_becomes_a_tree_of_the_name(before):
    tree = load(_document(f'{before}<AlwaysSuccess/>', 'task'), builtin_registry())
    assert (tree.tree_id, str(tree.tick_once())) == ('task', 'SUCCESS')
