# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Change over to another configuration while the bridge runs, and judge the one on trial.

What `rollout.live` lists changes between two turns of the ROS thread. For all else the bridge
starts itself anew, in the same process, with what the store says; so commands that have ended, and
what waits for the platform, are in the state as always. Everything here waits in threads of its
own: neither the ROS thread nor the one that ends the process waits for a disk.
"""

from __future__ import annotations

from collections.abc import Callable
import os
from pathlib import Path
import subprocess
import sys
import threading
import time
from typing import Any, TYPE_CHECKING, TypeVar

from rclpy.action.graph import (
    get_action_client_names_and_types_by_node,
    get_action_server_names_and_types_by_node,
)
from rclpy.node import Node
from std_srvs.srv import Trigger

from .errors import BridgeError, NotNow
from .faults import FAULTS
from .rollout.live import taken_while_running
from .rollout.store import Store, StoreError, TRIAL, uptime
from .rollout.trial import missing, Seen
from .ros.entities import service
from .ros.logs import flush_ros_log

if TYPE_CHECKING:
    from .bridge import Bridge
    from .configuration import Configuration
    from .rollout.from_folder import FolderRun
    from .ros.executor import WalledExecutor

T = TypeVar('T')

# How often the robot is asked whether it stands, and a trial whether it holds, s.
_LOOK = 0.5
# How long a trial must hold in a row until it is confirmed, s.
_HOLDS = 2.0
# How long the ROS thread may take to say what it sees, s.
_ANSWER = 5.0
# How long the check of a fleet's folder may take, s.
_CHECK = 120.0
# How long the last lines of the log may take, s.
_FLUSH = 0.2
# Topics that say nothing about the robot.
_OWN_TOPICS = ('/parameter_events', '/rosout', '/clock')


def see(bridge: Bridge, node: Node) -> Seen:
    """Return what the bridge sees of its world; on the ROS thread."""
    name, namespace = node.get_name(), node.get_namespace()
    own = {
        served for served, _ in get_action_server_names_and_types_by_node(node, name, namespace)
    }
    servers = [
        client
        for client, _ in get_action_client_names_and_types_by_node(node, name, namespace)
        if client not in own and node.count_services(f'{client}/_action/send_goal')
    ]
    published = {topic for topic, _ in node.get_publisher_names_and_types_by_node(name, namespace)}
    topics = [
        topic
        for topic, _ in node.get_subscriber_names_and_types_by_node(name, namespace)
        if topic not in published
        and topic not in _OWN_TOPICS
        and '/_action/' not in topic
        and node.count_publishers(topic)
    ]
    return Seen(
        connected=[link for link in bridge.links.carriers if bridge.links.up(link)],
        servers=sorted(servers),
        topics=sorted(topics),
        keys=sorted(bridge.telemetry_keys),
        faults=FAULTS.total,
        storage=bridge.state.problem,
    )


def check_served(before: Seen, now: Seen, node: Node) -> None:
    """Add to `now` what was seen before and is there, though nothing here uses it any more."""
    now.servers += [
        name
        for name in before.servers
        if name not in now.servers and node.count_services(f'{name}/_action/send_goal')
    ]
    now.topics += [
        name for name in before.topics if name not in now.topics and node.count_publishers(name)
    ]


class Changeover:
    """The change from one configuration of a store to another."""

    def __init__(
        self,
        store: Store,
        bridge: Bridge,
        node: Node,
        executor: WalledExecutor,
        end: Callable[[], object],
        read_from: Path,
        folder: FolderRun | None = None,
    ) -> None:
        """
        Take what a change needs.

        `end` begins to end the bridge, after which the process is to start anew. `read_from` is
        where its configuration was read, `folder` that of a fleet, if it was started from one.
        """
        self._store = store
        self._bridge = bridge
        self._node = node
        self._executor = executor
        self._end = end
        self._read_from = read_from
        store.in_use.add(read_from.name)
        self._folder = folder
        self._logger = node.get_logger().get_child('configuration')
        self._busy = threading.Lock()
        service(node, Trigger, '~/apply_configuration', self._asked)
        self.anew = False

    def watch(self) -> None:
        """Judge the configuration that is on trial, or take one that the bridge before did not."""
        state = self._store.state
        if state.pending is not None and state.trial is None:
            self.request()
        if self._folder is not None and self._folder.counts:
            # What runs, to go back to.
            keep = self._walled(self._folder.keep)
            threading.Thread(target=keep, name='changeover', daemon=True).start()
        threading.Thread(target=self._walled(self._judge), name='trial', daemon=True).start()

    def request(self) -> None:
        """Change over to what was asked for, once the robot stands."""
        threading.Thread(target=self._walled(self._change), name='changeover', daemon=True).start()

    def _asked(self, request: Any, response: Any) -> Any:
        """Answer the service, which does what SIGHUP does."""
        self.request()
        response.success = True
        response.message = 'what config apply asked for is taken once the robot stands'
        return response

    def _walled(self, do: Callable[[], None]) -> Callable[[], None]:
        def walled() -> None:
            try:
                do()
            except StoreError as error:
                self._logger.error(str(error))
            except Exception as error:
                FAULTS.note('the change of configuration', error)

        return walled

    # --- to change over ---

    def _change(self) -> None:
        if not self._busy.acquire(blocking=False):
            return  # The one that waits reads what is asked for last.
        try:
            state = self._store.state
            pending = state.pending
            if pending is None and self._folder is not None:
                self._take_folder(self._folder)
                # What it asks for is here; its signal finds this one at work.
                state = self._store.state
                pending = state.pending
            elif pending is None:
                self._logger.info('no other configuration was asked for')
            if pending is None:
                return
            if state.state == TRIAL:
                self._store.refuse('another configuration is on trial')
                return
            longest = self._bridge.configuration['rollout']['wait_idle']
            give_up = time.monotonic() + longest
            while not pending.now and not self._bridge.idle:
                if time.monotonic() > give_up:
                    self._refuse(
                        f'the robot moved for {longest:g} s; give --now to change nevertheless'
                    )
                    return
                time.sleep(_LOOK)
                pending = self._store.state.pending or pending
            seen = self._ask(lambda: see(self._bridge, self._node)) or Seen()
            expect = {**seen.to_json(), 'offline': pending.offline}
            live = self._live(state.current, pending.release)
            self._store.begin_trial(pending.release, pending.within, expect)
            words = f'configuration {pending.release}, on trial for {pending.within:g} s'
            if live is None:
                self._logger.info(f'changing over to {words}')
                self._anew()
            else:
                self._logger.info(f'taking, without starting anew, {words}')
                self._apply(live)
        finally:
            self._busy.release()

    def _live(self, before: str, after: str) -> Configuration | None:
        """What is taken without starting anew; None if it cannot be, whatever the reason."""
        folder = self._store.folder
        try:
            return taken_while_running(
                self._bridge.configuration, self._read_from, folder(before), folder(after)
            )
        except (BridgeError, OSError):
            return None  # A start says what is wrong, and goes back.

    def _apply(self, configuration: Configuration) -> None:
        """Have it taken on the ROS thread, in steps; what goes wrong is a reason to go back."""
        faults = FAULTS.total
        try:
            steps = self._bridge.taking(configuration)
            while step := self._ask(lambda: next(steps, '')):
                self._logger.info(f'changed: telemetry of {step}')
            if step is None:
                raise NotNow(f'the ROS thread did not answer within {_ANSWER:g} s')
            self._bridge.running.follow(configuration)
        except Exception as error:
            FAULTS.note('taking a configuration', error)
            reason = f'it could not be taken: {error}'
            self._store.roll_back(reason)
            self._logger.error(f'going back to the configuration before: {reason}')
            self._anew()
            return
        judge = self._walled(lambda: self._judge(faults))
        threading.Thread(target=judge, name='trial', daemon=True).start()

    def _take_folder(self, folder: FolderRun) -> None:
        """Have what the folder says now checked and asked for, by a process of its own."""
        done = subprocess.run(
            [
                *(sys.executable, '-m', 'xparo_bridge', 'config', 'apply', str(folder.folder)),
                *('--robot', folder.robot, '--store', str(folder.store.path), '--no-wait'),
            ],
            capture_output=True,
            text=True,
            errors='replace',
            stdin=subprocess.DEVNULL,
            timeout=_CHECK,
            check=False,
        )
        # rclpy takes one severity for each line of code.
        for line in done.stdout.splitlines():
            self._logger.info(line)
        for line in done.stderr.splitlines():
            self._logger.error(line)
        if done.returncode:
            self._logger.error(
                'the configuration stays as it is: what the folder says now is not taken'
            )

    def _refuse(self, reason: str) -> None:
        self._logger.error(f'the configuration stays as it is: {reason}')
        self._store.refuse(reason)
        self._bridge.running.look()

    # --- on trial ---

    def _judge(self, faults: int = 0) -> None:
        """Wait until what is on trial holds, or go back; `faults` are those of before it."""
        state = self._store.state
        trial = state.trial
        if trial is None:
            return
        before = Seen.from_json(trial.expect)
        offline = bool(trial.expect.get('offline'))
        end = trial.since + trial.within
        good_since: float | None = None
        why = ['nothing was seen of it']
        while uptime() < end:
            now = self._ask(lambda: self._see(before))
            if now is None:
                why = [f'its ROS thread did not answer within {_ANSWER:g} s']
                good_since = None
            else:
                now.faults -= faults
                why = list(missing(before, now, self._bridge.configuration, offline=offline))
                if why:
                    good_since = None
                elif good_since is None:
                    good_since = time.monotonic()
                elif time.monotonic() - good_since >= _HOLDS:
                    self._store.confirm()
                    self._bridge.running.look()
                    self._logger.info(f'configuration {state.current} holds: applied')
                    return
            time.sleep(_LOOK)
        reason = f'within {trial.within:g} s: {"; ".join(why)}'
        if self._store.roll_back(reason):
            self._logger.error(f'going back to the configuration before: {reason}')
            self._anew()
        else:
            self._logger.error(f'the configuration does not hold: {reason}; there is none before')

    def _see(self, before: Seen) -> Seen:
        now = see(self._bridge, self._node)
        check_served(before, now, self._node)
        return now

    def _ask(self, look: Callable[[], T]) -> T | None:
        """Have something done on the ROS thread; None if it does not answer."""
        task: Any = self._executor.create_task(look)
        give_up = time.monotonic() + _ANSWER
        while not task.done():
            if time.monotonic() > give_up:
                return None
            time.sleep(0.01)
        found: T = task.result()
        return found

    def _anew(self) -> None:
        self.anew = True
        self._end()


def start_anew() -> None:
    """Become a new process of the same program; does not return."""
    sys.stdout.flush()
    sys.stderr.flush()
    flush_ros_log(_FLUSH)
    # Sockets of DDS would stay open in the new program.
    os.closerange(3, 1 << 16)
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
