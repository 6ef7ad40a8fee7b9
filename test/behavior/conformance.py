# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Does the engine do what BehaviorTree.CPP 4.10 did, and Nav2's own control nodes, case by case.

    python test/behavior/conformance.py [FILE.jsonl ...]

runs the cases of the given files, or of `test/behavior/cases/`, names each failure with its first
difference, and ends with `N passed, N failed`; the exit code is 1 if one failed.

`cases/nav2_control.jsonl` was recorded from Nav2's nodes on BehaviorTree.CPP 4.7.1: RecoveryNode,
RoundRobin and PipelineSequence of Nav2 1.3.13, NonblockingSequence and PersistentSequence of its
main branch.
"""

from __future__ import annotations

from collections.abc import Iterator
import json
import math
from pathlib import Path
import sys
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from xparo_bridge.behavior import (
    Blackboard,
    BlackboardError,
    builtin_registry,
    Condition,
    inout_port,
    input_port,
    load,
    Manifest,
    ManualClock,
    nav2,
    NodeConfig,
    NodeKind,
    NodeStatus,
    output_port,
    PortError,
    ScriptError,
    StatefulAction,
    SyncAction,
    TickError,
    Tree,
    TreeErrors,
    TreeNode,
)
from xparo_bridge.behavior.ports import STRING  # noqa: E402
from xparo_bridge.behavior.script import compile_script, parse_script  # noqa: E402

CASES = Path(__file__).parent / 'cases'
LETTERS = {
    'R': NodeStatus.RUNNING,
    'S': NodeStatus.SUCCESS,
    'F': NodeStatus.FAILURE,
    'K': NodeStatus.SKIPPED,
    'I': NodeStatus.IDLE,
}
PORTS = (
    input_port('script', 'string', 'S'),
    input_port('in'),
    input_port('val', 'string'),
    output_port('out'),
)


class _Scripted(TreeNode):
    """Follows the letters of its port `script`, one a callback, round and round."""

    PORTS = PORTS

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._cursor = 0

    def _call(self, callback: str, with_inputs: bool = True) -> NodeStatus:
        letters = self.find_input('script') or 'S'
        letter = letters[self._cursor % len(letters)]
        self._cursor += 1
        event: list[Any] = [callback, self.name, letter]
        inputs = read_inputs(self, ('in', 'val'), as_text=True) if with_inputs else {}
        if inputs:
            event.append(inputs)
        self.context.services['events'].append(event)
        if letter == 'X':
            raise RuntimeError('scripted exception')
        status = LETTERS[letter]
        if status is NodeStatus.SUCCESS and not isinstance(self, Condition):
            if self.connected_key('out') is not None:
                self.set_output('out', self.find_input('val', ''))
        return status


class Act(_Scripted, StatefulAction):
    def on_start(self) -> NodeStatus:
        return self._call('onStart')

    def on_running(self) -> NodeStatus:
        return self._call('onRunning', with_inputs=False)

    def on_halted(self) -> None:
        self.context.services['events'].append(['onHalted', self.name])


class SyncAct(_Scripted, SyncAction):
    def on_tick(self) -> NodeStatus:
        return self._call('tick')


class Cond(_Scripted, Condition):
    def on_tick(self) -> NodeStatus:
        return self._call('tick')


class Typed(SyncAction):
    """A leaf of `config.leaves`: reads its inputs and writes its outputs, round and round."""

    def __init__(self, config: NodeConfig, spec: dict[str, Any]) -> None:
        super().__init__(config)
        self._spec = spec
        self._cursor = 0

    def on_tick(self) -> NodeStatus:
        names = [name for name, port in self._spec['ports'].items() if port['dir'] == 'in']
        event: list[Any] = ['tick', self.name, 'S']
        inputs = read_inputs(self, names)
        if inputs:
            event.append(inputs)
        self.context.services['events'].append(event)
        for name, values in self._spec.get('outputs', {}).items():
            if self.connected_key(name) is not None:
                self.set_output(name, values[self._cursor % len(values)])
        self._cursor += 1
        return NodeStatus.SUCCESS


def read_inputs(node: TreeNode, names: Any, as_text: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in names:
        if name in node.config.inputs:
            try:
                found[name] = node.get_input(name, STRING if as_text else None)
            except PortError as error:
                found[name] = {'err': str(error)}
    return found


def typed_manifest(name: str, spec: dict[str, Any]) -> Manifest:
    declare = {'in': input_port, 'out': output_port, 'inout': inout_port}
    ports = {
        port: declare[says['dir']](port, says['type'], says.get('default', ''))
        for port, says in spec['ports'].items()
    }
    return Manifest(name, NodeKind.ACTION, ports, lambda config: Typed(config, spec))


def run_tree_case(case: dict[str, Any]) -> list[dict[str, Any]]:
    """Run a tree as the case says and record what the reference would have recorded."""
    config = case['config']
    registry = builtin_registry()
    nav2.register(registry)
    for node_class in (Act, SyncAct, Cond):
        registry.register(node_class)
    for name, spec in config.get('leaves', {}).items():
        registry.add(typed_manifest(name, spec))
    for name, value in config.get('enums', {}).items():
        registry.add_enum(name, value)
    blackboard = Blackboard()
    write(blackboard, config.get('bb0', {}))
    events: list[Any] = []
    transitions: list[Any] = []
    try:
        # The cases were made by 4.10, to which format 3 is unknown.
        tree = load(
            case['xml'],
            registry,
            blackboard=blackboard,
            clock=ManualClock(),
            services={'events': events},
            migrate=False,
        )
    except TreeErrors as error:
        return [{'error': 'load', 'what': str(error)}]
    tree.observe(lambda node, old, new: transitions.append([node.path, str(old), str(new)]))
    records: list[dict[str, Any]] = []

    def record(operation: str, number: int, status: NodeStatus) -> None:
        records.append(
            {
                'op': operation,
                'n': number,
                'status': str(status),
                'events': list(events),
                'transitions': list(transitions),
                'blackboard': dump(tree),
            }
        )
        events.clear()
        transitions.clear()

    tick = tree.tick_once if case['mode'] == 'tick_once' else tree.tick_exactly_once
    for number in range(1, case['ticks'] + 1):
        try:
            write(tree.blackboard, config.get('bb', {}).get(str(number), {}))
            record('tick', number, tick())
        except (BlackboardError, TickError) as error:
            records.append({'error': 'tick', 'what': str(error)})
            return records
        if case['halt_at'] == number:
            try:
                tree.halt()
            except TickError:
                return records
            record('halt', number, tree.root.state)
    return records


def write(blackboard: Blackboard, values: dict[str, Any]) -> None:
    for key, value in values.items():
        blackboard.set(key, value)


def dump(tree: Tree) -> dict[str, dict[str, Any]]:
    return {
        name: {key: plain(board.get(key)) for key in board.keys() if board.entry(key) is not None}
        for name, board in tree.blackboards.items()
    }


def plain(value: Any) -> Any:
    """A value as JSON shows it; the reference's JSON has neither infinities nor NaN."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, int | float | str) else None


def run_script_case(case: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Run the steps of a script case on one blackboard."""
    blackboard = Blackboard()
    for step in case['steps']:
        try:
            parse_script(step['script'])
        except ScriptError as error:
            yield {'error': 'parse', 'what': str(error)}
            continue
        try:
            value = compile_script(step['script'], blackboard, case['enums'])()
        except ScriptError as error:
            yield {'error': 'run', 'what': str(error)}
            continue
        names = {int: 'int', bool: 'int', float: 'double', str: 'string'}
        yield {'type': names.get(type(value), 'decltype(nullptr)'), 'value': plain(value)}


def same(expected: Any, found: Any) -> bool:
    """Compare; a value and its type, but of an error only its presence."""
    if isinstance(expected, dict) and isinstance(found, dict):
        if 'err' in expected:
            return 'err' in found
        return expected.keys() == found.keys() and all(
            same(value, found[key]) for key, value in expected.items()
        )
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(same, expected, found))
    if isinstance(expected, bool) or isinstance(found, bool):
        return expected is found
    return type(expected) is type(found) and expected == found


def first_difference(expected: Any, found: Any, where: str = '') -> str:
    """Describe where two records begin to differ."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in (*expected, *(key for key in found if key not in expected)):
            if not same(expected.get(key), found.get(key)):
                return first_difference(expected.get(key), found.get(key), f'{where}.{key}')
    if isinstance(expected, list) and isinstance(found, list):
        for index, (one, other) in enumerate(zip(expected, found, strict=False)):
            if not same(one, other):
                return first_difference(one, other, f'{where}[{index}]')
        shorter = min(len(expected), len(found))
        rest = f'{len(expected)} and {len(found)} items'
        return f'{where}: {rest}: expected {expected[shorter:]!r}, found {found[shorter:]!r}'[:500]
    return f'{where}: expected {expected!r}, found {found!r}'[:500]


def compare_tree_case(case: dict[str, Any]) -> str:
    """The first difference of a tree case, or ''."""
    expected, found = case['expect'], run_tree_case(case)
    for index, (one, other) in enumerate(zip(expected, found, strict=False)):
        if 'error' in one or 'error' in other:
            if one.get('error') != other.get('error'):
                return first_difference(one, other, f'record {index}')
        elif not same(one, other):
            return first_difference(one, other, f'record {index}')
    if len(expected) != len(found):
        return first_difference(expected, found)
    return ''


def compare_script_case(case: dict[str, Any]) -> str:
    """The first difference of a script case, or ''."""
    for step, found in zip(case['steps'], run_script_case(case), strict=True):
        expected = {key: step[key] for key in ('error', 'type', 'value') if key in step}
        relevant = {key: found[key] for key in ('error', 'type', 'value') if key in found}
        if not same(expected, relevant):
            return f'{step["script"]!r}: expected {expected}, found {found}'
    return ''


def compare(case: dict[str, Any]) -> str:
    try:
        return compare_script_case(case) if 'steps' in case else compare_tree_case(case)
    except Exception as error:
        # One broken case must not hide the others.
        return f'{type(error).__name__}: {error}'


def read_cases(files: list[Path]) -> Iterator[dict[str, Any]]:
    for file in files:
        with file.open(encoding='utf-8') as lines:
            for line in lines:
                if line.strip():
                    yield json.loads(line)


def main(arguments: list[str]) -> int:
    files = [Path(argument) for argument in arguments] or sorted(CASES.glob('*.jsonl'))
    passed = failed = 0
    for case in read_cases(files):
        difference = compare(case)
        if difference:
            failed += 1
            print(f'{case["id"]}: {difference}')
        else:
            passed += 1
    print(f'{passed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
