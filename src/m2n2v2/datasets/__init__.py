"""Images with true masks: the paper's datasets, a folder, COCO json. Nothing is downloaded."""

from m2n2v2.datasets.base import Convention as Convention
from m2n2v2.datasets.base import Item as Item
from m2n2v2.datasets.base import Sample as Sample
from m2n2v2.datasets.base import load as load
from m2n2v2.datasets.manifest import PUBLISHED as PUBLISHED
from m2n2v2.datasets.manifest import find as find
