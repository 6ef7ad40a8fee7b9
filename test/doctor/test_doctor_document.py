# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""docs/doctor.md lists the faults that the doctor is tried with; there are more than twenty."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PAGE = Path(__file__).parents[2] / 'docs' / 'doctor.md'


def _faults() -> Iterator[str]:
    """Names of the faults in the tests beside this one."""
    for file in sorted(Path(__file__).parent.glob('test_doctor_*.py')):
        for node in ast.walk(ast.parse(file.read_text())):
            target = node.targets[0] if isinstance(node, ast.Assign) else None
            value = node.value if isinstance(node, ast.Assign) else None
            if getattr(target, 'id', '') == 'FAULTS' and isinstance(value, ast.Dict):
                yield from (key.value for key in value.keys if isinstance(key, ast.Constant))


def test_the_page_lists_each_fault_that_is_caused_and_there_are_over_twenty():
    section = PAGE.read_text().partition('## Faults that it is tried with')[2]
    said = ' '.join(section.split())
    faults = list(_faults())
    assert len(set(faults)) == len(faults) > 20
    assert [fault for fault in faults if fault not in said] == []
    lists = [part.partition('\n\n')[0] for part in section.split('\n- ')[1:]]
    listed = [fault for each in lists for fault in each.split(';')]
    assert len(listed) == len(faults)
