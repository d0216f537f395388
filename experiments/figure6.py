"""Figure 6: random clicks, with and without the adaptive score, on DAVIS.

    python experiments/figure6.py --data-root DATA --out runs/figure6

Hardware: one CUDA GPU; the attention alone is 1 GiB (128^4 float32).
Time: 345 preparations (--attention-cache shares them) and 20 clicks on each object, four times;
not measured by us.

Expected: the adaptive score gives the higher mIoU with either way of clicking.
"""

from common import Row, full, main

RANDOM = {"name": "random", "min_n_clicks": 20}


def rows(base: str) -> list[Row]:
    presets = (full(base), f"{base}/without-adaptive-score")
    return [Row(name, ("DAVIS",), clicks) for clicks in ({}, RANDOM) for name in presets]


if __name__ == "__main__":
    main(__doc__, rows, curves=True)
