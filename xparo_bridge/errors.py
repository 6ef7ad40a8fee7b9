# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The errors of the bridge, by what a caller can do about them.

Every error the bridge raises on purpose is one of three: what was given is wrong and will be wrong
again; it cannot be done now and may be tried again; it is not allowed. Each room has its own
classes below these. What else is raised is a fault of the bridge itself.
"""


class BridgeError(Exception):
    """Base of all errors that the bridge raises on purpose; the text says what would be right."""


class BadInput(BridgeError):
    """What was given is wrong; to give it again is of no use."""


class NotNow(BridgeError):
    """It cannot be done now; it may be tried again."""


class NotAllowed(BridgeError):
    """Whoever asked may not have it done."""


def words_of(error: BaseException) -> str:
    """Return what an error says for people: of the system's without number and path."""
    return getattr(error, 'strerror', None) or str(error)
