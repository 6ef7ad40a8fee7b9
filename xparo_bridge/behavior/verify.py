# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Check that a document is a set of trees: known nodes, each with the children its kind takes.

This looks at every tree of a document, also at those that are not run. What it cannot see,
because it depends on where a tree is used, `builder` checks.
"""

from __future__ import annotations

from collections.abc import Callable

from ..alike import alike
from .document import Element, Limits
from .errors import Problem
from .manifest import Manifest
from .ports import forbidden_character
from .registry import children_allowed, NodeRegistry
from .status import NodeKind
from .values import clip
from .work import Work

EXPLICIT = frozenset(('Action', 'Condition', 'Control', 'Decorator'))
Report = Callable[[Element, str, str], None]

# Builtin types of BehaviorTree.CPP that make no sense on a robot without a terminal.
_REFUSED = {'ManualSelector': 'it asks for a choice on a terminal, which a robot does not have'}
# A suggestion takes some ms; those who made so many mistakes do not miss the rest.
_SUGGESTIONS = 20
_OLD_NAMES = {
    'SequenceStar': 'SequenceWithMemory',
    'SubTreePlus': 'SubTree',
    'RetryUntilSuccesful': 'RetryUntilSuccessful',
}


class Verifier:
    """Checks the elements of trees and collects what is wrong with them."""

    def __init__(
        self,
        registry: NodeRegistry,
        limits: Limits,
        work: Work,
        *,
        assume_nodes: bool = False,
    ) -> None:
        self._work = work
        self._registry = registry
        self._limits = limits
        self._assume_nodes = assume_nodes
        self.problems: list[Problem] = []
        self.unknown: dict[str, Element] = {}

    def check_document(self, root: Element) -> None:
        """Check one document, from its <root> on."""
        if root.tag != 'root':
            self._report(root, f'the document is a <{clip(root.tag)}>', 'it must be a <root>')
            return
        models = list(root.all('TreeNodesModel'))
        for extra in models[1:]:
            self._report(extra, 'there is more than one <TreeNodesModel>', 'merge them')
        for element in root.children if models else ():
            if element.tag in EXPLICIT or element.tag == 'SubTree':
                if 'ID' not in element.attributes:
                    self._report(element, f'<{element.tag}> has no attribute [ID]', 'add it')
        for tree in root.all('BehaviorTree'):
            self._check_tree(tree, is_alone=len(root.children) == 1)

    def _check_tree(self, tree: Element, *, is_alone: bool) -> None:
        tree_id = tree.get('ID')
        if not self._check_names(tree):
            return
        if tree_id:
            self._check_tree_id(tree, tree_id)
        elif not is_alone:
            self._report(tree, '<BehaviorTree> has no attribute [ID]', 'name the tree')
        if len(tree.children) != 1:
            self._report(
                tree,
                f'the tree {tree_id!r} has {len(tree.children)} nodes at its top',
                'it must have exactly 1',
            )
        waiting = [(child, 0) for child in reversed(tree.children)]
        while waiting:
            self._work.step()
            element, depth = waiting.pop()
            if depth > self._limits.depth:
                self._report(element, f'nodes are nested more than {self._limits.depth} deep', '')
                return
            self._check_node(element)
            waiting.extend((child, depth + 1) for child in reversed(element.children))

    def _check_tree_id(self, element: Element, tree_id: str) -> None:
        # BehaviorTree.CPP 4.10 refuses spaces, which the versions before it and Groot accept.
        forbidden = forbidden_character(tree_id, allowed=' ')
        if tree_id in ('Root', 'root'):
            self._report(element, f'{tree_id!r} is reserved', 'choose another name')
        elif forbidden:
            self._report(element, f'{forbidden!r} may not stand in the name {tree_id!r}', '')
        if self._registry.find(tree_id):
            self._report(element, f'{tree_id!r} is the name of a node type', 'rename the tree')

    def _check_names(self, element: Element) -> bool:
        """Return whether the names of an element are short enough to be shown."""
        limit = self._limits.name
        for what in (element.tag, element.get('ID'), element.get('name')):
            if len(what) > limit:
                self._report(
                    element, f'the name {clip(what)!r} has more than {limit} characters', ''
                )
                return False
        return True

    def _check_node(self, element: Element) -> None:
        if not self._check_names(element):
            return
        if element.tag == 'SubTree':
            tree_id = element.get('ID')
            if not tree_id:
                self._report(element, '<SubTree> has no attribute [ID]', 'name a tree')
            else:
                self._check_tree_id(element, tree_id)
            if element.children:
                self._report(element, f'<SubTree ID="{tree_id}"> has children', 'take them out')
            return
        if element.tag in EXPLICIT:
            if not element.get('ID'):
                self._report(element, f'<{element.tag}> has no attribute [ID]', 'name its type')
                return
        manifest = self._registry.find(node_type(element))
        if manifest is None:
            self._report_unknown(element)
        else:
            self._check_children(element, manifest)

    def _check_children(self, element: Element, manifest: Manifest) -> None:
        name, count = manifest.type_id, len(element.children)
        if manifest.kind is NodeKind.SUBTREE:
            self._report(element, 'a subtree has the form <SubTree ID="...">', '')
            return
        least, most = children_allowed(manifest.kind)
        if name == 'TryCatch':
            least = 2
        if count < least or (most is not None and count > most):
            expected = f'at least {least}' if most is None else f'{most or "none"}'
            self._report(element, f'{name} has {count} children', f'it must have {expected}')
        if name == 'ReactiveSequence':
            pausing = [child for child in element.children if child.tag == 'AsyncSequence']
            if len(pausing) > 1:
                self._report(
                    element,
                    'a ReactiveSequence has more than one AsyncSequence',
                    'only one of its children may be RUNNING',
                )

    def _report_unknown(self, element: Element) -> None:
        name = node_type(element)
        self.unknown.setdefault(name, element)
        if self._assume_nodes and not element.children:
            return
        if name in _REFUSED:
            self._report(element, f'{name} is not supported', _REFUSED[name])
            return
        self._report(element, f'there is no node type {name!r}', self._suggest(element, name))

    def _suggest(self, element: Element, name: str) -> str:
        if name in _OLD_NAMES:
            return f'in format 4 its name is {_OLD_NAMES[name]}'
        if len(self.problems) > _SUGGESTIONS:
            return ''
        known = [manifest.type_id for manifest in self._registry.manifests()]
        close = alike(name, known, 1)
        return f'did you mean {close[0]}?' if close else ''

    def _report(self, element: Element, message: str, hint: str) -> None:
        if len(self.problems) < self._limits.problems:
            self.problems.append(
                Problem(message, element.line, clip(element.get('name')), hint, element.file)
            )


def node_type(element: Element) -> str:
    """The name of the node type that an element stands for."""
    return element.get('ID') if element.tag in EXPLICIT else element.tag
