# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What in the messages of a topic freezes the black box: an ERROR in /diagnostics, a field's value.

A condition freezes when it comes to hold, and again only after it did not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import struct
import time
from typing import Any

from ...ros.fields import load_type
from ...ros.paths import parse_path, Path
from ...ros.reader import make_reader

DIAGNOSTICS = '/diagnostics'
_ERROR = 2
_MOST = 2000
_FIELDS = {name: parse_path(f'status[:].{name}') for name in ('name', 'level', 'message')}

Checked = Callable[[bytes], str]


def errors_of_diagnostics(own: str) -> Callable[[type], Checked]:
    """Freeze when a part comes to report an ERROR; the bridge's own, which begin so, do not."""

    def make(cls: type) -> Checked:
        read = make_reader(cls, _FIELDS)
        in_error: dict[str, None] = {}

        def check(data: bytes) -> str:
            try:
                found = read(data, time.time)
            except (ValueError, struct.error):
                return ''
            news = ''
            for name, level, message in zip(
                found['name'], found['level'], found['message'], strict=True
            ):
                number = level[0] if isinstance(level, bytes) else level
                if number != _ERROR:
                    in_error.pop(name, None)
                elif name not in in_error:
                    in_error[name] = None
                    if len(in_error) > _MOST:
                        del in_error[next(iter(in_error))]
                    if not news and not name.startswith(f'{own}: '):
                        news = f'diagnostics: {name}: {message}'
            return news

        return check

    return make


class Condition:
    """An entry of `black_box.triggers.conditions`."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """
        Take the entry; PathError or UnknownType for what cannot be read.

        The type is only known here if the entry says it.
        """
        self.topic: str = settings['topic']
        self._name: str = settings['name'] or f'{settings["topic"]} {settings["field"]}'
        self._field: str = settings['field']
        self._path: Path = parse_path(self._field)
        self._below, self._above = settings['below'], settings['above']
        self._is = settings['is']
        if settings['type']:
            make_reader(load_type(settings['type']), {'value': self._path})

    def make(self, cls: type) -> Checked:
        """Make the check for a message class; a PathError is reported as the topic's problem."""
        read = make_reader(cls, {'value': self._path})
        met = False

        def check(data: bytes) -> str:
            nonlocal met
            try:
                value = read(data, time.time)['value']
            except (ValueError, struct.error):
                return ''
            before, met = met, self._is_met(value)
            if met and not before:
                return f'{self._name.replace(": ", " ")}: {self._field} of {self.topic} is {value}'
            return ''

        return check

    def _is_met(self, value: Any) -> bool:
        if self._is is not None:
            return bool(value == self._is)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        return (self._below is not None and value < self._below) or (
            self._above is not None and value > self._above
        )
