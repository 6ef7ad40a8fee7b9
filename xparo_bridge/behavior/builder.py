# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Make the nodes of a tree of the elements of a document.

A SubTree gets a blackboard of its own. Of its attributes, `key="{other}"` connects a key of it
to one of the tree around it, any other value is written to it, and `_autoremap` connects all
keys of equal names but those with a leading '_'. A <TreeNodesModel> can declare the ports of a
tree: one with a default may be left out, the others must be given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import time
from typing import Any

from .blackboard import Blackboard
from .context import TreeContext
from .document import Element, Limits
from .errors import BehaviorError, ConversionError, NodeError, Problem
from .leaves import StubAction
from .manifest import Doubt, Manifest, NodeConfig
from .node import TreeNode
from .port_connections import PortConnections
from .ports import (
    DOUBLE,
    INT,
    INT64,
    is_port_name,
    pointed_key,
    PortType,
    POSTCONDITIONS,
    PRECONDITIONS,
    STRING,
)
from .registry import NodeRegistry
from .script import Script
from .status import NodeKind
from .values import clip, INT32_MAX, INT32_MIN, parse_bool, parse_integer, parse_real
from .verify import EXPLICIT, node_type
from .work import Work


class TooManyProblems(BehaviorError):
    """The tree is not worth looking at further."""


@dataclass(slots=True)
class _Planned:
    """A node that has been checked; `node` once it is made. `parent` is its place in the plan."""

    element: Element
    config: NodeConfig
    scripts: dict[str, Script]
    parent: int | None
    node: TreeNode | None = None


class Builder:
    """
    Makes the nodes of one tree and collects what is wrong with them.

    First `plan` checks everything and makes the builtin nodes, which have no effects. Then `make`
    makes the others, which may use the robot, piece by piece. `trees` are the <BehaviorTree>
    elements by ID and `models` the declared ports of trees with their defaults ('' for none).
    """

    def __init__(
        self,
        trees: Mapping[str, Element],
        models: Mapping[str, Mapping[str, str]],
        registry: NodeRegistry,
        context: TreeContext,
        limits: Limits,
        work: Work,
        *,
        assume_nodes: bool = False,
    ) -> None:
        self._trees = trees
        self._models = models
        self._registry = registry
        self._context = context
        self._limits = limits
        self._work = work
        self._assume_nodes = assume_nodes
        self._open_trees: list[str] = []
        self._paths = {''}
        self._uid = 0
        self._plan: list[_Planned] = []
        self._next = 0
        self.blackboards: dict[str, Blackboard] = {}
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self._ports = PortConnections(registry.builtin_ids, self._report, self._warn)

    def plan(self, tree_id: str, blackboard: Blackboard) -> bool:
        """Check the nodes of a tree; whether it has no problems."""
        self.blackboards[tree_id] = blackboard
        try:
            self._plan_tree(tree_id, blackboard, '', None)
        except TooManyProblems as error:
            self.problems.append(Problem(str(error)))
        return not self.problems

    def make(self, seconds: float = float('inf')) -> bool:
        """Make nodes for a time; whether all are made, or one could not be."""
        end = time.monotonic() + seconds
        while self._next < len(self._plan) and not self.problems:
            if time.monotonic() > end:
                return False
            planned = self._plan[self._next]
            self._next += 1
            if planned.node is None:
                planned.node = self._make(planned)
        return True

    def nodes(self) -> list[TreeNode]:
        """Join the nodes made so far, and return them by rising uid."""
        found = []
        for planned in self._plan:
            node = planned.node
            if node is None:
                continue
            found.append(node)
            parent = None if planned.parent is None else self._plan[planned.parent].node
            if parent is not None and node.parent is None:
                parent.children.append(node)
                node.parent = parent
        return found

    # Trees and nodes

    def _plan_tree(
        self, tree_id: str, blackboard: Blackboard, path: str, parent: int | None
    ) -> None:
        tree = self._trees[tree_id]
        self._open_trees.append(tree_id)
        for element in tree.children[:1]:
            self._plan_node(element, blackboard, f'{path}/' if path else '', parent)
        self._open_trees.pop()

    def _plan_node(
        self, element: Element, board: Blackboard, prefix: str, parent: int | None
    ) -> None:
        self._work.step()
        self._uid += 1
        if self._uid > self._limits.nodes:
            raise TooManyProblems(f'the tree has more than {self._limits.nodes} nodes')
        is_subtree = element.tag == 'SubTree'
        type_id = element.get('ID') if is_subtree else node_type(element)
        manifest = self._registry.find('SubTree' if is_subtree else type_id)
        if manifest is None and self._assume_nodes and not element.children:
            manifest = Manifest(type_id, NodeKind.ACTION, {}, StubAction, accepts_any_port=True)
        name = element.get('name', type_id)
        path = f'{prefix}{name}' + (f'::{self._uid}' if name == type_id else '')
        if not is_subtree and element.tag not in EXPLICIT and 'ID' in element.attributes:
            self._report(
                element, path, f'<{type_id}> has an attribute [ID]', 'only the explicit form has'
            )
        place = None
        if manifest is not None:
            config = NodeConfig(
                name, type_id, manifest, board, self._context, self._uid, path, element.line
            )
            if is_subtree:
                config.inputs = {
                    key: text for key, text in element.attributes.items() if is_port_name(key)
                }
            else:
                self._ports.connect(element, config)
            place = self._add(element, config, parent)
        if is_subtree:
            self._plan_subtree(element, board, prefix, path, place)
        else:
            for child in element.children:
                self._plan_node(child, board, prefix, place)

    def _add(self, element: Element, config: NodeConfig, parent: int | None) -> int:
        """Add a node to the plan and return its place there."""
        planned = _Planned(element, config, self._conditions(element, config), parent)
        self._plan.append(planned)
        if config.manifest.factory is None:
            self._report(
                element,
                config.path,
                f'{config.type_id} cannot run on this robot',
                'nothing is registered that would run it',
            )
        elif config.manifest.check is not None:
            for problem in config.manifest.check(config):
                if isinstance(problem, Doubt):
                    self._warn(
                        Problem(
                            problem, element.line, config.path, file=element.file, is_warning=True
                        )
                    )
                else:
                    self._report(element, config.path, problem, '')
        elif config.manifest.type_id in self._registry.builtin_ids:
            planned.node = self._make(planned)
        return len(self._plan) - 1

    def _make(self, planned: _Planned) -> TreeNode | None:
        """Make one node with its conditions."""
        config = planned.config
        try:
            factory = config.manifest.factory
            node = None if factory is None else factory(config)
            if not isinstance(node, TreeNode):
                raise NodeError(f'the factory of {config.type_id} makes no node')
        except Exception as error:
            # Factories are also others' code, and a broken one must not refuse more than itself.
            text = str(error) if isinstance(error, BehaviorError) else repr(error)
            self._report(planned.element, config.path, text, '')
            return None
        node.set_conditions(planned.scripts)
        return node

    def _conditions(self, element: Element, config: NodeConfig) -> dict[str, Script]:
        scripts = {}
        for name in (*PRECONDITIONS, *POSTCONDITIONS):
            if name in element.attributes:
                text = element.attributes[name]
                try:
                    scripts[name] = self._context.scripts.compile(text, config.blackboard)
                except BehaviorError as error:
                    self._report(element, config.path, f'[{name}]: {error}', '')
        return scripts

    # Subtrees

    def _plan_subtree(
        self,
        element: Element,
        board: Blackboard,
        prefix: str,
        node_path: str,
        place: int | None,
    ) -> None:
        tree_id = element.get('ID')
        if not tree_id:
            return
        if tree_id not in self._trees:
            known = clip(', '.join(sorted(self._trees)), 200)
            self._report(element, node_path, f'there is no tree {tree_id!r}', f'trees: {known}')
            return
        if tree_id in self._open_trees:
            self._report(element, node_path, f'the tree {tree_id!r} contains itself', '')
            return
        path = prefix + element.get('name', f'{tree_id}::{self._uid}')
        if path in self._paths:
            self._report(
                element,
                node_path,
                f'there is a SubTree named {path!r} already',
                'give it another name, or none',
            )
            return
        self._paths.add(path)
        inner = Blackboard(board)
        self.blackboards[path] = inner
        self._connect_subtree(element, inner, node_path)
        self._plan_tree(tree_id, inner, path, place)

    def _connect_subtree(self, element: Element, inner: Blackboard, path: str) -> None:
        remapping = {
            name: f'{{{name}}}' if text == '{=}' else text
            for name, text in element.attributes.items()
            if is_port_name(name)
        }
        try:
            inner.autoremap = parse_bool(element.get('_autoremap', 'false'))
        except ConversionError as error:
            self._report(element, path, f'[_autoremap]: {error}', 'true or false')
        for name, default in self._models.get(element.get('ID'), {}).items():
            if name in remapping or inner.autoremap:
                continue
            if default:
                remapping[name] = default
            else:
                self._report(
                    element,
                    path,
                    f'the port [{name}] is missing',
                    'its <TreeNodesModel> gives it no default',
                )
        literals: dict[str, tuple[Any, PortType]] = {}
        for name, text in remapping.items():
            key = pointed_key(text)
            if key is None:
                literals[name] = literal_value(text)
            else:
                inner.remapping[name] = key
        # A literal stays within the subtree, whatever else is connected.
        autoremap, inner.autoremap = inner.autoremap, False
        for name, (value, value_type) in literals.items():
            inner.set(name, value, value_type)
        inner.autoremap = autoremap

    def _report(self, element: Element, path: str, message: str, hint: str) -> None:
        if len(self.problems) >= self._limits.problems:
            raise TooManyProblems('there are more problems than are listed here')
        self.problems.append(
            Problem(clip(message, 500), element.line, clip(path, 200), hint, element.file)
        )

    def _warn(self, problem: Problem) -> None:
        if len(self.warnings) < self._limits.problems:
            self.warnings.append(problem)


def literal_value(text: str) -> tuple[Any, PortType]:
    """What a literal given to a SubTree stands for: a number if all of it is one, else text."""
    if not any(character in text for character in '.eE'):
        try:
            number = parse_integer(text, whole=True)
            return number, INT if INT32_MIN <= number <= INT32_MAX else INT64
        except ConversionError:
            pass
    try:
        return parse_real(text, whole=True), DOUBLE
    except ConversionError:
        return text, STRING
