# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How does a mapping of the configuration become a typed object, and what is said where it does not.

A frozen dataclass describes itself: its annotations are the types, its defaults the defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, fields, MISSING
import math
from typing import Any, get_type_hints, TypeVar

T = TypeVar('T')
Key = str | int


class ConfigProblem(ValueError):
    """What is wrong with the value at `path`, keys and indices from the top, and what is due."""

    def __init__(self, path: Sequence[Key], problem: str) -> None:
        """Take the path and the words."""
        self.path = tuple(path)
        self.problem = problem
        super().__init__(f'{".".join(map(str, self.path))}: {problem}')


def setting(default: Any = MISSING, *, above: float | None = None, least: float | None = None,
            one_of: Sequence[str] = (), convert: Callable[[Any], Any] | None = None) -> Any:
    """Dataclass field with limits; `convert` makes the value itself and may raise ValueError."""
    metadata = {'above': above, 'least': least, 'one_of': one_of, 'convert': convert}
    if isinstance(default, (dict, list)):
        return field(default_factory=lambda: default, metadata=metadata)
    return field(default=default, metadata=metadata)


def build(cls: type[T], mapping: Any, path: Sequence[Key]) -> T:
    """Object of a dataclass from a mapping; ConfigProblem names the key."""
    if mapping is None:
        mapping = {}
    if not isinstance(mapping, Mapping):
        raise ConfigProblem(path, f'a mapping is due, not {_kind(mapping)}')
    known = {item.name: item for item in fields(cls)}  # type: ignore[arg-type]
    for key in mapping:
        if key not in known:
            raise ConfigProblem([*path, key], f'no such setting; there are {", ".join(known)}')
    hints = get_type_hints(cls)
    values = {}
    for name, item in known.items():
        where = [*path, name]
        if name in mapping:
            values[name] = _value(mapping[name], hints[name], item.metadata, where)
        elif item.default is MISSING and item.default_factory is MISSING:
            raise ConfigProblem(where, 'is missing')
    return cls(**values)


def _value(value: Any, hint: Any, metadata: Mapping[str, Any], path: Sequence[Key]) -> Any:
    convert = metadata.get('convert')
    if convert is not None:
        try:
            return convert(value)
        except ConfigProblem as problem:
            raise ConfigProblem([*path, *problem.path], problem.problem) from None
        except ValueError as error:
            raise ConfigProblem(path, str(error)) from None
    if hint == tuple[str, ...]:
        if not isinstance(value, Sequence) or isinstance(value, str) \
                or not all(isinstance(item, str) for item in value):
            raise ConfigProblem(path, f'a list of texts is due, not {_kind(value)}')
        return tuple(value)
    wanted, words = _HINTS[hint]
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool is not wanted):
        raise ConfigProblem(path, f'{words} is due, not {_kind(value)}')
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        _limits(value, metadata, path)
    if metadata.get('one_of') and value not in metadata['one_of']:
        raise ConfigProblem(
            path, f'"{value}" is none of {", ".join(map(str, metadata["one_of"]))}')
    return float(value) if float in _args(hint) else value


def _limits(value: float, metadata: Mapping[str, Any], path: Sequence[Key]) -> None:
    above, least = metadata.get('above'), metadata.get('least')
    if not math.isfinite(value):
        raise ConfigProblem(path, f'a finite number is due, not {value}')
    if above is not None and value <= above:
        raise ConfigProblem(path, f'must be above {above:g}, is {value:g}')
    if least is not None and value < least:
        raise ConfigProblem(path, f'must be at least {least:g}, is {value:g}')


def _args(hint: Any) -> tuple[Any, ...]:
    return getattr(hint, '__args__', (hint,))


_HINTS: dict[Any, tuple[Any, str]] = {
    float: ((int, float), 'a number'),
    float | None: ((int, float), 'a number'),
    int: (int, 'a whole number'),
    bool: (bool, 'true or false'),
    str: (str, 'a text'),
}


def _kind(value: Any) -> str:
    for kind, words in ((bool, str(value).lower()), (str, f'the text "{value}"'),
                        (Mapping, 'a mapping'), ((list, tuple), 'a list')):
        if isinstance(value, kind):
            return words
    return str(value)
