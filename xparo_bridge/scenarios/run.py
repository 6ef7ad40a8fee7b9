# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""One run of one scenario: start all parts, play the steps, judge, end everything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
import contextlib
from dataclasses import dataclass, field
import json
import os
from pathlib import Path
import random
import shutil
import time
from typing import Any

from ..errors import BadInput, BridgeError
from ..local.free_ports import free_domain
from . import processes
from .bridge_process import BridgeProcess
from .cause import cause
from .checks.platform import always
from .failures import CouldNotStart, Failed
from .fault_proxy import fault_proxy
from .platform_process import PlatformProcess
from .program import Program
from .report import recording
from .scenario import Scenario
from .stage import Stage
from .timeline import Timeline
from .verdict import COULD_NOT_START, FAILED, NOT_EXECUTED, PASSED, Problem, Verdict
from .worlds.base import FAULTS, World

_START = 60.0  # s of real time for all parts to come up
_STILL = 20.0  # s of real time after which a world whose time does not go on has failed
_TOLERATED = 1.1  # of the bound of the speed: odometry is noisy
_MEASURE = 0.2  # s of looking how much CPU time is to be had
_SPARE = 1.25  # A little less than a whole core does for the full factor.
_LOOK = 0.1  # s between two looks at the processes
_ROBOT_RADIUS = 0.22  # m; of a robot whose truth nobody reports


@dataclass
class Options:
    """How scenarios are run."""

    folder: Path
    factor: float = 1.0
    seed: int | None = None
    program: tuple[str, ...] = ()  # the bridge, if not this one
    world: Mapping[str, Any] = field(default_factory=dict)
    limit: float | None = None  # s of real time, if not what the scenario says


async def run(scenario: Scenario, world: type[World], options: Options) -> Verdict:
    """Run it once; however it ends, nothing that it started is left."""
    seed = options.seed if options.seed is not None else random.randrange(2**31)
    verdict = Verdict(scenario.name, NOT_EXECUTED, seed, folder=options.folder)
    began = time.monotonic()
    missing = world.missing(options.world)
    cannot = [
        f'{where}: the world {world.name} cannot {FAULTS[need]}'
        for need, where in scenario.needs.items()
        if need not in world.can
    ]
    if missing or cannot:
        verdict.cause = '; '.join([f'missing: {", ".join(missing)}'] * bool(missing) + cannot)
        return verdict
    factor = scenario.given.real_time_factor or options.factor
    factor = affordable(min(factor, options.factor)) if world.simulated_time else 1.0
    for left in ('logs', 'state'):  # of an earlier run, which this one must not remember
        shutil.rmtree(options.folder / left, ignore_errors=True)
    (options.folder / 'logs').mkdir(parents=True)
    made = world(scenario.given, seed, factor, options.folder / 'logs', options.world)
    stage = Stage(scenario.given, made, verdict.timeline)
    async with contextlib.AsyncExitStack() as stack:
        try:
            await _run(scenario, stage, stack, options, verdict)
        finally:
            # Also when the run itself is ended: what its processes started must be known by then.
            verdict.seconds = verdict.timeline.now
            await stage.end()
    verdict.wall = time.monotonic() - began
    return verdict


def affordable(factor: float) -> float:
    """
    Return the factor that this machine can follow now, 1 at least.

    A world that runs faster than the bridge has CPU time for would judge the machine. So it is
    measured how much of a core is to be had.
    """
    if factor <= 1.0:
        return factor
    end, spent = time.monotonic() + _MEASURE, time.thread_time()
    while time.monotonic() < end:
        pass
    share = (time.thread_time() - spent) / _MEASURE
    return max(1.0, min(factor, factor * share * _SPARE))


async def _run(
    scenario: Scenario,
    stage: Stage,
    stack: contextlib.AsyncExitStack,
    options: Options,
    verdict: Verdict,
) -> None:
    try:
        async with asyncio.timeout(_START):
            await _start(scenario, stage, stack, options)
    except (BridgeError, OSError, TimeoutError) as error:
        verdict.state = COULD_NOT_START
        verdict.cause = str(error) or f'not ready after {_START:g} s: {_not_ready(stage)}'
    else:
        begun = time.monotonic()
        await _play(scenario, stage, verdict, options.limit or scenario.given.limit)
        verdict.factor = verdict.timeline.now / max(time.monotonic() - begun, 1e-3)


async def _start(
    scenario: Scenario, stage: Stage, stack: contextlib.AsyncExitStack, options: Options
) -> None:
    from .ros_side import RosSide

    world, timeline = stage.world, stage.timeline
    stack.enter_context(_own_domain())
    stack.push_async_callback(_end_family, stage)
    stage.platform = PlatformProcess(timeline, options.folder / 'logs')
    stack.push_async_callback(stage.platform.stop)
    await stage.platform.start()
    stack.push_async_callback(world.stop)
    await world.start()
    stage.ros = world.ros = RosSide()
    stack.callback(stage.ros.close)
    await world.before_bridges()
    if world.starts_programs:
        for name, words in scenario.given.programs.items():
            program = Program(name, words, scenario.given.folder, options.folder / 'logs')
            stage.programs[name] = program
            stack.push_async_callback(program.stop)
            await program.start()
    for robot in scenario.given.robots.values():
        line = await stack.enter_async_context(fault_proxy(stage.platform.port))
        stage.links[robot.name] = line
        bridge = BridgeProcess(
            robot, line.port, world.factor, options.folder, world.simulated_time, world.max_speed
        )
        stage.bridges[robot.name] = bridge
        stack.push_async_callback(bridge.stop)
        await bridge.start(options.program)
    set_zero = await _hear_world(stage)
    watch = asyncio.ensure_future(_deaths(stage))
    ready = asyncio.ensure_future(_ready(stage))
    try:
        await asyncio.wait({watch, ready}, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            raise CouldNotStart(watch.result())
        ready.result()
    finally:
        watch.cancel()
        ready.cancel()
    if recording.available():
        await _record(stage, stack, options.folder / 'run.mcap')
    for step in scenario.steps:
        await step.prepare(stage)
    set_zero()


async def _record(stage: Stage, stack: contextlib.AsyncExitStack, path: Path) -> None:
    recorded = recording.Recording(path)
    stack.callback(recorded.close)
    stack.callback(lambda: recorded.add_events(stage.timeline.events))
    topics = dict(recording.COMMON)
    for robot in stage.given.robots.values():
        prefix = f'/{robot.namespace}' if robot.namespace else ''
        topics |= {f'{prefix}/{name}': kind for name, kind in recording.TYPES.items()}
    await stage.ros.record(topics, recorded.add)


async def _ready(stage: Stage) -> None:
    await stage.world.ready(stage.timeline)
    for robot in stage.given.robots:
        while stage.timeline.last('truth', robot) is None:
            await stage.timeline.change()
        while not stage.timeline.connected(robot):
            await stage.timeline.change()


def _not_ready(stage: Stage) -> str:
    for robot in stage.given.robots:
        if stage.timeline.last('truth', robot) is None:
            return f'nothing says where {robot} is'
        if not stage.timeline.connected(robot):
            return f'{robot} is not connected to the platform'
    return 'the world is not ready'


async def _hear_world(stage: Stage) -> Callable[[], None]:
    """Let the world's time and where its robots are come into the timeline; sets its zero."""
    timeline, world = stage.timeline, stage.world
    began = {'at': 0.0, 'latest': 0.0}

    def go_on(now: float) -> None:
        began['latest'] = now
        timeline.go_on(now - began['at'])

    def zero() -> None:
        began['at'] = began['latest']
        timeline.begin()

    if world.truth_topic:

        def on_truth(truth: dict[str, Any]) -> None:
            go_on(truth['time'])
            for robot, data in truth['robots'].items():
                timeline.add('truth', robot, **data)

        await stage.ros.hear_truth(world.truth_topic, on_truth)
        return zero
    for robot in stage.given.robots.values():

        def of(data: dict[str, Any], name: str = robot.name) -> None:
            timeline.add('truth', name, **data)

        await stage.ros.hear_robot(robot.namespace, _ROBOT_RADIUS, of)
    if world.simulated_time:
        await stage.ros.hear_clock(go_on)
    else:
        start = time.monotonic()
        stage.beside(_tick(lambda: go_on(time.monotonic() - start)))
    return zero


async def _tick(go_on: Callable[[], None]) -> None:
    while True:
        go_on()
        await asyncio.sleep(0.02)


async def _play(scenario: Scenario, stage: Stage, verdict: Verdict, limit: float) -> None:
    timeline = stage.timeline
    playing = asyncio.ensure_future(_steps(scenario, stage, verdict))
    fast = asyncio.ensure_future(_too_fast(stage))
    watching = asyncio.ensure_future(_deaths(stage))
    standing = asyncio.ensure_future(_stands_still(timeline))
    tasks = {playing, watching, standing, fast}
    await asyncio.wait(tasks, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
    if verdict.problems:
        # What failed may have been the death of a process, which is seen a moment later.
        await asyncio.wait({watching}, timeout=2 * _LOOK)
    problem = ''
    if watching.done():
        problem = watching.result()
    elif fast.done():
        problem = fast.result()
    elif standing.done():
        problem = f'the time of the world did not go on for {_STILL:g} s'
    elif not playing.done():
        problem = f'not over after {limit:g} s of real time, the limit'
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if problem:
        step = _step_at(scenario, verdict)
        verdict.problems.insert(0, Problem(step.where, step.text, problem, timeline.now))
    # What holds of the whole run is judged, whichever step ended it.
    if not problem:
        for check in scenario.checks:
            try:
                said = check.problem(stage)
            except Failed as error:
                said = str(error)
            if said:
                verdict.problems.append(Problem(check.where, check.text, said, timeline.now))
    if said := always(stage):
        verdict.problems.append(Problem('', '', said, timeline.now))
    verdict.state = FAILED if verdict.problems else PASSED
    if verdict.problems:
        if not watching.done() or watching.cancelled():
            verdict.cause = cause(stage, getattr(_step_at(scenario, verdict), 'robot', ''))
        for each in verdict.problems:
            timeline.add('failed', '', text=each.text, said=each.said, cause=verdict.cause)


def _step_at(scenario: Scenario, verdict: Verdict) -> Any:
    steps = scenario.steps
    return steps[min(verdict.steps, len(steps) - 1)]


async def _steps(scenario: Scenario, stage: Stage, verdict: Verdict) -> None:
    for number, step in enumerate(scenario.steps):
        stage.timeline.add('step', getattr(step, 'robot', ''), number=number, text=step.text)
        if step.acts:
            stage.acted_at = stage.timeline.now
        try:
            await step.play(stage)
        except (Failed, BadInput) as error:
            at = stage.timeline.now
            verdict.problems.append(Problem(step.where, step.text, str(error), at))
            return
        verdict.steps = number + 1
    for check in scenario.checks:
        await check.settle(stage)


async def _too_fast(stage: Stage) -> str:
    """Wait until a robot drives faster than the world allows; it is told to stop."""
    while True:
        await stage.timeline.change()
        for robot in stage.given.robots:
            truth = stage.timeline.last('truth', robot)
            bound = stage.world.max_speed
            if truth is not None and abs(truth.data.get('speed', 0.0)) > bound * _TOLERATED:
                with contextlib.suppress(Failed):
                    await stage.send('', 'stop', {}, robot)
                speed = abs(truth.data['speed'])
                return f'{robot} drove {speed:.2f} m/s, over the bound of {bound:g} m/s: stopped'


async def _stands_still(timeline: Timeline) -> None:
    timeline.moved_at = time.monotonic()
    while time.monotonic() - timeline.moved_at < _STILL:
        await asyncio.sleep(_LOOK)


async def _deaths(stage: Stage) -> str:
    """Wait until a process has ended by itself; which, and how."""
    while True:
        for child in _children(stage):
            if child.returncode is not None:
                stage.timeline.add('ended', process=child.name, code=child.returncode)
                last = next((line for line in reversed(child.lines) if line.strip()), '')
                return f'{child.name} ended with exit code {child.returncode}: {last}'
        if said := stage.world.died():
            stage.timeline.add('ended', process=stage.world.name, code=1)
            return said
        await asyncio.sleep(_LOOK)


def _children(stage: Stage) -> list[Any]:
    parts: list[PlatformProcess | BridgeProcess | Program] = [stage.platform]
    parts += [*stage.bridges.values(), *stage.programs.values()]
    children = [*(part.child for part in parts), *stage.world.children]
    return [child for child in children if child is not None]


async def _end_family(stage: Stage) -> None:
    left = await asyncio.to_thread(processes.end, stage.family)
    if left:
        stage.timeline.add('killed', processes=left)


@contextlib.contextmanager
def _own_domain() -> Iterator[None]:
    """Give the processes of a run a ROS domain of their own, if the user names none."""
    added = {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST', 'ROS_DOMAIN_ID': ''}
    added = {name: value for name, value in added.items() if name not in os.environ}
    if 'ROS_DOMAIN_ID' in added:
        added['ROS_DOMAIN_ID'] = str(free_domain())
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def write_verdict(verdict: Verdict) -> None:
    """Keep the verdict as JSON beside the logs, and the timeline a line an event."""
    if verdict.folder is None or not verdict.folder.exists():
        return
    content = {
        'name': verdict.name,
        'state': verdict.state,
        'seed': verdict.seed,
        'problems': [vars(problem) for problem in verdict.problems],
        'cause': verdict.cause,
        'seconds': verdict.seconds,
        'wall': verdict.wall,
    }
    (verdict.folder / 'verdict.json').write_text(json.dumps(content, indent=1) + '\n')
