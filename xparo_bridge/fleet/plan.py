# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""`config plan`: what a rollout would do, before anything happens."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

from ..configuration import ConfigurationError
from ..rollout.folder import FleetFolder
from . import reports
from .diff import as_json as difference_as_json
from .diff import as_text, compare, Difference, Side
from .git import checked_out, is_revision, revision_of
from .inventory import variables_of
from .reports import Report
from .standing import as_json, desired, lines, ORPHAN, print_json, Standing, standings, UNKNOWN
from .subject import folder_of, UsageError
from .waves import DEFAULT, rounds, waves


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.add_argument('folder', metavar='FOLDER', help='the folder of the fleet')
    reports.add_arguments(parser)
    parser.add_argument('--robot', action='append', help='only this robot; may be repeated')
    parser.add_argument(
        '--waves',
        default=DEFAULT,
        metavar='LIST',
        help='how many robots at a time, as serial of Ansible (default: %(default)s)',
    )
    parser.add_argument(
        '--most-of-a-site',
        type=int,
        default=0,
        metavar='N',
        help='never more robots of one site (the value of vars: site) at once; 0 for any number',
    )
    parser.add_argument(
        '--from',
        dest='before',
        metavar='REVISION',
        help='compare with this git revision where it is not known what a robot runs',
    )
    parser.add_argument('--all', action='store_true', help='also robots that run the same already')
    parser.add_argument('--format', choices=('text', 'json'), default='text')


def run(options: argparse.Namespace) -> int:
    """Print the plan; an exit code."""
    if options.most_of_a_site < 0:
        raise UsageError('--most-of-a-site: expected a number of robots, or 0')
    folder = folder_of(options.folder)
    if folder.problems:
        raise ConfigurationError(folder.problems)
    if unknown := [name for name in options.robot or () if name not in folder.names]:
        folder.member(unknown[0])  # Says which there are.
    reported = reports.read_reports(options)
    names = options.robot or folder.names
    found = standings(desired(folder, names), reported or {}, all_robots=not options.robot)
    plan = _divided(folder, found, reported is not None, options)
    with ExitStack() as stack:
        going = [name for wave in plan['waves'] for name in wave['robots']]
        differences, unseen = _differences(folder, going, reported or {}, options.before, stack)
    if options.format == 'json':
        print_json(
            {
                **plan,
                'standings': [as_json(each) for each in found],
                'changes': [difference_as_json(each) for each in differences],
                'changes_not_known': unseen,
            }
        )
    else:
        print('\n'.join(_as_text(folder, plan, found, differences, unseen)))
    return 0


def _divided(
    folder: FleetFolder, found: list[Standing], reported: bool, options: argparse.Namespace
) -> dict[str, Any]:
    """Return the waves with their rounds, and who is left out why."""
    going, out = [], {}
    for each in found:
        if each.how == ORPHAN:
            out[each.robot] = ORPHAN
        elif reported and each.how == UNKNOWN:
            out[each.robot] = 'no report of it: not reached'
        elif not each.needs_it and not options.all:
            out[each.robot] = each.how
        else:
            going.append(each.robot)
    sites = {
        name: str(variables_of(folder.layers(name)[0].tree).get('site', '')) for name in going
    }
    divided = []
    for wave in waves(going, options.waves):
        turns = rounds(wave, sites, options.most_of_a_site)
        divided.append({'robots': wave, 'rounds': turns})
    return {
        'waves': divided,
        'left_out': out,
        'sites': sites,
        'most_of_a_site': options.most_of_a_site,
        'revision': revision_of(folder.path).words,
    }


def _differences(
    folder: FleetFolder,
    robots: list[str],
    reported: Mapping[str, Report],
    before: str | None,
    stack: ExitStack,
) -> tuple[list[Difference], dict[str, str]]:
    """Compare what robots run with the folder; also why that is not known of which."""
    found: list[Difference] = []
    unseen: dict[str, str] = {}
    folders: dict[str, FleetFolder | None] = {}

    def of_revision(revision: str) -> FleetFolder | None:
        if revision not in folders:
            folders[revision] = (
                FleetFolder(
                    stack.enter_context(checked_out(folder.path, revision)), on_robot=False
                )
                if revision and is_revision(folder.path, revision)
                else None
            )
        return folders[revision]

    for name in robots:
        report = reported.get(name)
        made_from = report.made_from if report else ''
        was = of_revision(_revision(made_from)) or of_revision(before or '')
        if was is None:
            unseen[name] = (
                f'it runs what was made from {made_from}'
                if made_from
                else 'nothing is known of it'
            )
            continue
        if name not in was.names:
            found.append(Difference(name, ['is new in the fleet'], []))
            continue
        try:
            sides = [Side(name, {name: each.member(name)}, each.path) for each in (was, folder)]
        except ConfigurationError as error:
            unseen[name] = f'what it ran cannot be read today: {error.problems[0]}'
            continue
        found += compare(*sides)
    return found, unseen


def _revision(made_from: str) -> str:
    """Return the git revision of a manifest; none if files differed from it."""
    words = made_from.split()
    return words[1] if len(words) == 2 and words[0] == 'git' else ''


def _as_text(
    folder: FleetFolder,
    plan: dict[str, Any],
    found: list[Standing],
    differences: list[Difference],
    unseen: dict[str, str],
) -> Iterator[str]:
    robots = sum(len(wave['robots']) for wave in plan['waves'])
    yield f'{folder.path}, {plan["revision"]}: {robots} of {len(found)} robots'
    most = plan['most_of_a_site']
    for number, wave in enumerate(plan['waves'], 1):
        turns = max(wave['rounds'].values()) + 1
        at_once = f', {turns} rounds, {most} of a site at once' if turns > 1 else ''
        yield f'wave {number} ({len(wave["robots"])}{at_once}): {" ".join(wave["robots"])}'
    reasons: dict[str, list[str]] = {}
    for name, reason in plan['left_out'].items():
        reasons.setdefault(reason, []).append(name)
    for reason, names in reasons.items():
        yield f'left out, {reason}: {" ".join(names)}'
    if any(each.report for each in found):
        yield 'what they run:'
        for each in found:
            yield from (f'  {line}' for line in lines(each))
    yield 'what changes:'
    if differences:
        yield from (f'  {line}' for line in as_text(differences))
    elif not unseen:
        yield '  nothing'
    reasons = {}
    for name, reason in unseen.items():
        reasons.setdefault(reason, []).append(name)
    for reason, names in reasons.items():
        yield f'  not known for {" ".join(names)}: {reason}'
