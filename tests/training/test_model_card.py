"""What the documents say of the shipped weights is what the weights say of themselves."""

from __future__ import annotations

from pathlib import Path

from emolive import paths
from training.model_card import HEADLINE_START, card, headline, with_headline

ROOT = Path(__file__).resolve().parents[2]


def shipped() -> list[Path]:
    folder = paths.assets_dir() / "models"
    return [folder / f"{name}.safetensors" for name in ("lt", "it", "ia", "efficientface")]


def test_the_card_is_that_of_the_shipped_weights() -> None:
    text = (paths.assets_dir() / "models" / "README.md").read_text(encoding="utf-8")
    assert text == card(shipped())


def test_the_headline_of_the_readme_is_that_of_the_shipped_weights() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert HEADLINE_START in text
    assert text == with_headline(text, shipped())
    assert headline(shipped()).count("\n| `") == 3


def test_a_document_without_a_place_for_it_stays_as_it_is() -> None:
    assert with_headline("# Title\n", shipped()) == "# Title\n"
