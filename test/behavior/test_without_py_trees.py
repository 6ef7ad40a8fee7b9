# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Do trees run where nothing of py_trees is loaded, and is it where its viewers are."""

import os
from pathlib import Path
import subprocess
import sys

from fixtures.processes import python_path

TESTS = Path(__file__).parent


def _run(program: str, *paths: Path) -> str:
    done = subprocess.run(
        [sys.executable, '-c', program],
        env={**os.environ, 'PYTHONPATH': python_path(*paths)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not done.returncode, done.stderr
    return done.stdout.strip()


def test_the_whole_bridge_loads_nothing_of_py_trees() -> None:
    program = """
import sys
import xparo_bridge.process
from xparo_bridge.behavior.ros import tree_executor, trees
assert not tree_executor.HAS_PY_TREES_ROS
print([name for name in sys.modules if name.startswith(('py_trees', 'pydot'))])
"""
    assert _run(program) == '[]'


def test_a_tree_of_every_kind_of_node_runs_without_py_trees() -> None:
    program = """
import sys
from xparo_bridge.behavior.ros.tree_executor import make_executor
from trees import load_nodes, log_of
tree = load_nodes(
    '<Fallback><Sequence><Inverter><Act name="a" does="S"/></Inverter></Sequence>'
    '<ReactiveFallback><Parallel success_count="2"><Act name="b" does="RS"/>'
    '<Act name="c" does="RRS"/></Parallel></ReactiveFallback>'
    '<ReactiveSequence><Act name="d" does="S"/></ReactiveSequence></Fallback>'
)
executor = make_executor(tree, None)
seen = []
for _ in range(3):
    executor.tick()
    seen.append(str(tree.status))
    assert str(tree.root.status) in ('RUNNING', 'IDLE')
tree.nodes[-1].logger.debug('nothing')
shut = []
for node in tree.nodes:
    node.shutdown = lambda node=node: shut.append(node)
executor.shutdown()
assert shut == list(tree.nodes)
assert not [name for name in sys.modules if name.startswith('py_trees')]
print(*seen)
"""
    assert _run(program, TESTS, TESTS.parent) == 'RUNNING RUNNING SUCCESS'


def test_nodes_are_of_py_trees_where_its_viewers_are(tmp_path: Path) -> None:
    (tmp_path / 'py_trees_ros').mkdir()
    (tmp_path / 'py_trees_ros' / '__init__.py').write_text('')
    program = """
from xparo_bridge.behavior.nodes.fallback import Fallback
from xparo_bridge.behavior.ros import tree_executor
import py_trees
assert issubclass(Fallback, py_trees.composites.Selector)
print(tree_executor.HAS_PY_TREES_ROS)
"""
    # The viewers are broken here, as this package has no trees: the tree runs all the same.
    assert _run(program, tmp_path) == 'False'
