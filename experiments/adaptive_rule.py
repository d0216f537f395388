"""The adaptive rule's readings and alpha, against the prior alone, paired over objects.

    python experiments/adaptive_rule.py --preset offline --data-root DATA \
        --out runs/adaptive-offline.jsonl

On a real network's attention under the paper's rules, at a side that a CPU can take:

    python experiments/adaptive_rule.py --data-root DATA --out runs/adaptive-dinov2.jsonl \
        --attention-cache CACHE

Every photograph is prepared once, and each click's map is computed once, for all rows: they differ
in scoring only. `--readings` and `--alphas` choose the rows; what the file has is not run again.

Hardware: a CPU. Time: 10 to 30 seconds of one core an object for the readings at one alpha.
Expected: docs/decisions/adaptive-rule.md and docs/decisions/alpha.md.
"""

import argparse

from sessions import Row, Rows, main, parser

READINGS = {
    "landed": {"bound": "segment", "discard": "forever"},
    "change": {"bound": "change", "discard": "forever"},
    "once": {"bound": "segment", "discard": "once"},
    "both": {"bound": "change", "discard": "once"},
}
"""What the paper's words allow: what is bounded, and for how long a click is discarded."""


def rows(given: argparse.Namespace) -> Rows:
    made = {"prior": Row({"size_rule": "prior"})}
    for alpha in given.alphas.split(","):
        for reading in given.readings.split(","):
            changes = {"size_rule": "adaptive", "alpha": float(alpha), **READINGS[reading]}
            made[f"{reading}, alpha {alpha}"] = Row(changes)
    return made


if __name__ == "__main__":
    options = parser(__doc__)
    options.add_argument("--readings", default=",".join(READINGS))
    options.add_argument("--alphas", default="32")
    main(__doc__, rows, options)
