# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The store of configurations: whatever is cut off, the next start finds one that is whole."""

from __future__ import annotations

import errno
import os
from pathlib import Path
import threading

from fixtures.releases import bundle, current, on_trial
import pytest

from xparo_bridge.configuration import Configuration, load
from xparo_bridge.layers import Layers
from xparo_bridge.rollout import store as module
from xparo_bridge.rollout.bundle import Bundle
from xparo_bridge.rollout.manifest import drift
from xparo_bridge.rollout.running import Running
from xparo_bridge.rollout.store import (
    APPLIED,
    MAX_STARTS,
    Pending,
    REFUSED,
    ROLLED_BACK,
    Store,
    TRIAL,
    version_of,
)
from xparo_bridge.rollout.trial import missing, promised, Seen
from xparo_bridge.yaml_layers import Layer


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Give a store in which version 1 is good and counts."""
    store = Store(tmp_path / 'store')
    store.begin_trial(store.stage(bundle(1)), 60.0, {})
    store.started()
    store.confirm()
    return store


def test_a_trial_that_is_confirmed_is_good(store):
    on_trial(store)
    assert store.state.state == TRIAL
    store.confirm()
    state = store.state
    assert (current(store), state.state, state.highest) == (2, APPLIED, 2)
    assert [version_of(name) for name in state.good] == [1, 2]


def test_a_trial_that_fails_goes_back_and_says_why(store):
    on_trial(store)
    assert store.roll_back('no link')
    assert (current(store), store.state.state) == (1, ROLLED_BACK)
    assert store.state.reason.startswith('2-')
    assert store.state.reason.endswith('no link')
    assert store.state.highest == 1


def test_without_one_before_there_is_nothing_to_go_back_to(tmp_path):
    store = Store(tmp_path)
    on_trial(store)
    assert not store.roll_back('no link')
    assert current(store) == 2
    assert 'there is none to go back to' in store.state.reason


def test_a_bridge_that_ends_again_and_again_on_trial_is_taken_back(store):
    on_trial(store)
    for _ in range(MAX_STARTS):
        assert version_of(store.started().current) == 2
    assert version_of(store.started().current) == 1
    assert 'ended 3 times' in store.state.reason


def test_a_trial_whose_time_is_over_at_a_start_is_taken_back(store, monkeypatch):
    on_trial(store)
    store.started()
    now = module.uptime()
    monkeypatch.setattr(module, 'uptime', lambda: now + 61.0)
    assert version_of(store.started().current) == 1
    assert 'not confirmed within 60 s' in store.state.reason


def test_the_time_of_a_trial_begins_again_after_a_power_cut(store, monkeypatch):
    on_trial(store)
    store.started()
    monkeypatch.setattr(module, 'uptime', lambda: 5.0)
    monkeypatch.setattr(module, 'boot_id', lambda: 'another boot')
    assert version_of(store.started().current) == 2


def test_what_was_asked_for_and_refused_changes_nothing(store):
    store.apply(Pending(store.stage(bundle(2))))
    store.refuse('the robot moved')
    assert (current(store), store.state.state, store.state.pending) == (1, REFUSED, None)


def test_only_some_releases_are_kept_and_the_last_good_ones_are_among_them(store):
    for version in range(2, 12):
        on_trial(store, version)
        store.confirm()
    kept = sorted(version_of(path.name) for path in (store.path / 'releases').iterdir())
    assert kept == [7, 8, 9, 10, 11]


def test_one_bridge_runs_from_a_store(store):
    assert store.bridge() is None
    assert store.lock()
    assert Store(store.path).bridge() == os.getpid()
    assert not Store(store.path).lock()


@pytest.mark.parametrize('text', [b'', b'{', b'[]', b'null', b'\xff', b'{"trial": 3}'])
def test_a_state_that_is_damaged_is_made_anew_of_the_releases(store, text):
    on_trial(store)
    store.confirm()
    (store.path / 'state.json').write_bytes(text)
    assert current(store) == 2
    # A release that is not whole does not count.
    (store.folder(store.state.current) / 'robot.yaml').write_text('changed')
    assert version_of(store.state.current) == 1


def test_going_back_has_room_on_a_full_disk(store, monkeypatch):
    on_trial(store)
    real, full = os.fsync, [True]

    def fsync(descriptor: int) -> None:
        if full[0] and (store.path / 'spare').exists():
            raise OSError(errno.ENOSPC, 'No space left on device')
        real(descriptor)

    monkeypatch.setattr(os, 'fsync', fsync)
    assert store.roll_back('no link')
    assert current(store) == 1


def test_a_file_that_was_changed_by_hand_is_reported_with_its_line(store):
    folder = store.folder(store.state.current)
    manifest = Bundle.read(folder).manifest
    assert list(drift(folder, manifest)) == []
    (folder / 'robot.yaml').write_text('# 1\nchat: {timeout: 3.0}\n')
    (folder / 'trees' / 'a.xml').unlink()
    (folder / 'more').touch()
    found = list(drift(folder, manifest))
    assert found == [
        f'{folder}/robot.yaml:2',
        f'{folder}/trees/a.xml: cannot be read: No such file or directory',
        f'{folder}/more: a file that was not there',
    ]


CONFIGURATION = {
    'links': [{'name': 'platform'}, {'name': 'chat'}],
    'telemetry': {
        'groups': {'battery': {}, 'image': {}, 'pose': {'enabled': False}},
        'topics': [{'topic': '/scan', 'enabled': True}, {'topic': 'a', 'enabled': False}],
    },
}
BEFORE = Seen(
    connected=['platform'],
    servers=['/navigate_to_pose'],
    topics=['/odom'],
    keys=['battery_percentage', 'cpu_usage'],
)


@pytest.mark.parametrize(
    ('now', 'expected'),
    [
        ({}, ''),
        ({'connected': []}, 'link platform is not connected'),
        ({'servers': []}, 'action servers /navigate_to_pose are not seen'),
        ({'topics': []}, 'topics /odom are not seen'),
        ({'keys': ['cpu_usage']}, 'telemetry does not send battery_percentage'),
        ({'faults': 2}, '2 faults of the bridge itself'),
        ({'storage': 'full'}, 'its state is not kept: full'),
    ],
)
def test_a_trial_holds_if_it_does_what_was_done_before(now, expected):
    seen = Seen(**{**BEFORE.to_json(), **now})
    assert '; '.join(missing(BEFORE, seen, CONFIGURATION)) == expected


def test_without_anything_before_it_must_be_connected_and_send_telemetry():
    found = list(missing(Seen(), Seen(), CONFIGURATION))
    assert found == ['none of its links (platform, chat) is connected', 'it sends no telemetry']
    assert list(missing(Seen(), Seen(), CONFIGURATION, offline=True)) == []


def test_a_link_that_is_no_longer_configured_is_not_asked_for():
    before = Seen(connected=['old'])
    now = Seen(connected=['platform'], keys=['battery_percentage'])
    assert list(missing(before, now, CONFIGURATION)) == []


def test_what_a_configuration_promises_to_send():
    assert promised(CONFIGURATION) == {'battery_percentage', 'scan'}


def test_what_runs_is_reported_with_its_hash_version_layers_and_drift(store):
    configuration = load([links(store)])
    running = Running(configuration)
    reported: list[str] = []
    hear(running, reported)
    running.look()
    facts = running.facts()
    assert len(facts['hash']) == 64
    assert (facts['version'], facts['state'], facts['drift']) == (0, 'applied', [])
    file = links(store)
    file.write_text(file.read_text() + 'chat: {timeout: 3.0}\n')
    running.look()
    assert running.facts()['drift'] == [f'{file}:2']
    assert reported == [f'changed by hand: {file}:2']


def test_a_file_name_that_is_no_utf_8_can_be_reported(store):
    release = store.folder(store.state.current)
    running = Running(Configuration({}, Layers([Layer(release / 'robot.yaml')])), store)
    (release / os.fsdecode(b'sm\xf8r')).touch()
    running.look()
    (found,) = running.facts()['drift']
    assert found.encode().endswith(b'sm?r: a file that was not there')
    assert running.problem.encode()


def hear(running: Running, reported: list[str]) -> None:
    """Have what is wrong added to a list, and no thread look for it beside the test."""
    running.start(reported.append)
    running.stop()
    for thread in threading.enumerate():
        if thread.name == 'configuration':
            thread.join(10.0)


def links(store: Store) -> Path:
    """A configuration in a file."""
    file = store.path / 'robot.yaml'
    if not file.exists():
        file.write_text('links: [{name: platform, protocol: xparo, url: "wss://a.org"}]\n')
    return file


def test_a_bundle_that_runs_reports_its_manifest_and_the_store(store):
    release = store.folder(store.state.current)
    configuration = Configuration({}, Layers([Layer(release / 'robot.yaml')]))
    running = Running(configuration, store)
    reported: list[str] = []
    hear(running, reported)
    running.look()
    facts = running.facts()
    assert (facts['version'], facts['made_from'], facts['layers']) == (
        1,
        'git abc',
        ['fleet.yaml'],
    )
    store.refuse('the robot moved')
    running.look()
    assert running.problem == 'refused: the robot moved'
    (release / 'robot.yaml').write_text('')
    running.look()
    assert running.problem == f'refused: the robot moved; changed by hand: {release}/robot.yaml:1'
    on_trial(store)
    running.look()
    store.confirm()
    running.look()
    assert reported[0] == 'refused: the robot moved'
    assert len(reported) == 4, 'a change of state alone is told too'


@pytest.mark.skipif(os.geteuid() != 0, reason='only root can give files away')
def test_what_root_makes_belongs_to_the_user_of_the_bridge(tmp_path):
    os.chown(tmp_path, 4711, 4712)
    store = Store(tmp_path / 'configuration')
    store.begin_trial(store.stage(bundle(1)), 60.0, {})
    store.confirm()
    for path in (store.path, *store.path.rglob('*')):
        assert (path.stat().st_uid, path.stat().st_gid) == (4711, 4712), path
