# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Decide who may do what at the local platform: a token a person, with a role.

| role | may |
|---|---|
| viewer | look |
| operator | look, command, chat, push trees |
| owner | all that, and admit people; whoever has the project's secret key, on this machine |
"""

from __future__ import annotations

from dataclasses import dataclass
import hashlib
import re
import secrets

from .platform_history import History

ROLES = ('viewer', 'operator', 'owner')
ADMITTED = ROLES[:2]
_NAME = re.compile(r'[\w.@+-]{1,64}')


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at the platform; without a name where only the secret key was shown."""

    name: str
    role: str

    def may(self, role: str) -> bool:
        """Whether what needs a role is allowed to this one."""
        return ROLES.index(self.role) >= ROLES.index(role)


class People:
    """Those with a token; only its hash is kept."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._by_token = {token: Person(name, role) for name, role, token, _ in history.people()}

    def add(self, name: str, role: str) -> str:
        """Admit a person, or give one a new token; returns it, which nobody can read again."""
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(
                f'the name {name!r} will not do; expected 1 to 64 letters, digits or . _ @ + -'
            )
        if role not in ADMITTED:
            raise ValueError(f'there is no role {role!r}; there are {", ".join(ADMITTED)}')
        self.remove(name)
        token = secrets.token_urlsafe(24)
        self._history.set_person(name, role, _hash(token))
        self._by_token[_hash(token)] = Person(name, role)
        return token

    def remove(self, name: str) -> bool:
        """Let a person in no more; whether there was one."""
        before = len(self._by_token)
        self._by_token = {
            token: person for token, person in self._by_token.items() if person.name != name
        }
        self._history.set_person(name, '', '')
        return len(self._by_token) < before

    def find(self, token: str) -> Person | None:
        """Whose token it is."""
        return self._by_token.get(_hash(token))

    def admitted(self, person: Person) -> bool:
        """Whether a person who came in by a token may still be here."""
        return person.role == 'owner' or person in self._by_token.values()

    def all(self) -> list[dict[str, object]]:
        """Name, role and since when (Unix s) of each."""
        return [
            {'name': name, 'role': role, 'since': since}
            for name, role, _, since in self._history.people()
        ]


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
