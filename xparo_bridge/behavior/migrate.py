# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Read a document of format 3 as one of format 4.

Only what can be said in format 4 without doubt is rewritten, each time with a warning. A
document without BTCPP_format may be of either format: there, too, the old names are understood,
but a SubTree keeps its meaning in format 4 unless it has `__shared_blackboard`.
"""

from __future__ import annotations

from .document import Element
from .errors import Problem
from .ports import is_port_name, pointed_key

_RENAMED_NODES = {
    'SequenceStar': 'SequenceWithMemory',
    'RetryUntilSuccesful': 'RetryUntilSuccessful',
    'SubTreePlus': 'SubTree',
}
_RENAMED_PORTS = {
    'Parallel': {
        'success_threshold': 'success_count',
        'failure_threshold': 'failure_count',
        'threshold': 'success_count',
    },
}
_CHECKS = {'BlackboardCheckInt', 'BlackboardCheckDouble', 'BlackboardCheckString'}
_CHECKS.add('BlackboardCheckBool')


def migrate(root: Element) -> list[Problem]:
    """Rewrite a document of format 3, or of none, in place; return what was assumed."""
    declared = root.get('BTCPP_format')
    if declared == '4':
        return []
    warnings: list[Problem] = []
    if not declared:
        _warn(warnings, root, 'BTCPP_format is missing', 'the document is read as format 4')
    for tree in [root] if root.tag == 'BehaviorTree' else root.all('BehaviorTree'):
        for element in tree.walk():
            _migrate_node(element, is_format_3=declared == '3', warnings=warnings)
    return warnings


def _migrate_node(element: Element, *, is_format_3: bool, warnings: list[Problem]) -> None:
    old_name = element.get('ID') if element.tag in ('Control', 'Decorator') else element.tag
    new_name = _RENAMED_NODES.get(old_name)
    was_plus = element.tag == 'SubTreePlus'
    if new_name is not None:
        if element.tag == old_name:
            element.tag = new_name
        else:
            element.attributes['ID'] = new_name
        _warn(warnings, element, f'{old_name} is a name of format 3', f'read as {new_name}')
    for old, new in _RENAMED_PORTS.get(element.tag, {}).items():
        if old in element.attributes:
            element.attributes.setdefault(new, element.attributes.pop(old))
            _warn(warnings, element, f'[{old}] is a port of format 3', f'read as [{new}]')
    if element.tag in _CHECKS:
        _migrate_check(element, warnings)
    if element.tag == 'SubTree':
        _migrate_subtree(element, pointers=is_format_3 and not was_plus, warnings=warnings)


def _migrate_check(element: Element, warnings: list[Problem]) -> None:
    """Turn <BlackboardCheckInt value_A="{a}" value_B="1"> into a Precondition."""
    sides = []
    for name in ('value_A', 'value_B'):
        text = element.attributes.pop(name, '')
        literal = f"'{text}'" if element.tag == 'BlackboardCheckString' else text
        sides.append(pointed_key(text) or literal)
    element.attributes['if'] = f'{sides[0]} == {sides[1]}'
    element.attributes['else'] = element.attributes.pop('return_on_mismatch', 'FAILURE')
    _warn(warnings, element, f'{element.tag} is a node of format 3', 'read as Precondition')
    element.tag = 'Precondition'


def _migrate_subtree(element: Element, *, pointers: bool, warnings: list[Problem]) -> None:
    attributes = element.attributes
    for old in ('__autoremap', '__shared_blackboard'):
        if old in attributes:
            attributes['_autoremap'] = attributes.pop(old)
            _warn(warnings, element, f'[{old}] is of format 3', 'read as [_autoremap]')
    if not pointers:
        return
    changed = False
    for name, text in attributes.items():
        if is_port_name(name) and pointed_key(text) is None:
            attributes[name] = f'{{{text}}}'
            changed = True
    if changed:
        _warn(
            warnings,
            element,
            'a SubTree of format 3 connects entries by their bare names',
            'read as {name}',
        )


def _warn(warnings: list[Problem], element: Element, message: str, hint: str) -> None:
    warnings.append(Problem(message, element.line, hint=hint, file=element.file, is_warning=True))
