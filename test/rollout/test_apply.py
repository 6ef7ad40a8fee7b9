# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A configuration is applied on trial, confirmed, taken back; by real processes."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
import gzip
import os
from pathlib import Path
import signal
import sys
import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fixtures.processes import Process
from fixtures.robot_with_store import config, PATIENCE, Robot
from fixtures.system import CREDENTIALS, PROJECT_ID, SECRET_KEY
import pytest

from xparo_bridge.local.platform_client import OperatorClient
from xparo_bridge.rollout.bundle import Bundle
from xparo_bridge.rollout.signing import sign, written
from xparo_bridge.rollout.store import APPLIED, ROLLED_BACK, Store, TRIAL


def test_a_first_configuration_is_on_trial_at_the_next_start_and_confirmed(robot):
    done = robot.apply(robot.render())
    assert done.returncode == 0, done.stderr
    assert 'on trial at the next start' in done.stdout
    assert robot.store.state.state == TRIAL
    with robot.bridge() as bridge:
        bridge.wait_for_line('holds: applied', timeout=PATIENCE)
    state = robot.store.state
    assert (state.state, state.good, state.highest) == (APPLIED, [state.current], 1)


def test_a_configuration_that_holds_is_applied_and_one_that_cuts_the_link_is_taken_back(robot):
    robot.apply(robot.render())
    with robot.bridge() as bridge:
        bridge.wait_for_line('holds: applied', timeout=PATIENCE)
        good = robot.apply(robot.render('head: {frame: face}\n'))
        assert good.returncode == 0, good.stdout + good.stderr
        assert robot.store.state.current.startswith('2-')
        bad = robot.apply(robot.render(port=1, within=6.0))
        assert bad.returncode == 1
        assert 'link platform is not connected' in bad.stderr
        assert 'goes on with 2-' in bad.stderr
        bridge.wait_for_line('going back to the configuration before', timeout=PATIENCE)
        bridge.wait_for_line('platform: connected', timeout=PATIENCE)
        state = robot.store.state
        assert state.state == ROLLED_BACK
        assert state.current.startswith('2-')
        # Undo goes to the one before.
        undone = config('undo', '--store', robot.store.path)
        assert undone.returncode == 0, undone.stdout + undone.stderr
        assert robot.store.state.current.startswith('1-')


def test_what_is_wrong_changes_nothing(robot):
    first = robot.render()
    robot.apply(first)
    with robot.bridge() as bridge:
        bridge.wait_for_line('holds: applied', timeout=PATIENCE)
        before = robot.store.state
        for text, expected in (
            ('commands: {go: {kind: publish, topic: t, type: std_msgs/msg/Strng}}\n', 'Strng'),
        ):
            done = robot.apply(robot.render(text))
            assert done.returncode == 1
            assert expected in done.stderr
        older = robot.render()
        robot.apply(older)
        assert robot.apply(first).returncode == 1
        assert 'versions only go up' in robot.apply(first).stderr
        assert robot.apply(older).stdout.strip().endswith('is applied already')
        assert before.good[0] in robot.store.state.good


@pytest.mark.parametrize('when', ['at once', 'connected'])
def test_a_bridge_killed_on_trial_starts_again_with_one_of_the_two(robot, when):
    robot.apply(robot.render())
    with robot.bridge() as bridge:
        bridge.wait_for_line('holds: applied', timeout=PATIENCE)
        robot.apply(robot.render('head: {frame: face}\n'), '--no-wait')
        robot.until(TRIAL)
        if when == 'connected':
            bridge.wait_for_line('configured by .*2-', timeout=PATIENCE)
        os.kill(bridge.pid, signal.SIGKILL)
        bridge.wait()
    with robot.bridge() as bridge:
        bridge.wait_for_line('holds: applied|platform: connected', timeout=PATIENCE)
        robot.until(APPLIED)
    assert robot.store.state.current.startswith('2-')


def test_a_configuration_with_which_no_bridge_comes_up_is_taken_back_at_the_next_start(robot):
    robot.apply(robot.render())
    with robot.bridge() as bridge:
        bridge.wait_for_line('holds: applied', timeout=PATIENCE)
    robot.apply(robot.render('head: {frame: face}\n'))
    folder = robot.store.folder(robot.store.state.current)
    # The machine lacks what it needs: known only at the start.
    (folder / 'robot.yaml').write_text('links: []\n')
    with robot.bridge() as bridge:
        bridge.wait_for_line('going back to the configuration before', timeout=PATIENCE)
        bridge.wait_for_line('platform: connected', timeout=PATIENCE)
    state = robot.store.state
    assert state.state == ROLLED_BACK
    assert state.current.startswith('1-')


def test_two_bridges_do_not_run_from_one_store(robot):
    robot.apply(robot.render())
    with robot.bridge() as bridge:
        bridge.wait_for_line('platform: connected', timeout=PATIENCE)
        with robot.bridge() as second:
            second.wait_for_line('another bridge, [0-9]+, runs from it', timeout=PATIENCE)


def test_a_store_without_a_configuration_says_what_to_do(robot):
    (robot.store.path / 'releases').mkdir(parents=True)
    with robot.bridge() as bridge:
        bridge.wait_for_line('no configuration was applied here; config apply', timeout=PATIENCE)


@contextmanager
def from_folder(robot: Robot) -> Iterator[Process]:
    """Run a bridge from the fleet's folder itself."""
    command = [sys.executable, '-m', 'xparo_bridge', 'bridge', '--ros-args']
    arguments = ['-p', f'config:={robot.folder / "fleet"}', '-p', 'robot_id:=r7']
    with Process([*command, *arguments], env=CREDENTIALS, name='bridge') as bridge:
        yield bridge


@pytest.mark.timeout(400)
def test_sighup_takes_what_the_folder_says_now_and_goes_back_from_what_cuts_the_link(robot):
    robot.render()
    store = Store(robot.folder / 'state' / 'configuration')
    with from_folder(robot) as bridge:
        bridge.wait_for_line('platform: connected', timeout=PATIENCE)
        until(lambda: bool(store.state.good), 'what runs is kept')
        first = store.state.current
        # What is wrong changes nothing, and is told.
        robot.render(within=8.0)
        (robot.folder / 'fleet' / 'robots' / 'r7.yaml').write_text('comands: {}\n')
        bridge.send_signal(signal.SIGHUP)
        bridge.wait_for_line('r7.yaml:1.*did you mean "commands"', timeout=PATIENCE)
        bridge.wait_for_line('the configuration stays as it is', timeout=PATIENCE)
        assert store.state.current == first
        # What cuts the link is taken back.
        robot.render(within=8.0, port=1)
        bridge.send_signal(signal.SIGHUP)
        bridge.wait_for_line('going back to the configuration before', timeout=PATIENCE)
        until(lambda: store.state.state == ROLLED_BACK, 'it goes back')
        assert store.state.current == first
        until(lambda: bridge.lines[-1] and connected_after(bridge, 'going back'), 'it is back')
    # Started again it does not fall into the same hole.
    with from_folder(robot) as bridge:
        bridge.wait_for_line('platform: connected', timeout=PATIENCE)
        # What holds is applied.
        robot.render('head: {frame: face}\n')
        bridge.send_signal(signal.SIGHUP)
        bridge.wait_for_line('holds: applied', timeout=PATIENCE)
        state = store.state
        assert (state.state, state.current != first) == (APPLIED, True)
        # The same again is no change.
        bridge.send_signal(signal.SIGHUP)
        bridge.wait_for_line('is applied already', timeout=PATIENCE)


def connected_after(bridge: Process, words: str) -> bool:
    """Whether it has connected since it said something."""
    lines = list(bridge.lines)
    last = max(number for number, line in enumerate(lines) if words in line)
    return any('platform: connected' in line for line in lines[last:])


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds."""
    give_up = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < give_up, what
        time.sleep(0.05)


@pytest.mark.timeout(400)
def test_a_signed_bundle_may_come_by_the_link_where_there_is_a_command_for_it(robot):
    asyncio.run(send_bundles(robot))


async def send_bundles(robot: Robot) -> None:
    pem = Ed25519PrivateKey.generate()
    (robot.folder / 'key.pem').write_bytes(
        pem.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    command = 'commands: {configure: {kind: apply_configuration}}\n'
    robot.apply(robot.render(command))
    with robot.bridge() as bridge:
        bridge.wait_for_line('holds: applied', timeout=PATIENCE)
        client = await OperatorClient.connect(
            port=robot.port, secret_key=SECRET_KEY, project_id=PROJECT_ID
        )
        async with client:

            async def send(tar: Path) -> dict[str, Any]:
                bundle = base64.b64encode(gzip.compress(tar.read_bytes())).decode()
                sent = await client.send_command('configure', {'bundle': bundle})
                return await client.wait_for_status(sent, timeout=PATIENCE)

            new = robot.render(f'{command}head: {{frame: face}}\n')
            untrusted = await send(new)
            assert untrusted['state'] == 'failed'
            assert 'has no trusted_keys' in untrusted['error']['message']
            (robot.store.path / 'trusted_keys').write_text(written(pem.public_key()) + '\n')
            unsigned = await send(new)
            assert 'the bundle is not signed' in unsigned['error']['message']
            bundle = sign(Bundle.read(new), [pem])
            bundle.write(new)
            taken = await send(new)
            assert taken['state'] == 'succeeded', taken
            assert 'asked the bridge' in taken['result']['said']
            until(lambda: robot.store.state.current.startswith('2-'), 'it changes over')
            robot.until(APPLIED)
