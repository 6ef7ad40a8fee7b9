# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Follow one goal that a leaf sent, from its sending to its end.

While a tree is paused its goals are taken from their servers, and what is left of them is sent
again afterwards. A goal whose leaf a fault has ended is watched until its server has ended it.
"""

from __future__ import annotations

from collections.abc import Callable
import time
from typing import Any

from ...faults import FAULTS
from ...ros.action_goal import ActionGoal, Ending, IN_DOUBT, Outcome
from ...ros.goal_progress import remaining
from ...ros.walls import owned_by


class Goal:
    """
    A goal a leaf sent; `on_news` is called when it is accepted and when it has ended.

    While the tree is paused the server does not have one that is repeatable: it is cancelled,
    and what is left of it is sent again afterwards.
    """

    def __init__(
        self,
        message: Any,
        send: Callable[[Goal, Any], ActionGoal],
        on_news: Callable[[], None],
        on_fault: Callable[[ActionGoal], None],
        repeatable: bool,
    ) -> None:
        """`send` sends a message as this goal; after a fault `on_fault` sees to its end."""
        self.outcome: Outcome | None = None
        self.accepted = False
        self.feedback: Any = None
        self.ending = False
        self._message = message
        self._send = send
        self._on_news = on_news
        self._on_fault = on_fault
        self._repeatable = repeatable
        self._paused = self._withdrawn = False
        self._last_feedback: Any = None
        self._action: ActionGoal | None = None
        with owned_by(self._fault):
            self._action = send(self, message)

    @property
    def ended(self) -> bool:
        return self.outcome is not None

    @property
    def pausing(self) -> bool:
        """Whether its server has yet to let go of it, for a pause or for good."""
        return not self.ended and self._action is not None and (self._paused or self.ending)

    def poll(self) -> None:
        if self._action is not None:
            self._guarded(self._action.poll)

    def cancel(self) -> None:
        if self._action is None:
            self._end(Outcome(Ending.CANCELED, 'cancelled while it was paused'))
        elif not self.ended:
            self.ending = True
            self._guarded(self._action.cancel)

    def pause(self) -> bool:
        """Take it from the server until `resume`; False if it cannot be sent again."""
        if self.ended or self.ending:
            return True
        if self._repeatable:
            self._paused = self._withdrawn = True
            if self._action is not None:
                self._guarded(self._action.cancel)
        return self._repeatable

    def resume(self) -> None:
        """Send again what is left of it."""
        self._paused = False
        if self._action is None and not self.ended:
            self._withdrawn = False
            self._guarded(self._send_again)

    def on_outcome(self, outcome: Outcome) -> None:
        """Learn how it ended at the server."""
        # Some servers abort what they were asked to cancel.
        if (
            not self._withdrawn
            or self.ending
            or outcome.ending not in (Ending.CANCELED, Ending.ABORTED)
        ):
            self._end(outcome)
            return
        self._message = remaining(self._message, self._last_feedback)
        self._action = self._last_feedback = self.feedback = None
        self.accepted = False
        if not self._paused:
            self.resume()

    def accept(self) -> None:
        """Learn that it was accepted."""
        self.accepted = True
        self._on_news()

    def feed(self, feedback: Any) -> None:
        """Learn how far it is."""
        self.feedback = self._last_feedback = feedback

    def _send_again(self) -> None:
        self._action = self._send(self, self._message)

    def _guarded(self, do: Callable[[], object]) -> None:
        """Do something; a fault in it, or in a callback it makes, ends this goal alone."""
        with owned_by(self._fault):
            try:
                do()
            except BaseException as error:  # SystemExit of a library, for instance.
                self._fault(error)

    def _fault(self, error: BaseException) -> None:
        """End for the leaf, which fails, and let somebody else see to the end at the server."""
        text = FAULTS.note("a goal of a tree's leaf", error)
        if self.ended:
            return
        action, self._action = self._action, None
        self._end(Outcome(Ending.INTERNAL_ERROR, text))
        if action is not None and not action.ended:
            self._on_fault(action)

    def _end(self, outcome: Outcome) -> None:
        if not self.ended:
            self.outcome = outcome
            self.ending = False
            self._on_news()


class Abandoned:
    """A goal whose leaf a fault has ended: cancelled, and watched until its server says so."""

    ending = True

    def __init__(self, action: ActionGoal, in_doubt: Callable[[], None], timeout: float) -> None:
        """`in_doubt` is called if nobody knows after `timeout`, s, whether it goes on."""
        self._action = action
        self._in_doubt = in_doubt
        self._give_up_at = time.monotonic() + timeout
        self._given_up = False
        self._guarded(lambda: action.abandon(self._end))

    @property
    def ended(self) -> bool:
        return self._action.ended or self._given_up

    def poll(self) -> None:
        self._guarded(self._action.poll)
        if time.monotonic() > self._give_up_at and not self.ended:
            self._given_up = True
            self._in_doubt()

    def cancel(self) -> None:
        pass  # It is being cancelled.

    def _end(self, outcome: Outcome) -> None:
        if outcome.ending in IN_DOUBT:
            self._in_doubt()

    def _guarded(self, do: Callable[[], object]) -> None:
        with owned_by(self._note):
            try:
                do()
            except BaseException as error:
                self._note(error)

    def _note(self, error: BaseException) -> None:
        FAULTS.note('a goal whose leaf a fault has ended', error)
