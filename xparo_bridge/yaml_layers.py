# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Read a YAML file of the configuration with the line of each key, and refuse what YAML misreads.

YAML 1.1, which the reader speaks, takes `4:`, `on:` and `2026-02-03:` for keys that are no text,
`1e-3` for text, `1:30` for 90 and `010` for 8. All of these are refused with what to write.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
import re
from typing import Any

import yaml

from .yaml_reader import read_yaml, YamlError

KeyPath = tuple[str | int, ...]

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


class _Loader(yaml.SafeLoader):
    # A date is text like any other: no key of the configuration is a date to YAML.
    yaml_implicit_resolvers = {
        first: [(tag, rule) for tag, rule in rules if tag != _TAG + 'timestamp']
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _nothing(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> _Empty | None:
    return None if node.value else EMPTY


_Loader.add_constructor(_TAG + 'null', _nothing)


class Layer:
    """
    One file: its tree, the place of each key, the source text of each plain value, its problems.

    A key with nothing behind it has the value EMPTY, one with `null` or `~` None. After a problem
    the tree may be empty.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.tree: dict[str, Any] = {}
        self.lines: dict[KeyPath, str] = {}
        self.sources: dict[KeyPath, str] = {}
        self.problems: list[str] = []
        try:
            self._read(path.read_text(encoding='utf-8'))
        except UnicodeDecodeError:
            self.problems.append(f'{path}: not UTF-8 text')
        except OSError as error:
            self.problems.append(f'{path}: cannot be read: {error.strerror}')
        except YamlError as error:
            place = f'{path}:{error.line}' if error.line else str(path)
            self.problems.append(f'{place}: {error.problem}')

    def _read(self, text: str) -> None:
        self.tree = read_yaml(text, _Loader, check=self._check) or {}

    def _check(self, root: yaml.Node) -> bool:
        """Note all places and problems; whether the tree can be made."""
        if isinstance(root, yaml.MappingNode):
            self._note(root, ())
        else:
            self.problems.append(
                f'{self._path}:1: the file holds no map; expected "key: value" lines'
            )
        return not self.problems

    def _place(self, node: yaml.Node) -> str:
        return f'{self._path}:{node.start_mark.line + 1}'

    def _note(self, node: yaml.Node, at: KeyPath) -> None:
        if node.tag not in _ALLOWED:
            self._complain(node, at, f'not YAML: no tag {node.tag} is known here')
        elif isinstance(node, yaml.MappingNode):
            self._note_map(node, at)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self.lines[(*at, index)] = self._place(value)
                self._note(value, (*at, index))
        elif isinstance(node, yaml.ScalarNode) and node.style is None:
            self.sources[at] = node.value
            for text in misread(node.value):
                self._complain(node, at, text)

    def _note_map(self, node: yaml.MappingNode, at: KeyPath) -> None:
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._complain(key, at, 'a key must be plain text')
            elif key.tag == _TAG + 'merge':
                for merged in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    self._note(merged, at)
            elif key.tag != _TAG + 'str':
                kind = _READ_AS.get(key.tag.removeprefix(_TAG), 'no text')
                self._complain(
                    key,
                    (*at, key.value),
                    f'YAML reads the key {key.value or "of nothing"} as {kind}; '
                    f'put it in quotes: "{key.value}"',
                )
            else:
                # Duplicate keys are refused: YAML would keep the last one in silence.
                if key.value in seen:
                    self._complain(key, (*at, key.value), 'the key stands twice')
                seen.add(key.value)
                self.lines[(*at, key.value)] = self._place(key)
                self._note(value, (*at, key.value))

    def _complain(self, node: yaml.Node, at: KeyPath, text: str) -> None:
        self.problems.append(f'{self._place(node)}: {key_text(at)}: {text}')


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
    tag = _Loader('').resolve(yaml.ScalarNode, source, (True, False))  # type: ignore[no-untyped-call]
    return _READ_AS.get(str(tag).removeprefix(_TAG), '')


def key_text(path: Sequence[str | int]) -> str:
    """Return a path as users write it: `links[0].url`."""
    text = ''
    for step in path:
        text += f'[{step}]' if isinstance(step, int) else f'.{step}' if text else str(step)
    return text or '(top level)'
