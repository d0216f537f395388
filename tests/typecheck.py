"""The run-time type checker of the test run: shapes, dtypes and types of every call."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int is a float, as in mypy
