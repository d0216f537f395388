"""Table 2: backbones, on DAVIS and HQSeg44K.

    python experiments/table2.py --data-root DATA --out runs/table2

Hardware: one CUDA GPU; the attention alone is 1 GiB (128^4 float32).
Time: 1882 preparations and 20 clicks on each object, six times; not measured by us.

Expected, as the paper quotes itself (NoC90, NoC95, mIoU@5, mIoU@10; the other rows did not
survive in the text we have, which says: depth alone is worst, depth helps in every column):
                 DAVIS                      HQSeg44K
    SD1, DA2     5.03  10.4  0.887  0.912   6.24  9.84  0.867  0.909
    SD2, DA2     4.76  9.66  0.896  0.915   6.29  9.86  0.865  0.908
"""

from common import Row, main

SETS = ("DAVIS", "HQSeg44K")
DA2 = "depth-anything-v2-large@2024"


def rows(base: str) -> list[Row]:
    backbones = ("sd2+flat", "sd2+marigold-lcm", f"none+{DA2}", f"dinov2-base+{DA2}", f"sd1+{DA2}")
    return [Row(name, SETS) for name in (*backbones, base)]


if __name__ == "__main__":
    main(__doc__, rows)
