# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Do the adapters say and understand what the documents say, byte for byte?"""

from pathlib import Path
import re
from typing import Any

import pytest
import vectors
from vectors import build

from xparo_bridge.link.protocols.base import ProtocolError

DOCUMENT = Path(__file__).parents[3] / 'docs' / 'protocols.md'


@pytest.mark.parametrize('path', vectors.paths(), ids=lambda p: f'{p.parent.name}/{p.stem}')
def test_the_adapter_speaks_as_the_vector_says(path):
    vector = vectors.load(path)
    clock = vectors.Clock()
    adapter = vectors.adapter(path.parent.name, clock, **vector.get('options', {}))
    last: list[Any] = []
    for step in vector['steps']:
        last = vectors.play(adapter, clock, step, last)


def rows() -> dict[tuple[str, str], set[str]]:
    """Rows of the tables in docs/protocols.md: (protocol, row) to the messages that carry it."""
    found, protocol = {}, ''
    for line in DOCUMENT.read_text(encoding='utf-8').splitlines():
        if heading := re.match(r'## `(\w+)`', line):
            protocol = heading[1]
        elif row := re.match(r'\| `([^`]+)` \| (out|in|rest) \|([^|]*)\|', line):
            found[protocol, f'{row[2]} {row[1]}'] = set(re.findall(r'`(\w+)`', row[3]))
    return found


def covered() -> dict[tuple[str, str], set[str]]:
    """Rows that vectors show, and the messages in those vectors."""
    found: dict[tuple[str, str], set[str]] = {}
    for path in vectors.paths():
        vector = vectors.load(path)
        names = set().union(*(vectors.message_names(step) for step in vector['steps']))
        for row in vector['covers']:
            found.setdefault((path.parent.name, row), set()).update(names)
    return found


def test_every_row_of_the_tables_has_a_vector_and_every_vector_a_row():
    assert rows().keys() == covered().keys()


@pytest.mark.parametrize('row', rows().items(), ids=lambda row: ' '.join(row[0]))
def test_the_row_is_carried_as_the_table_says(row):
    key, names = row
    assert names <= covered()[key]


@pytest.mark.parametrize('protocol', vectors.ADAPTERS)
def test_every_message_the_adapter_carries_is_in_a_vector(protocol):
    sent = {
        name
        for path in vectors.paths()
        if path.parent.name == protocol
        for step in vectors.load(path)['steps']
        if 'frames' in step and 'send' in step
        for name in step['send']
    }
    assert {kind.__name__ for kind in vectors.adapter(protocol).capabilities} == sent


@pytest.mark.parametrize('protocol', vectors.ADAPTERS)
def test_what_an_adapter_does_not_carry_is_refused_by_name(protocol):
    with pytest.raises(ProtocolError, match=f'protocol {protocol} cannot carry Users; it carries'):
        vectors.adapter(protocol).encode(build({'Users': {'users': []}}))
