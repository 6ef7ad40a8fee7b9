# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Keep the values that the nodes of a tree share.

Every subtree has its own blackboard. A key that a subtree does not have itself is looked up in
its parent where the subtree remaps it, or, with autoremapping, under the same name; names that
start with '_' are never autoremapped. '@key' always means the blackboard of the whole tree.
An entry takes its type from the first port connected to it and keeps it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .errors import BlackboardError, ConversionError
from .ports import ANY, ANY_ALLOWED, is_safe_cast, PortType, STRING, type_of
from .values import describe, is_number, to_double, to_integer, UINT64_MAX

# Entries written by scripts have no declared type; a bound keeps a loop from filling memory.
MAX_ENTRIES = 100_000


class Entry:
    """
    A value with its declared type and the number of times it was written.

    `value` is None until the first write. `value_type` is the type the value itself had when
    it was first written, which an entry open to any type does not say.
    """

    __slots__ = ('sequence_id', 'type', 'value', 'value_type')

    def __init__(self, declared: PortType) -> None:
        self.value: Any = None
        self.type = declared
        self.value_type = declared
        self.sequence_id = 0

    def replace(self, value: Any, value_type: PortType) -> None:
        """Write a value of any type."""
        self.value = value
        self.value_type = value_type
        self.sequence_id += 1

    def assign(self, value: Any, value_type: PortType) -> None:
        """Write a value, converted to the type of the one before."""
        if self.value is None:
            self.replace(value, value_type)
        else:
            self.value = fit(value, self.value, self.value_type)
            self.sequence_id += 1


def fit(value: Any, previous: Any, previous_type: PortType) -> Any:
    """
    Convert a value to the representation of the one it replaces.

    :raises ConversionError: if the two are not both text, both numbers or both of one class, or
        if a number would lose something.
    """
    if is_number(value) and is_number(previous):
        if isinstance(previous, float):
            return to_double(value)
        if previous_type.name == 'uint64':
            return to_integer(value, 0, UINT64_MAX)
        return to_integer(value) if isinstance(value, float) else value
    if type(value) is type(previous):
        return value
    raise ConversionError(f'{describe(value)} cannot replace {describe(previous)}')


class Blackboard:
    """The entries of a tree or subtree, by key."""

    def __init__(self, parent: Blackboard | None = None) -> None:
        self.parent = parent
        self.autoremap = False
        self.remapping: dict[str, str] = {}
        self._entries: dict[str, Entry] = {}
        self.root: Blackboard = self if parent is None else parent.root

    def copy(self) -> Blackboard:
        """Make a blackboard with entries of the same types and values, and the same parent."""
        other = Blackboard(self.parent)
        other.autoremap = self.autoremap
        other.remapping = dict(self.remapping)
        for key, entry in self._entries.items():
            twin = other._entries[key] = Entry(entry.type)
            twin.value, twin.value_type = entry.value, entry.value_type
        return other

    def keys(self) -> Iterator[str]:
        """The keys of this blackboard's own entries."""
        return iter(self._entries)

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """The own entries of this blackboard by their keys, also those not written yet."""
        return iter(self._entries.items())

    def snapshot(self) -> dict[str, Any]:
        """The values of this blackboard's own entries."""
        return {key: entry.value for key, entry in self._entries.items()}

    def entry(self, key: str) -> Entry | None:
        """Find the entry of a key, here or where it is remapped to."""
        if key[:1] == '@':
            return self.root.entry(key[1:])
        entry = self._entries.get(key)
        if entry is not None:
            return entry
        external = self._external_key(key)
        if external is None or self.parent is None:
            return None
        return self.parent.entry(external)

    def declare(self, key: str, declared: PortType) -> Entry:
        """
        Return the entry of a key, made with this type if there is none.

        :raises BlackboardError: if the entry exists with another type.
        """
        if key[:1] == '@':
            if '@' in key[1:]:
                raise BlackboardError(f"'@' stands more than once in the key {key!r}")
            return self.root._declare(key[1:], declared)
        return self._declare(key, declared)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key, or the default if it was never written."""
        entry = self.entry(key)
        return default if entry is None or entry.value is None else entry.value

    def set(
        self,
        key: str,
        value: Any,
        written: PortType | None = None,
        value_type: PortType | None = None,
    ) -> None:
        """
        Write a value of the type `written` (if None: the one its Python type has).

        A value passed on unread is written as ANY and keeps its own `value_type`.

        :raises BlackboardError: if the entry has another type that cannot take the value.
        """
        if key[:1] == '@':
            self.root.set(key[1:], value, written, value_type)
            return
        if value_type is None:
            value_type = type_of(value) if written is None or written is ANY else written
        written = written or value_type
        entry = self._entries.get(key)
        if entry is None:
            # A new entry made with text stays open to any type.
            declared = ANY_ALLOWED if written == STRING else value_type
            if written is ANY:
                declared = PortType(value_type.name, ANY.parse, value_type.convert)
            self._declare(key, declared).replace(value, value_type)
        elif not entry.type.is_strong:
            entry.type = written
            entry.replace(value, value_type)
        elif entry.type in (written, value_type):
            if written is ANY:
                entry.replace(value, value_type)
            else:
                entry.assign(value, value_type)
        else:
            entry.assign(self._converted(key, entry.type, value, written), entry.type)

    def unset(self, key: str) -> None:
        """Forget an entry of this blackboard; one that does not exist is no error."""
        self._entries.pop(key, None)

    def _converted(self, key: str, declared: PortType, value: Any, written: PortType) -> Any:
        if written == STRING and declared.parse is not None:
            return declared.parse(value)
        if written is not ANY and is_number(value) and is_safe_cast(declared, value):
            return value
        raise BlackboardError(
            f'the entry {key!r} has the type {declared.name} and cannot take '
            f'{describe(value)} of the type {written.name}'
        )

    def _external_key(self, key: str) -> str | None:
        external = self.remapping.get(key)
        if external is None and self.autoremap and key[:1] != '_':
            return key
        return external

    def _declare(self, key: str, declared: PortType) -> Entry:
        entry = self._entries.get(key)
        if entry is not None:
            if entry.type.is_strong and declared.is_strong and entry.type != declared:
                raise BlackboardError(
                    f'the entry {key!r} has the type {entry.type.name}, not {declared.name}'
                )
            return entry
        external = self._external_key(key)
        if external is not None:
            if self.parent is None:
                raise BlackboardError(f'{key!r} is remapped, but there is no parent tree')
            return self.parent._declare(external, declared)
        if len(self._entries) >= MAX_ENTRIES:
            raise BlackboardError(f'a blackboard holds at most {MAX_ENTRIES} entries')
        entry = self._entries[key] = Entry(declared)
        return entry
