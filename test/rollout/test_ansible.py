# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""deploy/ansible rolls a fleet's folder out: by the real ansible-playbook, to real bridges."""

from __future__ import annotations

from collections.abc import Iterator
import importlib.util
from pathlib import Path

from fixtures.fleet_of_bridges import FleetOfBridges
import pytest

from xparo_bridge.rollout.store import APPLIED, ROLLED_BACK

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec('ansible') is None, reason='ansible-core is not installed'
    ),
    pytest.mark.timeout(900),
]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[FleetOfBridges]:
    """Give a fleet of four robots whose bridges run."""
    with FleetOfBridges(tmp_path, 4, within=30.0) as fleet:
        fleet.furnish()
        fleet.start()
        yield fleet


def test_a_wave_that_cuts_links_is_taken_back_and_the_rest_never_changes(site):
    before = {name: site.store(name).state.current for name in site.names}
    # What all get is right; the second robot's own file leads to nobody.
    site.write('groups/berlin.yaml', 'vars: {site: berlin}\nhead: {frame: face}\n')
    site.write('groups/lyon.yaml', 'vars: {site: lyon}\nhead: {frame: face}\n')
    site.write(
        'robots/r02.yaml', 'groups: [lyon]\nvars: {port: 1}\nrollout: {confirm_within: 8}\n'
    )
    site.commit('a face, and a mistake')
    done = site.rollout('-e', 'xparo_waves=1,2,100%')
    assert done.returncode == 2, done.stdout + done.stderr
    assert 'wave 1 (1): r01' in done.stdout
    assert 'link platform dials: ' in done.stdout
    assert 'link platform is not connected' in done.stdout
    states = {name: site.store(name).state for name in site.names}
    # The first wave has it; in the second r02 went back by itself and r03 was taken back.
    assert states['r01'].state == APPLIED
    assert states['r01'].current != before['r01']
    assert (states['r02'].state, states['r02'].current) == (ROLLED_BACK, before['r02'])
    assert (states['r03'].state, states['r03'].current) == (APPLIED, before['r03'])
    assert len(states['r03'].good) == 2, 'r03 had it for a while'
    # The third was never asked.
    assert (states['r04'].current, states['r04'].good) == (before['r04'], [before['r04']])
    for name in site.names:
        assert site.bridges[name].returncode is None
    said = site.config('status', site.fleet, '--reports', site.reports)
    assert said.returncode == 1
    assert 'r02: behind' in said.stdout
    assert 'link platform is not connected' in said.stdout

    # The mended folder goes to those that do not have it.
    site.write('robots/r02.yaml', 'groups: [lyon]\n')
    site.commit('mended')
    mended = site.rollout('-e', 'xparo_most_of_a_site=1', '-e', 'xparo_waves=100%')
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert 'left out, up to date: r01' in mended.stdout
    assert 'wave 1 (3, 2 rounds, 1 of a site at once)' in mended.stdout
    found = site.status()
    assert {each['standing'] for each in found.values()} == {'up to date'}, found
    assert all(each['right'] for each in found.values()), found
