# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Can a user bring own nodes, and does a broken one harm only itself."""

from importlib.metadata import EntryPoint
import logging

import pytest

from xparo_bridge.behavior import (
    builtin_registry,
    ControlNode,
    DecoratorNode,
    input_port,
    load,
    NodeStatus,
    PortError,
    SyncAction,
    TickError,
)
from xparo_bridge.behavior import registry as registry_module


class Double(SyncAction):
    """Doubles a number."""

    PORTS = (input_port('number', 'double'),)

    def on_tick(self):
        self.blackboard.set('result', 2 * self.get_input('number'))
        return NodeStatus.SUCCESS


class Twice(DecoratorNode):
    """Ticks its child twice a tick."""

    def on_tick(self):
        self.set_status(NodeStatus.RUNNING)
        self.child.execute_tick()
        self.reset_child()
        return self.child.execute_tick()


class LastFirst(ControlNode):
    """Ticks its last child."""

    def on_tick(self):
        self.set_status(NodeStatus.RUNNING)
        status = self.children[-1].execute_tick()
        if status is not NodeStatus.RUNNING:
            self.reset_children()
        return status


def test_own_leaves_decorators_and_controls_run():
    registry = builtin_registry()
    for node_class in (Double, Twice, LastFirst):
        registry.register(node_class)
    tree = load(
        '<BehaviorTree><LastFirst><AlwaysFailure/><Twice><Double number="4"/></Twice></LastFirst>'
        '</BehaviorTree>',
        registry,
    )
    assert tree.tick_once() is NodeStatus.SUCCESS
    assert tree.blackboard.get('result') == 8.0


@pytest.mark.parametrize('result', [None, True, 'SUCCESS', NodeStatus.IDLE, NodeStatus.RUNNING])
def test_an_action_that_returns_no_result_is_told_so(result):
    class Wrong(SyncAction):
        def on_tick(self):
            return result

    registry = builtin_registry()
    registry.register(Wrong)
    tree = load('<BehaviorTree><Wrong/></BehaviorTree>', registry)
    with pytest.raises(TickError, match='must'):
        tree.tick_once()


def test_the_first_line_of_the_docstring_describes_the_type():
    registry = builtin_registry()
    registry.register(Double, 'Twofold')
    assert registry.find('Twofold').description == 'Doubles a number.'


def test_entry_points_bring_nodes_and_a_broken_one_is_left_out(monkeypatch, caplog):
    found = [
        EntryPoint('Doubled', f'{__name__}:Double', registry_module.ENTRY_POINT_GROUP),
        EntryPoint('Missing', 'no_such_module:Node', registry_module.ENTRY_POINT_GROUP),
        EntryPoint('NoNode', 'math:pi', registry_module.ENTRY_POINT_GROUP),
        EntryPoint('Sequence', f'{__name__}:Double', registry_module.ENTRY_POINT_GROUP),
    ]
    monkeypatch.setattr(registry_module, 'entry_points', lambda group: found)
    registry = builtin_registry()
    with caplog.at_level(logging.ERROR):
        registry.discover()
    assert registry.find('Doubled') is not None
    assert registry.find('Missing') is None
    assert registry.find('NoNode') is None
    assert registry.find('Sequence').factory is not Double
    assert len(caplog.records) == 3


@pytest.mark.parametrize('name', ['', '1st', 'a b', '_private', 'name', 'ID', 'a.b'])
def test_a_port_needs_a_name_that_can_be_an_attribute(name):
    with pytest.raises(PortError):
        input_port(name)


@pytest.mark.parametrize(
    ('kind', 'default', 'says'),
    [
        ('duoble', 10.0, 'a value of duoble'),
        ('int', 'ten', "'ten' is not an integer"),
        ('bool', 'maybe', 'maybe'),
        ('std::vector<double>', '1;a', "'a' is not a number"),
    ],
)
def test_a_default_is_a_value_of_its_type(kind, default, says):
    with pytest.raises(PortError, match=f"default of port 'below': .*{says}"):
        input_port('below', kind, default)
    assert input_port('below', kind, '{entry}').default == '{entry}'
