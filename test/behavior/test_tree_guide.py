# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does what docs/behavior-trees.md shows work, and does it list all nodes."""

from pathlib import Path
import re

from xparo_bridge.behavior import builtin_registry, load, NodeStatus
from xparo_bridge.behavior.linter import main

GUIDE = Path(__file__).resolve().parents[2] / 'docs' / 'behavior-trees.md'


def blocks(language):
    fenced = GUIDE.read_text('utf-8').split('```')[1::2]
    return [block.partition('\n')[2] for block in fenced if block.startswith(f'{language}\n')]


def test_the_example_of_an_own_node_runs():
    code = next(block for block in blocks('python') if 'class CountDown' in block)
    names = {}
    exec(code, names)
    registry = builtin_registry()
    registry.register(names['CountDown'])
    tree = load(next(block for block in blocks('xml') if 'CountDown' in block), registry)
    statuses = [tree.tick_once() for _ in range(3)]
    assert statuses == [NodeStatus.RUNNING, NodeStatus.RUNNING, NodeStatus.SUCCESS]


def test_every_builtin_node_is_in_the_guide():
    text = GUIDE.read_text('utf-8')
    for type_id in builtin_registry().builtin_ids:
        assert re.search(rf'\b{re.sub("[3-5]$", "2", type_id)}\b', text), type_id


def test_the_errors_shown_are_those_printed(tmp_path, monkeypatch, capsys):
    (tmp_path / 'delivery.xml').write_text(
        '<root BTCPP_format="4">\n<BehaviorTree ID="M">\n<Sequence>\n<Spinn/>\n'
        '<Spin spin_dist="far"/>\n</Sequence>\n</BehaviorTree>\n</root>'
    )
    monkeypatch.chdir(tmp_path)
    main(['delivery.xml'])
    printed = capsys.readouterr().out
    shown = next(block for block in blocks('text') if block.startswith('delivery.xml'))
    assert printed.startswith(shown)
