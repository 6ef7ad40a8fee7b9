# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does a document become the tree its author meant, or a list of everything wrong with it."""

import pytest
from trees import (
    document,
    IDLE,
    load_nodes,
    log_of,
    registry_with_leaves,
    RUNNING,
    SUCCESS,
)

from xparo_bridge.behavior import (
    Blackboard,
    builtin_registry,
    load,
    Manifest,
    NodeError,
    NodeKind,
    StatefulAction,
    TickError,
    TreeErrors,
)
from xparo_bridge.behavior.ports import input_port
from xparo_bridge.behavior.tree import Tree


def errors_of(body: str, **options) -> TreeErrors:
    with pytest.raises(TreeErrors) as caught:
        load_nodes(body, **options)
    return caught.value


def test_every_problem_is_reported_at_once_with_line_path_and_hint():
    errors = errors_of(
        '\n<Sequence name="top">'
        '\n<Inverterr><AlwaysSuccess/></Inverterr>'
        '\n<Repeat num_cycles="many"><AlwaysSuccess/></Repeat>'
        '\n<Script code="a := "/>'
        '\n<AlwaysSuccess nonsense="1"/>'
        '\n<SubTree ID="Nowhere"/>'
        '\n<Act name="a" _skipIf="b ="/>'
        '\n</Sequence>'
    )
    assert {problem.line for problem in errors.problems} == {3, 4, 5, 6, 7, 8}
    by_line = {problem.line: problem for problem in errors.problems}
    assert 'Inverter' in by_line[3].hint
    assert by_line[4].path == 'Repeat::4'
    assert '_skipIf' in by_line[8].message


def test_a_problem_in_a_tree_used_twice_is_reported_once():
    errors = errors_of(
        '<Sequence><SubTree ID="T"/><SubTree ID="T"/></Sequence></BehaviorTree>'
        '<BehaviorTree ID="T"><Note/><Note/></BehaviorTree>'
    )
    assert len(errors.problems) == 1


def test_a_bare_tree_element_is_a_document():
    tree = load('<BehaviorTree ID="Only"><AlwaysSuccess/></BehaviorTree>', builtin_registry())
    assert tree.tree_id == 'Only'


def test_compact_and_explicit_forms_make_the_same_nodes():
    tree = load_nodes('<Control ID="Sequence"><Action ID="Act" name="a"/></Control>')
    assert [node.type_id for node in tree.nodes] == ['Sequence', 'Act']


def test_names_with_spaces_are_accepted():
    tree = load_nodes(
        '<SubTree ID="Go there" name="a trip"/></BehaviorTree>'
        '<BehaviorTree ID="Go there"><Act name="my act"/></BehaviorTree>'
    )
    assert tree.nodes[-1].path == 'a trip/my act'


def test_an_explicit_child_of_a_reactive_sequence_is_accepted():
    load_nodes('<ReactiveSequence><Action ID="Act"/></ReactiveSequence>')


def test_a_refused_tree_leaves_the_blackboard_alone():
    board = Blackboard()
    errors_of('<Sequence><Act out="{x}"/><Nothing/></Sequence>', blackboard=board)
    assert list(board.keys()) == []


def test_a_refused_tree_makes_none_of_its_own_nodes():
    made = []

    def factory(config):
        made.append(config)
        raise AssertionError('no node should be made')

    registry = registry_with_leaves()
    registry.add(Manifest('Costly', NodeKind.ACTION, {}, factory))
    errors_of('<Sequence><Costly/><Nothing/></Sequence>', registry=registry)
    assert made == []


def test_a_node_that_cannot_be_made_refuses_the_tree_and_shuts_down_the_others():
    shut = []
    registry = registry_with_leaves()

    class Opened(registry.find('Note').factory):
        def shutdown(self):
            shut.append(self.name)

    def broken(config):
        raise RuntimeError('no such server')

    registry.register(Opened)
    registry.add(Manifest('Broken', NodeKind.ACTION, {}, broken))
    errors = errors_of('<Sequence><Opened/><Broken/></Sequence>', registry=registry)
    assert 'no such server' in str(errors)
    assert shut == ['Opened']


def test_a_type_without_a_factory_cannot_run():
    registry = registry_with_leaves()
    registry.add(Manifest('Elsewhere', NodeKind.ACTION))
    assert 'cannot run' in str(errors_of('<Elsewhere/>', registry=registry))
    assert load_nodes('<Elsewhere/>', registry=registry.with_stubs()).tick_once() is SUCCESS


def test_unknown_leaves_can_be_assumed():
    tree = load_nodes('<Unknown anything="{x}" _skipIf="false"/>', assume_nodes=True)
    assert tree.tick_once() is SUCCESS
    assert 'Unknown' in str(errors_of('<Unknown><AlwaysSuccess/></Unknown>', assume_nodes=True))


def test_manual_selector_is_refused_by_name():
    errors = errors_of('<ManualSelector><AlwaysSuccess/></ManualSelector>')
    assert 'terminal' in errors.problems[0].hint


@pytest.mark.parametrize(
    'body',
    [
        '<Act does="{a}" in="{a}"/>',
        '<Sequence><Act out="{a}"/><Act in="{a}"/></Sequence>',
        '<Sequence><Act out="{=}"/><Act in="{out}"/></Sequence>',
    ],
)
def test_ports_of_one_entry_may_share_a_type(body):
    load_nodes(body)


def test_ports_of_different_types_cannot_share_an_entry():
    errors = errors_of(
        '<Sequence><Repeat num_cycles="{n}"><Act/></Repeat>'
        '<Delay delay_msec="{n}"><Act/></Delay></Sequence>'
    )
    assert 'type' in errors.problems[0].message


def test_a_subtree_reads_and_writes_the_entries_it_is_connected_to():
    tree = load_nodes(
        '<SubTree ID="T" inner="{outer}" number="7" text="go"/></BehaviorTree>'
        '<BehaviorTree ID="T"><Script code="inner := number + 1; own := text"/></BehaviorTree>'
    )
    tree.tick_once()
    assert tree.blackboard.snapshot() == {'outer': 8.0}
    assert tree.blackboards['T::1'].snapshot() == {'number': 7, 'text': 'go', 'own': 'go'}


def test_autoremap_shares_all_but_private_entries():
    tree = load_nodes(
        '<SubTree ID="T" _autoremap="true"/></BehaviorTree>'
        '<BehaviorTree ID="T"><Script code="shared := 1; _private := 2"/></BehaviorTree>'
    )
    tree.tick_once()
    assert tree.blackboard.snapshot() == {'shared': 1}


def test_a_model_gives_the_ports_of_a_subtree_their_defaults():
    body = (
        '<SubTree ID="T"{}/></BehaviorTree><BehaviorTree ID="T"><Note value="{{p}}"/>'
        '</BehaviorTree><TreeNodesModel><SubTree ID="T"><input_port name="p"{}/></SubTree>'
        '</TreeNodesModel>'
    )
    tree = load_nodes(body.format('', ' default="5"'))
    tree.tick_once()
    assert log_of(tree) == [5]
    assert '[p]' in str(errors_of(body.format('', '')))


def test_a_tree_that_contains_itself_is_refused():
    errors = errors_of(
        '<SubTree ID="A"/></BehaviorTree><BehaviorTree ID="A"><SubTree ID="B"/></BehaviorTree>'
        '<BehaviorTree ID="B"><SubTree ID="A"/></BehaviorTree>'
    )
    assert 'contains itself' in str(errors)


def test_included_trees_come_from_the_folder_of_the_robot_only(tmp_path):
    folder = tmp_path / 'trees'
    (folder / 'more').mkdir(parents=True)
    (tmp_path / 'secret.xml').write_text('<root/>')
    (folder / 'one.xml').write_text(
        '<root BTCPP_format="4"><include path="more/two.xml"/>'
        '<BehaviorTree ID="One"><SubTree ID="Two"/></BehaviorTree></root>'
    )
    (folder / 'more' / 'two.xml').write_text(
        '<root BTCPP_format="4"><BehaviorTree ID="Two"><AlwaysSuccess/></BehaviorTree></root>'
    )
    (folder / 'link.xml').symlink_to(tmp_path / 'secret.xml')
    (folder / 'loop.xml').write_text('<root BTCPP_format="4"><include path="loop.xml"/></root>')
    body = '<SubTree ID="One"/></BehaviorTree><include path="{}"/>'
    assert load_nodes(body.format('one.xml'), tree_folder=folder).tick_once() is SUCCESS
    outside = ['../secret.xml', str(tmp_path / 'secret.xml'), 'link.xml']
    for name in outside:
        assert 'outside' in str(errors_of(body.format(name), tree_folder=folder))
    assert 'includes itself' in str(errors_of(body.format('loop.xml'), tree_folder=folder))
    assert 'cannot be read' in str(errors_of(body.format('none.xml'), tree_folder=folder))
    assert 'cannot be included' in str(errors_of(body.format('one.xml')))


def test_problems_of_an_included_file_name_it(tmp_path):
    (tmp_path / 'bad.xml').write_text(
        '<root BTCPP_format="4">\n<BehaviorTree ID="Bad"><Nothing/></BehaviorTree></root>'
    )
    errors = errors_of(
        '<SubTree ID="Bad"/></BehaviorTree><include path="bad.xml"/>', tree_folder=tmp_path
    )
    assert str(errors.problems[0]).startswith('bad.xml:2: ')


def test_format_3_is_read_with_warnings():
    xml = (
        '<root BTCPP_format="3" main_tree_to_execute="M"><BehaviorTree ID="M"><SequenceStar>'
        '<SubTree ID="T" inner="a"/>'
        '<SubTreePlus ID="T" inner="2" __autoremap="0"/>'
        '<Decorator ID="RetryUntilSuccesful" num_attempts="2"><AlwaysSuccess/></Decorator>'
        '<BlackboardCheckInt value_A="{n}" value_B="3"><AlwaysFailure/></BlackboardCheckInt>'
        '<Parallel success_threshold="1"><AlwaysSuccess/></Parallel>'
        '</SequenceStar></BehaviorTree>'
        '<BehaviorTree ID="T"><Note value="{inner}"/></BehaviorTree></root>'
    )
    tree = load(xml, registry_with_leaves(), services={'log': []}, blackboard={'a': 1, 'n': 4})
    types = [node.type_id for node in tree.nodes]
    assert types[0] == 'SequenceWithMemory'
    assert 'RetryUntilSuccessful' in types
    assert 'Precondition' in types
    assert any('SubTree of format 3' in warning.message for warning in tree.warnings)
    tree.tick_once()
    assert log_of(tree) == [1, 2]
    with pytest.raises(TreeErrors):
        load(xml, registry_with_leaves(), migrate=False)


def test_the_main_tree_is_named_found_or_asked_for():
    two = (
        '<root BTCPP_format="4"><BehaviorTree ID="A"><AlwaysSuccess/></BehaviorTree>'
        '<BehaviorTree ID="B"><AlwaysFailure/></BehaviorTree></root>'
    )
    with pytest.raises(TreeErrors) as caught:
        load(two, builtin_registry())
    assert 'A, B' in caught.value.problems[0].hint
    assert load(two, builtin_registry(), tree_id='B').tree_id == 'B'


def test_a_tree_can_begin_with_values():
    tree = load_nodes('<Note value="{a}"/>', blackboard={'a': [1, 2]})
    tree.tick_once()
    assert log_of(tree) == [[1, 2]]
    assert tree.root.state is IDLE


def test_a_port_left_empty_is_warned_of():
    tree = load_nodes('<Repeat><AlwaysSuccess/></Repeat>')
    assert '[num_cycles]' in tree.warnings[0].message


def test_a_node_type_cannot_be_registered_twice_or_under_a_forbidden_name():
    registry = builtin_registry()
    with pytest.raises(NodeError):
        registry.add(Manifest('Sequence', NodeKind.ACTION))
    with pytest.raises(NodeError):
        registry.add(Manifest('a b', NodeKind.ACTION))
    with pytest.raises(NodeError):
        registry.bind('Unknown', lambda config: None)
    registry.add_enum('RED', 1)
    with pytest.raises(NodeError):
        registry.add_enum('RED', 2)


def test_the_helper_document_is_what_it_seems():
    assert document('<AlwaysSuccess/>').count('BehaviorTree') == 2


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        ('7', 7),
        ('-3', -3),
        ('3000000000', 3_000_000_000),
        ('7.0', 7.0),
        ('1e3', 1000.0),
        ('7 m', '7 m'),
        ('7.5 m', '7.5 m'),
        ('', ''),
    ],
)
def test_a_literal_of_a_subtree_is_a_number_if_all_of_it_is_one(text, value):
    tree = load_nodes(
        f'<SubTree ID="T" p="{text}"/></BehaviorTree>'
        '<BehaviorTree ID="T"><Note value="{p}"/></BehaviorTree>'
    )
    tree.tick_once()
    assert [(type(noted), noted) for noted in log_of(tree)] == [(type(value), value)]


@pytest.mark.parametrize('form', ['<SubTree ID="{}"/>', '</BehaviorTree><BehaviorTree ID="{}">'])
@pytest.mark.parametrize(
    ('name', 'words'),
    [
        ('Root', 'is reserved'),
        ('root', 'is reserved'),
        ('a/b', "'/' may not stand in the name"),
        ('Sequence', 'is the name of a node type'),
        ('x' * 257, 'has more than 256 characters'),
    ],
)
def test_a_name_that_no_tree_may_have_is_refused_where_a_tree_has_it_or_is_used(form, name, words):
    body = f'<AlwaysSuccess/>{form.format(name)}<AlwaysSuccess/></BehaviorTree>'
    if 'SubTree' in form:
        body = f'<Sequence>{form.format(name)}</Sequence>'
    assert words in str(errors_of(body))


@pytest.mark.parametrize('element', ['{}/', 'Act name="{}"/', 'Action ID="{}"/'])
def test_a_name_too_long_to_be_shown_is_refused_wherever_it_stands(element):
    long = f'<{element.format("x" * 257)}>'
    assert 'has more than 256 characters' in str(errors_of(f'<Sequence>{long}</Sequence>'))
    assert 'has more than' not in str(
        errors_of(f'<Sequence><{element.format("x" * 256)}><Fly/></Sequence>')
    )


def test_of_the_ports_that_an_editor_left_empty_those_of_text_are_given():
    given = []

    def factory(config):
        given.append(dict(config.inputs))
        return registry.find('AlwaysSuccess').factory(config)

    registry = registry_with_leaves()
    ports = [input_port('angle', 'double'), input_port('word', 'string'), input_port('other')]
    registry.add(Manifest('Turn', NodeKind.ACTION, {port.name: port for port in ports}, factory))
    load_nodes('<Turn angle="" word="" other=""/>', registry=registry)
    assert given == [{'word': '', 'other': ''}]


class Stuck(StatefulAction):
    """Runs until it is halted, and cannot be."""

    def on_start(self):
        return RUNNING

    on_running = on_start

    def on_halted(self):
        self.context.services['log'].append(self.name)
        raise RuntimeError('stuck')


def test_a_halt_reaches_every_node_behind_one_that_raises():
    registry = registry_with_leaves()
    registry.register(Stuck)
    body = '<ParallelAll><Stuck name="1"/><Stuck name="2"/><Stuck name="3"/></ParallelAll>'
    tree = load_nodes(body, registry=registry)
    assert tree.tick_once() is RUNNING
    with pytest.raises(TickError, match='stuck'):
        tree.halt()
    assert sorted(set(log_of(tree))) == ['1', '2', '3']
    assert {node.state for node in tree.nodes} == {IDLE}


def test_a_tree_joined_of_nodes_knows_its_size():
    made = load_nodes('<Sequence><Inverter><AlwaysFailure/></Inverter><AlwaysSuccess/></Sequence>')
    tree = Tree(made.tree_id, made.nodes, made.blackboards, made.context)
    assert (tree.size.nodes, tree.size.depth) == (4, 3)
