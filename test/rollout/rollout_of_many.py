# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Roll a fleet of many bridges out by the real ansible-playbook, a wave of which cuts its links.

`make rollout`: starts a platform and a bridge for each robot, commits a configuration that passes
the check, but leads some robots of the second wave to nobody, and plays deploy/ansible's playbook.
The robots whose links are cut must be back within their trial, the others of the wave be taken
back, and the rest never have changed. With --mend the mended configuration then goes to all.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
import sys
import tempfile
import time

from fixtures.domains import DDS, own_domain
from fixtures.fleet_of_bridges import FleetOfBridges

from xparo_bridge.rollout.store import APPLIED, ROLLED_BACK, StoreState

# How long trials take at most, at least so long, s, and as many starts of a bridge: a machine that
# starts them slowly changes them over slowly.
WITHIN, BAD_WITHIN = 60.0, 20.0
STARTS, BAD_STARTS = 6.0, 2.0


def main() -> int:
    """Play it; 1 if anything went another way."""
    parser = argparse.ArgumentParser(prog='make rollout', description=__doc__)
    parser.add_argument('--robots', type=int, default=50, help='how many [%(default)s]')
    parser.add_argument('--bad', type=int, default=2, help='of the second wave lose their link')
    parser.add_argument('--mend', action='store_true', help='roll the mended one out as well')
    options = parser.parse_args()
    os.environ.update(DDS)
    # Fifty participants that look for each other would be the load; no robot here has other nodes.
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'OFF'
    os.environ['FASTDDS_BUILTIN_TRANSPORTS'] = 'UDPv4'
    with tempfile.TemporaryDirectory() as folder, own_domain() as domain:
        os.environ['ROS_DOMAIN_ID'] = str(domain)
        with FleetOfBridges(Path(folder), options.robots, within=WITHIN) as fleet:
            return play(fleet, options.bad, mend=options.mend)


def play(fleet: FleetOfBridges, bad: int, *, mend: bool) -> int:
    """Start all, roll out, judge."""
    began = time.monotonic()
    fleet.furnish()
    slowest = fleet.start()
    say(f'{len(fleet.names)} bridges are connected, the slowest after {slowest:.0f} s', began)
    within = max(WITHIN, STARTS * slowest)
    before = states(fleet)
    second = max(1, len(fleet.names) // 10)
    first_wave, wave = fleet.names[:1], fleet.names[1 : 1 + second]
    cut = wave[:bad]
    change = f'head: {{frame: face}}\nrollout: {{confirm_within: {within}}}\n'
    for site in ('berlin', 'lyon'):
        fleet.write(f'groups/{site}.yaml', f'vars: {{site: {site}}}\n{change}')
    bad_within = max(BAD_WITHIN, BAD_STARTS * slowest)
    for name in cut:
        text = (fleet.fleet / 'robots' / f'{name}.yaml').read_text()
        own = f'vars: {{port: 1}}\nrollout: {{confirm_within: {bad_within}}}\n'
        fleet.write(f'robots/{name}.yaml', text + own)
    fleet.commit('a face for all, and a mistake for some')
    began = time.monotonic()
    done = fleet.rollout(timeout=3600.0, forks=8)
    say(f'the playbook ended with {done.returncode}', began)
    after = states(fleet)
    problems = []
    for name in fleet.names:
        was, now = before[name], after[name]
        expected = {
            **dict.fromkeys(first_wave, 'has it'),
            **dict.fromkeys(wave, 'taken back'),
            **dict.fromkeys(cut, 'went back'),
        }.get(name, 'never changed')
        if expected == 'has it':
            right = now.state == APPLIED and now.current != was.current
        elif expected == 'went back':
            right = now.state == ROLLED_BACK and now.current == was.current
        elif expected == 'taken back':
            right = now.state == APPLIED and now.current == was.current and len(now.good) == 2
        else:
            right = now == was
        if not right or fleet.bridges[name].returncode is not None:
            problems.append(f'{name}: expected that it {expected}: {now}')
    connected = [name for name, each in fleet.status().items() if each['connected']]
    if sorted(connected) != fleet.names:
        problems.append(f'not connected: {set(fleet.names) - set(connected)}')
    if done.returncode == 0 or problems:
        print(done.stdout[-6000:], done.stderr[-2000:])
    print(
        f'1 has it, {len(cut)} lost their link and went back by themselves, '
        f'{len(wave) - len(cut)} of their wave were taken back, '
        f'{len(fleet.names) - 1 - len(wave)} never changed; {len(connected)} connected'
    )
    if mend and not problems:
        for number, name in enumerate(fleet.names):
            fleet.write(f'robots/{name}.yaml', f'groups: [{("berlin", "lyon")[number % 2]}]\n')
        fleet.commit('mended')
        began = time.monotonic()
        done = fleet.rollout(timeout=3600.0, forks=8)
        say(f'the mended one: the playbook ended with {done.returncode}', began)
        standing = [each['standing'] for each in fleet.status().values()]
        print(f'{standing.count("up to date")} of {len(standing)} up to date')
        if done.returncode or set(standing) != {'up to date'}:
            print(done.stdout[-6000:], done.stderr[-2000:])
            problems.append('not all have the mended one')
    print(*problems, sep='\n')
    return 1 if problems or not cut else 0


def states(fleet: FleetOfBridges) -> dict[str, StoreState]:
    """How the stores of all robots stand."""
    return {name: fleet.store(name).state for name in fleet.names}


def say(what: str, began: float) -> None:
    """Print what took how long."""
    print(f'{what}, {time.monotonic() - began:.0f} s', flush=True)


if __name__ == '__main__':
    sys.exit(main())
