# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What a check found: one line each, with what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ..redaction import redacted


class State(StrEnum):
    """How a check ended."""

    OK = 'ok'
    PROBLEM = 'problem'
    NOT_CHECKED = 'not checked'


@dataclass(frozen=True)
class Finding:
    """One check of one subject: what was found, and the remedy unless it is ok."""

    check: str
    subject: str
    state: State
    text: str
    remedy: str = ''

    def as_json(self) -> dict[str, str]:
        """Return it as `--json` has it."""
        return {
            'check': self.check,
            'subject': self.subject,
            'state': self.state.value,
            'text': redacted(self.text),
            'remedy': redacted(self.remedy),
        }

    def line(self) -> str:
        """Return it as one line of text."""
        remedy = f'. To do: {self.remedy}' if self.remedy else ''
        words = ' '.join(f'{self.text}{remedy}'.split())
        return redacted(f'{self.state.value:<11}  {self.check} {self.subject}: {words}')


def ok(check: str, subject: str, text: str) -> Finding:
    """Return that all is well with a subject."""
    return Finding(check, subject, State.OK, text)


def problem(check: str, subject: str, text: str, remedy: str) -> Finding:
    """Return what is wrong with a subject, and what to do."""
    return Finding(check, subject, State.PROBLEM, text, remedy)


def not_checked(check: str, subject: str, text: str, remedy: str) -> Finding:
    """Return why a subject was not looked at, and what would let it be."""
    return Finding(check, subject, State.NOT_CHECKED, text, remedy)


def exit_code(findings: Iterable[Finding]) -> int:
    """Return 1 if there is a problem, else 0."""
    return int(any(finding.state is State.PROBLEM for finding in findings))
