# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Reads YAML from anywhere: configuration, credentials, metadata of bags.

It is bounded in bytes, in levels and in values, with each alias counted as what it stands for, and
has no number outside 64 bits, NaN or infinity. Only plain values are made, never objects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
import math
from typing import Any

import yaml

from .errors import BadInput
from .json_reader import LEAST, MOST

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64
MAX_VALUES = 256 * 1024
_NUMBER = tuple(f'tag:yaml.org,2002:{name}' for name in ('int', 'float'))


class YamlError(BadInput, ValueError):
    """A text that is not the YAML that was expected; `line` is 0 where none can be named."""

    def __init__(self, problem: str, line: int = 0) -> None:
        super().__init__(f'line {line}: {problem}' if line else problem)
        self.problem = problem
        self.line = line


def read_yaml(
    text: str | bytes,
    loader: Any = yaml.SafeLoader,
    *,
    check: Callable[[yaml.Node], bool] = lambda root: True,
) -> Any:
    """
    Read a YAML value; None for a document without one.

    `loader` is one of PyYAML's that makes plain values; what `check` says False to is not made.

    :raises YamlError: for anything that is not sound YAML within the bounds.
    """
    if len(text) > MAX_BYTES:
        raise YamlError(f'{len(text)} bytes of YAML; expected at most {MAX_BYTES}')
    try:
        _check_events(text, loader)
        made = loader(text)
        try:
            root = made.get_single_node()
            if root is None:
                return None
            _check_bounds(root)
            for node in _scalars(root):
                _check_number(made, node)
            return made.construct_document(root) if check(root) else None
        finally:
            made.dispose()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise YamlError(f'not YAML: {error.problem}', line) from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line = before.count(b'\n' if isinstance(before, bytes) else '\n') + 1  # type: ignore[arg-type]
        raise YamlError(f'not YAML: {error.reason}', line) from error
    except RecursionError:
        raise YamlError('nested too deeply') from None
    except YamlError:
        raise
    except (yaml.YAMLError, ValueError) as error:  # Such as no UTF-8, or !!int x.
        raise YamlError(f'not YAML: {error}') from error


def _check_events(text: str | bytes, loader: Any) -> None:
    """
    Count values and levels before a tree of them is made.

    libyaml's composer calls itself at each level and ends the process where there are too many,
    PyYAML's own takes a time that grows with their square.
    """
    depth, values = 0, 0
    for event in yaml.parse(text, loader):
        if isinstance(event, (yaml.ScalarEvent, yaml.AliasEvent)):
            values += 1
        elif isinstance(event, yaml.CollectionStartEvent):
            values += 1
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH or values > MAX_VALUES:
            line = event.start_mark.line + 1 if event.start_mark else 0
            if depth > MAX_DEPTH:
                raise YamlError(f'nested too deeply: over {MAX_DEPTH} levels', line)
            raise YamlError(f'over {MAX_VALUES} values', line)


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for pair in node.value:
            yield from pair
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _check_bounds(root: yaml.Node) -> None:
    """Count values and levels with each alias as what it stands for, looking at each node once."""
    # By node: how many values and levels it has; None while it is being counted.
    seen: dict[int, tuple[int, int] | None] = {}
    waiting = [(root, False)]
    while waiting:
        node, counted = waiting.pop()
        if counted:
            values, levels = 1, 0
            for child in _children(node):
                of_child = seen[id(child)]
                if of_child is None:
                    raise YamlError('an alias holds itself', node.start_mark.line + 1)
                values, levels = values + of_child[0], max(levels, of_child[1])
            if values > MAX_VALUES:
                raise YamlError(f'over {MAX_VALUES} values', node.start_mark.line + 1)
            if levels >= MAX_DEPTH:
                raise YamlError(
                    f'nested too deeply: over {MAX_DEPTH} levels', node.start_mark.line + 1
                )
            seen[id(node)] = values, levels + 1
        elif id(node) not in seen:
            seen[id(node)] = None
            waiting.append((node, True))
            waiting.extend((child, False) for child in _children(node) if id(child) not in seen)


def _scalars(root: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """Give all scalars that are no keys."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            yield node
        elif isinstance(node, yaml.MappingNode):
            waiting.extend(value for _, value in node.value)
        else:
            waiting.extend(node.value)


def _check_number(loader: Any, node: yaml.ScalarNode) -> None:
    if node.tag not in _NUMBER:
        return
    line = node.start_mark.line + 1
    shown = node.value if len(node.value) <= 40 else f'{node.value[:40]}…'
    try:
        value = loader.construct_object(node)
    except (ValueError, OverflowError):
        raise YamlError(f'{shown} is no number', line) from None
    if isinstance(value, float) and not math.isfinite(value):
        raise YamlError(f'{shown} is beyond any number', line)
    if isinstance(value, int) and not LEAST <= value <= MOST:
        raise YamlError(f'{shown} does not fit in 64 bits', line)
