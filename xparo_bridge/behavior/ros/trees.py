# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Offer the trees of a robot to the rest of the bridge, behind one class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rclpy.node import Node

from ...alike import alike
from ...configuration import Configuration, ConfigurationError
from ...errors import BadInput
from ...messages import BehaviorStatus, BehaviorUpdate
from ...share import share
from ...state import State
from ..document import Limits
from ..errors import Problem, TreeErrors
from .reports import Send, TreeReports, Watch
from .robot_commands import NamedCommands, RobotCommands
from .robot_registry import robot_registry
from .robot_state import RobotState
from .tree_library import read_folder, StoredTree, TreeLibrary
from .tree_ros import Timeouts
from .tree_run import RunState, TreeRun
from .tree_runner import Callback, CheckEnd, TreeRunner

# Of the nodes that run at once, how many a summary names.
_SHOWN_NODES = 10


class NoSuchTree(BadInput, KeyError):
    """There is no tree of that name."""


class Trees:
    """The trees of a robot; everything on the ROS thread."""

    def __init__(
        self,
        node: Node,
        configuration: Configuration,
        state: State,
        send: Send,
        is_connected: Callable[[], bool],
        note: Callable[..., object] = lambda event, **fields: None,
    ) -> None:
        """
        Read the robot's own trees and those it was given before.

        `state` is where they are kept; `send` and `is_connected` are for the reports; `note`
        is the audit log's.

        :raises ConfigurationError: if a node type of the configuration cannot work.
        """
        self._settings = settings = configuration['trees']
        self._logger = node.get_logger().get_child('trees')
        registry, problems = robot_registry(
            node.get_fully_qualified_name(),
            settings['nodes'],
            commands=NamedCommands(configuration['commands']),
        )
        folder = Path(settings['folder']) if settings['folder'] else share('config', 'trees')
        library = TreeLibrary(state, self._own(folder))
        found = [configuration.problem(('trees', 'nodes', *path), text) for path, text in problems]
        at_start = settings['run_at_start']
        # One that was pushed does not count: the platform may delete it, and end the next start.
        if at_start and not library.is_own(at_start):
            own = [name for name in library.names if library.is_own(name)]
            near = alike(at_start, own, 1)
            hint = (
                f'did you mean "{near[0]}"?' if near else f'there are {", ".join(own) or "none"}'
            )
            text = f'there is no tree "{at_start}" in {folder}; {hint}'
            found.append(configuration.problem(('trees', 'run_at_start'), text))
        if found:
            raise ConfigurationError(found)
        self._reports = TreeReports(send, is_connected)
        self._runner = TreeRunner(
            node,
            registry,
            library,
            self._reports,
            rate=settings['rate'],
            timeouts=Timeouts(settings['server_timeout'], settings['cancel_timeout']),
            limits=Limits(**settings['limits']),
            tree_folder=folder if folder.is_dir() else None,
            robot=RobotState(
                node,
                settings['global_frame'],
                settings['robot_base_frame'],
                settings['odom_topic'],
                settings['goal_topic'],
            ),
            note=note,
        )

    def _own(self, folder: Path) -> list[StoredTree]:
        trees, problems = read_folder(folder)
        for problem in problems:
            self._logger.error(problem)
        return trees

    def bind_commands(self, commands: RobotCommands, send: Callable[[Any], bool]) -> None:
        """Give trees the robot's commands, and what sends messages to the platform."""
        self._runner.bind_commands(commands, send)

    def watch(self, watch: Watch, hear: Callable[[BehaviorStatus], object]) -> None:
        """Call `watch` at each change of a node, and `hear` with how each run begins and ends."""
        self._reports.watch(watch, hear)

    def start(self) -> None:
        """Check the robot's own trees, and run the one that the configuration says."""
        library, settings = self._runner.library, self._settings
        self._check_own(filter(library.is_own, library.names))
        last, resume = library.last, settings['resume']
        if last is not None and (resume == 'always' or resume == 'unfinished' and last.unfinished):
            tree, blackboard = library.last_good(), last.blackboard
            what = f'the last tree, {last.name},'
        elif settings['run_at_start']:
            tree, blackboard = library.find(settings['run_at_start']), {}
            what = f'the tree {settings["run_at_start"]}'
        else:
            return

        def ended(run: TreeRun) -> None:
            if run.state is RunState.REJECTED:
                self._logger.error(f'{what} does not run: {run.error}')

        try:
            self._check_motion_lock()
            if tree is None:
                raise NoSuchTree('it is not there')
            self._runner.run(tree, blackboard, on_end=ended)
        except (NoSuchTree, TreeErrors) as error:
            self._logger.error(f'{what} does not run: {error}')

    def _check_own(self, names: Iterator[str]) -> None:
        """Check one file of the robot after the other; what is wrong is logged."""

        def ended(name: str, warnings: list[Problem], errors: TreeErrors | None) -> None:
            problems = errors.problems if errors is not None else ()
            if problems and not self._settings['folder']:
                # Nobody chose the package's own; a robot may lack what they want.
                self._logger.info(f"the package's tree {name} does not run here: {problems[0]}")
            else:
                for problem in problems:
                    self._logger.error(f'tree {name}: {problem}')
            self._check_own(names)

        for name in names:
            tree = self._runner.library.find(name)
            if tree is not None:
                try:
                    self._runner.check(name, tree.xml, ended)
                except TreeErrors:  # Only as the bridge stops.
                    pass
                return

    def stop(self) -> None:
        """Begin to end for good."""
        self._runner.stop()

    def close(self) -> None:
        """End what is beside the ROS thread; the executor spins no more."""
        self._runner.close()

    @property
    def idle(self) -> bool:
        """Whether no tree runs, stops or waits to run."""
        return self._runner.idle

    # From the platform

    def push(self, link: str, update: BehaviorUpdate) -> None:
        """Run a tree that a link sent; the link gets the problems if there are any."""

        def ended(run: TreeRun) -> None:
            if run.state is RunState.REJECTED:
                self._reports.reject(update.tree_name, [*run.problems, *run.warnings], link)

        try:
            self.run_xml(update.tree_name, update.xml, on_end=ended)
        except TreeErrors as error:
            self._logger.warning(f'tree {update.tree_name} from {link} refused: {error}')
            self._reports.reject(update.tree_name, [*error.problems, *error.warnings], link)

    def introduce(self, link: str) -> None:
        """Introduce a link that has just connected to the tree that runs."""
        self._reports.introduce(link)

    # From commands and services

    def run_xml(
        self,
        name: str,
        xml: str,
        blackboard: Mapping[str, Any] | None = None,
        *,
        on_progress: Callback | None = None,
        on_end: Callback | None = None,
    ) -> TreeRun:
        """
        Check a tree, keep it, and let it take the place of the one that runs.

        It is checked beside the ROS thread; the run of one that is no tree of this robot ends as
        REJECTED, and nothing else changed.

        :raises TreeErrors: if it may not run, or cannot be checked now.
        """
        self._check_motion_lock()
        if self._runner.library.is_own(name):
            raise self._is_own(name)
        return self._runner.run(
            StoredTree(name, xml), blackboard, keep=True, on_progress=on_progress, on_end=on_end
        )

    def run(
        self,
        name: str,
        blackboard: Mapping[str, Any] | None = None,
        *,
        on_progress: Callback | None = None,
        on_end: Callback | None = None,
    ) -> TreeRun:
        """
        Let a tree that is known by name take the place of the one that runs.

        :raises NoSuchTree: naming those there are.
        :raises TreeErrors: if it may not run, or cannot be checked now.
        """
        self._check_motion_lock()
        tree = self._runner.library.find(name)
        if tree is None:
            raise self.unknown(name)
        return self._runner.run(tree, blackboard, on_progress=on_progress, on_end=on_end)

    def unknown(self, name: str) -> NoSuchTree:
        """Say that there is no tree of a name, and which there are."""
        return NoSuchTree(f'there is no tree {name!r}; known: {", ".join(self.names) or "none"}')

    @property
    def names(self) -> list[str]:
        """The trees there are."""
        return self._runner.library.names

    def _check_motion_lock(self) -> None:
        motion_lock = self._runner.commands.motion_lock
        if motion_lock:
            raise TreeErrors(
                [Problem(f'the robot is {motion_lock}', hint='send the command resume first')]
            )

    def load(self, name: str, xml: str, on_end: CheckEnd = lambda *end: None) -> None:
        """
        Check a tree and keep it; nothing runs by this.

        `on_end` learns its name, and its warnings or the errors; with errors the one of that
        name stays.

        :raises TreeErrors: if it cannot be checked now.
        """

        def ended(name: str, warnings: list[Problem], errors: TreeErrors | None) -> None:
            if errors is None and self._runner.library.is_own(name):
                errors = self._is_own(name)
            if errors is None:
                self._runner.library.add(StoredTree(name, xml))
            on_end(name, warnings, errors)

        self._runner.check(name, xml, ended)

    def _is_own(self, name: str) -> TreeErrors:
        return TreeErrors(
            [Problem(f'the robot has a tree {name!r} of its own', hint='give it another name')]
        )

    def halt(self, run: TreeRun | None = None, why: str = 'halted') -> TreeRun | None:
        """Begin to end a run, by default the one there is; returns the one that ends."""
        current = self._runner.current
        self._runner.halt(run, why)
        return run or current

    def preempt(self, command_id: str) -> None:
        """Begin to end what may move the base, as a command takes its place."""
        run = self._runner.moving
        if run is not None and not run.halting:
            run.preempted_by = command_id
            self._runner.halt(run, f'preempted by command {command_id}')

    def pause(self) -> TreeRun | None:
        """Pause the tree that runs, and its goals, until `resume`; returns it."""
        return self._runner.pause()

    def resume(self) -> None:
        """Go on with the tree that was paused."""
        self._runner.resume()

    @property
    def pausing(self) -> bool:
        """Whether a server still has a goal of a tree that is paused or to end."""
        return self._runner.pausing

    @property
    def moving(self) -> str:
        """The name of the tree that may move the base, or is about to; '' if there is none."""
        run = self._runner.moving
        return run.name if run is not None else ''

    @property
    def current(self) -> TreeRun | None:
        """The run that is under way."""
        return self._runner.current

    def summary(self) -> dict[str, Any] | None:
        """The tree that runs, or is about to, for who asks what the robot does; None without."""
        run = self._runner.current or self._runner.moving
        if run is None:
            return None
        active = run.active_nodes
        return {
            'tree_name': run.name,
            'run_id': run.id,
            'state': run.phase,
            'moves': run.moves,
            'active_nodes': active[:_SHOWN_NODES],
            **({'more_nodes': len(active) - _SHOWN_NODES} if len(active) > _SHOWN_NODES else {}),
            **({'command_id': run.command_id} if run.command_id else {}),
        }

    def listing(self, after: str = '') -> list[dict[str, Any]]:
        """
        Each tree whose name comes after one.

        Its name, hash, whether it is the robot's own and whether it runs.
        """
        running = self._runner.current.name if self._runner.current else None
        found = []
        for name in self._runner.library.names:
            tree = self._runner.library.find(name) if name > after else None
            if tree is not None:
                found.append(
                    {
                        'tree_name': name,
                        'sha256': tree.hash,
                        'own': tree.own,
                        'running': name == running,
                    }
                )
        return found

    def is_own(self, name: str) -> bool:
        """Whether a tree is a file of the robot, which nobody from outside deletes."""
        return self._runner.library.is_own(name)

    def delete(self, name: str) -> None:
        """
        Forget a tree that was given; one that runs goes on.

        :raises NoSuchTree: if there is none, or it is the robot's own.
        """
        if self._runner.library.is_own(name):
            raise NoSuchTree(f'{name!r} is a file of the robot; only its owner deletes it')
        if not self._runner.library.remove(name):
            raise NoSuchTree(f'there is no tree {name!r}')
