# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Say what is wrong with a tree, and where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ..errors import BadInput

# How much is reported of what is wrong with a tree: an answer never has more than 16 kB.
_FIRST = 10
_MAX_ANSWER = 12_000  # bytes


class BehaviorError(BadInput):
    """Any error of the behaviour-tree engine."""


class ConversionError(BehaviorError, ValueError):
    """A value cannot be converted to the type that is asked for."""


class BlackboardError(BehaviorError):
    """An entry is missing, or would change its type."""


class PortError(BehaviorError):
    """A port has no value, or one that its type does not accept."""


class ScriptError(BehaviorError):
    """A script cannot be parsed or cannot be run."""


class NodeError(BehaviorError):
    """A node was used in a way its rules do not allow."""


class TickError(BehaviorError):
    """
    A tick or a halt was ended by an error inside one node.

    `path` is the path of the node, `type_id` its type and `reason` what went wrong there.
    """

    def __init__(self, path: str, type_id: str, reason: str) -> None:
        super().__init__(f'{path} [{type_id}]: {reason}')
        self.path = path
        self.type_id = type_id
        self.reason = reason


@dataclass(frozen=True)
class Problem:
    """
    One thing wrong with a document: what, where, and what would be right.

    `line` counts from 1 (0: the document as a whole), `path` is the path of the node in the
    tree ('' outside nodes), `file` the included file ('' for the document itself).
    """

    message: str
    line: int = 0
    path: str = ''
    hint: str = ''
    file: str = ''
    is_warning: bool = False

    def __str__(self) -> str:
        place = ':'.join(part for part in (self.file, str(self.line) if self.line else '') if part)
        text = f'line {place}: ' if place and not self.file else f'{place}: ' if place else ''
        text += f'{self.path}: ' if self.path else ''
        text += self.message
        return f'{text} ({self.hint})' if self.hint else text


class TreeErrors(BehaviorError):
    """
    A document that is not a valid tree; `problems` lists everything found wrong.

    `warnings` lists what was found odd besides.
    """

    def __init__(self, problems: Iterable[Problem], warnings: Iterable[Problem] = ()) -> None:
        self.problems = list(problems)
        self.warnings = list(warnings)
        super().__init__('\n'.join(str(problem) for problem in first_problems(self.problems)))


def first_problems(problems: Sequence[Problem]) -> list[Problem]:
    """The first problems, cut to what fits an answer, and how many more there are."""
    found: list[Problem] = []
    left = _MAX_ANSWER
    for problem in problems[:_FIRST]:
        short = replace(
            problem,
            message=clip(problem.message, 500),
            path=clip(problem.path, 200),
            hint=clip(problem.hint, 250),
            file=clip(problem.file, 100),
        )
        left -= len(str(short).encode(errors='replace'))
        if left < 0:
            break
        found.append(short)
    if len(found) < len(problems):
        found.append(
            Problem(
                f'and {len(problems) - len(found)} more problems',
                is_warning=all(problem.is_warning for problem in problems[len(found) :]),
            )
        )
    return found


def clip(text: str, length: int = 60) -> str:
    """Cut a text to a length, with an ellipsis at its end."""
    return text if len(text) <= length else text[: length - 3] + '...'
