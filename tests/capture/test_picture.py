"""Pixel aspect, size, transfer: what is looked at is what a person would see."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from emolive.capture.picture import MAX_SIDE_PX, PictureConverter, output_size, tone_map

PQ, HLG = 16, 18


@pytest.mark.parametrize(
    ("size", "aspect", "expected"),
    [
        ((640, 360), Fraction(1), (640, 360)),
        ((720, 576), Fraction(16, 11), (1047, 576)),
        ((720, 480), Fraction(8, 9), (720, 540)),
        ((1440, 1080), Fraction(4, 3), (1920, 1080)),
        ((3840, 2160), Fraction(1), (2560, 1440)),
        ((2160, 3840), Fraction(1), (1440, 2560)),
        ((1, 30_000), Fraction(1), (1, 2560)),
    ],
)
def test_pixels_become_square_and_pictures_bounded(size, aspect, expected):
    assert output_size(*size, aspect) == expected
    assert max(output_size(*size, aspect)) <= MAX_SIDE_PX


@pytest.mark.parametrize("aspect", [None, Fraction(0), Fraction(1, 50), Fraction(50)])
def test_an_aspect_that_no_camera_has_is_ignored(aspect):
    import av

    frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="bgr24")
    assert PictureConverter(aspect)(frame).shape == (48, 64, 3)


def test_a_wide_frame_is_widened():
    import av

    frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format="bgr24")
    assert PictureConverter(Fraction(3, 2))(frame).shape == (48, 96, 3)


@pytest.mark.parametrize("transfer", [PQ, HLG])
@pytest.mark.parametrize("wide_gamut", [True, False])
def test_grey_stays_grey_and_keeps_its_order(transfer, wide_gamut):
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    toned = tone_map(ramp, transfer, wide_gamut=wide_gamut)
    assert np.abs(toned.astype(int) - toned[..., :1]).max() <= 1
    assert (np.diff(toned[0, :, 0].astype(int)) >= 0).all()
    assert toned[0, 0, 0] == 0
    assert toned[0, -1, 0] >= 250


@pytest.mark.parametrize(("transfer", "coded"), [(PQ, 0.5806), (HLG, 0.75)])
def test_reference_white_becomes_white(transfer, coded):
    white = np.full((1, 1, 3), round(coded * 255), np.uint8)
    assert tone_map(white, transfer, wide_gamut=False).min() >= 235


def test_colours_of_a_wide_gamut_are_stronger_on_a_screen():
    red = np.array([[[40, 60, 120]]], np.uint8)
    plain, wide = (tone_map(red, PQ, wide_gamut=wide).astype(int)[0, 0] for wide in (False, True))
    assert wide[2] - wide[1] > plain[2] - plain[1]
