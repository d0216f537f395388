"""A DINOv2 inside an ONNX file, as arrays under the names of transformers' `Dinov2Model`."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from m2n2v2.arrays import Image
from m2n2v2.errors import WeightsError
from m2n2v2.grid import Size
from m2n2v2.weights.wheel import Arrays

BACKBONE = "backbone."
"""What stands before the names of the network's own arrays; a decoder's are left out."""

CONFIG = {
    "architectures": ["Dinov2Model"],
    "model_type": "dinov2",
    "hidden_size": 384,
    "num_hidden_layers": 12,
    "num_attention_heads": 6,
    "image_size": 518,
    "patch_size": 14,
    "mlp_ratio": 4,
    "layer_norm_eps": 1e-6,
}
"""Of ViT-S/14; all else is the library's default."""


NORMS = (43.0, 55.0)
"""Lengths of the last block's keys and of the tokens that a ViT-S/14 makes of `_waves`: 45.6 to
50.8. Matrices that are not transposed, blocks in another order, or queries for keys leave this
range."""


def dinov2_small(path: Path) -> tuple[Arrays, dict[str, Any]]:
    """The arrays and the config of a ViT-S/14, which was seen to work.

    Raises:
        WeightsError: the file is no such network, or what it makes of a picture is not what such a
            network makes.
    """
    arrays = arrays_of(path)
    refuse_unsound(arrays)
    return arrays, CONFIG


def refuse_unsound(arrays: Arrays) -> None:
    """Let the network see a picture.

    Raises:
        WeightsError: a token's or a key's length is out of range.
    """
    import torch

    from m2n2v2.weights.vit import VisionTransformer

    network = VisionTransformer({name: torch.from_numpy(array) for name, array in arrays.items()})
    side = Size(8, 8)
    made = network.features(network.pixels(_waves(), side), {-1: frozenset({"tokens", "keys"})})
    for (_, kind), values in made.items():
        lengths = values.norm(dim=2)
        low, high = float(lengths.min()), float(lengths.max())
        if not NORMS[0] <= low <= high <= NORMS[1]:
            raise WeightsError(
                f"the network gives {kind} of length {low:.3g} to {high:.3g}, and a ViT-S/14 of "
                f"{NORMS[0]:g} to {NORMS[1]:g}",
                cure="it is another network, or its arrays were mixed up; fetch it again",
            )


def _waves() -> Image:
    """The picture: smooth waves of three colours."""
    y, x = np.mgrid[:112, :112]
    colours = [np.sin(x / 7 + y / 11), np.cos(x / 5), np.sin(y / 9)]
    return (np.stack(colours, 2) * 127 + 128).astype(np.uint8)


def arrays_of(path: Path) -> Arrays:
    """The arrays of a ViT-S/14 inside an ONNX file.

    Biases, norms and layer scales stand by name. Matrices are the second inputs of products, which
    store them transposed; the product's place in the graph names the layer. The positions of the
    class and of the patches are the two unnamed arrays of their shapes. The mask token, used in
    training only, is not in the file and set to zeros.

    Raises:
        WeightsError: the file is no such network.
    """
    import onnx

    try:
        graph = onnx.load(str(path), load_external_data=False).graph
        stored = {array.name: onnx.numpy_helper.to_array(array) for array in graph.initializer}
    except Exception as error:  # the parser's own errors have no common base
        raise WeightsError(
            f"{path.name} is no ONNX file ({error})", cure="fetch it again"
        ) from error
    arrays = {
        name.removeprefix(BACKBONE): array
        for name, array in stored.items()
        if name.startswith(BACKBONE)
    }
    for node in graph.node:
        place = re.fullmatch(r"/backbone/(encoder/layer\.\d+/.+)/MatMul", node.name)
        matrix = [name for name in node.input if name in stored]
        if node.op_type == "MatMul" and place and matrix:
            arrays[place[1].replace("/", ".") + ".weight"] = stored[matrix[0]].T
    class_position = _only(stored, (1, 1, 384))
    patch_positions = _only(stored, (1, 1369, 384))
    arrays["embeddings.position_embeddings"] = np.concatenate(
        [class_position, patch_positions], axis=1
    )
    arrays["embeddings.mask_token"] = np.zeros((1, 384), np.float32)
    return _checked(arrays)


def _only(stored: dict[str, Any], shape: tuple[int, ...]) -> Any:
    """The one array of this shape that has no name of its own."""
    arrays = [
        array
        for name, array in stored.items()
        if array.shape == shape and not name.startswith(BACKBONE)
    ]
    if len(arrays) != 1:
        raise WeightsError(
            f"the ONNX file has {len(arrays)} unnamed arrays of shape {shape}, not one",
            cure="it is another network; fetch it again",
        )
    return arrays[0]


def _checked(arrays: dict[str, Any]) -> Arrays:
    """All arrays of the network, and no others, in float32 and in their shapes.

    Raises:
        WeightsError: one is missing, is one too many, or has another shape.
    """
    expected = shapes()
    for name in sorted(expected.keys() ^ arrays.keys()):
        state = "missing" if name in expected else "unknown"
        raise WeightsError(f"the array {name} is {state}", cure="it is another network")
    for name, shape in expected.items():
        if arrays[name].shape != shape:
            raise WeightsError(
                f"the array {name} has shape {arrays[name].shape}, not {shape}",
                cure="it is another network",
            )
    return {name: np.array(array, np.float32, order="C") for name, array in arrays.items()}


def shapes() -> dict[str, tuple[int, ...]]:
    """The names and shapes of a ViT-S/14's arrays, the mask token's among them."""
    from m2n2v2.weights.vit import Shape

    network = Shape(blocks=12, channels=384, heads=6, patch=14, side=37, registers=0)
    return {**network.arrays(), "embeddings.mask_token": (1, 384)}
