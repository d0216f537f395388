"""Names of other tools, and the photographs that they mean."""

import ntpath

import pytest

from m2n2v2.errors import FormatError
from m2n2v2.grid import Size
from m2n2v2.matching import Names

SIZE = Size(48, 64)


def names(*there: str) -> Names:
    return Names(dict.fromkeys(there, SIZE))


@pytest.mark.parametrize(
    ("there", "called"),
    [
        ("cafe\u0301.jpg", "caf\u00e9.jpg"),
        ("caf\u00e9.jpg", "cafe\u0301.jpg"),
        ("my photo.jpg", "images/my%20photo.jpg"),
        ("my%20photo.jpg", "my photo.jpg"),
        ("PHOTO.JPG", "photo.jpg"),
        ("photo.jpg", "images/1/cb0618f6-photo.jpg"),
        ("photo.png", "photo.jpg"),
        ("scan.001.jpg", "scan.001"),
        ("deep/a.png", ntpath.join("C:\\", "photos", "deep", "a.png")),
    ],
)
def test_one_photograph_that_fits_is_found(there: str, called: str) -> None:
    assert names(there, "other.jpg").find(called, SIZE) == there


def test_the_same_name_comes_before_one_alike() -> None:
    both = names("a.jpg", "A.jpg", "a.png", "cb0618f6-a.jpg")
    for name in ("a.jpg", "A.jpg", "a.png", "cb0618f6-a.jpg"):
        assert both.find(name, SIZE) == name


def test_several_that_fit_are_refused_and_can_be_told_apart() -> None:
    both = names("caf\u00e9.jpg", "cafe\u0301.jpg")
    with pytest.raises(FormatError) as raised:
        both.find("CAF\u00c9.jpg", SIZE)
    assert "caf\\xe9.jpg" in str(raised.value)
    assert "cafe\\u0301.jpg" in str(raised.value)
    with pytest.raises(FormatError, match=r"may be a\.png or a\.tif"):
        names("a.png", "a.tif").find("a.jpg", SIZE)


@pytest.mark.parametrize(
    ("there", "called"),
    [("scan.jpg", "scan.001"), ("%FE.jpg", "%FF.jpg"), ("a.jpg", ""), ("a.jpg", "b.jpg")],
)
def test_what_only_looks_near_is_not_found(there: str, called: str) -> None:
    with pytest.raises(FormatError, match="is not in the folder"):
        names(there).find(called, SIZE)
