"""What can be said of an object besides its class: attributes, which a class has."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

from m2n2v2.errors import ClassError, EditError
from m2n2v2.files import proper_name

Kind = Literal["text", "choice", "flag"]

Value = str | bool

Values = tuple[tuple[str, Value], ...]
"""What is said of an object, by the attribute's name, in the order of names."""

LONGEST = 500
"""Letters of a text."""

LONGEST_NAME = 60

MOST = 50
"""Attributes of a class, and values of a choice."""


@dataclass(frozen=True)
class Attribute:
    """Something to be said of the objects of a class.

    Attributes:
        kind: `flag` is yes or no; `choice` is one of `values`; `text` is free.

    Raises:
        ClassError: the name is empty, too long or cannot be shown; no such kind; a choice of
            fewer than two values, or of one twice.
    """

    name: str
    kind: Kind
    values: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_name("an attribute", self.name)
        if self.kind not in get_args(Kind):
            raise ClassError(
                f"attribute {self.name!r} is of type {self.kind!r}",
                cure="use text, choice or flag",
            )
        for value in self.values:
            _check_name(f"a value of {self.name!r}", value)
        many = len(set(self.values))
        if self.kind == "choice" and (many < 2 or many < len(self.values) or many > MOST):
            raise ClassError(
                f"attribute {self.name!r} has the values {list(self.values)!r}",
                cure=f"give 2 to {MOST} that differ",
            )
        if self.kind != "choice" and self.values:
            raise ClassError(
                f"attribute {self.name!r} has values and is a {self.kind}", cure="make it a choice"
            )

    def check(self, value: Value) -> None:
        """Refuse what cannot be said with this attribute.

        Raises:
            EditError: a value of another type, none of the choice, or a text that is too long.
        """
        if self.kind == "flag":
            fits, cure = isinstance(value, bool), "say true or false"
        elif self.kind == "choice":
            fits, cure = value in self.values, f"take one of {', '.join(self.values)}"
        else:
            fits = isinstance(value, str) and len(value) <= LONGEST
            cure = f"write a text of at most {LONGEST} letters"
        if not fits:
            raise EditError(f"{self.name} is {str(value)[:80]!r}", cure=cure)

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {"name": self.name, "type": self.kind, "values": list(self.values)}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Self:
        """What `to_json` gave."""
        return cls(told["name"], told["type"], tuple(told.get("values", ())))


def checked(attributes: Iterable[Attribute]) -> tuple[Attribute, ...]:
    """The attributes of one class.

    Raises:
        ClassError: two of one name, or too many.
    """
    every = tuple(attributes)
    twice = [name for name, n in Counter(attribute.name for attribute in every).items() if n > 1]
    if twice:
        raise ClassError(f"attribute {twice[0]!r} comes twice", cure="name each once")
    if len(every) > MOST:
        raise ClassError(f"a class has {len(every)} attributes", cure=f"give at most {MOST}")
    return every


def with_value(values: Values, name: str, value: Value | None) -> Values:
    """With one thing said; None, an empty text and an unset flag say nothing."""
    said = dict(values)
    said.pop(name, None)
    if value not in (None, "", False):
        said[name] = value
    return tuple(sorted(said.items()))


def read(told: object) -> Values:
    """What a file says of an object: texts, numbers as texts and flags that are set; no more."""
    values: Values = ()
    for name, value in told.items() if isinstance(told, dict) else ():
        text = str(value) if isinstance(value, int | float) else value
        said = value if isinstance(value, bool) else text
        fits = isinstance(said, bool) or (isinstance(said, str) and len(said) <= LONGEST)
        if fits and 0 < len(name.strip()) <= LONGEST_NAME and proper_name(name):
            values = with_value(values, name, said)
    return values


def _check_name(what: str, name: str) -> None:
    if not name.strip() or len(name) > LONGEST_NAME or not proper_name(name):
        raise ClassError(
            f"{what} is called {name[:LONGEST_NAME]!r}",
            cure=f"give it 1 to {LONGEST_NAME} letters, without control characters",
        )
