# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Describe a node type, and what one node of it is made from.

It stands below the node classes, which read their ports from it; so a factory is only known here
to make an object, and the builder refuses one that makes no node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from .blackboard import Blackboard
from .context import TreeContext
from .ports import Port
from .status import NodeKind


class Doubt(str):
    """What may be wrong with a node, and may not: said, and no error."""


@dataclass(frozen=True)
class Manifest:
    """
    What is known of a node type.

    `factory` makes a node from its NodeConfig; it is None for a type whose ports are known but
    which this robot cannot run. `check` says what is wrong with a node before any is made.
    """

    type_id: str
    kind: NodeKind
    ports: Mapping[str, Port] = field(default_factory=dict)
    factory: Callable[[NodeConfig], object] | None = None
    accepts_any_port: bool = False
    description: str = ''
    check: Callable[[NodeConfig], Iterable[str]] | None = None


@dataclass(slots=True)
class NodeConfig:
    """
    Everything a node is made from; the loader fills it in.

    `inputs` and `outputs` map the ports the tree connects to the text it gives them.
    """

    name: str
    type_id: str
    manifest: Manifest
    blackboard: Blackboard
    context: TreeContext = field(default_factory=TreeContext)
    uid: int = 0
    path: str = ''
    line: int = 0
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
