# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Describe what a document consists of, and how much it may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .errors import BehaviorError, Problem


@dataclass(frozen=True)
class Limits:
    """
    How much a document may ask for; all of it counts together with what it includes.

    `size` is in characters, `depth` in nodes within nodes, also across subtrees, `nodes` both in
    elements of the documents and in nodes of the tree made from them. What follows counts in the
    tree with its subtrees in place, in characters: `text` all attributes, `scripts` all scripts
    and `paths` all paths of nodes; `name` is one name.
    """

    size: int = 1_000_000
    depth: int = 256
    nodes: int = 5_000
    includes: int = 50
    problems: int = 200
    text: int = 4_000_000
    scripts: int = 100_000
    paths: int = 2_000_000
    name: int = 256
    attributes: int = 256


@dataclass(slots=True)
class Element:
    """An element with its attributes and children, and where it stands."""

    tag: str
    attributes: dict[str, str]
    line: int
    file: str = ''
    children: list[Element] = field(default_factory=list)

    def get(self, name: str, default: str = '') -> str:
        return self.attributes.get(name, default)

    def all(self, tag: str) -> Iterator[Element]:
        """The children with a tag."""
        return (child for child in self.children if child.tag == tag)

    def walk(self) -> Iterator[Element]:
        """The element and everything within it, in the order of the document."""
        waiting = [self]
        while waiting:
            element = waiting.pop()
            yield element
            waiting.extend(reversed(element.children))


class DocumentError(BehaviorError):
    """A text that is not a document; `problem` says why and where."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem
