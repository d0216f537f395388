"""Lists of classes in files: one name a line, or JSON with colours, keys and attributes."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from m2n2v2.annotator.attributes import Attribute, checked
from m2n2v2.annotator.document import ObjectClass
from m2n2v2.annotator.formats.base import LabelClass
from m2n2v2.annotator.formats.classes import voc_color
from m2n2v2.errors import ClassError, FormatError

KEYS = range(1, 10)

FIELDS = frozenset({"name", "color", "key", "attributes"})


def read(path: Path) -> tuple[ObjectClass, ...]:
    """The classes of a file; their ids are 0, and a colour that it does not name is empty.

    Raises:
        FormatError: it cannot be read, is not of that form, or names a class twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(
            f"the list of classes {path.name} cannot be read", cure="name a file of text in UTF-8"
        ) from error
    try:
        told = json.loads(text) if text.lstrip()[:1] in ("[", "{") else None
    except ValueError as error:
        raise FormatError(f"{path.name} is no JSON: {error}", cure="correct it") from error
    if told is None:
        every = [_class(line.strip(), path.name) for line in text.splitlines() if line.strip()]
    else:
        if isinstance(told, dict):
            told = told.get("classes")
        if not isinstance(told, list):
            raise FormatError(
                f"{path.name} holds no list of classes", cure="write [{'name': ...}, ...]"
            )
        every = [_class(entry, path.name) for entry in told]
    names = [label.name for label in every]
    twice = [name for name in names if names.count(name) > 1]
    if twice or not names:
        said = f"names {twice[0]!r} twice" if twice else "names no class"
        raise FormatError(f"{path.name} {said}", cure="name each class once")
    return tuple(every)


def merged(known: Sequence[ObjectClass], given: Iterable[ObjectClass]) -> tuple[ObjectClass, ...]:
    """The classes known, with what a list says of them, then those that it adds.

    None is removed. Classes that are new get free keys and colours where the list names none.
    """
    every = list(known)
    for label in given:
        at = next((i for i, other in enumerate(every) if other.name == label.name), None)
        if at is None:
            every.append(with_key_and_color(label, every))
            continue
        before = every[at]
        every[at] = replace(
            before,
            color=label.color or before.color,
            key=label.key or before.key,
            attributes=label.attributes or before.attributes,
        )
    return _keys_once(every, len(known))


def with_key_and_color(label: ObjectClass, beside: Sequence[ObjectClass]) -> ObjectClass:
    """A new class with a free key, if there is one, and a colour, as far as it has none."""
    taken = {other.key for other in beside}
    key = label.key or next((key for key in KEYS if key not in taken), None)
    color = label.color or f"#{bytes(voc_color(1 + len(beside) % 255)).hex()}"
    return replace(label, key=key, color=color)


def _keys_once(every: list[ObjectClass], first_new: int) -> tuple[ObjectClass, ...]:
    """A key that a list gives to a class is taken from the one that had it."""
    owner = {}
    for i, label in enumerate(every):
        if label.key is not None and (label.key not in owner or i >= first_new):
            owner[label.key] = i
    return tuple(
        label if label.key is None or owner[label.key] == i else replace(label, key=None)
        for i, label in enumerate(every)
    )


def _class(told: object, file: str) -> ObjectClass:
    if isinstance(told, str):
        told = {"name": told}
    if not isinstance(told, dict) or not isinstance(told.get("name"), str):
        raise FormatError(
            f"{file} holds {ascii(told)[:60]}, which is no class", cure="give it a name"
        )
    name = told["name"].strip()
    odd = sorted(set(told) - FIELDS)
    if odd:
        raise FormatError(
            f"{file}: class {name!r} has {odd[0]!r}", cure=f"use {', '.join(sorted(FIELDS))}"
        )
    LabelClass(name, told.get("color"))  # checks both
    key = told.get("key")
    if key is not None and (isinstance(key, bool) or key not in KEYS):
        raise FormatError(f"{file}: class {name!r} has the key {key!r}", cure="use 1 to 9")
    return ObjectClass(0, name, told.get("color") or "", key, _attributes(told, name, file))


def _attributes(told: dict[str, object], name: str, file: str) -> tuple[Attribute, ...]:
    given = told.get("attributes", [])
    try:
        if not isinstance(given, list):
            raise TypeError("they are no list")
        return checked(Attribute.from_json(entry) for entry in given)
    except ClassError as error:
        raise FormatError(f"{file}: class {name!r}: {error.what}", cure=error.cure) from error
    except (AttributeError, KeyError, TypeError) as error:
        raise FormatError(
            f"{file}: the attributes of class {name!r} cannot be read",
            cure='write {"name": ..., "type": "text", "choice" or "flag", "values": [...]}',
        ) from error
