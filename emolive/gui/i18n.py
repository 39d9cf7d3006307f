"""The catalogue of the window's texts.

The source text is English and is its own key. Another language is one file, `locale/<language>.json`, that
maps each source text to its translation. Placeholders in braces occur in both. A missing text is shown
in English.
"""

from __future__ import annotations

import json
import logging
import re
import string
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

log = logging.getLogger(__name__)

LOCALE_DIR = Path(__file__).with_name("locale")
SOURCE_LANGUAGE = "en"

NESTED = frozenset({"looked", "problem", "reason", "streams"})
"""Placeholders whose values are sentences or words of emolive's own, and are translated as well."""

_messages: dict[str, str] = {}


def tr(text: str, /, **values: object) -> str:
    """Translate a text of the window.

    Args:
        text: the English text. A literal, or one that was marked with `noop`.
        values: replace the {placeholders}.

    Returns:
        The text in the language in use, with its placeholders filled.
    """
    translated = _messages.get(text, text)
    return translated.format(**values) if values else translated


@lru_cache(maxsize=512)
def _pattern(template: str) -> re.Pattern[str]:
    """Matches a text made of a template, with its values as groups."""
    parts = []
    for literal, name, _, _ in string.Formatter().parse(template):
        parts.append(re.escape(literal))
        if name is not None:
            parts.append(f"(?P<{name}>.+?)")
    return re.compile("".join(parts))


def tr_filled(text: str, templates: Iterable[str]) -> str:
    """Translate a text that another part of emolive has made, perhaps with values in it.

    Args:
        text: English.
        templates: what such texts are made of, with {placeholders}.

    Returns:
        The text in the language in use; the text itself if no template fits.
    """
    return tr(text) if text in _messages or not _messages else _fill(text, tuple(templates))


@lru_cache(maxsize=256)
def _fill(text: str, templates: tuple[str, ...]) -> str:
    """Remembered, because the window asks for the same sentence in each of its pictures."""
    for template in templates:
        if template in _messages and (match := _pattern(template).fullmatch(text)):
            values = match.groupdict()
            values |= {name: _part(values[name], templates) for name in NESTED & set(values)}
            return tr(template, **values)
    return text


def _part(value: str, templates: tuple[str, ...]) -> str:
    """Translate a part of a sentence, which may be a sentence without its full stop."""
    translated = tr_filled(value, templates)
    if translated == value and not value.endswith("."):
        translated = tr_filled(f"{value}.", templates).removesuffix(".")
    return translated


def noop(text: str) -> str:
    """Mark a literal for the catalogue that is translated later, where it is shown."""
    return text


def languages() -> tuple[str, ...]:
    """Codes of the languages there are, English first."""
    return (SOURCE_LANGUAGE, *sorted(path.stem for path in LOCALE_DIR.glob("*.json")))


def use_language(preferred: Iterable[str]) -> str:
    """Show the window in the first language that there is a catalogue for.

    Args:
        preferred: codes such as "de" or "pt-BR", the most preferred first.

    Returns:
        The language in use, "en" if none of the preferred ones is available.
    """
    available = languages()
    for code in preferred:
        for name in (code, code.replace("_", "-").partition("-")[0]):
            if name in available:
                use_messages({} if name == SOURCE_LANGUAGE else _load(name))
                return name
    use_messages({})
    return SOURCE_LANGUAGE


def use_messages(messages: Mapping[str, str]) -> None:
    """Use these translations (source text → translation); those with other placeholders are ignored."""
    _messages.clear()
    _fill.cache_clear()
    for text, translated in messages.items():
        if _placeholders(text) == _placeholders(translated):
            _messages[text] = translated
        else:
            log.warning("The translation of %r has other placeholders and is left out.", text)


def _load(language: str) -> dict[str, str]:
    content = json.loads((LOCALE_DIR / f"{language}.json").read_text(encoding="utf-8"))
    return {str(text): str(translated) for text, translated in content.items()}


def _placeholders(text: str) -> set[str] | None:
    try:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError:  # a brace that is not closed
        return None
