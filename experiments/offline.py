"""The offline default beside its peers, and what each of its parts is worth.

    python experiments/offline.py --base offline --protocol ritm --data-root DATA --out runs/offline

Ablations alone, on every second photograph of the tuning set:

    python experiments/offline.py --base offline --protocol ritm --datasets bsds_objects \
        --shard 2/2 --data-root DATA --out runs/offline-parts

`--base` is the preset whose parts are taken away; with any but `offline` the peers are left out.

Hardware: a CPU. Time: about a second per object and row of ours on one core; the peers take longer.
Expected: experiments/offline.md.
"""

import sys

from common import Row, main

SETS = ("GrabCut", "DAVIS", "ph2_skin", "underwater", "kvasir_polyp", "washington_rgbd", "ssd_rgbd")

PEERS = ("grabcut", "random-walker", "geodesic", "click-disc")

PARTS = (
    "scale-evidence",
    "steady-scales",
    "refinement",
    "photograph-terms",
)


def rows(base: str) -> list[Row]:
    ablations = [Row(f"{base}/without-{part}", SETS) for part in PARTS]
    ablations.append(Row(f"{base}/with-adaptive-score", SETS))
    tuning = any("bsds_objects" in argument for argument in sys.argv)
    peers = [] if tuning or base != "offline" else [Row(peer, SETS) for peer in PEERS]
    return [Row(base, SETS), *ablations, *peers]


if __name__ == "__main__":
    main(__doc__, rows)
