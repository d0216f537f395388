"""Each rule of each protocol, on masks drawn by hand."""

import numpy as np
import pytest
from jaxtyping import Bool
from scipy import ndimage

from m2n2v2.errors import SettingsError
from m2n2v2.evaluation.clicker import (
    largest_error_click,
    random_error_click,
    union_error_click,
)
from m2n2v2.evaluation.protocols import Protocol
from m2n2v2.prompts import Click

Mask = Bool[np.ndarray, "H W"]


def drawn(*rows: str) -> Mask:
    return np.array([[cell == "#" for cell in row] for row in rows])


def blank(like: Mask) -> Mask:
    return np.zeros_like(like)


WIDE = drawn(
    ".........",
    ".###.....",
    ".###..#..",
    ".###.....",
    ".........",
)


class TestRitm:
    def test_centre_of_the_larger_false_negative(self) -> None:
        assert largest_error_click(WIDE, blank(WIDE), blank(WIDE)) == Click(2, 2, True)

    def test_false_positives_apart_from_false_negatives(self) -> None:
        # side by side, a union would be 6 wide and have its centre on their border
        truth = drawn(*["......", "###...", "###...", "###...", "......"])
        predicted = drawn(*["......", "...###", "...###", "...###", "......"])
        assert largest_error_click(truth, blank(truth), predicted) == Click(4, 2, False)

    def test_positive_only_if_strictly_deeper(self) -> None:
        truth = drawn("#....", ".....", "....#")
        predicted = drawn(".....", ".....", "#....")
        assert largest_error_click(truth, blank(truth), predicted) == Click(0, 2, False)
        assert largest_error_click(WIDE, blank(WIDE), drawn(*["........#"] * 5)).positive is True

    def test_first_maximum_in_row_major_order(self) -> None:
        truth = drawn("....#", "#....", "..#..")
        assert largest_error_click(truth, blank(truth), blank(truth)) == Click(4, 0, True)

    def test_outside_the_image_is_correct(self) -> None:
        # without the padding the distance would grow towards the border
        truth = drawn("###..", "###..", "###..")
        assert largest_error_click(truth, blank(truth), blank(truth)) == Click(1, 1, True)

    def test_exact_distance(self) -> None:
        # a 7x7 square without a corner: the city-block centre is not the Euclidean one
        rng = np.random.default_rng(1)
        truth = ndimage.binary_dilation(rng.random((40, 50)) > 0.98, iterations=3)
        padded = np.pad(truth, 1)
        brute = ndimage.distance_transform_edt(padded)[1:-1, 1:-1]
        y, x = np.unravel_index(brute.argmax(), brute.shape)
        assert largest_error_click(truth, blank(truth), blank(truth)) == Click(x, y, True)

    def test_void_is_no_error(self) -> None:
        void = drawn(*[".####....."[:9]] * 5)
        assert largest_error_click(WIDE, void, blank(WIDE)) == Click(6, 2, True)
        assert largest_error_click(WIDE, WIDE, blank(WIDE)) is None

    def test_clicked_pixels_are_not_clicked_again(self) -> None:
        clicked = blank(WIDE)
        clicked[2, 2] = True
        assert largest_error_click(WIDE, blank(WIDE), blank(WIDE), clicked) == Click(1, 1, True)

    def test_nothing_left_to_click(self) -> None:
        assert largest_error_click(WIDE, blank(WIDE), WIDE) is None
        assert largest_error_click(WIDE, blank(WIDE), blank(WIDE), WIDE) is None


class TestM2N2:
    def test_union_of_errors_labelled_by_the_truth(self) -> None:
        truth = drawn(*["......", "###...", "###...", "###...", "......"])
        predicted = drawn(*["......", "...##.", "...##.", "...##.", "......"])
        # the union is 5 wide: its centre lies in the truth's part, though neither part has it
        assert union_error_click(truth, blank(truth), predicted) == Click(1, 2, True)
        assert union_error_click(~truth, blank(truth), ~predicted) == Click(1, 2, False)

    def test_repeats_are_allowed(self) -> None:
        protocol = Protocol(name="m2n2")
        first = protocol.next_click(
            WIDE, blank(WIDE), blank(WIDE), [], protocol.generator("a", "b")
        )
        again = protocol.next_click(
            WIDE, blank(WIDE), blank(WIDE), [first], protocol.generator("a", "b")
        )
        assert first == again == Click(2, 2, True)

    def test_without_error_the_centre_of_the_truth(self) -> None:
        assert union_error_click(WIDE, blank(WIDE), WIDE) == Click(2, 2, True)

    def test_all_clicks_always(self) -> None:
        protocol = Protocol(name="m2n2", n_clicks=3)
        assert not protocol.finished([1.0, 1.0])
        assert protocol.finished([1.0, 1.0, 1.0])

    def test_masks_are_read_by_its_own_convention(self) -> None:
        assert Protocol(name="m2n2").convention == "m2n2"
        assert Protocol().convention == Protocol(name="random").convention == "field"


class TestRandom:
    def test_uniform_over_both_kinds_of_error(self) -> None:
        truth, predicted = drawn("##..", "...."), drawn("...#", "....")
        void = drawn(".#..", "....")
        seen = {
            random_error_click(truth, void, predicted, np.random.default_rng(seed))
            for seed in range(40)
        }
        assert seen == {Click(0, 0, True), Click(3, 0, False)}

    def test_seeded_by_the_object_not_by_the_order(self) -> None:
        protocol = Protocol(name="random", seed=3)
        draw = [protocol.generator("A", "1").random() for _ in range(2)]
        assert draw[0] == draw[1]
        others = [protocol.generator("A", "2"), protocol.generator("B", "1")]
        others.append(Protocol(name="random", seed=4).generator("A", "1"))
        assert draw[0] not in [other.random() for other in others]

    def test_no_error_no_click(self) -> None:
        assert random_error_click(WIDE, blank(WIDE), WIDE, np.random.default_rng(0)) is None


class TestStopping:
    @pytest.mark.parametrize("name", ["ritm", "random"])
    def test_stops_at_the_target(self, name: str) -> None:
        protocol = Protocol(name=name, target_iou=0.95)
        assert protocol.finished([0.2, 0.95])
        assert not protocol.finished([0.2, 0.949])

    def test_not_before_the_least_number_of_clicks(self) -> None:
        protocol = Protocol(min_n_clicks=3)
        assert not protocol.finished([1.0, 1.0])
        assert protocol.finished([1.0, 1.0, 1.0])

    def test_at_the_budget(self) -> None:
        assert Protocol(n_clicks=2).finished([0.1, 0.2])

    def test_before_any_click_nothing_is_finished(self) -> None:
        assert not Protocol().finished([])


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "mine"},
        {"n_clicks": 0},
        {"min_n_clicks": 21},
        {"target_iou": 1.5},
        {"target_iou": 0.9},  # NoC@95 would not be known
        {"thresholds": ()},
        {"start": "full"},
    ],
)
def test_a_field_out_of_range_is_named(fields: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match=next(iter(fields))):
        Protocol(**fields)
