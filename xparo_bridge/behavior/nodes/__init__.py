# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""List the node types that every robot has: those of BehaviorTree.CPP 4.10."""

from __future__ import annotations

from ..node import TreeNode
from ..registry import NodeRegistry
from .conditional import IfThenElse, WhileDoElse
from .constant import AlwaysFailure, AlwaysSuccess
from .delay import Delay, Sleep, Timeout
from .entries import SetBlackboard, UnsetBlackboard
from .fallback import AsyncFallback, Fallback
from .loop import LoopBool, LoopDouble, LoopInt, LoopString
from .once import RunOnce
from .parallel import Parallel, ParallelAll
from .reactive import ReactiveFallback, ReactiveSequence
from .repeat import Repeat, RetryUntilSuccessful
from .results import ForceFailure, ForceSuccess, Inverter, KeepRunningUntilFailure
from .scripted import Precondition, ScriptAction, ScriptCondition
from .sequence import AsyncSequence, Sequence, SequenceWithMemory
from .subtree import SubTree
from .switch import SWITCHES
from .try_catch import TryCatch
from .updated import SkipUnlessUpdated, WaitValueUpdate, WasEntryUpdated

_CLASSES: tuple[type[TreeNode], ...] = (
    AlwaysFailure,
    AlwaysSuccess,
    AsyncFallback,
    AsyncSequence,
    Delay,
    Fallback,
    ForceFailure,
    ForceSuccess,
    IfThenElse,
    Inverter,
    KeepRunningUntilFailure,
    LoopBool,
    LoopDouble,
    LoopInt,
    LoopString,
    Parallel,
    ParallelAll,
    Precondition,
    ReactiveFallback,
    ReactiveSequence,
    Repeat,
    RetryUntilSuccessful,
    RunOnce,
    ScriptCondition,
    Sequence,
    SequenceWithMemory,
    SetBlackboard,
    SkipUnlessUpdated,
    Sleep,
    SubTree,
    *SWITCHES,
    Timeout,
    TryCatch,
    UnsetBlackboard,
    WaitValueUpdate,
    WasEntryUpdated,
    WhileDoElse,
)

BUILTINS: dict[str, type[TreeNode]] = {
    **{node_class.__name__: node_class for node_class in _CLASSES},
    'Script': ScriptAction,
}


def builtin_registry() -> NodeRegistry:
    """Make a registry with the builtin node types."""
    return NodeRegistry(BUILTINS)
