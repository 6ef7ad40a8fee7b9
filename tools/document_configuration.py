# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Write the table of all keys in docs/configuration.md from config/schema.json."""

from __future__ import annotations

from collections.abc import Iterator
import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / 'docs' / 'configuration.md'
BEGIN, END = '<!-- keys: begin -->\n', '<!-- keys: end -->\n'


def rows(schema: dict[str, Any], root: dict[str, Any], path: str = '') -> Iterator[str]:
    """Return a table row for each key below a schema."""
    for key, part in schema.get('properties', {}).items():
        where = f'{path}.{key}' if path else key
        text = part.get('description', '')
        value = part.get('default')
        whole = value not in (None, {}) and '$ref' in part  # The default shows all of it.
        part = resolve(part, root)
        text = (text or part.get('description', '')).replace('|', '\\|')
        value = part.get('default') if value is None else value
        default = json.dumps(value) if value not in (None, {}) else ''
        required = 'required' if key in schema.get('required', ()) else ''
        yield f'| `{where}` | {text} | {f"`{default}`" if default else required} |'
        if not whole:
            yield from rows(part, root, where)
        if isinstance(part.get('items'), dict):
            yield from rows(resolve(part['items'], root), root, f'{where}[]')
        if isinstance(part.get('additionalProperties'), dict):
            yield from rows(resolve(part['additionalProperties'], root), root, f'{where}.*')


def resolve(part: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """Follow `$ref`."""
    while '$ref' in part:
        target: Any = root
        for step in part['$ref'].removeprefix('#/').split('/'):
            target = target[step]
        part = target
    return part


def page(text: str) -> str:
    """Return the page with its table made anew."""
    schema = json.loads((ROOT / 'config' / 'schema.json').read_text())
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    table = '\n'.join(['| key | meaning | default |', '|---|---|---|', *rows(schema, schema)])
    return f'{before}{BEGIN}{table}\n{END}{after}'


if __name__ == '__main__':
    PAGE.write_text(page(PAGE.read_text()))
