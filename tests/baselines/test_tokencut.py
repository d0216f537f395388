"""Normalised cuts by hand, and clicks that choose parts, without a network."""

import numpy as np
import torch

from m2n2v2.baselines import description, names
from m2n2v2.baselines.tokencut import Parts, two_sides
from m2n2v2.prompts import Click


def test_the_cut_parts_what_is_linked_weakly() -> None:
    links = np.full((5, 5), 1e-5)
    links[:2, :2] = links[2:, 2:] = 1
    side = two_sides(links)
    assert side[0] == side[1] != side[2]
    assert len(set(side[2:])) == 1


def test_the_cut_is_shi_and_maliks() -> None:
    """The second eigenvector of (D - W) x = l D x, by a twin without the substitution."""
    rng = np.random.default_rng(0)
    links = rng.random((7, 7)) + 0.1
    links += links.T
    degree = np.diag(links.sum(1))
    values, vectors = np.linalg.eig(np.linalg.inv(degree) @ (degree - links))
    second = vectors[:, np.argsort(values.real)[1]].real
    expected = second > second.mean()
    found = two_sides(links)
    assert (found == expected).all() or (found == ~expected).all()


def test_equal_links_still_come_apart() -> None:
    assert 0 < two_sides(np.ones((3, 3))).sum() < 3


def quarters(side: int = 6) -> tuple[np.ndarray, torch.Tensor]:
    """A photograph whose left is one thing, and whose right is an upper and a lower half of two
    that are a little alike; a patch has ten pixels a side."""
    keys = torch.zeros(side, side, 3)
    keys[:, : side // 2] = torch.tensor([1.0, 0, 0])
    keys[: side // 2, side // 2 :] = torch.tensor([0, 1.0, 0.5])
    keys[side // 2 :, side // 2 :] = torch.tensor([0, 0.5, 1.0])
    grey = (keys.sum(2) * 100).numpy().astype(np.uint8)
    image = np.repeat(np.kron(grey, np.ones((10, 10), np.uint8))[:, :, None], 3, axis=2)
    return image, keys


def test_clicks_choose_a_part_and_cut_it_again() -> None:
    image, keys = quarters()
    clicking = Parts(image, keys, centred=False)
    whole = clicking.click(Click(50, 10))  # the right side
    assert whole[:, 35:].mean() > 0.95
    assert whole[:, :25].mean() < 0.05
    upper = clicking.click(Click(50, 55, False))  # not its lower half
    assert upper[10, 50]
    assert not upper[55, 50]
    assert upper[:, :25].mean() < 0.05
    both = clicking.click(Click(10, 10))  # and the left side
    assert both[:, :25].mean() > 0.95


def test_restart_forgets_and_masks_stay() -> None:
    image, keys = quarters()
    clicking = Parts(image, keys, centred=True)
    first = clicking.click(Click(50, 10))
    kept = first.copy()
    clicking.click(Click(50, 55, False))
    assert (first == kept).all()
    clicking.restart()
    assert (clicking.click(Click(50, 10)) == kept).all()


def test_opposite_clicks_in_one_patch_keep_their_pixels() -> None:
    image, keys = quarters()
    clicking = Parts(image, keys, centred=True)
    clicking.click(Click(51, 11))
    mask = clicking.click(Click(52, 12, False))
    assert mask[11, 51]
    assert not mask[12, 52]


def test_every_pixel_of_the_truth_can_be_had() -> None:
    """Parts are cut until patches stand alone, so a session ends and never hangs."""
    image, keys = quarters(4)
    clicking = Parts(image, keys, centred=True)
    for y in range(4):
        for x in range(4):
            mask = clicking.click(Click(10 * x + 5, 10 * y + 5, (x + y) % 2 == 0))
    for y in range(4):
        for x in range(4):
            assert mask[10 * y + 5, 10 * x + 5] == ((x + y) % 2 == 0)


def test_it_has_a_name() -> None:
    assert "tokencut" in names()
    assert "dinov2-small" in description("tokencut")
