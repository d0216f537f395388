"""Table 1: NoC on GrabCut, Berkeley, DAVIS and HQSeg44K.

    python experiments/table1.py --data-root DATA --out runs/table1

Hardware: one CUDA GPU; the attention alone is 1 GiB (128^4 float32). --workers N --ray takes N.
Time: 2032 preparations and 20 clicks on each object; not measured by us.

Expected, as the paper quotes itself (NoC90 / NoC95; 20 clicks):
                       GrabCut      Berkeley     DAVIS        HQSeg44K
    M2N2V2 (SD2, DA2)  1.84 / 3.58  2.25 / 5.74  4.77 / 9.66  6.29 / 9.86
    M2N2, its paper    1.90 / -     3.88 / -     6.72 / -     -
"""

from common import MAIN, Row, first_version, main


def rows(base: str) -> list[Row]:
    return [Row(base, MAIN), Row(first_version(base), MAIN)]


if __name__ == "__main__":
    main(__doc__, rows)
