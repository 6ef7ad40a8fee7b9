# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Runs tests in a forked process each time, so that pytest and ROS are imported once.

Reads one JSON object a line from its input, {"files", "only", "map", "timeout"}, runs the tests
`only` (IDs, or all if null) of the test files, ends at the first failure unless it maps, and
answers with one JSON object: {"outcome": "passed" | "failed" | "timeout" | "nothing", "seconds",
"failed": ID or the last output, "tests": {ID: [seconds, passed]}, "lines": {file: {line: [ID]}}}.
All processes that the tests leave, and their files, are removed after each run.
"""

from __future__ import annotations

from collections.abc import Generator
import contextlib
import ctypes
import json
import os
from pathlib import Path
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from typing import Any

import pytest

PR_SET_CHILD_SUBREAPER = 36
HERE = Path.cwd()
# What a run ends with that pytest itself could not make.
BROKEN = 70
# Nothing that pytest rewrites, or warns of having been imported: hypothesis.
# Imported here once for all runs; nothing of the repository, which changes.
PRELOADED = (
    'aiohttp',
    'numpy',
    'py_trees',
    'rclpy',
    'rclpy.action',
    'rclpy.executors',
    'rosidl_runtime_py.utilities',
    'websockets.asyncio.client',
    'websockets.asyncio.server',
    'yaml',
)


class Plugin:
    """Chooses the tests, and notes how long each takes and, if it maps, which lines it runs."""

    def __init__(self, only: list[str] | None, mapped: bool) -> None:
        self.only = None if only is None else set(only)
        self.tests: dict[str, list[Any]] = {}
        self.failed = ''
        self.coverage: Any = None
        if mapped:
            import coverage

            self.coverage = coverage.Coverage(data_file=None, source=[str(HERE / 'xparo_bridge')])
            self.coverage.start()

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        if self.only is not None:
            items[:] = [item for item in items if item.nodeid in self.only]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        self._context(item.nodeid)
        began = time.monotonic()
        try:
            return (yield)
        finally:
            self.tests.setdefault(item.nodeid, [0.0, True])[0] = time.monotonic() - began

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: Any, request: pytest.FixtureRequest
    ) -> Generator[None, Any, Any]:
        """Count what a shared fixture runs to every test of its file."""
        if fixturedef.scope != 'function':
            self._context(request.node.nodeid.split('::')[0])
        try:
            return (yield)
        finally:
            if fixturedef.scope != 'function':
                self._context(request._pyfuncitem.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.tests.setdefault(report.nodeid, [0.0, True])[1] = False
            self.failed = self.failed or report.nodeid

    def _context(self, name: str) -> None:
        if self.coverage is not None:
            self.coverage.switch_context(name)

    def lines(self) -> dict[str, dict[int, list[str]]]:
        """Return the tests that ran each line; '' is what an import runs."""
        if self.coverage is None:
            return {}
        self.coverage.stop()
        data = self.coverage.get_data()
        found = {}
        for file in data.measured_files():
            found[Path(file).relative_to(HERE).as_posix()] = data.contexts_by_lineno(file)
        return found


def run_tests(request: dict[str, Any], answer: Path) -> int:
    """Run pytest in this process and write the answer; return pytest's exit code."""
    plugin = Plugin(request['only'], request['map'])
    ends = [] if request['map'] else ['-x']
    # The tests' own limits are for a machine that does nothing else.
    # What tests make is removed with the scratch folder.
    temporary = f'--basetemp={answer.with_name("t")}'
    options = [
        temporary,
        '-q',
        '-p',
        'no:cacheprovider',
        '-p',
        'no:cov',
        '--tb=short',
        '--whole',
        # The package's own plugin, where the package is installed: a tree need not have it, and
        # its tests start a pytest of their own.
        '-p',
        'no:xparo_bridge',
        # Rubbish of what is imported in advance is no fault of a test.
        '-p',
        'no:unraisableexception',
        '-n',
        '0',
    ]
    if request['only'] is None:
        options.remove('--whole')
    limit = ['-o', f'timeout={max(120.0, request["timeout"]):.0f}']
    code = int(pytest.main([*options, *ends, *limit, *request['files']], [plugin]))
    found = {'tests': plugin.tests, 'failed': plugin.failed, 'lines': plugin.lines()}
    answer.write_text(json.dumps(found))
    return code


def children() -> list[int]:
    """Return the processes that this one started or inherited."""
    found: list[int] = []
    for thread in Path('/proc/self/task').iterdir():
        with contextlib.suppress(OSError):
            found += map(int, (thread / 'children').read_text().split())
    return found


def end_children() -> None:
    """End all that a run left: it was inherited by this process, the subreaper."""
    until = time.monotonic() + 10.0
    while (left := children()) and time.monotonic() < until:
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(OSError):
                os.waitpid(pid, 0)


def serve(request: dict[str, Any]) -> dict[str, Any]:
    """Run tests in a process of their own, and clean up after it."""
    # Short, as Unix sockets have paths of at most 107 bytes.
    scratch = Path(tempfile.mkdtemp(prefix='mutant'))
    answer, log = scratch / 'answer', scratch / 'log'
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setpgid(0, 0)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            out = os.open(log, os.O_WRONLY | os.O_CREAT)
            os.dup2(out, 1)
            os.dup2(out, 2)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            code = run_tests(request, answer)
            sys.stdout.flush()
        except BaseException:
            code = BROKEN
            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(code)
    try:
        status = _wait(pid, began + request['timeout'])
        seconds = time.monotonic() - began
        found: dict[str, Any] = {'tests': {}, 'lines': {}, 'failed': ''}
        with contextlib.suppress(OSError, ValueError):
            found.update(json.loads(answer.read_text()))
        if status is None:
            outcome = 'timeout'
        else:
            outcome = {0: 'passed', 5: 'nothing', BROKEN: 'broken'}.get(
                os.waitstatus_to_exitcode(status), 'failed'
            )
        if outcome in ('failed', 'broken') and not found['failed']:
            found['failed'] = log.read_bytes()[-300:].decode(errors='replace')
        return {'outcome': outcome, 'seconds': seconds, **found}
    finally:
        end_children()
        shutil.rmtree(scratch, ignore_errors=True)


def _wait(pid: int, until: float) -> int | None:
    """Wait for a process; return its status, or None when it took too long."""
    handle = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.register(sys.stdin.fileno(), 0)  # Who asked may be gone.
        ready = dict(poll.poll(1000.0 * max(until - time.monotonic(), 0.0)))
        if handle not in ready:
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return None
        return os.waitpid(pid, 0)[1]
    finally:
        os.close(handle)


def main() -> None:
    """Serve until the input ends."""
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            __import__(name)
    # Whoever asks has it too, and closes the input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with contextlib.suppress(BrokenPipeError):  # Who asked is gone.
        for line in sys.stdin:
            print(json.dumps(serve(json.loads(line))), flush=True)


if __name__ == '__main__':
    main()
