# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Make the node types that the configuration adds: `trees: nodes:`, a ROS interface behind each.

A port is connected to the field of the same name unless another is given; which part of the
interface has the field says whether the port is an input or an output.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ..errors import BehaviorError
from ..leaves import StubAction
from ..manifest import Manifest
from ..ports import input_port, output_port, Port, type_named
from ..registry import NodeFactory, NodeRegistry
from ..status import NodeKind
from .action_leaf import ActionUse, RosAction
from .answer import Answer
from .fields import FieldError, find_type, MessageField, OtherKind, UnknownType
from .service_leaf import RosService, ServiceUse
from .topic_leaf import ConditionUse, PublishUse, RosTopicCondition, RosTopicPublish

# The key that names the interface says what the node does with it; each with the interface's kind.
_KINDS = {'action': 'action', 'service': 'srv', 'publish': 'msg', 'condition': 'msg'}
USES = tuple(_KINDS)

# Reports the keys that lead to a problem, below `trees: nodes:`, and what it is.
ConfigProblem = tuple[tuple[str, ...], str]


@dataclass
class _Ports:
    """The ports of one node type, and their fields by the part of the interface they are in."""

    ports: dict[str, Port] = field(default_factory=dict)
    fields: dict[str, dict[str, str]] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)


def add_configured(
    registry: NodeRegistry, nodes: Mapping[str, Mapping[str, Any]], *, stubs: bool = False
) -> list[ConfigProblem]:
    """
    Add the node types of the configuration to a registry and return what is wrong with them.

    With `stubs`, types whose interface is not installed here are added with untyped ports.
    """
    problems: list[ConfigProblem] = []
    for type_id, settings in nodes.items():
        use = next(use for use in USES if use in settings)
        kind = NodeKind.CONDITION if use == 'condition' else NodeKind.ACTION
        try:
            interface = find_type(settings[use], _KINDS[use])
        except UnknownType as error:
            if not stubs or isinstance(error, OtherKind):
                problems.append(((type_id, use), str(error)))
                continue
            ports = {name: Port(name) for name in settings['ports']}
            manifest = Manifest(type_id, kind, ports, StubAction, True, settings['description'])
        else:
            found = _Ports()
            wrong = list(_read_ports(found, type_id, settings, _parts(use, interface)))
            problems += wrong
            if wrong:
                continue
            try:
                factory = _factory(use, settings, found, registry)
            except BehaviorError as error:
                problems.append(((type_id, 'success_if'), str(error)))
                continue
            manifest = Manifest(
                type_id, kind, found.ports, factory, description=settings['description']
            )
        try:
            registry.add(manifest)
        except BehaviorError as error:
            problems.append(((type_id,), str(error)))
    return problems


def _parts(use: str, interface: Any) -> dict[str, Any]:
    """The messages a port may be connected to, inputs first, by the name of the part."""
    if use == 'action':
        return {'goal': interface.Goal, 'result': interface.Result, 'feedback': interface.Feedback}
    if use == 'service':
        return {'request': interface.Request, 'response': interface.Response}
    return {'message': interface}


def _read_ports(
    found: _Ports, type_id: str, settings: Mapping[str, Any], parts: Mapping[str, Any]
) -> Iterator[ConfigProblem]:
    found.fields = {part: {} for part in parts}
    for name, options in settings['ports'].items():
        if not isinstance(options, Mapping):
            options = {'field': options}
        path = options.get('field') or name
        requested = options.get('of')
        problem = (
            f'"of" is one of {", ".join(parts)}' if requested and requested not in parts else ''
        )
        for part, cls in parts.items():
            if problem or requested not in (None, part):
                continue
            try:
                target = MessageField(cls, path)
            except FieldError as error:
                problem = problem or ('' if len(parts) > 1 and not requested else str(error))
                continue
            found.fields[part][name] = path
            is_input = 'condition' not in settings and part in ('goal', 'request', 'message')
            port_type = type_named(options['type']) if 'type' in options else target.port_type
            default = options.get('default', '')
            try:
                found.ports[name] = (input_port if is_input else output_port)(
                    name, port_type, default
                )
            except BehaviorError as error:
                yield (type_id, 'ports', name), str(error)
            if is_input and not options.get('optional', False):
                found.required.add(name)
            break
        else:
            yield (type_id, 'ports', name), problem or f'no part of it has a field "{path}"'


def _factory(
    use: str, settings: Mapping[str, Any], found: _Ports, registry: NodeRegistry
) -> NodeFactory:
    interface, name = settings[use], settings['name']
    fields, required = found.fields, frozenset(found.required)
    success_if = settings['success_if'] or ''
    if use == 'action':
        return partial(
            RosAction,
            use=ActionUse(
                interface,
                name,
                fields['goal'],
                fields['result'],
                fields['feedback'],
                required,
                follows=settings['follow'],
                repeatable=(
                    interface.startswith('nav2_msgs/')
                    if settings['repeatable'] is None
                    else settings['repeatable']
                ),
                server_timeout=settings['server_timeout'],
                cancel_timeout=settings['cancel_timeout'],
            ),
        )
    if use == 'publish':
        return partial(
            RosTopicPublish,
            use=PublishUse(interface, name, fields['message'], required, settings['latched']),
        )
    part = find_type(interface)
    if use == 'service':
        part = part.Response
        if settings['success_if'] is None and 'success' in part.get_fields_and_field_types():
            success_if = 'success'
    outputs = fields['response' if use == 'service' else 'message']
    Answer(part, success_if, registry.enums, outputs)  # Known to be right before any tree is.
    if use == 'service':
        return partial(
            RosService,
            use=ServiceUse(
                interface,
                name,
                fields['request'],
                outputs,
                required,
                success_if,
                settings['server_timeout'],
            ),
        )
    return partial(
        RosTopicCondition,
        use=ConditionUse(
            interface, name, outputs, success_if, settings['max_age'] or float('inf')
        ),
    )
