# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Do what every node of a tree does: tick, halt, reset, and read and write its ports.

Where py_trees is used (see viewers.py) a node is one of its behaviours, so that py_trees'
executor, visitors and viewers work with it. It keeps its own status, though, and its parent
calls it directly: py_trees ticks only the root.

The order within `execute_tick` is that of BehaviorTree.CPP 4.10: preconditions, the node's own
`on_tick`, postconditions, status. `_failureIf`, `_successIf` and `_skipIf` count only while the
node is IDLE, and the first that is true decides in place of `on_tick`. `_while` skips an IDLE
node and halts a RUNNING one when it is false. A result, also a forced one, runs `_onSuccess` or
`_onFailure` and then `_post`; SKIPPED runs none and leaves the status as it was. `_onHalted` runs
after a halt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
import logging
from typing import Any, ClassVar, TYPE_CHECKING
import uuid

from .errors import BehaviorError, NodeError, PortError, TickError
from .manifest import NodeConfig
from .ports import ANY, ANY_ALLOWED, Port, PortType, remapped_key, STRING, type_of
from .script import Script
from .status import NodeKind, NodeStatus
from .viewers import Behaviour, NOT_A_BLACKBOX, status_of

if TYPE_CHECKING:
    import py_trees

IDLE, RUNNING, SUCCESS, FAILURE, SKIPPED = NodeStatus

_FORCED = {'_failureIf': FAILURE, '_successIf': SUCCESS, '_skipIf': SKIPPED}

# Called with a node, the status it had and the one it has now.
Observer = Callable[['TreeNode', NodeStatus, NodeStatus], None]


class TreeNode(Behaviour):
    """Base of all nodes. A subclass overrides `on_tick` and, if it can be RUNNING, `halt`."""

    KIND: ClassVar[NodeKind] = NodeKind.ACTION
    PORTS: ClassVar[tuple[Port, ...]] = ()
    # Whether the node finishes within its tick, so that RUNNING from it is an error.
    SYNCHRONOUS: ClassVar[bool] = False
    # Whether the node may move the robot, so that its tree and an operator exclude each other.
    moves: bool = False

    children: list[TreeNode]  # type: ignore[assignment]
    parent: TreeNode | None = None
    # Set on the root of a Tree: ticks the whole tree and returns the nodes that were ticked.
    drive: Callable[[], Iterable[TreeNode]] | None = None

    # What py_trees asks of each behaviour.
    blackboards: list[py_trees.blackboard.Client] = []  # noqa: RUF012  None has any.
    blackbox_level = NOT_A_BLACKBOX
    current_child: TreeNode | None = None
    feedback_message: str = ''
    iterator = None  # type: ignore[assignment]

    def __init__(self, config: NodeConfig) -> None:
        self._state = IDLE
        # Whether a tick has more to do than `on_tick`; most nodes of a tree have not.
        self._has_extras = False
        self._observer: Observer | None = None
        self._visited: list[TreeNode] | None = None
        self._checkpoint: Callable[[], None] | None = None
        self._preconditions: tuple[tuple[str, Script], ...] = ()
        self._postconditions: dict[str, Script] = {}
        self._literals: dict[tuple[str, PortType | None], Any] = {}
        # Not super().__init__(): a subclass that also derives from a py_trees composite takes
        # only its type from it, not its children or policies; and what py_trees gives each node
        # (an id, a logger, a generator) would double the objects that the collector of garbage
        # walks in one go, 60 ms for 9000 nodes.
        self.name = config.name
        self.children = []
        self.config = config
        self.context = config.context
        self.blackboard = config.blackboard

    # The node itself

    @property
    def state(self) -> NodeStatus:
        """The status of the node."""
        return self._state

    @property
    def status(self) -> py_trees.common.Status:
        """The status as py_trees knows it: SKIPPED and IDLE are INVALID."""
        return status_of(self._state)

    @status.setter
    def status(self, status: py_trees.common.Status) -> None:
        """Keep the status: py_trees' own assignments do not count."""

    @property
    def uid(self) -> int:
        """The number of the node within its tree, from 1 in the order of the document."""
        return self.config.uid

    @property
    def path(self) -> str:
        """The names of the subtrees around the node and its own, parted by '/'."""
        return self.config.path

    @property
    def type_id(self) -> str:
        """The name under which the node's type is registered."""
        return self.config.type_id

    # What a subclass says

    def on_tick(self) -> NodeStatus:
        """Do the work of one tick; never return IDLE."""
        raise NotImplementedError

    def halt(self) -> None:
        """Stop whatever is RUNNING and become IDLE."""
        self.reset_status()

    # What a parent calls

    def execute_tick(self) -> NodeStatus:
        """
        Tick the node with its conditions and return its status.

        :raises TickError: if the node raised anything.
        """
        try:
            status = self._tick_with_extras() if self._has_extras else self.on_tick()
        except TickError:
            raise
        except Exception as error:
            raise self._tick_error(error) from error
        if status is SUCCESS or status is FAILURE:
            # What set_status does, without a call: this is where a tick spends its time.
            if self._observer is None:
                self._state = status
            else:
                self.set_status(status)
        elif status is not SKIPPED:
            self.set_status(status)
            if status is RUNNING and self.SYNCHRONOUS:
                raise self._tick_error(NodeError('a synchronous node must not return RUNNING'))
        return status

    def _tick_with_extras(self) -> NodeStatus:
        """Do the part of a tick that visitors and conditions ask for, and the tick itself."""
        if self._checkpoint is not None:
            self._checkpoint()
        if self._visited is not None:
            self._visited.append(self)
        forced = self._check_preconditions() if self._preconditions else None
        status = self.on_tick() if forced is None else forced
        if self._postconditions and (status is SUCCESS or status is FAILURE):
            self._run_postconditions(status)
        return status

    def halt_node(self) -> None:
        """Halt the node and run `_onHalted`."""
        self.halt()
        script = self._postconditions.get('_onHalted')
        if script is not None:
            try:
                script()
            except BehaviorError as error:
                raise self._tick_error(error) from error

    def set_status(self, status: NodeStatus) -> None:
        """Take on a status, and notify the observer if it is a new one."""
        if status is IDLE or not isinstance(status, NodeStatus):
            raise self._tick_error(
                NodeError(f'a tick must return SUCCESS, FAILURE, RUNNING or SKIPPED, not {status}')
            )
        previous = self._state
        if status is not previous:
            self._state = status
            if self._observer is not None:
                self._observer(self, previous, status)

    def reset_status(self) -> None:
        """Become IDLE."""
        previous = self._state
        if previous is not IDLE:
            self._state = IDLE
            if self._observer is not None:
                self._observer(self, previous, IDLE)

    def set_conditions(self, scripts: dict[str, Script]) -> None:
        """Attach pre- and postconditions, by the names of their attributes."""
        order = (*_FORCED, '_while')
        self._preconditions = tuple((name, scripts[name]) for name in order if name in scripts)
        self._postconditions = {
            name: script for name, script in scripts.items() if name not in order
        }
        self.watch(self._observer, self._visited)

    def watch(self, observer: Observer | None, visited: list[TreeNode] | None) -> None:
        """Say who hears of changes of the status, and which list the node joins at a tick."""
        self._observer = observer
        self._visited = visited
        self._has_extras = (
            bool(self._preconditions or self._postconditions)
            or visited is not None
            or self._checkpoint is not None
        )

    def call_before_ticks(self, checkpoint: Callable[[], None] | None) -> None:
        """Have something called before each tick of this node, or nothing any more."""
        self._checkpoint = checkpoint
        self.watch(self._observer, self._visited)

    # Ports

    def get_input(self, port: str, as_type: PortType | None = None) -> Any:
        """
        Read a port as a value of its declared type, or of another one.

        :raises PortError: if the port has no value or one that cannot be converted.
        """
        cached = self._literals.get((port, as_type), self)
        if cached is not self:
            return cached
        declared = self._declared(port)
        text = self.config.inputs.get(port)
        if text is None:
            raise PortError(f'the port [{port}] has neither a value nor a default')
        target = as_type or declared.type
        key = remapped_key(port, text)
        try:
            if key is not None:
                return self._read_entry(port, key, declared.type, target)
            value = _from_text(text, declared.type, target)
        except PortError:
            raise
        except BehaviorError as error:
            raise PortError(f'the port [{port}]: {error}') from error
        if isinstance(value, int | float | str):
            self._literals[port, as_type] = value
        return value

    def find_input(self, port: str, default: Any = None) -> Any:
        """Read a port, or return the default where `get_input` would raise."""
        try:
            return self.get_input(port)
        except PortError:
            return default

    def set_output(self, port: str, value: Any) -> None:
        """
        Write a value through a port to the entry it is connected to.

        Without effect if the tree leaves the port unconnected.

        :raises PortError: if the port is connected to a literal or the value does not fit.
        """
        declared = self._declared(port)
        text = self.config.outputs.get(port)
        if text is None:
            return
        key = remapped_key(port, text)
        if key is None:
            raise PortError(f'the output port [{port}] needs an entry such as {{{port}}}')
        try:
            if declared.type.is_strong:
                self.blackboard.set(key, declared.type.convert(value), declared.type)
            else:
                self.blackboard.set(key, value, ANY if declared.type is ANY else type_of(value))
        except BehaviorError as error:
            raise PortError(f'the port [{port}]: {error}') from error

    def connected_key(self, port: str) -> str | None:
        """The key of the entry that a port is connected to; None for a literal or nothing."""
        text = self.config.inputs.get(port, self.config.outputs.get(port))
        return None if text is None else remapped_key(port, text)

    def wake_up(self) -> None:
        """Ask for another tick soon, from any thread."""
        self.context.wake_up()

    def _declared(self, port: str) -> Port:
        declared = self.config.manifest.ports.get(port)
        if declared is None:
            if self.config.manifest.accepts_any_port:
                return Port(port)
            raise PortError(f'{self.type_id} declares no port [{port}]')
        return declared

    def _read_entry(self, port: str, key: str, declared: PortType, target: PortType) -> Any:
        entry = self.blackboard.entry(key)
        if entry is None or entry.value is None:
            raise PortError(f'the port [{port}] is connected to {{{key}}}, which has no value')
        if target is ANY:
            return entry.value
        if isinstance(entry.value, str) and target != STRING:
            return _from_text(entry.value, declared, target)
        return target.convert(entry.value)

    # Conditions

    def _check_preconditions(self) -> NodeStatus | None:
        """Run the preconditions; None means that the node itself decides."""
        state = self._state
        if state is IDLE:
            for name, script in self._preconditions:
                if name == '_while':
                    if not script.is_true():
                        return SKIPPED
                elif script.is_true():
                    return _FORCED[name]
        elif state is RUNNING and self._preconditions[-1][0] == '_while':
            if not self._preconditions[-1][1].is_true():
                self.halt_node()
                return SKIPPED
        return None

    def _run_postconditions(self, status: NodeStatus) -> None:
        for name in ('_onSuccess' if status is SUCCESS else '_onFailure', '_post'):
            script = self._postconditions.get(name)
            if script is not None:
                script()

    def _tick_error(self, error: Exception) -> TickError:
        own = isinstance(error, BehaviorError)
        reason = str(error) if own else f'{type(error).__name__}: {error}'
        return TickError(self.path, self.type_id, reason)

    # What py_trees calls

    @cached_property
    def id(self) -> uuid.UUID:  # type: ignore[override]
        """The number by which viewers know the node."""
        return uuid.uuid4()

    @cached_property
    def logger(self) -> logging.Logger:  # type: ignore[override]
        """What a node of one's own may log with."""
        return logging.getLogger('xparo_bridge.tree')

    @property
    def qualified_name(self) -> str:  # type: ignore[override]
        return f'{type(self).__qualname__}/{self.name}'

    def tick(self) -> Iterator[Behaviour]:
        """Let py_trees tick the root, which ticks all others itself."""
        if self.drive is None:
            self.execute_tick()
            yield self
        else:
            yield from self.drive()

    def update(self) -> py_trees.common.Status:
        return self.status

    def stop(self, new_status: py_trees.common.Status | None = None) -> None:
        """Halt; the status is not py_trees' to give."""
        if self._state is RUNNING:
            self.halt_node()
        self.reset_status()

    def tip(self) -> Behaviour | None:
        """The RUNNING node furthest down, or the node itself."""
        for child in self.children:
            if child._state is RUNNING:
                return child.tip()
        return None if self._state is IDLE else self


def _from_text(text: str, declared: PortType, target: PortType) -> Any:
    """Convert text as the port declares it, then to what its reader wants."""
    if declared.parse is None or declared is ANY_ALLOWED:
        return target.convert(text) if target.parse is None else target.read(text)
    value = declared.read(text)
    return value if target == declared else target.convert(value)
