# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The process of one bridge: its threads, from the first check to its end.

Whatever hangs while it stops (a dial, a disk, a name server, an action server, a callback), it has
ended after 5 s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
import contextlib
import faulthandler
import gc
import os
from pathlib import Path
import signal
import sys
import tempfile
import threading
import time
from typing import Any, TYPE_CHECKING

import rclpy
from rclpy.exceptions import NameValidationException
from rclpy.logging import get_logger
from rclpy.node import Node

from .bridge import Bridge
from .changeover import Changeover, start_anew
from .configuration import Configuration, ConfigurationError
from .errors import BadInput, BridgeError
from .exit_codes import FAILED, STOPPED, WRONG_CONFIGURATION, WRONG_USAGE
from .faults import FAULTS
from .own_node import config_files, join, launched
from .rollout.running import Running
from .rollout.source import layered, lies_over, package_files, read_configuration
from .rollout.store import is_store, Store, StoreError, TRIAL, Trial
from .ros.executor import WalledExecutor
from .ros.logs import flush_ros_log
from .stop_signal import StopSignal

if TYPE_CHECKING:
    from .rollout.from_folder import FolderRun

# How long open commands may take to end when the bridge stops, s. The links are closed in what is
# left until _LINKS_CLOSED, the rest is put away after that.
_STOP_TIMEOUT = 2.5
_LINKS_CLOSED = 3.8
_CLOSE_TIMEOUT = 0.3
_LAST_TIMEOUT = 0.2
# How long the start may take beside the time of a trial, s.
_COMING_UP = 30.0
# After this the process is ended from outside the interpreter, s.
_END = 4.9


def run(ros_args: list[str]) -> int:
    """Run the bridge until it is told to stop by SIGINT or SIGTERM; its exit code."""
    with contextlib.closing(StopSignal()) as stop_signal:
        return _run(ros_args, stop_signal)


def _run(ros_args: list[str], stop_signal: StopSignal) -> int:
    node = join(ros_args)
    if node is None:
        return WRONG_USAGE
    store = None
    try:
        files = config_files(node)
        store, files, folder = _of_store(files, node.get_parameter('robot_id').value)
        node = launched(node, ros_args, files[0])
        bridge = make_bridge(node, files, store=store)
    except Exception as error:
        if store is not None and isinstance(error, BridgeError) and _went_back(store, error):
            node.get_logger().error(f'going back to the configuration before: {error}')
            rclpy.try_shutdown()
            start_anew()
        return _refuse(node, error)
    say = node.get_logger().info
    say(bridge.summary)
    say(f'configured by {", ".join(map(str, files))}')
    say(f'commands: {", ".join(sorted(bridge.router.kinds)) or "none"}')
    # What there is now stays. To look through it for garbage takes 25 ms, in which no thread goes
    # on.
    gc.collect()
    gc.freeze()
    executor = WalledExecutor()
    executor.add_node(node)
    failed: list[BaseException] = []

    def start() -> None:
        try:
            bridge.start()
        except BaseException as error:
            failed.append(error)
            stop_signal.set()

    # Daemons all: no thread that hangs keeps the process.
    ros_thread = threading.Thread(target=executor.spin, name='ros', daemon=True)
    executor.create_task(start)
    ros_thread.start()
    changeover = (
        Changeover(store, bridge, node, executor, stop_signal.set, files[0], folder)
        if store is not None
        else None
    )
    if changeover:
        changeover.watch()
    while stop_signal.wait() == signal.SIGHUP:
        if changeover:
            changeover.request()
        else:
            say(
                'SIGHUP changes nothing for a bridge that was started from files; start it from '
                "a fleet's folder or from a store"
            )
    stop_signal.ignore_more()
    anew = changeover is not None and changeover.anew
    if anew:
        # Whatever hangs, the new bridge starts.
        _after(_END, lambda: os._exit(STOPPED) if stop_signal.final else start_anew())
    else:
        faulthandler.dump_traceback_later(_END, exit=True)
        # That prints first, which may hang too. The signal ends the process without a word.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, _END + _LAST_TIMEOUT)
    began = time.monotonic()
    try:
        if failed:
            FAULTS.note('the start', failed[0])
            node.get_logger().fatal(f'cannot start: {type(failed[0]).__name__}: {failed[0]}')
        else:
            _end_commands(node, bridge, executor)
        up_to_date = bridge.links.all_connected
        left = began + _LINKS_CLOSED - time.monotonic()
        _within(left, 'the links', bridge.link_thread.stop)
        executor.shutdown(timeout_sec=0)
        ros_thread.join(_CLOSE_TIMEOUT)
        _within(_CLOSE_TIMEOUT, 'the state', lambda: bridge.close(up_to_date=up_to_date))
        _within(_CLOSE_TIMEOUT, 'ROS', rclpy.shutdown)
    except BaseException as error:
        FAULTS.note('the end', error)
        failed.append(error)
    if anew and not stop_signal.final:
        start_anew()
    return _leave(FAILED if failed else STOPPED)


def _of_store(
    files: list[Path], robot_id: str
) -> tuple[Store | None, list[Path], FolderRun | None]:
    """
    Return the store that a bridge is to run from, the files that count, and the folder of a fleet.

    The store is None for a bridge that is given files.

    :raises StoreError: if nothing was applied there, or another bridge runs from it.
    """
    if len(files) != 1 or not files[0].is_dir():
        return None, files, None
    folder = None
    if is_store(files[0]):
        store = Store(files[0])
    else:
        from .rollout.from_folder import FolderRun  # 0.1 MB, for robots that are given files.

        folder = FolderRun.of(files, robot_id)
        if folder is None:
            return None, files, None
        store = folder.store
        with contextlib.suppress(OSError):  # Then it runs, and cannot be changed while it does.
            store.path.mkdir(parents=True, exist_ok=True)
        if not store.path.is_dir():
            return None, files, None
    if not store.lock():
        raise StoreError(f'{store.path}: another bridge, {store.bridge()}, runs from it')
    # Of the command that brings a bundle by the link.
    os.environ['XPARO_STORE'] = str(store.path)
    if folder is not None and not folder.release():
        folder.counts = True
        return store, files, folder
    state = store.started()
    if state.trial is not None:
        trial = state.trial
        _after(trial.within + _COMING_UP, lambda: _did_not_come_up(store, trial))
    return store, [store.folder(state.current)], folder


def _did_not_come_up(store: Store, trial: Trial) -> None:
    """Go back from a configuration with which the start hangs, if it still is on that trial."""
    try:
        if store.state.trial == trial and store.roll_back('the bridge did not come up'):
            start_anew()
    except StoreError as error:
        print(f'bridge: {error}', file=sys.stderr)


def _went_back(store: Store, error: BridgeError) -> bool:
    """Whether the store has gone back from a configuration on trial that cannot be started."""
    try:
        return store.state.state == TRIAL and store.roll_back(str(error).splitlines()[0])
    except StoreError:
        return False


def check(files: list[str], alone: bool, ros_args: list[str]) -> int:
    """
    Check configuration files as a start would, without dialling or being found by others.

    They lie over the package's own as bridge.launch.py has them, unless they are to be `alone`;
    without files it is those of the parameter config.
    """
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'OFF'
    node = join(ros_args)
    if node is None:
        return WRONG_USAGE
    over = lies_over(files, alone=alone)
    if over:
        print(over, flush=True)
    try:
        given = package_files(layered(files, alone=alone)) if files else config_files(node)
        make_bridge(node, given, check_only=True)
    except Exception as error:
        for line in _reasons(error):
            print(line, file=sys.stderr)
        return _leave(FAILED)
    print('the configuration is right')
    return _leave(STOPPED)


def make_bridge(
    node: Node, files: Sequence[Path], *, check_only: bool = False, store: Store | None = None
) -> Bridge:
    """
    Make the bridge of configuration files, without dialling.

    `check_only` leaves the state of a bridge that may run alone.

    :raises BridgeError: that says all that is wrong, in the configuration and beyond.
    """
    try:
        robot_id = node.get_parameter('robot_id').value
        configuration, problems = read_configuration(files, robot_id), []
    except ConfigurationError as error:
        if error.rest is None:
            raise
        configuration, problems = error.rest, error.problems
    if not check_only and not problems:
        return Bridge(node, configuration, running=Running(configuration, store))
    return make_parts(node, configuration, problems)


def make_parts(node: Node, configuration: Configuration, problems: Sequence[str]) -> Bridge:
    """
    Make all parts of what is right in a configuration, to find what is not; with state of its own.

    :raises BridgeError: with the problems given and those that were found.
    """
    with tempfile.TemporaryDirectory(prefix='xparo_bridge_', ignore_cleanup_errors=True) as folder:
        # All parts are made of what is right, to find what else is wrong.
        tried = Configuration(
            {**configuration.data, 'state_dir': folder},
            configuration.layers,
            configuration.broken,
        )
        try:
            return Bridge(node, tried, problems)
        except BridgeError:
            raise
        except Exception as error:
            if problems:  # Of what is wrong already, as far as one can know.
                raise ConfigurationError(problems) from error
            raise


def _refuse(node: Node, error: Exception) -> int:
    for line in _reasons(error):
        node.get_logger().fatal(line)
    wrong = isinstance(error, BadInput | NameValidationException)
    return _leave(WRONG_CONFIGURATION if wrong else FAILED)


def _reasons(error: Exception) -> list[str]:
    """What keeps the bridge from starting, one a line."""
    if isinstance(error, BridgeError):
        return str(error).splitlines()
    FAULTS.note('the start', error)
    return [f'cannot start: {type(error).__name__}: {error}']


def _end_commands(node: Node, bridge: Bridge, executor: Any) -> None:
    node.get_logger().info('stopping: cancelling what is open')
    # A platform that reads the log is to hear of it; /rosout waits for neither disk nor terminal.
    flush_ros_log(_LAST_TIMEOUT, 'rosout')
    stopped = executor.create_task(bridge.stop)
    give_up = time.monotonic() + _STOP_TIMEOUT
    while not (stopped.done() and bridge.idle) and time.monotonic() < give_up:
        time.sleep(0.02)


def _after(seconds: float, do: Callable[[], object]) -> None:
    timer = threading.Timer(seconds, do)
    timer.daemon = True
    timer.start()


def _within(seconds: float, what: str, end: Callable[[], object]) -> None:
    """Do something that may hang, in a thread that is left behind if it does."""

    def walled() -> None:
        try:
            end()
        except Exception as error:
            FAULTS.note(f'the end of {what}', error)

    thread = threading.Thread(target=walled, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        get_logger('xparo_bridge').error(f'{what} did not end within {seconds:g} s')


def _leave(code: int) -> int:
    """Return the exit code; or end now, if threads that hang would keep the interpreter."""
    sys.stdout.flush()
    sys.stderr.flush()
    flush_ros_log(_LAST_TIMEOUT)
    rclpy.try_shutdown()
    for thread in threading.enumerate():
        hangs = not thread.daemon or thread.name in ('ros', 'link')
        if hangs and thread is not threading.main_thread():
            thread.join(_LAST_TIMEOUT)
            if thread.is_alive():
                os._exit(code)
    return code
