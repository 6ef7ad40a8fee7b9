# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does check_tree find what is wrong, say where, and end with the right code."""

import io

import pytest
from trees import document

from xparo_bridge.behavior.errors import TreeErrors
from xparo_bridge.behavior.linter import main
from xparo_bridge.behavior.loader import load
from xparo_bridge.behavior.nodes import builtin_registry


@pytest.fixture
def file(tmp_path):
    def write(text, name='tree.xml'):
        path = tmp_path / name
        path.write_text(text, encoding='utf-8')
        return str(path)

    return write


def test_a_good_file_ends_with_0_and_its_nodes(file, capsys):
    name = file(document('<Sequence><Spin spin_dist="1"/><AlwaysSuccess/></Sequence>'))
    assert main([name]) == 0
    out = capsys.readouterr().out
    assert f'{name}: nodes used: AlwaysSuccess 1, Sequence 1, Spin 1' in out
    assert out.endswith('0 errors, 0 warnings\n')


def test_every_error_has_its_file_and_line(file, capsys):
    name = file(document('\n<Sequence>\n<Spinn/>\n<Spin spin_dist="far"/>\n</Sequence>'))
    assert main([name]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f'{name}:3: error: ')
    assert lines[1].startswith(f'{name}:4: error: ')
    assert f'{name}: unknown nodes: Spinn' in lines


def test_unknown_leaves_can_be_assumed(file, capsys):
    name = file(document('<DeliverParcel parcel="{p}"/>'))
    assert main([name]) == 1
    assert main(['--assume-nodes', name]) == 0
    assert 'unknown nodes: DeliverParcel' in capsys.readouterr().out


def test_trees_that_nothing_runs_are_checked_as_well(file, capsys):
    body = '<AlwaysSuccess/></BehaviorTree><BehaviorTree ID="Spare"><Script code="a :="/>'
    assert main([file(document(body + '</BehaviorTree>'))]) == 1


def test_format_3_is_a_warning_unless_strict(file, capsys):
    text = '<root BTCPP_format="3"><BehaviorTree ID="M"><SequenceStar><AlwaysSuccess/>'
    name = file(text + '</SequenceStar></BehaviorTree></root>')
    assert main([name]) == 0
    assert 'warning: SequenceStar' in capsys.readouterr().out
    assert main(['--strict', name]) == 1


def test_constants_can_be_given(file):
    name = file(document('<ScriptCondition code="color == RED"/>'))
    assert main(['--enum', 'RED=1', name]) == 0
    assert main(['--enum', 'RED=red', name]) == 2


def test_includes_come_from_beside_the_file(file):
    tree = '<BehaviorTree ID="B"><AlwaysSuccess/></BehaviorTree>'
    file(f'<root BTCPP_format="4">{tree}</root>', 'b.xml')
    assert main([file(document('<SubTree ID="B"/></BehaviorTree><include path="b.xml"/>'))]) == 0


def test_a_file_that_cannot_be_read_ends_with_2(tmp_path, capsys):
    assert main([str(tmp_path / 'none.xml')]) == 2
    assert 'cannot be read' in capsys.readouterr().err


def test_the_worst_file_decides(file):
    good, bad = file(document('<AlwaysSuccess/>'), 'a.xml'), file('<root', 'b.xml')
    assert main([good, bad]) == 1


def test_a_tree_can_come_from_standard_input(monkeypatch):
    monkeypatch.setattr('sys.stdin', io.StringIO(document('<AlwaysSuccess/>')))
    assert main(['-']) == 0


@pytest.mark.parametrize(
    ('body', 'needed'),
    [
        ('<Sleep msec="{m}"/>', 'm'),
        ('<Sequence><Script code="m := 1"/><Sleep msec="{m}"/></Sequence>', ''),
        ('<Sequence><Sleep msec="1" _onSuccess="m = 1"/><Sleep msec="{m}"/></Sequence>', ''),
        ('<Sequence><SetBlackboard value="1" output_key="m"/><Sleep msec="{m}"/></Sequence>', ''),
        ('<LoopInt queue="{q}" value="{m}"><Sleep msec="{m}"/></LoopInt>', ''),
        ('<Repeat num_cycles="{n}"><Sleep msec="{m}"/></Repeat>', 'm, n'),
        ('<Sleep msec="{@m}"/>', ''),
        ('<Sequence><SubTree ID="S" x="{m}"/><Sleep msec="{m}"/></Sequence>', ''),
        ('<Sequence><Sleep msec="{m}"/><Unknown parameter="{p}"/></Sequence>', 'm, p'),
        ('<Sleep msec="5"/>', ''),
    ],
)
def test_what_a_tree_needs_from_outside_is_named(tmp_path, capsys, body, needed):
    file = tmp_path / 'tree.xml'
    file.write_text(f'<root BTCPP_format="4"><BehaviorTree ID="M">{body}</BehaviorTree></root>')
    main([str(file)])
    words = f'{file}: entries needed from outside: '
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith(words)]
    assert lines == ([words + needed] if needed else [])


ENCODED = [
    ('latin-1', 'line 2 is not UTF-8'),
    ('utf-16', 'it is UTF-16'),  # With a byte order mark.
    ('utf-16-le', 'it is UTF-16'),
    ('utf-16-be', 'it is UTF-16'),
]


@pytest.mark.parametrize(('encoding', 'words'), ENCODED)
def test_a_file_in_another_encoding_is_to_be_saved_as_utf_8(tmp_path, capsys, encoding, words):
    text = document('\n<SaySomething message="café"/>')
    path = tmp_path / 'tree.xml'
    path.write_text(text, encoding=encoding)
    assert main([str(path)]) == 2
    assert capsys.readouterr().err == f'{path}: cannot be read: {words}; save it as UTF-8\n'
    around = tmp_path / 'around.xml'
    around.write_text('<root BTCPP_format="4"><include path="tree.xml"/></root>')
    assert main([str(around)]) == 1
    out = capsys.readouterr().out
    assert f"'tree.xml' cannot be read: {words}; save it as UTF-8" in out
    with pytest.raises(TreeErrors, match=f'{words}; save it as UTF-8'):
        load(text.encode(encoding), builtin_registry())


def test_what_comes_on_stdin_in_another_encoding_is_to_be_saved_as_utf_8(monkeypatch, capsys):
    data = document('<Say message="café"/>').encode('latin-1')
    monkeypatch.setattr('sys.stdin', io.TextIOWrapper(io.BytesIO(data), 'utf-8'))
    assert main(['-']) == 2
    assert capsys.readouterr().err == '-: cannot be read: it is not UTF-8; save it as UTF-8\n'


def test_bytes_in_utf_8_are_a_document():
    tree = load(document('<Script code="a := \'café\'"/>').encode(), builtin_registry())
    tree.tick_exactly_once()
    assert tree.blackboard.get('a') == 'café'
