# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Find what is behind a text that YAML refuses, or reads otherwise than it looks."""

from __future__ import annotations

import unicodedata


def reader_hint(problem: str, text: str, line: int, column: int) -> str:
    """Say what is behind a problem of the YAML reader at a place, counted from 1; or nothing."""
    lines = text.splitlines()
    row = lines[line - 1] if 0 < line <= len(lines) else ''
    at = row[column - 1 : column]
    if 'cannot start any token' in problem or 'block mapping' in problem:
        if '\t' in row[: len(row) - len(row.lstrip())] or at == '\t':
            return '; there is a tab: YAML indents by spaces'
        if at and at in '%@`':
            return f'; put a text that begins with {at} in quotes'
    if 'mapping values are not allowed' in problem:
        return '; put a text with a colon in quotes, and indent keys of one map alike'
    if 'another document' in problem:
        return '; one file holds one document: remove the line ---'
    return ''


def unseen(text: str) -> str:
    """Say what of a plain word looks like something else; empty if nothing does."""
    for character in text:
        kind = unicodedata.category(character)
        if (kind == 'Zs' and character != ' ') or (kind == 'Cf' and character != '\u200d'):
            name = unicodedata.name(character, '').lower()
            return (
                f'it holds the character U+{ord(character):04X}, {name}, which is no space to '
                'YAML; write it anew by hand, or in quotes'
            )
    if len(text) > 1 and text[0] in '“”„‘’«' and text[-1] in '“”‘’»':
        return f'{text[0]} and {text[-1]} are no quotes to YAML; write "{text[1:-1]}"'
    return ''
