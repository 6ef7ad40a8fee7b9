# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Verdicts as JUnit XML, which continuous integration reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from ..verdict import COULD_NOT_START, FAILED, NOT_EXECUTED, Verdict

_ELEMENTS = {FAILED: 'failure', COULD_NOT_START: 'error', NOT_EXECUTED: 'skipped'}
_COUNTS = {FAILED: 'failures', COULD_NOT_START: 'errors', NOT_EXECUTED: 'skipped'}


def write_junit(path: Path, verdicts: Sequence[Verdict], world: str) -> None:
    """Write a test suite with a test case for each run."""
    counts = {
        plural: sum(verdict.state == state for verdict in verdicts)
        for state, plural in _COUNTS.items()
    }
    suite = {
        'name': f'xparo_bridge.scenarios.{world}',
        'tests': len(verdicts),
        **counts,
        'time': f'{sum(verdict.wall for verdict in verdicts):.3f}',
    }
    lines = ['<?xml version="1.0" encoding="utf-8"?>', '<testsuites>', _tag('testsuite', suite)]
    for verdict in verdicts:
        case = {
            'classname': f'scenarios.{world}',
            'name': f'{verdict.name} (seed {verdict.seed})',
            'time': f'{verdict.wall:.3f}',
        }
        lines.append(_tag('testcase', case))
        if element := _ELEMENTS.get(verdict.state):
            problems = (f'{p.where}: {p.text}: {p.said}' for p in verdict.problems)
            failure = escape(_clean('\n'.join(problems)))
            lines.append(f'{_tag(element, {"message": verdict.line})}{failure}</{element}>')
        lines.append('</testcase>')
    lines += ['</testsuite>', '</testsuites>', '']
    path.write_text('\n'.join(lines), encoding='utf-8')


def _tag(name: str, attributes: Mapping[str, object]) -> str:
    words = (f'{key}={quoteattr(_clean(str(value)))}' for key, value in attributes.items())
    return f'<{name} {" ".join(words)}>'


def _clean(text: str) -> str:
    """Leave out what XML cannot hold."""
    return ''.join(c for c in text if c in '\t\n\r' or ' ' <= c < '\ud800' or c > '\udfff')
