# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Write the tables of keys: of all in docs/configuration.md, of kinds in docs/commands.md."""

from __future__ import annotations

from collections.abc import Iterator
import json
from pathlib import Path
import re
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / 'docs' / 'configuration.md'
COMMANDS = ROOT / 'docs' / 'commands.md'
BEGIN, END = '<!-- keys: begin -->\n', '<!-- keys: end -->\n'


# What a parameter may be is said by the words of JSON Schema, which are not these kinds' own.
_WORDS_OF_JSON_SCHEMA = re.compile(r'`(parameters\.\*|allowed\.\*\.value)\.')


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
    """Return the page of the configuration with its table made anew."""
    schema = json.loads((ROOT / 'config' / 'schema.json').read_text())
    return _with_table(
        text, ['| key | meaning | default |', '|---|---|---|', *rows(schema, schema)]
    )


def commands_page(text: str) -> str:
    """Return the page of commands with its table of what each kind takes made anew."""
    kinds = json.loads((ROOT / 'config' / 'command_kinds.json').read_text())
    common = set.intersection(*(set(schema['properties']) for schema in kinds.values()))
    found: dict[str, list[str]] = {}  # Rows that several kinds have, with their kinds.
    for kind, schema in kinds.items():
        own = {
            key: part
            for key, part in schema['properties'].items()
            if key not in common and not part.get('description', '').startswith('Now base.')
        }
        for row in rows({**schema, 'properties': own}, schema):
            if not _WORDS_OF_JSON_SCHEMA.search(row):
                found.setdefault(row, []).append(kind)
    table = [
        f'| {", ".join(f"`{kind}`" for kind in takers)} {row}' for row, takers in found.items()
    ]
    return _with_table(text, ['| kind | key | meaning | default |', '|---|---|---|---|', *table])


def _with_table(text: str, table: list[str]) -> str:
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    lines = '\n'.join(table)
    return f'{before}{BEGIN}{lines}\n{END}{after}'


if __name__ == '__main__':
    PAGE.write_text(page(PAGE.read_text()))
    COMMANDS.write_text(commands_page(COMMANDS.read_text()))
