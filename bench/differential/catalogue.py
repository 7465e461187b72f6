"""The catalogue of oddities: `CATALOGUE` maps a name to a mutation and the rule that decides about it.

The `odd_*` modules register theirs when imported. A mutation changes the pieces of a `shapes.Request`
in place, takes all its chances from the generator it is given, and names the base it needs, if any.
"""

from dataclasses import dataclass
from typing import Callable

CRLF = b"\r\n"
CATALOGUE = {}


@dataclass(frozen=True)
class Mutation:
    """One way of being odd."""

    apply: Callable
    base: str | None
    why: str


def odd(name, why, base=None):
    """Registers a function under a name. `why` is the rule that torii follows here."""

    def register(function):
        CATALOGUE[name] = Mutation(function, base, why)
        return function

    return register


def pieces(name, why, values, field=b"X-Torii", base=None):
    """Registers a mutation that adds a field with one of these values."""

    @odd(name, why, base)
    def add(request, chance):
        request.add(chance, field + b": " + chance.choice(values) + CRLF)
