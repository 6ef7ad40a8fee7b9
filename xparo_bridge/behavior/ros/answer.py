# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Decide whether a message means success, by a script over its fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..blackboard import Blackboard
from ..ports import ANY_ALLOWED, type_of
from ..script import compile_script
from ..script.tokens import tokenize, TokenKind
from .fields import MessageField


class Answer:
    """A script in the language of trees, such as `percentage < 0.2 && present`."""

    def __init__(
        self,
        cls: Any,
        script: str,
        enums: Mapping[str, int],
        ports: Mapping[str, str] | None = None,
    ) -> None:
        """
        Compile a script over fields of a class; an empty one says yes to every message.

        It names fields, or ports, which stand for the fields they are connected to.

        :raises ScriptError: if it is malformed.
        :raises FieldError: if it names what is neither a field nor a constant.
        """
        board = self._board = Blackboard()
        self._fields: dict[str, MessageField] = {}
        for token in tokenize(script):
            name = token.text
            if token.kind is TokenKind.NAME and name not in enums:
                self._fields[name] = MessageField(cls, (ports or {}).get(name, name))
                board.declare(name, ANY_ALLOWED)
        self._script = compile_script(script, board, enums) if script else None

    def is_yes(self, message: Any) -> bool:
        """
        Ask of one message.

        :raises ScriptError: if the script cannot be carried out.
        """
        if self._script is None:
            return True
        for name, field in self._fields.items():
            value = field.read(message)
            self._board.declare(name, ANY_ALLOWED).replace(value, type_of(value))
        return self._script.is_true()
