"""The configuration files of all commands: options by name, as YAML or JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from emolive.atomic_io import atomic_write
from emolive.errors import ConfigError

_MAX_CONFIG_BYTES = 1 << 20


def read_config(path: Path) -> dict[str, Any]:
    """The options in a YAML or JSON file, by field name.

    Raises:
        ConfigError: there is no such file, or it holds no options.
    """
    import yaml

    try:
        with path.open("rb") as file:
            content = file.read(_MAX_CONFIG_BYTES + 1)
        if len(content) > _MAX_CONFIG_BYTES:
            raise ConfigError(f"The configuration {path} is too long to be one.")
        values = yaml.safe_load(content.decode())
    except OSError as error:
        raise ConfigError(f"The configuration {path} cannot be read: {error.strerror}.") from error
    except (ValueError, OverflowError, RecursionError, yaml.YAMLError) as error:
        raise ConfigError(f"The configuration {path} is neither YAML nor JSON.") from error
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise ConfigError(f"The configuration {path} must hold option names and their values.")
    return {name.replace("-", "_"): value for name, value in values.items()}


def write_config(path: Path, options: Any) -> None:
    """Write an options instance so that `--config PATH` repeats it; YAML, or JSON by the suffix .json.

    Raises:
        OutputError: it cannot be written.
    """
    import yaml

    values = json.loads(json.dumps(asdict(options), default=str))
    with atomic_write(path) as part:
        if path.suffix == ".json":
            text = json.dumps(values, indent=1, ensure_ascii=False) + "\n"
        else:
            text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
        part.write_text(text, encoding="utf-8")
