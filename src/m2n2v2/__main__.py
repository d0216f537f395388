"""`python -m m2n2v2` is `m2n2v2`."""

from m2n2v2.cli.main import run

run()
