# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What goes between threads and rooms stays as it was made: every dataclass but these."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from typing import Any

import pytest

import xparo_bridge

# What is counted, built or waited for, by one thread, and what of a room changes it alone.
CHANGED = {
    'behavior': {
        'budget.Size',
        'builder._Planned',
        'document.Element',
        'manifest.NodeConfig',
        'ros.configured._Ports',
        'ros.tree_library.LastRun',
        'ros.tree_preparation.Order',
        'ros.tree_ros.Timeouts',
    },
    'link': {
        'control_entries.Delivery',
        'control_entries.Entry',
        'inbound._Sum',
        'pending._Request',
        'read_ahead.Arrival',
        'session.Counters',
        'streams._Stream',
    },
    'messages': set[str](),
    'ros': {
        'cdr.Read',
        'cdr.Selection',
        'every._Part',
        'presence._Expected',
        'sample_events._Topic',
    },
}


def dataclasses_of(room: str) -> dict[str, Any]:
    """Dataclasses of the modules of a room, by their names in it."""
    package = importlib.import_module(f'{xparo_bridge.__name__}.{room}')
    names = [
        package.__name__,
        *(found.name for found in pkgutil.walk_packages(package.__path__, f'{package.__name__}.')),
    ]
    # The executor of py_trees is imported before all others or not at all.
    modules = [importlib.import_module(name) for name in names if not name.endswith('executor')]
    prefix = len(package.__name__) + 1
    return {
        f'{each.__module__}.{each.__qualname__}'[prefix:]: each
        for module in modules
        for each in vars(module).values()
        if isinstance(each, type)
        and dataclasses.is_dataclass(each)
        and each.__module__ == module.__name__
    }


@pytest.mark.parametrize('room', CHANGED)
def test_a_value_is_frozen_unless_it_is_one_of_those_that_change(room):
    found = dataclasses_of(room)
    assert len(found) > len(CHANGED[room])
    changed = {
        name
        for name, each in found.items()
        if not each.__dataclass_params__.frozen  # type: ignore[attr-defined]
    }
    assert changed == CHANGED[room]
