# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Collect the node types that a robot has, from wherever they come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from importlib.metadata import entry_points
import logging

from .errors import NodeError
from .leaves import StubAction
from .manifest import Manifest, NodeConfig
from .node import TreeNode
from .ports import forbidden_character, Port
from .status import NodeKind

ENTRY_POINT_GROUP = 'xparo_bridge.behavior_nodes'
NodeFactory = Callable[[NodeConfig], TreeNode]

_logger = logging.getLogger(__name__)


class NodeRegistry:
    """
    The node types of a robot and the constants its scripts know.

    `nodes.builtin_registry()` makes one with the builtin types of BehaviorTree.CPP 4.10.
    """

    def __init__(self, builtins: Mapping[str, type[TreeNode]] | None = None) -> None:
        """Make a registry with classes that are made without effects, by the names of types."""
        self._manifests: dict[str, Manifest] = {}
        self.enums: dict[str, int] = {}
        for type_id, node_class in (builtins or {}).items():
            self.register(node_class, type_id)
        self.builtin_ids = frozenset(self._manifests)

    def register(self, node_class: type[TreeNode], type_id: str = '') -> None:
        """
        Add a class of nodes, under its own name unless another is given.

        :raises NodeError: if the name is taken or cannot be an element of a document.
        """
        ports = {port.name: port for port in node_class.PORTS}
        text = (node_class.__doc__ or '').strip().partition('\n')[0]
        self.add(
            Manifest(
                type_id or node_class.__name__,
                node_class.KIND,
                ports,
                node_class,
                description=text,
            )
        )

    def add(self, manifest: Manifest) -> None:
        """
        Add a node type described by its manifest.

        :raises NodeError: if the name is taken or cannot be an element of a document.
        """
        type_id = manifest.type_id
        if type_id in self._manifests:
            raise NodeError(f'a node type {type_id!r} is registered already')
        if not type_id or type_id in ('Root', 'root') or forbidden_character(type_id):
            raise NodeError(f'{type_id!r} cannot name a node type')
        self._manifests[type_id] = manifest

    def bind(self, type_id: str, factory: NodeFactory) -> None:
        """
        Give a node type whose ports are known the factory that makes its nodes.

        :raises NodeError: if no such type is known.
        """
        manifest = self._manifests.get(type_id)
        if manifest is None:
            raise NodeError(f'no node type {type_id!r} is known')
        self._manifests[type_id] = replace(manifest, factory=factory)

    def extend(self, type_id: str, ports: Iterable[Port], factory: NodeFactory) -> None:
        """
        Give a known node type more ports, and another factory.

        :raises NodeError: if no such type is known.
        """
        self.bind(type_id, factory)
        manifest = self._manifests[type_id]
        more = {port.name: port for port in ports}
        self._manifests[type_id] = replace(manifest, ports={**manifest.ports, **more})

    def find(self, type_id: str) -> Manifest | None:
        return self._manifests.get(type_id)

    def manifests(self) -> Iterable[Manifest]:
        return self._manifests.values()

    def add_enum(self, name: str, value: int) -> None:
        """
        Add a constant for scripts.

        :raises NodeError: if the name stands for another value already.
        """
        if self.enums.setdefault(name, value) != value:
            raise NodeError(f'the constant {name!r} is {self.enums[name]} already')

    def with_stubs(self) -> NodeRegistry:
        """A copy in which every leaf that cannot run here is a stub that succeeds."""
        copy = NodeRegistry()
        copy.builtin_ids = self.builtin_ids
        copy.enums.update(self.enums)
        for manifest in self._manifests.values():
            if manifest.factory is None and manifest.kind.is_leaf:
                manifest = replace(manifest, factory=StubAction)
            copy._manifests[manifest.type_id] = manifest
        return copy

    def discover(self) -> None:
        """
        Add the node classes of installed packages.

        The entry point group is `xparo_bridge.behavior_nodes`; the name of an entry point is the
        name of the node type. One that cannot be loaded is logged and left out.
        """
        for entry_point in entry_points(group=ENTRY_POINT_GROUP):
            try:
                node_class = entry_point.load()
                if not (isinstance(node_class, type) and issubclass(node_class, TreeNode)):
                    raise NodeError('it is not a class of nodes')
                self.register(node_class, entry_point.name)
            except Exception as error:
                # Code of others: one broken package must not take the bridge down.
                _logger.error('behaviour node %r was not added: %s', entry_point.name, error)


def children_allowed(kind: NodeKind) -> tuple[int, int | None]:
    """The least and the greatest number of children of a node of that kind."""
    if kind is NodeKind.CONTROL:
        return 1, None
    return (1, 1) if kind is NodeKind.DECORATOR else (0, 0)
