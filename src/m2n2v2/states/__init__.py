"""Prepared images: their file, the cache, folders of them, preparing them."""
