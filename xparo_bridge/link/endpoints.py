# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Decide where a link dials next, and with which secrets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..credentials import Credentials
from .protocols.base import Protocol


class Endpoints:
    """
    The addresses of one link in order, an adapter each.

    The first that works is kept while it works; after that it begins with the first again.
    """

    def __init__(
        self,
        adapters: Sequence[Protocol],
        credentials: Credentials | None = None,
        read: Callable[[], Credentials] | None = None,
        make: Callable[[Credentials], Sequence[Protocol]] | None = None,
    ) -> None:
        """Take the adapters, and how to read their credentials again and make new adapters."""
        self._adapters = adapters
        self._at = 0
        self._credentials = credentials
        self._read = read
        self._make = make

    @property
    def current(self) -> Protocol:
        """Adapter of the address to dial."""
        return self._adapters[self._at]

    def advance(self) -> bool:
        """Go on to the next address; False at the end of a round, the first being next."""
        self._at = (self._at + 1) % len(self._adapters)
        return self._at != 0

    def begin(self) -> None:
        """Go back to the first address."""
        self._at = 0

    def read(self) -> Credentials | None:
        """
        Read the credentials again, from any thread.

        :raises CredentialsError: if they cannot be read.
        """
        return self._read() if self._read is not None else None

    def renew(self, credentials: Credentials | None) -> bool:
        """Take what was read, and return whether it is new."""
        if credentials is None or self._make is None or credentials == self._credentials:
            return False
        self._adapters = self._make(credentials)
        self._credentials = credentials
        self.begin()
        return True
