"""Masks as run lengths, COCO strings, outlines and polygons, and files of them."""
