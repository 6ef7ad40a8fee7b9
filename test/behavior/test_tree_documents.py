# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is a document read safely, wherever it comes from."""

import time

import pytest

from xparo_bridge.behavior import builtin_registry, Limits, load, TreeErrors


def problems(xml: str, limits: Limits | None = None, **options) -> list[str]:
    with pytest.raises(TreeErrors) as caught:
        load(xml, builtin_registry(), limits, **options)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    'xml',
    [
        '<!DOCTYPE root><root BTCPP_format="4"/>',
        '<!DOCTYPE root [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><root>&b;</root>',
        '<!DOCTYPE root [<!ENTITY x SYSTEM "file:///etc/passwd">]><root>&x;</root>',
        '<!DOCTYPE root SYSTEM "http://example.org/tree.dtd"><root/>',
    ],
)
def test_a_document_type_is_refused_whatever_it_says(xml):
    (problem,) = problems(xml)
    assert 'DTD' in problem


@pytest.mark.parametrize('xml', ['', '   ', 'hello', '<root', '<root></tree>', '<a/><b/>', '\x00'])
def test_text_that_is_not_xml_is_refused_with_a_line(xml):
    assert len(problems(xml)) == 1


def test_an_error_of_syntax_is_told_with_its_line():
    (problem,) = problems('\n<root BTCPP_format="4">\n<BehaviorTree ID="M">\n</root>')
    assert problem.startswith('line 4:')


def test_a_document_larger_than_the_limit_is_refused_before_it_is_parsed():
    (problem,) = problems('<root>' + ' ' * 1000, Limits(size=500))
    assert '500' in problem


def test_elements_nested_too_deeply_are_refused():
    xml = '<root BTCPP_format="4"><BehaviorTree ID="M">'
    xml += '<Inverter>' * 300 + '<AlwaysSuccess/>' + '</Inverter>' * 300
    assert 'nested' in problems(xml + '</BehaviorTree></root>')[0]


def test_nodes_nested_as_deeply_as_the_reference_allows_run():
    xml = '<BehaviorTree ID="M">' + '<Inverter>' * 256 + '<AlwaysSuccess/>' + '</Inverter>' * 256
    tree = load(xml + '</BehaviorTree>', builtin_registry())
    assert str(tree.tick_once()) == 'SUCCESS'


def test_more_elements_than_the_limit_are_refused():
    leaves = '<AlwaysSuccess/>' * 50
    xml = f'<BehaviorTree ID="M"><Sequence>{leaves}</Sequence></BehaviorTree>'
    assert 'elements' in problems(xml, Limits(nodes=20))[0]


def test_subtrees_that_multiply_are_refused_in_time():
    trees = ''.join(
        f'<BehaviorTree ID="T{n}"><Sequence><SubTree ID="T{n + 1}"/><SubTree ID="T{n + 1}"/>'
        '</Sequence></BehaviorTree>'
        for n in range(40)
    )
    trees += '<BehaviorTree ID="T40"><AlwaysSuccess/></BehaviorTree>'
    start = time.monotonic()
    (problem,) = problems(f'<root BTCPP_format="4" main_tree_to_execute="T0">{trees}</root>')
    assert 'nodes' in problem
    assert time.monotonic() - start < 5


def test_bare_ampersands_in_scripts_are_read_with_a_warning():
    xml = '<BehaviorTree ID="M"><ScriptCondition code="1 < 2 && 2 > 1"/></BehaviorTree>'
    tree = load(xml, builtin_registry())
    assert str(tree.tick_once()) == 'SUCCESS'
    assert '&amp;' in tree.warnings[0].hint


def test_the_declared_encoding_does_not_change_decoded_text():
    xml = '<?xml version="1.0" encoding="latin-1"?><BehaviorTree ID="M">'
    xml += '<Script code="a := \'ü\'"/>'
    tree = load(xml + '</BehaviorTree>', builtin_registry())
    tree.tick_once()
    assert tree.blackboard.get('a') == 'ü'


def test_a_document_with_a_byte_order_mark_is_read():
    assert load('\ufeff<BehaviorTree><AlwaysSuccess/></BehaviorTree>', builtin_registry())
