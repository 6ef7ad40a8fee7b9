# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Every code with which a command of this package can end, as `error.code` of its status."""

from __future__ import annotations

from enum import StrEnum


class ErrorCode(StrEnum):
    """Why a command did not succeed; docs/commands.md explains each. Own kinds may add some."""

    # It is not begun.
    UNKNOWN_COMMAND = 'unknown_command'
    UNKNOWN_PLACE = 'unknown_place'
    BAD_PARAMETERS = 'bad_parameters'
    DUPLICATE_ID = 'duplicate_id'
    NOT_ALLOWED = 'not_allowed'
    EXPIRED = 'expired'
    TOO_LARGE = 'too_large'
    RATE_LIMITED = 'rate_limited'
    TOO_MANY_OPEN = 'too_many_open'
    BUSY = 'busy'
    QUEUE_FULL = 'queue_full'
    STOPPED = 'stopped'
    PAUSED = 'paused'

    # The robot's side is not there, or does not do it.
    NO_ACTION_SERVER = 'no_action_server'
    NO_SERVICE = 'no_service'
    NO_SUBSCRIBER = 'no_subscriber'
    NOBODY_SPEAKS = 'nobody_speaks'
    GOAL_REJECTED = 'goal_rejected'
    ABORTED = 'aborted'
    UNSUCCESSFUL = 'unsuccessful'
    GOAL_NOT_ANSWERED = 'goal_not_answered'
    ACTION_SERVER_LOST = 'action_server_lost'
    CANCEL_IGNORED = 'cancel_ignored'
    NOT_STOPPED = 'not_stopped'
    NOT_PAUSED = 'not_paused'

    # Something else ended it.
    CANCELED = 'canceled'
    TIMED_OUT = 'timed_out'
    PREEMPTED = 'preempted'
    INTERRUPTED = 'interrupted'
    INTERNAL_ERROR = 'internal_error'

    # Of teleop.
    NO_BASE = 'no_base'
    GUARD_NOT_READY = 'guard_not_ready'
    STANDING = 'standing'

    # Of trees.
    UNKNOWN_TREE = 'unknown_tree'
    OWN_TREE = 'own_tree'
    BAD_TREE = 'bad_tree'
    TREE_FAILED = 'tree_failed'
    NO_TREE = 'no_tree'
    WITHIN_A_TREE = 'within_a_tree'

    # Of places.
    PLACE_EXISTS = 'place_exists'
    TOO_MANY_PLACES = 'too_many_places'
    NO_TRANSFORM = 'no_transform'
    BAD_TRANSFORM = 'bad_transform'

    # Of parameters and configurations.
    UNKNOWN_PARAMETER = 'unknown_parameter'
    REFUSED = 'refused'
    NO_ANSWER = 'no_answer'
    NOT_CONFIRMED = 'not_confirmed'
    NO_EFFECT = 'no_effect'
    NO_STORE = 'no_store'

    # Of the black box, and of commands about commands.
    NOT_RECORDING = 'not_recording'
    UNKNOWN_ID = 'unknown_id'
    NOTHING_TO_CANCEL = 'nothing_to_cancel'
