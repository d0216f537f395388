"""Figure 3: the other domains: wildlife, trash, art, medicine; ours against M2N2.

    python experiments/figure3.py --data-root DATA --out runs/figure3

Hardware: one CUDA GPU; the attention alone is 1 GiB (128^4 float32).
Time: one preparation per photograph and 20 clicks on each object, twice; SBD has 6671 objects.
Not measured by us.

Expected: the figure's values did not survive in the text we have, which says: better than M2N2
everywhere but on the two medical sets. M2N2's own paper has NoC90 10.94 on SBD.
"""

from common import Row, first_version, main

SETS = ("SBD", "Plittersdorf", "TrashCan", "DRAM", "OAIZIB", "BraTS")


def rows(base: str) -> list[Row]:
    return [Row(base, SETS), Row(first_version(base), SETS)]


if __name__ == "__main__":
    main(__doc__, rows, curves=True)
