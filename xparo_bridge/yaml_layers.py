# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Read a YAML file of the configuration with the line of each key, and refuse what YAML misreads.

YAML 1.1, which the reader speaks, takes `4:`, `on:` and `2026-02-03:` for keys that are no text,
`1e-3` for text, `1:30` for 90 and `010` for 8. All of these are refused with what to write.

Two tags are known: `key: !remove` takes away what a layer below has under the key, and in a list
of named things `- !remove NAME` the thing of this name; `key: !file PATH` stands for what the
YAML file PATH holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
import re
from typing import Any

import yaml

from .yaml_hints import reader_hint, unseen
from .yaml_reader import read_yaml, YamlError

KeyPath = tuple[str | int, ...]

REMOVE, FILE = '!remove', '!file'
_TAG_BEFORE_BRACKET = re.compile(rf'{REMOVE}(?=[\]}},])')
# Files within files, one below the other.
_DEEPEST = 8

_TAG = 'tag:yaml.org,2002:'
# What YAML takes a plain word for, by its tag, in words.
_READ_AS = {'int': 'a number', 'float': 'a number', 'bool': 'true or false', 'null': 'nothing'}
_ALLOWED = {_TAG + name for name in (*_READ_AS, 'str', 'map', 'seq', 'merge')}

# A number to everybody but YAML 1.1, which asks for a point and a signed exponent.
_NUMBER_AS_TEXT = re.compile(r'[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+')
_BASE_60 = re.compile(r'[-+]?\d[\d_]*(:[0-5]?\d)+(\.[\d_]*)?')
_OCTAL = re.compile(r'[-+]?0[0-9_]+')


class _Empty:
    """The value of a key with nothing behind it, as when all lines below are comments."""

    def __repr__(self) -> str:
        return 'nothing'

    def __deepcopy__(self, memo: object) -> _Empty:
        return self


EMPTY = _Empty()


class Remove:
    """Takes away what a layer below has: the value of a key, or the thing `name` of a list."""

    def __init__(self, name: str = '') -> None:
        self.name = name

    def __repr__(self) -> str:
        return f'{REMOVE} {self.name}'.strip()


class Place(str):
    """Where something stands: the text `file:line`, and its parts."""

    file: str
    line: int
    column: int

    def __new__(cls, file: str, line: int, column: int = 1) -> Place:
        """Take a line and a column as editors count them, from 1."""
        place = super().__new__(cls, f'{file}:{line}')
        place.file, place.line, place.column = file, line, column
        return place


class Problem(str):
    """What is wrong with a configuration, the text `file:line: key: words`, and its parts."""

    place: Place | None
    key: str
    words: str
    # Whether what is here is something else to YAML than to its author, so that what else is wrong
    # with it is of no interest.
    misread: bool

    def __new__(cls, place: str, key: str, words: str) -> Problem:
        """Take a place as layers note it; one that is no Place is put before the text as it is."""
        problem = super().__new__(cls, f'{place}: {key}: {words}' if key else f'{place}: {words}')
        problem.place = place if isinstance(place, Place) else None
        problem.key, problem.words, problem.misread = key, words, False
        return problem


# By libyaml where PyYAML was built with it, which reads ten times as fast.
_Base: Any = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    # A date is text like any other: no key of the configuration is a date to YAML.
    yaml_implicit_resolvers = {
        first: [(tag, rule) for tag, rule in rules if tag != _TAG + 'timestamp']
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _nothing(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> _Empty | None:
    return None if node.value else EMPTY


def _remove(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Remove:
    return Remove(node.value)


_Loader.add_constructor(_TAG + 'null', _nothing)
_Loader.add_constructor(REMOVE, _remove)


class Layer:
    """
    One file: its tree, the place of each key, the source text of each plain value, its problems.

    A key with nothing behind it has the value EMPTY, one with `null` or `~` None. Where no tree
    can be made it is empty, and `unread` True; else it has all that can be read beside the
    problems, to look for further ones. `files` are this file and those that it names by `!file`.
    """

    def __init__(self, path: Path, folder: Path | None = None) -> None:
        """Read a file; what it names by `!file` is below `folder`, by default its own."""
        self.path = path
        self._folder = path.parent if folder is None else folder
        self.files: list[Path] = []
        self.tree: dict[str, Any] = {}
        self.lines: dict[KeyPath, str] = {}
        self.sources: dict[KeyPath, str] = {}
        self.problems: list[str] = []
        tree = self._read(path, self._check)
        self.unread = tree is None and bool(self.problems)
        self.tree = tree or {}

    def _check(self, root: yaml.Node) -> bool:
        """Note all places and problems; whether the tree can be made."""
        if isinstance(root, yaml.MappingNode):
            self._note(root, (), (self.path,))
            return True
        words = 'the file holds no map; expected "key: value" lines'
        self.problems.append(Problem(Place(str(self.path), 1), '', words))
        return False

    def _read(self, path: Path, check: Callable[[yaml.Node], bool]) -> Any:
        """Read a file; None if it holds nothing, cannot be read or `check` says False."""
        self.files.append(path)
        text = ''
        try:
            text = path.read_text(encoding='utf-8')
            try:
                return read_yaml(text, _Loader, check=check)
            except YamlError:
                # YAML wants a space between a tag and the bracket behind it, of which nobody
                # thinks.
                spaced = _TAG_BEFORE_BRACKET.sub(f'{REMOVE} ', text)
                if spaced == text:
                    raise
                return read_yaml(spaced, _Loader, check=check)
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b'\n') + 1
            words = 'not UTF-8 text; save the file in this encoding'
            self.problems.append(Problem(Place(str(path), line), '', words))
        except OSError as error:
            self.problems.append(Problem(str(path), '', f'cannot be read: {error.strerror}'))
        except YamlError as error:
            mark = getattr(error.__cause__, 'problem_mark', None)
            column = mark.column + 1 if mark else 1
            place = Place(str(path), error.line, column) if error.line else str(path)
            words = error.problem + reader_hint(error.problem, text, error.line, column)
            self.problems.append(Problem(place, '', words))
        return None

    def _note(self, node: yaml.Node, at: KeyPath, files: Sequence[Path]) -> None:
        if node.tag == REMOVE and isinstance(node, yaml.ScalarNode):
            return
        if node.tag not in _ALLOWED:
            words = f'not YAML: no tag {node.tag} is known here'
            if node.tag in (REMOVE, FILE):
                words = f'{node.tag} stands before {"a path" if node.tag == FILE else "a name"}'
            self._complain(node, at, words, files, misread=True)
            _make_text(node)
        elif isinstance(node, yaml.MappingNode):
            self._note_map(node, at, files)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self.lines[(*at, index)] = _place(value, files)
                self._note(value, (*at, index), files)
        elif isinstance(node, yaml.ScalarNode) and not node.style:
            self.sources[at] = node.value
            for text in misread(node.value):
                self._complain(node, at, text, files, misread=True)
            if text := unseen(node.value):
                self._complain(node, at, text, files, misread=True)

    def _note_map(self, node: yaml.MappingNode, at: KeyPath, files: Sequence[Path]) -> None:
        seen: dict[str, int] = {}  # Each key with its line.
        unreadable: set[int] = set()
        for index, (key, value) in enumerate(node.value):
            if not isinstance(key, yaml.ScalarNode):
                self._complain(key, at, 'a key must be plain text', files)
                unreadable.add(index)
            elif key.tag == _TAG + 'merge':
                for merged in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    self._note(merged, at, files)
            else:
                if key.tag != _TAG + 'str':
                    kind = _READ_AS.get(key.tag.removeprefix(_TAG), 'no text')
                    self._complain(
                        key,
                        (*at, key.value),
                        f'YAML reads the key {key.value or "of nothing"} as {kind}; '
                        f'put it in quotes: "{key.value}"',
                        files,
                    )
                    key.tag = _TAG + 'str'  # As it is meant.
                # Duplicate keys are refused: YAML would keep the last one in silence.
                if key.value in seen:
                    words = (
                        f'the key stands twice, first in line {seen[key.value]}; '
                        'put what belongs to it under one'
                    )
                    self._complain(key, (*at, key.value), words, files)
                seen.setdefault(key.value, key.start_mark.line + 1)
                if not key.style and (words := unseen(key.value)):
                    self._complain(key, (*at, key.value), words, files, misread=True)
                self.lines[(*at, key.value)] = _place(key, files)
                if value.tag == FILE and isinstance(value, yaml.ScalarNode):
                    self._take_file(node, index, (*at, key.value), files)
                else:
                    self._note(value, (*at, key.value), files)
        if unreadable:
            node.value = [p for index, p in enumerate(node.value) if index not in unreadable]

    def _take_file(
        self, node: yaml.MappingNode, index: int, at: KeyPath, files: Sequence[Path]
    ) -> None:
        """Put what a file holds in the place of the value that names it."""
        key, value = node.value[index]
        path = Path(value.value)
        if not value.value or path.is_absolute() or '..' in path.parts:
            words = f'expected the path of a file below {self._folder}, such as places/hall.yaml'
            self._complain(value, at, words, files, misread=True)
            _make_text(value)
            return
        file = self._folder / path
        if file in files or len(files) > _DEEPEST:
            self._complain(value, at, f'{path} is a file that holds itself', files, misread=True)
            _make_text(value)
            return
        if not file.is_file():
            self._complain(value, at, f'no file {file}', files, misread=True)
            _make_text(value)
            return
        roots: list[yaml.Node] = []

        def keep(root: yaml.Node) -> bool:
            roots.append(root)
            return False

        self._read(file, keep)
        if roots:
            node.value[index] = (key, roots[0])
            self._note(roots[0], at, (*files, file))
        else:
            node.value[index] = (key, yaml.ScalarNode(_TAG + 'null', '', value.start_mark))

    def _complain(
        self,
        node: yaml.Node,
        at: KeyPath,
        words: str,
        files: Sequence[Path],
        *,
        misread: bool = False,
    ) -> None:
        problem = Problem(_place(node, files), key_text(at), words)
        problem.misread = misread
        self.problems.append(problem)


def _make_text(node: yaml.Node) -> None:
    """Have a value that cannot be read stand for a text."""
    node.tag, node.value = _TAG + 'str', ''
    node.__class__ = yaml.ScalarNode


def _place(node: yaml.Node, files: Sequence[Path]) -> Place:
    """Place of a node; `files` are the file that holds it, behind those that name that one."""
    return Place(str(files[-1]), node.start_mark.line + 1, node.start_mark.column + 1)


def misread(text: str) -> Iterator[str]:
    """Say what is to be written for a plain word that YAML takes for something else."""
    if _NUMBER_AS_TEXT.fullmatch(text) and '.' not in text.lower().split('e')[0]:
        mantissa, exponent = text.lower().split('e')
        sign = exponent if exponent[0] in '+-' else '+' + exponent
        yield (
            f'YAML reads {text} as text; write {mantissa}.0e{sign} for the number, '
            f'"{text}" for the text'
        )
    elif _NUMBER_AS_TEXT.fullmatch(text) and text.lower().split('e')[1][0] not in '+-':
        yield (
            f'YAML reads {text} as text; write {text.lower().replace("e", "e+")} for the number, '
            f'"{text}" for the text'
        )
    elif _BASE_60.fullmatch(text):
        yield (
            f'YAML reads {text} as a number to the base of 60; write "{text}" for the text, or '
            'the number itself'
        )
    elif _OCTAL.fullmatch(text):
        yield (
            f'YAML reads {text} as a number to the base of 8; write "{text}" for the text, '
            f'{int(text.replace("_", ""))} for the number'
        )


def read_as(source: str) -> str:
    """What YAML took a plain word for, in words; empty if for text."""
    tag = _Loader('').resolve(yaml.ScalarNode, source, (True, False))
    return _READ_AS.get(str(tag).removeprefix(_TAG), '')


def key_text(path: Sequence[str | int]) -> str:
    """Return a path as users write it: `links[0].url`."""
    text = ''
    for step in path:
        text += f'[{step}]' if isinstance(step, int) else f'.{step}' if text else str(step)
    return text or '(top level)'
