"""The paper's stages, each a module, and the walk through them."""
