"""Table 3: what each component gives, on DAVIS and HQSeg44K.

    python experiments/table3.py --data-root DATA --out runs/table3

Without weights, on sets with measured depth or none:

    python experiments/table3.py --base offline --datasets bsds_objects --data-root DATA --out OUT

Hardware: one CUDA GPU for the default; a CPU for `--base offline`.
Time: 1882 preparations and 20 clicks on each object, six times; --attention-cache keeps the
attention from the first to the others. Not measured by us.

Expected, as the paper quotes itself (NoC90, NoC95, mIoU@5, mIoU@10):
                              DAVIS                      HQSeg44K
    without depth-guided JBU  -     -     0.892  0.912   -     -     0.861  0.904
    without adaptive score    4.81  9.71  -      -       6.27  9.85  -      -
    full                      4.76  9.66  0.896  0.915   6.29  9.86  0.865  0.908
"""

from common import Row, full, main

SETS = ("DAVIS", "HQSeg44K")


def rows(base: str) -> list[Row]:
    without = (
        "novel-components",
        "depth-guided-maps",
        "depth-guided-upsampling",
        "depth-guided-fill",
        "adaptive-score",
    )
    return [*(Row(f"{base}/without-{part}", SETS) for part in without), Row(full(base), SETS)]


if __name__ == "__main__":
    main(__doc__, rows)
