# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Lay configuration files over one another, and know of each value where it came from.

Maps merge key by key. Lists and values replace, except the lists of named things, which merge by
name: links, and topics of the telemetry. `!remove` takes away what is below. docs/fleet.md has the
rules for users.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .alike import alike
from .yaml_layers import EMPTY, key_text, KeyPath, Layer, Problem, Remove

# Lists of named things, and the keys that hold a name, the first that is there.
NAMED_LISTS: dict[KeyPath, tuple[str, ...]] = {
    ('links',): ('name',),
    ('telemetry', 'topics'): ('name', 'topic'),
}

Complain = Callable[[KeyPath, str], None]


def _ignore(path: KeyPath, words: str) -> None:
    pass


@dataclass(frozen=True)
class _Item:
    """Step of a path into a list of named things: which one, wherever it stands."""

    name: str
    number: int = 0  # Further ones of a name in a layer are mistakes, reported later.


def merge(below: Any, above: Any, at: KeyPath = (), complain: Complain = _ignore) -> Any:
    """
    Lay one tree over another.

    What is not touched is shared, not copied. `complain(path, words)` hears what cannot be done.
    """
    if above is EMPTY and below is not None:
        return below  # All below the key is commented out, for instance.
    if isinstance(above, dict):
        merged = dict(below) if isinstance(below, dict) else {}
        for key, value in above.items():
            if not isinstance(value, Remove):
                merged[key] = merge(merged.get(key), value, (*at, key), complain)
            elif value.name:
                complain((*at, key), f'expected {value!r} in a list of named things, not here')
            elif key in merged:
                del merged[key]
            else:
                near = alike(key, list(merged), 1)
                hint = f'; did you mean "{near[0]}"?' if near else ''
                complain((*at, key), f'nothing to remove: no layer below has this key{hint}')
        return merged
    if isinstance(above, list):
        if at in NAMED_LISTS:
            return _merge_named(below if isinstance(below, list) else [], above, at, complain)
        for index, item in enumerate(above):
            if isinstance(item, Remove):
                complain((*at, index), 'only things of a list of named things can be removed')
        return [_alone(item, (*at, index), complain) for index, item in enumerate(above)]
    return above


def _alone(value: Any, at: KeyPath, complain: Complain) -> Any:
    """Return what has nothing below it."""
    return merge(None, value, at, complain) if isinstance(value, dict | list) else value


def _merge_named(
    below: Sequence[Any], above: Sequence[Any], at: KeyPath, complain: Complain
) -> list[Any]:
    merged = dict(zip(_items(below, at), below, strict=True))
    for index, (item, value) in enumerate(zip(_items(above, at), above, strict=True)):
        if isinstance(value, Remove):
            if merged.pop(_Item(value.name), None) is None:
                names = ', '.join(item.name for item in merged) or 'nothing'
                complain(
                    (*at, index),
                    f'nothing to remove: the layers below have {names}'
                    if value.name
                    else f'expected the name of what to remove, such as one of: {names}',
                )
        elif item in merged and not item.number:
            merged[item] = merge(merged[item], value, (*at, index), complain)
        else:
            merged[item] = _alone(value, (*at, index), complain)
    return list(merged.values())


def _items(entries: Sequence[Any], at: KeyPath) -> list[_Item]:
    """Which thing each entry of a list of named things is."""
    seen: dict[str, int] = {}
    items = []
    for index, entry in enumerate(entries):
        name = entry.name if isinstance(entry, Remove) else _name_of(entry, NAMED_LISTS[at])
        if not name:  # Wrong, and reported when the whole is checked.
            items.append(_Item('', index + 1))
            continue
        items.append(_Item(name, seen.get(name, 0)))
        seen[name] = seen.get(name, 0) + 1
    return items


def _name_of(entry: Any, keys: Sequence[str]) -> str:
    if isinstance(entry, Mapping):
        for key in keys:
            if isinstance(entry.get(key), str):
                return str(entry[key])
    return ''


@dataclass(frozen=True)
class Origin:
    """A value as one layer has it, and where."""

    layer: Layer
    place: str
    value: Any


class Layers:
    """
    Files laid over one another, the later over the earlier: the tree, and where all came from.

    `tree` has no variables replaced. `below` are layers that were merged already; they lie under
    the others and are shared.
    """

    def __init__(self, layers: Sequence[Layer], below: Layers | None = None) -> None:
        self._below = below
        self._own = list(layers)
        self.problems: list[str] = list(below.problems) if below else []
        tree: Any = below.tree if below else {}
        for layer in layers:
            self.problems += layer.problems

            def complain(path: KeyPath, words: str, layer: Layer = layer) -> None:
                place = layer.lines.get(path, str(layer.path))
                problem = Problem(place, key_text(path), words)
                problem.misread = True
                self.problems.append(problem)

            tree = merge(tree, layer.tree, (), complain)
        self.tree: dict[str, Any] = tree

    @property
    def layers(self) -> list[Layer]:
        """All files, the lowest first."""
        return [*(self._below.layers if self._below else ()), *self._own]

    @cached_property
    def lines(self) -> dict[KeyPath, str]:
        """Place of each key and each item of a list: where the highest layer that has it does."""
        return self._by_number(self._lines.known)

    @cached_property
    def sources(self) -> dict[KeyPath, str]:
        """Text of each plain value as it stands in its file."""
        return self._by_number(self._sources.known)

    @cached_property
    def _lines(self) -> _Known:
        known = _Known(self._below._lines if self._below else None)
        for layer in self._own:
            known.add(layer, layer.lines)
        return known

    @cached_property
    def _sources(self) -> _Known:
        known = _Known(self._below._sources if self._below else None)
        for layer in self._own:
            known.add(layer, layer.sources)
        return known

    def _by_number(self, known: Mapping[tuple[Any, ...], str]) -> dict[KeyPath, str]:
        """Return what is known by names by their numbers in the merged lists."""
        index_of: dict[KeyPath, dict[_Item, int]] = {}
        for at in NAMED_LISTS:
            entries = _value_at(self.tree, at)
            if isinstance(entries, list):
                index_of[at] = {item: index for index, item in enumerate(_items(entries, at))}
        found: dict[KeyPath, str] = {}
        for named, text in known.items():
            steps: list[str | int] = []
            for step in named:
                if isinstance(step, _Item):
                    index = index_of.get(tuple(steps), {}).get(step)
                    if index is None:
                        break
                    steps.append(index)
                else:
                    steps.append(step)
            else:
                found[tuple(steps)] = text
        return found

    def history(self, path: KeyPath) -> list[Origin]:
        """Return what each layer has under a path of the merged tree, the highest first."""
        found: list[Origin] = []
        named = _by_name(path, self.tree)
        for layer in self.layers:
            names = {_by_name(own, layer.tree): own for own in layer.lines}
            if _replaces(layer.tree, named):
                found.clear()
            own = names.get(named)
            if own is not None:
                found.append(Origin(layer, layer.lines[own], _value_at(layer.tree, own)))
        return found[::-1]


def _replaces(tree: Any, named: tuple[Any, ...]) -> bool:
    """Whether a layer replaces as a whole what is above a path, so that nothing below counts."""
    at: KeyPath = ()
    for step in named:
        if tree is EMPTY or tree is None and not at:
            return False
        if isinstance(tree, dict):
            if step not in tree:
                return False
            tree = tree[step]
            at = (*at, step)
            continue
        if isinstance(step, _Item) and isinstance(tree, list):
            items = _items(tree, at)
            if step not in items:
                return False
            index = items.index(step)
            if isinstance(tree[index], Remove):
                return True
            tree, at = tree[index], (*at, index)
            continue
        return True
    return False


def _by_name(path: KeyPath, tree: Any) -> tuple[Any, ...]:
    """Name the things of lists of named things in a path, whose numbers differ by layer."""
    for at in NAMED_LISTS:
        if path[: len(at)] == at and len(path) > len(at):
            entries = _value_at(tree, at)
            if isinstance(entries, list) and isinstance(path[len(at)], int):
                return (*at, _items(entries, at)[int(path[len(at)])], *path[len(at) + 1 :])
    return path


def _value_at(tree: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        try:
            tree = tree[step]
        except (KeyError, IndexError, TypeError):
            return None
    return tree


class _Known:
    """Texts by paths, in which things of lists of named things are named."""

    def __init__(self, below: _Known | None) -> None:
        self.known: dict[tuple[Any, ...], str] = dict(below.known) if below else {}
        # Paths with something below them, and some that had.
        self._parents: set[tuple[Any, ...]] = set(below._parents) if below else set()

    def add(self, layer: Layer, texts: Mapping[KeyPath, str]) -> None:
        """Take what a layer has, in place of what it replaces."""
        self._forget_replaced(layer.tree, ())
        for path, text in texts.items():
            named = _by_name(path, layer.tree)
            self.known[named] = text
            while named and (named := named[:-1]) not in self._parents:
                self._parents.add(named)

    def _forget_replaced(self, tree: Any, at: KeyPath) -> None:
        """Forget what a layer replaces as a whole: lists and values."""
        if isinstance(tree, dict) and tree:
            for key, value in tree.items():
                self._forget_replaced(value, (*at, key))
        elif at in NAMED_LISTS and isinstance(tree, list):
            for value, item in zip(tree, _items(tree, at), strict=True):
                if isinstance(value, Remove):
                    self._forget_below((*at, item))
        elif tree is not EMPTY and not isinstance(tree, dict):
            self._forget_below(at)

    def _forget_below(self, at: tuple[Any, ...]) -> None:
        if at in self._parents:
            length = len(at)
            for path in [p for p in self.known if len(p) > length and p[:length] == at]:
                del self.known[path]


def walk(tree: Any, at: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Each value of a tree that is neither a map nor a list, and each empty one, with its path."""
    if isinstance(tree, dict) and tree:
        for key, value in tree.items():
            yield from walk(value, (*at, key))
    elif isinstance(tree, list) and tree:
        for index, value in enumerate(tree):
            yield from walk(value, (*at, index))
    else:
        yield at, tree
