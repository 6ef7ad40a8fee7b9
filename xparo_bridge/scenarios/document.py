# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Reads values of a scenario with the place each has in its file, so that errors name file and line.

A `Part` is a value and where it stands. Reading one either gives what was expected or raises
`Wrong`; whoever reads several parts collects these with `Problems`, so that all are said at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
import contextlib
from pathlib import Path
from typing import Any, NoReturn

from ..alike import alike
from ..errors import BadInput
from ..yaml_layers import EMPTY, key_text, KeyPath, Layer
from .quantities import Kind, WrongQuantity


class Wrong(BadInput):
    """One problem of a scenario: `file:line: key: what is wrong and what would be right`."""


class ScenarioError(BadInput):
    """All problems of a scenario file, one a line."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__('\n'.join(self.problems))


class Problems:
    """Problems of several parts, to be said at once."""

    def __init__(self) -> None:
        self.found: list[str] = []

    @contextlib.contextmanager
    def collected(self) -> Iterator[None]:
        """Note what is wrong with a part and go on after it."""
        try:
            yield
        except Wrong as error:
            self.found.append(str(error))
        except ScenarioError as error:
            self.found += error.problems

    def raise_if_any(self) -> None:
        """
        Say all.

        :raises ScenarioError: if there are any.
        """
        if self.found:
            raise ScenarioError(self.found)


class Part:
    """A value of a scenario file and its place."""

    def __init__(self, layer: Layer, file: Path, value: Any, path: KeyPath) -> None:
        self._layer = layer
        self.file = file
        self.value: Any = None if value is EMPTY else value
        self.path = path

    @property
    def where(self) -> str:
        """`file:line` of it, or of what is nearest above it."""
        steps = self.path
        while steps and steps not in self._layer.lines:
            steps = steps[:-1]
        return self._layer.lines.get(steps, f'{self.file}:1')

    def refuse(self, text: str) -> NoReturn:
        """
        Say what is wrong with it.

        :raises Wrong: always.
        """
        raise Wrong(f'{self.where}: {key_text(self.path)}: {text}')

    def __getitem__(self, key: str | int) -> Part:
        return Part(self._layer, self.file, self.value[key], (*self.path, key))

    def __contains__(self, key: str) -> bool:
        return key in self.value

    def get(self, key: str) -> Part | None:
        """Return the part of a key, None if it is not there."""
        return self[key] if key in self.value else None

    def map(
        self, known: Sequence[str] | None = None, required: Sequence[str] = (), what: str = ''
    ) -> Part:
        """Return itself, which must be a map of known keys, some of them required."""
        if not isinstance(self.value, dict):
            example = required[0] if required else known[0] if known else 'key'
            self.refuse(f'expected a map{what and " " + what}, such as {{{example}: …}}')
        problems = Problems()
        for key in self.value:
            if known is not None and key not in known:
                with problems.collected():
                    self[key].refuse(unknown(key, known))
        for key in required:
            if key not in self.value:
                with problems.collected():
                    self.refuse(f'"{key}" is missing')
        problems.raise_if_any()
        return self

    def items(self) -> Iterator[tuple[str, Part]]:
        """Each key of a map with its part."""
        for key in self.value:
            yield key, self[key]

    def list(self) -> list[Part]:
        """Return the parts of a list."""
        if not isinstance(self.value, list):
            self.refuse('expected a list, each entry after a "- "')
        return [self[index] for index in range(len(self.value))]

    def text(self) -> str:
        """Return a text that is not empty."""
        if not isinstance(self.value, str) or not self.value:
            self.refuse('expected a text')
        return self.value

    def boolean(self) -> bool:
        """Return true or false."""
        if not isinstance(self.value, bool):
            self.refuse('expected true or false')
        return self.value

    def number(self, least: float = float('-inf'), most: float = float('inf')) -> float:
        """Return a number within bounds."""
        if isinstance(self.value, bool) or not isinstance(self.value, (int, float)):
            self.refuse('expected a number')
        if not least <= self.value <= most:
            self.refuse(f'expected a number from {least:g} to {most:g}')
        return float(self.value)

    def quantity(self, kind: Kind) -> float:
        """Return a quantity in its first unit."""
        try:
            return kind.read(self.value)
        except WrongQuantity as error:
            self.refuse(str(error))

    def one_of(self, known: Sequence[str]) -> str:
        """Return one of some words."""
        if self.value not in known:
            self.refuse(unknown(str(self.value), known, 'value'))
        return str(self.value)

    def file_name(self) -> Path:
        """Return a file that is there, named from where the scenario is."""
        path = self.file.parent / Path(self.text()).expanduser()
        if not path.exists():
            self.refuse(f'there is no file {path}')
        return path


def unknown(key: str, known: Sequence[str], what: str = 'key') -> str:
    """Say that a word is not known, and which may be meant."""
    near = alike(key, known)
    hint = f'did you mean "{near[0]}"?' if near else f'there are {", ".join(known)}'
    return f'no {what} "{key}"; {hint}'


def read(path: Path, make: Callable[[Part], Any]) -> Any:
    """
    Read a file and make something of it.

    :raises ScenarioError: with all that is wrong.
    """
    layer = Layer(path)
    if layer.problems:
        raise ScenarioError(layer.problems)
    try:
        return make(Part(layer, path, layer.tree, ()))
    except Wrong as error:
        raise ScenarioError([str(error)]) from None
