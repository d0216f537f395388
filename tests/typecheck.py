"""The run-time type checker of the test run: shapes, dtypes and types of every call."""

from typing import Self

from beartype import BeartypeConf, FrozenDict, beartype

checked = beartype(
    conf=BeartypeConf(
        is_pep484_tower=True,  # an int is a float, as in mypy
        hint_overrides=FrozenDict({Self: object}),  # unknown where single methods are wrapped
    )
)
