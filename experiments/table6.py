"""Table 6: alpha, the adaptive score's only constant, on DAVIS.

    python experiments/table6.py --data-root DATA --out runs/table6

Without weights, on the set we tune on (docs/decisions/alpha.md):

    python experiments/table6.py --base offline --datasets bsds_objects --shard 1/3 \
        --protocol ritm --attention-cache CACHE --data-root DATA --out runs/alpha

Hardware: one CUDA GPU for the default; a CPU for `--base offline`.
Time: 345 preparations (--attention-cache shares them) and 20 clicks on each object, seven times;
not measured by us.

Expected: the values of alpha did not survive in the text we have. Its best rows are NoC90 4.74 and
4.76, NoC95 9.66, mIoU@5 0.902, mIoU@10 0.917; smaller values cost clicks, mIoU hardly moves.
"""

from common import Row, main


def rows(base: str) -> list[Row]:
    return [Row(f"{base}/alpha-{alpha}", ("DAVIS",)) for alpha in (1, 2, 4, 8, 16, 32, 64)]


if __name__ == "__main__":
    main(__doc__, rows)
