"""The test run itself: shapes in signatures are checked."""

import jaxtyping
import numpy as np
import pytest
import torch

from m2n2v2.grid import Size
from m2n2v2.method import _flood_fill as kernel
from m2n2v2.method.flood_fill import flood_fill
from m2n2v2.method.scoring import s_prior
from m2n2v2.method.upsampling import joint_bilateral_upsampling


def test_a_wrong_number_of_axes_is_caught():
    with pytest.raises(jaxtyping.TypeCheckError):
        flood_fill(torch.zeros(2, 3, 4), (0, 0))


def test_axes_of_one_name_must_agree():
    with pytest.raises(jaxtyping.TypeCheckError):
        flood_fill(torch.zeros(3, 4), (0, 0), depth=torch.zeros(4, 3))


def test_a_wrong_dtype_is_caught():
    with pytest.raises(jaxtyping.TypeCheckError):
        joint_bilateral_upsampling(np.zeros((4, 4, 3), np.float32), Size(2, 2))


def test_an_int_is_taken_for_a_float():
    assert s_prior(np.array([1, 2], np.int32), 2.0).tolist() == [1, 0]


def test_kernels_stay_compiled():
    assert kernel.fill.signatures is not None
    assert type(kernel.fill).__module__.startswith("numba.")
