"""The offline default: attention from colour and boundaries, without weights or training.

Superpixels of several partitions are the heads; in each, manifold ranking on the graph of
neighbouring superpixels (Zhou et al. 2004, Yang et al. 2013) says what belongs together. See
docs/decisions/offline-attention.md.
"""

from m2n2v2.attention.affinity.parameters import AffinityParameters as AffinityParameters
from m2n2v2.attention.affinity.parameters import Slic as Slic
from m2n2v2.attention.affinity.parameters import Watershed as Watershed
from m2n2v2.attention.affinity.source import Affinity as Affinity
