"""Who asks: what every route can know of it."""

from typing import Annotated

from fastapi import Depends, Header

from m2n2v2.annotator.people import person_named


def _person(x_person: Annotated[str | None, Header(max_length=1000)] = None) -> str | None:
    return person_named(x_person)


Person = Annotated[str | None, Depends(_person)]
"""The name of who asks, if they say so."""
