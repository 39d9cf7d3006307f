"""Why an answer is what it is, and valence and arousal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from emolive.clock import to_ns
from emolive.gui.affect import POSITIONS, valence_arousal
from emolive.gui.view_state import EstimateView, ResultState, WhyState
from emolive.gui.why_presenter import CROP_PX, CROPS, WINDOW_S, WhyPresenter, crop_face
from emolive.gui.widgets.affect_view import AffectView
from emolive.gui.widgets.why_view import WhyView
from emolive.models.spec import EMOTIONS
from emolive.snapshot import WindowExplanation
from emolive.types import BoundingBox, Face, FaceObservation, Frame
from tests.gui.test_presenter import estimate, snapshot
from tests.helpers.window_driver import WindowDriver


def test_a_crop_is_the_square_round_the_face() -> None:
    image = np.zeros((100, 200, 3), np.uint8)
    image[30:70, 80:120] = (10, 20, 30)
    crop = crop_face(image, BoundingBox(80, 30, 40, 40))
    assert crop.shape == (CROP_PX, CROP_PX, 3)
    assert (crop[2:-2, 2:-2] == (10, 20, 30)).all()
    assert crop_face(image, BoundingBox(-30, -30, 40, 40)).shape == crop.shape, "a face at the edge"


def test_crops_cover_the_window_and_only_while_they_are_wanted() -> None:
    presenter = WhyPresenter()
    image = np.zeros((60, 80, 3), np.uint8)

    def present(t_s: float) -> WhyState:
        face = Face(BoundingBox(10, 10, 20, 20), 0.9)
        seen = FaceObservation(to_ns(t_s), face, None)
        return presenter.present(snapshot(frame=Frame(to_ns(t_s), image, 0), observation=seen), t_s)

    assert present(0.0).crops == ()
    presenter.active = True
    for step in range(300):
        state = present(step / 30)
    assert CROPS - 1 <= len(state.crops) <= CROPS + 1
    assert len(present(1.0).crops) == 1, "time that runs back is another source"
    presenter.active = False
    assert present(12.0).crops == ()


def test_the_page_says_what_it_shows(qtbot: QtBot) -> None:
    presenter = WhyPresenter()
    presenter.active = True
    explained = WindowExplanation(0, "happy", 0.6, (0.2, 1.0), (1.0, 0.1, 0.3), 182.4)
    answer = replace(estimate(t_ns=to_ns(9.8)), answer_age_s=1.1)
    now = snapshot(estimate=answer, explanation=explained, voice_dbfs=-20.4)
    state = presenter.present(now, 10.0)
    assert state.age_s == pytest.approx(1.3)
    view = WhyView()
    qtbot.addWidget(view)
    view.resize(260, 400)
    view.show_why(state)
    assert view.sentences() == (
        "Face 60 %, voice 40 % of the answer.",
        "Sound -20 dB, pitch 182 Hz.",
        "What this answer rests on is 1.3 s old on average.",
    )
    assert "Face 60 %" in view.accessibleDescription()
    assert not view.grab().isNull()
    view.show_why(replace(presenter.present(replace(now, explanation=None), 10.0)))
    assert "exported model" in view.sentences()[0]
    assert state.window_s == WINDOW_S


def test_answers_are_explained_only_while_the_page_is_open(driver: WindowDriver) -> None:
    window = driver.open()
    driver.press("w")
    driver.until(lambda: driver.session.called("explaining") == [True])
    why = window.view.results.why
    driver.until(lambda: why.state.has_parts and len(why.state.crops) > 0)
    driver.press("v")
    driver.until(lambda: driver.session.called("explaining") == [True, False])
    assert window.view.results.page == "affect"
    driver.until(lambda: window.view.results.affect.position is not None)
    driver.press("b")
    assert window.view.results.page == "bars"


def test_valence_and_arousal_are_the_mean_of_the_places() -> None:
    assert valence_arousal(("happy",), (1.0,)) == POSITIONS["happy"]
    mixed = valence_arousal(("happy", "neutral"), (0.5, 0.5))
    assert mixed == pytest.approx((POSITIONS["happy"][0] / 2, POSITIONS["happy"][1] / 2))
    assert valence_arousal(("awake", "bored"), (0.5, 0.5)) is None, (
        "labels of a custom data set have no place"
    )
    assert set(EMOTIONS) <= set(POSITIONS)


def test_the_point_moves_and_says_that_it_is_derived(qtbot: QtBot, qapp: QApplication) -> None:
    view = AffectView()
    qtbot.addWidget(view)
    view.resize(260, 300)
    for t_ns, probs in enumerate([(0.9, 0.1), (0.2, 0.8)]):
        shown = EstimateView(t_ns, ("happy", "sad"), probs, "happy", "x", "face only")
        view.show_result(ResultState(shown, 1.0))
    assert view.position is not None
    assert view.position[0] < 0
    assert "derived" in view.accessibleName()
    assert "Valence -0.4" in view.accessibleDescription()
    assert not view.grab().isNull()
    view.show_result(ResultState(shown, 0.5))
    assert view.position is None, "a fading answer is not the present"
