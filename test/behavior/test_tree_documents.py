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


def test_an_error_of_syntax_is_reported_with_its_line():
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


def read(body: str) -> object:
    """What the entry `a` holds after a tick of a tree with these nodes."""
    tree = load(f'<BehaviorTree ID="M">{body}</BehaviorTree>', builtin_registry())
    assert str(tree.tick_once()) == 'SUCCESS'
    return tree.blackboard.get('a')


# As tinyxml2 and BehaviorTree.CPP take them.
@pytest.mark.parametrize(
    'comment',
    [
        '<!-- ----- recovery ----- -->',
        '<!------ x ------>',
        '<!-- i-- -->',
        '<!---->',
        '<!-- <Wait seconds="i--"/> -->',
        '<!-- a & b < c "d -->',
        '<?xml version="1.0"?>',
        '<![CDATA[ <Fly/> ]]>',
        'words between',
    ],
)
def test_comments_and_texts_are_passed_over_wherever_they_stand(comment):
    node = f'<Script code="a := 1"/>{comment}'
    assert read(f'{comment}<Sequence>{comment}{node}</Sequence>{comment}') == 1
    assert load(f'{comment}<BehaviorTree><AlwaysSuccess/></BehaviorTree>', builtin_registry())


@pytest.mark.parametrize('line_break', ['\n', '\r\n', '\r', '&#10;', '\n\r'])
def test_a_line_break_of_an_attribute_is_kept_as_one(line_break):
    assert read(f'<Script code="a := \'one{line_break}two\'"/>') == 'one\ntwo'


@pytest.mark.parametrize('tab', ['\t', '&#9;', '&#x9;'])
def test_a_tab_of_an_attribute_is_kept(tab):
    assert read(f'<Script code="a := \'one{tab}two\'"/>') == 'one\ttwo'


@pytest.mark.parametrize(
    'script',
    [
        'a := 1;\nb := 2',
        'a := \\\n 1',
        'a := 1; \\\r\n b := 2',
        'a := 1; \\&#10; b := 2',
        '\\\n\ta := 1\\\n',
        'a\t:=\t1',
    ],
)
def test_a_script_may_go_over_lines(script):
    assert read(f'<Script code="{script}"/>') == 1
    assert read(f'<Script code="a := 0" _onSuccess="{script}"/>') == 1


@pytest.mark.parametrize(
    ('code', 'value'),
    [
        ('a := 1 &amp;&amp; 1', 1.0),
        ('a := 1 && 1', 1.0),
        ('a := 1 < 2', 1.0),
        ('a := 2 > 1', 1.0),
        ("a := '&unknown;'", '&unknown;'),
        ("a := '&#xe9;&#233;'", 'éé'),
        ("a := '&#0;&#xD800;'", '&#0;&#xD800;'),
        ("a := '&lt;&gt;&quot;&apos'", '<>"&apos'),
    ],
)
def test_references_and_bare_signs_of_attributes_are_read(code, value):
    assert read(f'<Script code="{code}"/>') == value


def test_elements_after_the_root_are_not_read_with_a_warning():
    tree = load(
        '<root BTCPP_format="4"><BehaviorTree ID="M"><AlwaysSuccess/></BehaviorTree></root>\n'
        '<root><Fly/></root>',
        builtin_registry(),
    )
    assert any('follows the first element' in str(warning) for warning in tree.warnings)
    assert tree.warnings[-1].line == 2


@pytest.mark.parametrize(
    ('xml', 'line', 'words'),
    [
        ('<a>\n<b c="1" c="2"/></a>', 2, 'the attribute [c] twice'),
        ('<a>\n\n<b c=1/></a>', 3, 'no attribute of <b>'),
        ('<a>\n<b></c></a>', 2, '</c> stands where <b> of line 2 must be closed'),
        ('<a>\r\n<b>\r\n', 3, '<b> of line 2 is not closed'),
        ('<a/>\n</b>', 2, '</b> closes nothing'),
        ('<a/>\nwords', 2, 'text follows the last element'),
        ('<a>\n<!-- ', 2, 'no --> ends'),
        ('<a b="\n\n', 1, 'no attribute of <a>'),
        ('<a>\n<&/></a>', 2, 'begins no element'),
        ('<a>\n\x01</a>', 2, 'U+0001'),
    ],
)
def test_what_tinyxml2_refuses_is_refused_with_its_line(xml, line, words):
    (problem,) = problems(xml)
    assert problem.startswith(f'line {line}: ')
    assert words in problem


def test_lines_are_those_of_the_text_also_after_comments_and_long_tags():
    xml = (
        '<!-- 1\n2 -->\r\n<root BTCPP_format="4">\n<BehaviorTree\n ID="M">\n<Sequence>\n'
        '<Script\n code="a := 1\n"/><Fly/>\n</Sequence></BehaviorTree></root>'
    )
    (problem,) = problems(xml)
    assert problem.startswith('line 9: ')
