"""Table 2's and Table 3's rows that a small network and no depth allow: DINOv2 Small.

    python experiments/real_attention.py --data-root DATA --out runs/dinov2-48.jsonl \
        --datasets GrabCut --attention-cache CACHE

`--preset dinov2-small@64+flat` is a finer side. The paper's rules and the first version's, with and
without flip; without depth, Table 3's row without novel components is the first version's, with
flip. With measured depth (`--depth-unit mm --datasets washington_rgbd`, `relative` for `ssd_rgbd`)
the rows are those of the depth guidance.

Hardware: a CPU; side 48 takes 0.1 GB beside the network. Time: 10 to 30 seconds of one core an
object.
Expected: docs/evaluation.md. The paper's ViT row is DINOv2 Base with Depth Anything V2, so no
figure of it is comparable.
"""

import argparse

from sessions import Row, Rows, main

PRIOR = {"size_rule": "prior"}
FLAT = {"depth_guided_upsampling": False, "depth_guided_fill": False}


def rows(given: argparse.Namespace) -> Rows:
    if given.depth_unit is not None:
        return {
            "depth guides nothing": Row(FLAT),
            "fill only": Row({"depth_guided_upsampling": False}),
            "upsampling only": Row({"depth_guided_fill": False}),
            "both": Row(),
            "without adaptive score": Row(PRIOR),
            "without novel components": Row(FLAT | PRIOR),
        }
    return {
        "paper": Row(),
        "paper, no flip": Row(flip=False),
        "m2n2, flip": Row(PRIOR),
        "m2n2": Row(PRIOR, flip=False),
    }


if __name__ == "__main__":
    main(__doc__, rows)
