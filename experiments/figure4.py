"""Figure 4: mIoU per click with and without the adaptive score.

    python experiments/figure4.py --data-root DATA --out runs/figure4

Hardware: one CUDA GPU; the attention alone is 1 GiB (128^4 float32).
Time: 2032 preparations (--attention-cache shares them) and 20 clicks on each object, twice; not
measured by us.

Expected: the curve with the adaptive score lies above on all four sets, and is smoother on GrabCut
and Berkeley.
"""

from common import MAIN, Row, full, main


def rows(base: str) -> list[Row]:
    return [Row(full(base), MAIN), Row(f"{base}/without-adaptive-score", MAIN)]


if __name__ == "__main__":
    main(__doc__, rows, curves=True)
