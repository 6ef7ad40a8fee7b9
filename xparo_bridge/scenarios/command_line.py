# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The executable `scenario`: runs scenarios in a world, and says what came of each."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path
import signal
import sys
import tempfile

from ..argument_types import Parser, positive
from ..closed_output import ends_with_its_reader
from ..local.children import cancel_on_signals
from .document import ScenarioError
from .evidence import run_with_evidence
from .record_command import main as record
from .report.junit import write_junit
from .report.page import write_list
from .run import Options
from .scenario import load_scenario, Scenario
from .verdict import COULD_NOT_START, exit_code, NOT_EXECUTED, PASSED, Verdict
from .worlds import WORLDS

DESCRIPTION = """\
Puts a robot and its bridge through scenarios, and says whether all came about that should.
Exit code: 0 passed, 1 failed, 2 could not start, 3 not executed, 130 or 143 ended by a signal."""

EXAMPLES = """\
examples:
  scenario go.yaml                                      the project's own simulated robot
  scenario go.yaml --real-time-factor 5 --repeat 20
  scenario tests/*.yaml --in loopback --report out
  scenario go.yaml --check                              read it and run nothing
  scenario record go.yaml                               write what an operator does now"""


@ends_with_its_reader
def main(argv: Sequence[str] | None = None) -> int:
    """Run scenarios; the exit code of the worst."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ['record']:
        return record(arguments[1:])
    options = _parser().parse_args(arguments)
    ended_by: list[signal.Signals] = []
    try:
        return asyncio.run(_main(options, ended_by))
    except asyncio.CancelledError:
        return 128 + ended_by[0]


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        'scenario',
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument('files', nargs='+', type=Path, metavar='FILE', help='scenarios, YAML')
    parser.add_argument(
        '--in',
        dest='world',
        choices=list(WORLDS),
        default='simulated',
        help='the world [%(default)s]',
    )
    parser.add_argument('--seed', type=int, help='of all that is random [random]')
    parser.add_argument(
        '--repeat', type=_positive, default=1, metavar='N', help='run each so often [%(default)s]'
    )
    parser.add_argument(
        '--report', type=Path, metavar='DIR', help='where logs and reports go [a new folder]'
    )
    parser.add_argument(
        '--real-time-factor',
        type=_factor,
        default=1.0,
        metavar='F',
        help='how much faster than real time a simulated robot lives, up to 10 [%(default)g]',
    )
    parser.add_argument(
        '--limit',
        type=positive,
        metavar='SECONDS',
        help='end a run after so much real time [what the scenario says, or 300]',
    )
    parser.add_argument(
        '--yes', action='store_true', help='in the world robot: it may move, somebody watches it'
    )
    parser.add_argument(
        '--max-speed', type=positive, metavar='M/S', help='in the world robot: no faster than this'
    )
    parser.add_argument('--check', action='store_true', help='read the files and run nothing')
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError('expected 1 or more')
    return number


def _factor(text: str) -> float:
    number = float(text)
    if not 0.1 <= number <= 10.0:
        raise argparse.ArgumentTypeError('expected 0.1 to 10')
    return number


async def _main(options: argparse.Namespace, ended_by: list[signal.Signals]) -> int:
    cancel_on_signals(ended_by)
    scenarios, wrong = _load(options.files)
    if wrong:
        return COULD_NOT_START
    if options.check:
        plural = '' if len(scenarios) == 1 else 's'
        print(f'{len(scenarios)} scenario{plural}, nothing wrong')
        return PASSED
    report = options.report or Path(tempfile.mkdtemp(prefix='xparo_scenarios_'))
    report.mkdir(parents=True, exist_ok=True)
    verdicts: list[Verdict] = []
    for scenario in scenarios:
        verdicts += await _repeat(scenario, report, options)
        # After each, so that what ends the rest leaves the reports of these.
        write_junit(report / 'junit.xml', verdicts, options.world)
        write_list(report, verdicts, options.world)
    if len(verdicts) > 1:
        print(summary(verdicts))
    print(f'report: {report}/report.html')
    return exit_code(verdicts)


def _load(files: Sequence[Path]) -> tuple[list[Scenario], bool]:
    scenarios, wrong = [], False
    for file in files:
        try:
            scenarios.append(load_scenario(file))
        except ScenarioError as error:
            wrong = True
            for problem in error.problems:
                print(problem, file=sys.stderr)
    return scenarios, wrong


async def _repeat(scenario: Scenario, report: Path, options: argparse.Namespace) -> list[Verdict]:
    verdicts = []
    for number in range(options.repeat):
        folder = report / scenario.name
        if options.repeat > 1:
            folder = folder / f'{number + 1:02}'
        seed = None if options.seed is None else options.seed + number
        verdict = await run_with_evidence(
            scenario,
            WORLDS[options.world],
            Options(
                folder,
                options.real_time_factor,
                seed,
                limit=options.limit,
                world={'yes': options.yes, 'max_speed': options.max_speed},
            ),
        )
        print(verdict.line, flush=True)
        verdicts.append(verdict)
        if verdict.state == NOT_EXECUTED:
            break
    if options.repeat > 1:
        print(repeated(verdicts), flush=True)
    return verdicts


def repeated(verdicts: Sequence[Verdict]) -> str:
    """Say how many runs of one scenario passed, and which differed."""
    name = verdicts[0].name
    passed = [verdict.state == PASSED for verdict in verdicts]
    summary = f'{name}: {sum(passed)} of {len(verdicts)} passed'
    if all(passed) or not any(passed):
        return summary
    rare = sum(passed) * 2 < len(passed)
    others = [
        f'run {number} (seed {verdict.seed})'
        for number, verdict in enumerate(verdicts, 1)
        if (verdict.state == PASSED) == rare
    ]
    return f'{summary}; {", ".join(others)} {"passed" if rare else "did not"}'


def summary(verdicts: Sequence[Verdict]) -> str:
    """Count the verdicts of all runs."""
    counts = [sum(verdict.state == state for verdict in verdicts) for state in range(4)]
    words = ('passed', 'failed', 'could not start', 'not executed')
    return ', '.join(f'{n} {word}' for n, word in zip(counts, words, strict=True) if n)


if __name__ == '__main__':
    sys.exit(main())
