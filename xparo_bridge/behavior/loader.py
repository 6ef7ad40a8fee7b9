# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Make a tree of a document, or the list of everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..utf8 import decoded, NotUtf8, read_text
from .blackboard import Blackboard
from .budget import allow_recursion, Measure, Size
from .builder import Builder
from .context import TreeContext
from .document import DocumentError, Element, Limits
from .errors import BehaviorError, Problem, TreeErrors
from .migrate import migrate as migrate_document
from .ports import ANY_ALLOWED, forbidden_character, RESERVED, type_of
from .registry import NodeRegistry
from .timing import TimeSource
from .tree import Tree
from .values import clip
from .verify import Verifier
from .work import Work, WorkStopped
from .xml_reader import read_document

_MODEL_PORTS = ('input_port', 'output_port', 'inout_port')


def load(
    xml: str | bytes,
    registry: NodeRegistry,
    limits: Limits | None = None,
    *,
    blackboard: Blackboard | Mapping[str, Any] | None = None,
    clock: TimeSource | None = None,
    services: Mapping[str, Any] | None = None,
    tree_folder: Path | None = None,
    tree_id: str = '',
    migrate: bool = True,
    assume_nodes: bool = False,
) -> Tree:
    """
    Read, check and make a tree.

    :param xml: a document <root>...</root>, or a single <BehaviorTree>; bytes are UTF-8.
    :param blackboard: the blackboard of the main tree, or values to begin it with, which ports
        of any type may read.
    :param clock: the time of the nodes that wait; the machine's unless given.
    :param services: what leaves may ask for by name, such as a ROS node.
    :param tree_folder: where <include> may read from; nowhere unless given.
    :param tree_id: the tree to run, in place of the one the document names.
    :param migrate: whether documents of format 3 are understood.
    :param assume_nodes: whether leaves of unknown types become stubs that succeed.
    :raises TreeErrors: with every problem found, if there is any.
    """
    reader = Reader(
        registry, limits or Limits(), tree_folder, migrate=migrate, assume_nodes=assume_nodes
    )
    reader.read(xml)
    values: Mapping[str, Any] = {}
    if isinstance(blackboard, Blackboard):
        # A document that is refused changes nothing in a blackboard that is in use.
        reader.plan(tree_id, blackboard.copy(), TreeContext(enums=registry.enums))
    else:
        values, blackboard = blackboard or {}, Blackboard()
    context = TreeContext(clock, services, registry.enums)
    plan = reader.plan(tree_id, blackboard, context, values)
    plan.make()
    return plan.tree()


def _write(values: Mapping[str, Any], blackboard: Blackboard) -> None:
    """
    Write what a tree begins with.

    :raises TreeErrors: if a key cannot be one, or there are too many.
    """
    try:
        for key, value in values.items():
            blackboard.declare(key, ANY_ALLOWED).replace(value, type_of(value))
    except BehaviorError as error:
        raise TreeErrors([Problem(f'the blackboard: {error}')]) from error


class Plan:
    """A tree that has been checked, of which those nodes are yet to be made that use the robot."""

    def __init__(
        self,
        tree_id: str,
        builder: Builder,
        context: TreeContext,
        warnings: list[Problem],
        size: Size,
    ) -> None:
        self.tree_id = tree_id
        self.warnings = warnings
        self._builder = builder
        self._context = context
        self._size = size

    def make(self, seconds: float = float('inf')) -> bool:
        """
        Make nodes for a time; whether all are made.

        :raises TreeErrors: if one cannot be made; those that were are given back.
        """
        done = self._builder.make(seconds)
        if self._builder.problems:
            self.abandon()
            raise TreeErrors(_unique(self._builder.problems), self.warnings)
        return done

    def tree(self) -> Tree:
        """Join the nodes, once all are made."""
        return Tree(
            self.tree_id,
            self._builder.nodes(),
            self._builder.blackboards,
            self._context,
            self.warnings,
            self._size,
        )

    def abandon(self) -> None:
        """Give back what the nodes made so far hold."""
        for node in self._builder.nodes():
            node.shutdown()


class Reader:
    """Reads a document and those it includes, and makes trees from them."""

    def __init__(
        self,
        registry: NodeRegistry,
        limits: Limits,
        tree_folder: Path | None = None,
        *,
        migrate: bool = True,
        assume_nodes: bool = False,
        work: Work | None = None,
    ) -> None:
        self._work = work or Work()
        self._registry = registry
        self._limits = limits
        self._folder = tree_folder.resolve() if tree_folder is not None else None
        self._migrate = migrate
        self._assume_nodes = assume_nodes
        self._size = 0
        self._included: list[Path] = []
        self._verifier = Verifier(registry, limits, self._work, assume_nodes=assume_nodes)
        self._main = ''
        self.trees: dict[str, Element] = {}
        self.models: dict[str, dict[str, str]] = {}
        self._measure = Measure(self.trees, self._work)
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    @property
    def unknown(self) -> dict[str, Element]:
        """The node types that are not registered, with the first element of each."""
        return self._verifier.unknown

    @property
    def main_tree(self) -> str:
        """The tree that the document says to run; '' if it leaves that open."""
        return self._main

    def read(self, xml: str | bytes) -> None:
        """
        Read a document; `problems` then has what is wrong with it.

        :raises TreeErrors: if it takes too long or too much memory, or is no longer needed.
        """
        if isinstance(xml, bytes):
            try:
                xml = decoded(xml)
            except NotUtf8 as error:
                self.problems.append(Problem(f'the document cannot be read: {error}'))
                return
        with _limited():
            root = self._read_document(xml, '', ())
            if root is not None:
                self._main = self._main_tree(root)
        self.problems.extend(self._verifier.problems)

    def plan(
        self,
        tree_id: str,
        blackboard: Blackboard,
        context: TreeContext,
        values: Mapping[str, Any] | None = None,
    ) -> Plan:
        """
        Check a tree of those read, the document's main one if `tree_id` is empty.

        Its blackboard begins with `values`.

        :raises TreeErrors: with everything that is wrong with it.
        """
        tree_id = tree_id or self._main
        if not self.trees and self.problems:
            raise TreeErrors(self.problems, self.warnings)
        if tree_id not in self.trees:
            known = clip(', '.join(sorted(self.trees)), 200) or 'none'
            message = f'there is no tree {tree_id!r}' if tree_id else 'no tree is the main one'
            hint = f'name one of {known} in main_tree_to_execute'
            raise TreeErrors([*self.problems, Problem(message, hint=hint)], self.warnings)
        with _limited():
            _write(values or {}, blackboard)
            builder = self._builder(context)
            self._plan(builder, tree_id, blackboard)
        problems = _unique([*self.problems, *builder.problems])
        warnings = _unique([*self.warnings, *builder.warnings])
        if problems:
            raise TreeErrors(problems, warnings)
        return Plan(tree_id, builder, context, warnings, self._measure.size(tree_id))

    def check_all(self) -> None:
        """Check every tree read, also those that nothing runs; `problems` has what is wrong."""
        order = sorted(self.trees, key=lambda tree_id: tree_id != self._main)
        for tree_id in order:
            builder = self._builder(TreeContext(enums=self._registry.enums))
            with _limited():
                self._plan(builder, tree_id, Blackboard())
            self.problems = _unique([*self.problems, *builder.problems])
            self.warnings = _unique([*self.warnings, *builder.warnings])

    def _plan(self, builder: Builder, tree_id: str, blackboard: Blackboard) -> None:
        size = self._measure.size(tree_id)
        excess = size.excess(self._limits)
        if excess:
            tree = self.trees[tree_id]
            builder.problems.append(Problem(excess, tree.line, file=tree.file))
            return
        allow_recursion(size.depth)
        builder.plan(tree_id, blackboard)

    def _builder(self, context: TreeContext) -> Builder:
        return Builder(
            self.trees,
            self.models,
            self._registry,
            context,
            self._limits,
            self._work,
            assume_nodes=self._assume_nodes,
        )

    def _main_tree(self, root: Element) -> str:
        if root.get('main_tree_to_execute'):
            return root.get('main_tree_to_execute')
        own = [tree.get('ID') for tree in root.all('BehaviorTree')]
        if len(own) == 1 and own[0]:
            return own[0]
        return next(iter(self.trees)) if len(self.trees) == 1 else ''

    def _read_document(self, xml: str, file: str, path: tuple[Path, ...]) -> Element | None:
        limits = replace(self._limits, size=max(self._limits.size - self._size, 0))
        self._size += len(xml)
        try:
            root, warnings = read_document(xml, limits, file, self._work)
        except DocumentError as error:
            self.problems.append(error.problem)
            return None
        self.warnings.extend(warnings)
        if root.tag == 'BehaviorTree':
            root = Element('root', {'BTCPP_format': '4'}, root.line, file, [root])
        if self._migrate:
            self.warnings.extend(migrate_document(root))
        for element in root.all('include'):
            self._include(element, path)
        self._verifier.check_document(root)
        self._read_models(root)
        for tree in root.all('BehaviorTree'):
            tree_id = tree.get('ID') or f'BehaviorTree_{len(self.trees)}'
            if tree_id in self.trees:
                self._warn(tree, f'there is a tree {tree_id!r} already', 'the last one counts')
            self.trees[tree_id] = tree
        return root

    def _include(self, element: Element, path: tuple[Path, ...]) -> None:
        name = element.get('path')
        if not name:
            self._report(element, '<include> has no attribute [path]', 'name a file')
            return
        if self._folder is None or 'ros_pkg' in element.attributes:
            self._report(
                element,
                f'{name!r} cannot be included',
                'only files of the tree folder of this robot can',
            )
            return
        around = path[-1].parent if path else self._folder
        try:
            file = (around / name).resolve()
            inside = file.is_relative_to(self._folder)
            shown = str(file.relative_to(self._folder)) if inside else name
            if not inside:
                self._report(element, f'{name!r} lies outside the tree folder', '')
            elif file in path:
                self._report(element, f'{shown!r} includes itself', '')
            elif len(self._included) >= self._limits.includes:
                self._report(element, f'more than {self._limits.includes} files are included', '')
            else:
                self._included.append(file)
                if file.stat().st_size > 4 * self._limits.size:
                    self._report(element, f'{shown!r} is larger than the limit', '')
                else:
                    self._read_document(read_text(file), shown, (*path, file))
        except (OSError, ValueError, RuntimeError) as error:
            self._report(element, f'{name!r} cannot be read: {error}', '')

    def _read_models(self, root: Element) -> None:
        """Read the ports that a <TreeNodesModel> declares for trees."""
        for models in root.all('TreeNodesModel'):
            for model in models.all('SubTree'):
                tree_id = model.get('ID')
                if not tree_id:
                    self._report(model, 'a <SubTree> in <TreeNodesModel> has no [ID]', 'add it')
                    continue
                ports = self.models.setdefault(tree_id, {})
                for element in model.children:
                    if element.tag in _MODEL_PORTS:
                        self._read_port(element, ports)

    def _read_port(self, element: Element, ports: dict[str, str]) -> None:
        name = element.get('name')
        if not name or name[0].isdigit() or name in RESERVED or forbidden_character(name):
            self._report(element, f'{name!r} cannot name a port', '')
        ports[name] = element.get('default')

    def _report(self, element: Element, message: str, hint: str) -> None:
        self.problems.append(Problem(message, element.line, '', hint, element.file))

    def _warn(self, element: Element, message: str, hint: str) -> None:
        self.warnings.append(
            Problem(message, element.line, '', hint, element.file, is_warning=True)
        )


@contextmanager
def _limited() -> Iterator[None]:
    """Make problems of what ends reading and building early."""
    try:
        yield
    except WorkStopped as error:
        raise TreeErrors([Problem(str(error))]) from error
    except (RecursionError, MemoryError) as error:
        raise TreeErrors([Problem(f'the tree asks for too much: {error!r}')]) from error


def _unique(problems: list[Problem]) -> list[Problem]:
    """Leave out what is reported of one line already: a tree may be used many times."""
    seen: dict[tuple[str, int, str], Problem] = {}
    for problem in problems:
        seen.setdefault((problem.file, problem.line, problem.message), problem)
    return list(seen.values())
