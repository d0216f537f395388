"""The benchmark's F, against arrays drawn by hand."""

import numpy as np
import pytest

from m2n2v2.evaluation.contour import contour_accuracy, outline


def drawn(*rows: str) -> np.ndarray:
    return np.array([[character == "#" for character in row] for row in rows])


def nothing(mask: np.ndarray) -> np.ndarray:
    return np.zeros_like(mask)


def test_the_outline_lies_between_the_pixels() -> None:
    mask = drawn(
        ".....",
        ".##..",
        ".##..",
        ".....",
    )
    expected = drawn(
        "###..",
        "#.#..",
        "###..",
        ".....",
    )
    assert (outline(mask) == expected).all()
    assert (outline(~mask) == expected).all()


def test_the_border_of_the_image_is_no_outline() -> None:
    assert not outline(np.ones((4, 5), bool)).any()
    assert (outline(drawn("##..", "##..")) == drawn(".#..", ".#..")).all()


def test_within_the_tolerance_outlines_are_the_same() -> None:
    """Of 100 x 75 pixels 0.8 % of the diagonal is 1 pixel."""
    truth = np.zeros((75, 100), bool)
    truth[20:50, 30:60] = True
    near, far = np.roll(truth, 1, 1), np.roll(truth, 2, 1)
    assert contour_accuracy(truth, near, nothing(truth)) == 1
    assert contour_accuracy(truth, far, nothing(truth)) < 1


def test_precision_and_recall_by_hand() -> None:
    """Three of the four lines of one half are met, and all lines of the other."""
    truth = np.zeros((75, 100), bool)
    truth[:, 20:40] = True  # outlines at columns 19 and 39
    predicted = truth.copy()
    predicted[:, 60:70] = True  # two more, at 59 and 69, which meet nothing
    assert contour_accuracy(truth, predicted, nothing(truth)) == pytest.approx(2 * 0.5 / 1.5)


def test_empty_masks() -> None:
    empty, full = np.zeros((20, 20), bool), np.zeros((20, 20), bool)
    full[5:9, 5:9] = True
    assert contour_accuracy(empty, empty, nothing(empty)) == 1
    assert contour_accuracy(empty, full, nothing(empty)) == 0
    assert contour_accuracy(full, empty, nothing(empty)) == 0


def test_void_pixels_are_background_in_both() -> None:
    truth = np.zeros((40, 40), bool)
    truth[5:20, 5:20] = True
    predicted, void = truth.copy(), np.zeros((40, 40), bool)
    predicted[28:35, 28:35] = void[28:35, 28:35] = True
    assert contour_accuracy(truth, predicted, void) == 1
