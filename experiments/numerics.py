"""What our numerics change on a real network's attention under the paper's rules.

    python experiments/numerics.py --data-root DATA --out runs/numerics.jsonl \
        --attention-cache CACHE

The reference is the paper's rules; every other row has one of ours instead, the last all of them.

Hardware: a CPU. Time: 10 to 30 seconds of one core an object.
Expected: docs/evaluation.md.
"""

import argparse

from sessions import Row, Rows, main

OURS = {
    "fast chain": {"chain": "fast"},
    "stopping rule": {"sinkhorn_rounds": None},
    "level sets": {"candidates": "level-sets"},
    "half-pixel placement": {"click_placement": "half-pixel"},
}


def rows(given: argparse.Namespace) -> Rows:
    alone = {name: Row(changes) for name, changes in OURS.items()}
    together = {key: value for changes in OURS.values() for key, value in changes.items()}
    return {"the paper's rules": Row(), **alone, "all four": Row(together)}


if __name__ == "__main__":
    main(__doc__, rows)
