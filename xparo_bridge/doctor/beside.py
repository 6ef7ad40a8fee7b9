# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Run checks beside each other, each for a bounded time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
import queue
import threading
import time

from .finding import Finding, not_checked, problem

Check = Callable[[], Iterable[Finding]]


@dataclass(frozen=True)
class Job:
    """A check, its name and how long it may take in all, s."""

    name: str
    subject: str
    check: Check
    within: float


def run_beside(jobs: Iterable[Job]) -> Iterator[list[Finding]]:
    """
    Run checks, each in a thread of its own, and return what each found, in their order.

    One that has not ended in time, as of a disk that hangs, is left behind.
    """
    started = [(job, *_start(job)) for job in jobs]
    began = time.monotonic()
    for job, found, ended in started:
        in_time = ended.wait(max(began + job.within - time.monotonic(), 0.0))
        findings = []
        while True:
            try:
                findings.append(found.get_nowait())
            except queue.Empty:
                break
        if not in_time:
            findings.append(
                problem(
                    job.name,
                    job.subject,
                    f'did not end within {job.within:g} s',
                    'look whether a disk, a name server or the ROS middleware hangs; allow it '
                    'more by --timeout',
                )
            )
        yield findings


def _start(job: Job) -> tuple[queue.SimpleQueue[Finding], threading.Event]:
    found: queue.SimpleQueue[Finding] = queue.SimpleQueue()
    ended = threading.Event()

    def run() -> None:
        try:
            for finding in job.check():
                found.put(finding)
        except Exception as error:
            words = f'the check failed: {type(error).__name__}: {error}'
            found.put(not_checked(job.name, job.subject, words, 'please report this'))
        finally:
            ended.set()

    threading.Thread(target=run, name=f'doctor-{job.name}', daemon=True).start()
    return found, ended
