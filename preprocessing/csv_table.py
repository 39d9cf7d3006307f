"""Reads CSV files that people write: each fault is one sentence with its line."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from emolive.errors import ConfigError


def read_rows(
    path: Path, required: Sequence[str], what: str, header: str = ""
) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV file with their line numbers, as stripped text by column.

    Args:
        path: the file, in UTF-8, with the names of its columns in line 1.
        required: columns that it must have.
        what: the file in messages, e.g. "The annotation file".
        header: how line 1 should look in messages; by default the required columns.

    Raises:
        ConfigError: the file is missing or is not such a file, or a row has another number of columns.
    """
    header = header or ",".join(required)
    line = 0
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            columns = list(reader.fieldnames or ())
            line = reader.line_num
            if missing := [name for name in required if name not in columns]:
                raise ConfigError(_wrong_header(path, columns, missing[0], header))
            if repeated := [name for name in columns if columns.count(name) > 1]:
                raise ConfigError(f"{path.name}, row 1: it has the column {repeated[0]} twice.")
            for row in reader:
                line = reader.line_num
                # DictReader puts what is too much under None, and None for what is missing.
                surplus = row.pop(None, None)
                n = len(columns) + len(surplus or ()) - sum(value is None for value in row.values())
                if n != len(columns):
                    raise ConfigError(
                        f"{path.name}, row {line}: it has {n} columns, and row 1 has {len(columns)}: "
                        f'put a value that holds a comma into "".'
                    )
                yield line, {name: value.strip() for name, value in row.items()}
    except FileNotFoundError:
        raise ConfigError(f"{what} {path} cannot be read: there is no such file.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{what} {path} cannot be read: it is not text in UTF-8.") from error
    except csv.Error as error:
        raise ConfigError(f"{path.name}, row {line + 1}: it cannot be read as CSV ({error}).") from error
    except OSError as error:
        raise ConfigError(f"{what} {path} cannot be read: {error.strerror or error}.") from error


def _wrong_header(path: Path, columns: list[str], missing: str, header: str) -> str:
    if len(columns) == 1 and (mark := next((m for m in ";\t" if m in columns[0]), "")):
        name = "semicolons" if mark == ";" else "tabs"
        return f"{path.name}, row 1: its columns are separated by {name}: save it with commas ({header})."
    return f"{path.name}, row 1: it lacks the column {missing}: it must begin with the columns {header}."
