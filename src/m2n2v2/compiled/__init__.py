"""Compiled loops behind the stages; each front in `m2n2v2` checks, documents and calls one.

All release the GIL and take a range of rows, so that `threads.over_rows` can share them among
cores without a threading layer of numba's (none is safe under a server's threads everywhere).
"""
