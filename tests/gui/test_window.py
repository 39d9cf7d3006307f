"""The window over a fake session: what it shows."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from itertools import pairwise

import pytest
from PySide6.QtCore import Qt

from emolive.gui import strings
from emolive.gui.main_window import MainWindow
from emolive.gui.presenter import MIN_INTERVAL_S
from emolive.types import Modality, Status
from tests.helpers.fake_session import FakeSession
from tests.helpers.window_driver import WindowDriver


def message(window: MainWindow) -> str:
    """The message in place of the video."""
    message_state = window.view.video.state.message
    return "" if message_state is None else f"{message_state.title} {message_state.text}"


def tags(window: MainWindow) -> tuple[str, ...]:
    return tuple(tag.text for tag in window.view.video.state.tags)


def caption(window: MainWindow) -> str:
    estimate = window.view.video.state.estimate
    return "" if estimate is None else estimate.caption


def test_picture_bars_and_timeline_are_painted(driver: WindowDriver) -> None:
    window = driver.open()
    driver.until(lambda: window.view.video.painted > 20)
    bars = window.view.results.bars
    assert bars.labels == driver.session.labels
    assert sum(bars.values) == pytest.approx(1, abs=1e-6)
    assert not window.view.timeline.empty
    assert tags(window) == ("DRAWN DEMO",)
    driver.until(lambda: caption(window).endswith("%"))
    assert window.grab().width() == window.width()


def test_plots_are_painted_at_most_ten_times_a_second(
    driver: WindowDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = driver.open()
    bars = window.view.results.bars
    now_s = time.monotonic()
    painted_s: list[float] = []
    show_values = bars.show_values

    def clock() -> float:
        """Each look at it takes 30 ms, so that the computer's speed does not matter."""
        nonlocal now_s
        now_s += 0.03
        return now_s

    def noted(*args: object, **kwargs: object) -> None:
        painted_s.append(now_s)
        show_values(*args, **kwargs)  # type: ignore[arg-type]

    driver.session.hop_s = 0.0
    monkeypatch.setattr(window._presenter._result, "_clock", clock)
    monkeypatch.setattr(bars, "show_values", noted)
    driver.until(lambda: len(painted_s) > 6)
    assert all(after - before >= MIN_INTERVAL_S for before, after in pairwise(painted_s))


def test_headline_and_caption_never_name_a_smaller_bar_alone(driver: WindowDriver) -> None:
    """The label may lag behind the likeliest one; both are named then, and emphasized."""
    window = driver.open()
    probs = (0.05, 0.05, 0.33, 0.05, 0.42, 0.05, 0.03, 0.02)
    driver.session.change_estimate = partial(replace, probs=probs, label="happy", confidence=0.42)
    results = window.view.results
    driver.until(lambda: results.headline.text() == "Angry or happy")
    driver.until(lambda: caption(window) == "angry or happy")
    assert results.bars.percents[results.bars.labels.index("happy")] == "33 %"


def test_headline_and_caption_change_together(driver: WindowDriver) -> None:
    window = driver.open()
    pairs = set()

    def compare() -> bool:
        pairs.add((window.view.results.headline.text().lower(), caption(window)))
        return len(pairs) >= 6

    driver.until(compare)
    assert all(headline == caption for headline, caption in pairs), pairs


def test_unsure_has_no_number(driver: WindowDriver) -> None:
    driver.create = lambda config: FakeSession(config, labels=tuple("abcdefgh"))
    window = driver.open()
    driver.session.change_estimate = partial(replace, label="unsure")
    driver.until(lambda: window.view.results.headline.text() == "Unsure")
    driver.until(lambda: caption(window) == "unsure")


def test_bars_fade_without_an_estimate(driver: WindowDriver) -> None:
    window = driver.open()
    results = window.view.results
    driver.session.estimating = False
    driver.until(lambda: sum(results.bars.values) == 0)
    assert caption(window) == ""
    assert results.headline.text() == "–"
    assert set(results.bars.percents) == {"–"}
    driver.session.estimating = True
    driver.until(lambda: sum(results.bars.values) > 0.9)


def test_a_session_without_video_shows_a_message(driver: WindowDriver) -> None:
    window = driver.open()
    status = Status("camera", "info", "none", "There is no camera; inference continues on the voice.")
    driver.session.override = {"frame": None, "statuses": (status,)}
    driver.until(lambda: "continues on the voice" in message(window))
    driver.session.override = {"frame": None, "statuses": ()}
    driver.until(lambda: "being opened" in message(window))


def test_other_label_sets(driver: WindowDriver) -> None:
    driver.create = lambda config: FakeSession(config, labels=("negative", "neutral", "positive"))
    view = driver.open().view
    assert view.results.bars.labels == ("negative", "neutral", "positive")
    driver.session.labels = ("happy", "sad")
    driver.until(lambda: view.results.bars.labels == ("happy", "sad"))
    assert view.timeline.labels == ("happy", "sad")


@pytest.mark.parametrize(("modality", "tag"), [(Modality.AUDIO, "VOICE ONLY"), (Modality.VIDEO, "FACE ONLY")])
def test_a_missing_modality_is_tagged(driver: WindowDriver, modality: Modality, tag: str) -> None:
    window = driver.open()
    driver.session.modality = modality
    driver.until(lambda: tag in tags(window))
    assert window.view.results.subline.text() == f"from {tag.lower()}"


def test_hint_until_there_is_a_neutral_baseline(driver: WindowDriver) -> None:
    status_bar = driver.open().view.status_bar
    driver.session.override = {"is_synthetic": False}
    driver.until(lambda: status_bar.text == strings.calibration_hint())
    driver.session.override = {"is_synthetic": False, "baseline": "neutral"}
    driver.until(lambda: status_bar.text == "")
    driver.session.override = {}
    driver.until(lambda: status_bar.text == strings.why_a_drawing_plays())


def test_badges_show_statuses_and_the_line_the_most_severe(driver: WindowDriver) -> None:
    status_bar = driver.open().view.status_bar
    badges = status_bar.badges.badges
    driver.until(lambda: badges["face"].status is not None)
    assert {"face", "voice", "camera", "microphone", "model", "latency", "baseline"} <= set(badges)
    driver.session.override = {
        "statuses": (
            Status("voice", "warning", "silent", "The microphone is silent."),
            Status("camera", "error", "stalled", "The camera sends no frames."),
            Status("disk", "info", "new", "A source that has no place in the list."),
        )
    }
    driver.until(lambda: status_bar.text == "The camera sends no frames.")
    assert "stalled" in badges["camera"].text()
    assert "The camera sends no frames." in badges["camera"].toolTip()
    assert "disk" in badges
    driver.session.override = {"statuses": (Status("latency", "warning", "measured", "310 ms"),)}
    driver.until(lambda: status_bar.text == "Latency: 310 ms.")
    assert "310 ms" in badges["latency"].text()


def test_keys_of_the_view(driver: WindowDriver) -> None:
    window = driver.open()
    view = window.view
    driver.press("t")
    assert not view.timeline.isVisible()
    driver.press("t")
    assert view.timeline.isVisible()
    landmarks = view.video.landmarks
    driver.press("l")
    assert view.video.landmarks is not landmarks
    driver.press("m")
    driver.until(lambda: view.video.state.mirrored)
    driver.press("?")
    assert view.help.isVisible()
    driver.press(Qt.Key.Key_Escape)
    assert not view.help.isVisible()
    driver.press("f")
    assert window.isFullScreen()
    driver.press(Qt.Key.Key_Escape)
    assert not window.isFullScreen()


def test_the_help_lists_every_key(driver: WindowDriver) -> None:
    window = driver.open(begin=False, wait=False)
    rows = dict(window.view.help.rows)
    listed_keys = {key for keys in rows for key in keys.split()}
    bound = {shortcut.toString() for action in window.actions() for shortcut in action.shortcuts()}
    bound = {"Delete" if key == "Del" else key for key in bound}
    between = {f"Ctrl+{n}" for n in range(2, 9)}
    assert bound - listed_keys == {"Esc", *between}, "Escape closes what is open"
    assert rows["1  2  3"] == "Switch the fusion"


def test_the_window_comes_back_where_it_was(driver: WindowDriver) -> None:
    window = driver.open(begin=False, wait=False)
    window.resize(1000, 700)
    driver.close()
    again = MainWindow(window.controller.config)
    assert again.height() == 700  # the offscreen screen is 800 wide, to which the width is cut
    again.deleteLater()
