"""CSV files of photographs and labels: rows with their line numbers, and errors that say where."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


class DataError(ValueError):
    """A data set that cannot be used as it is; the message is one sentence fit for a terminal."""


@dataclass(frozen=True)
class Row:
    """One row of a CSV file and the line on which it ends (the header's line is 1)."""

    path: Path
    line: int
    cells: dict[str, str]

    def text(self, column: str) -> str:
        """The cell, without blanks around it; DataError if it is empty."""
        value = self.cells[column].strip()
        if not value:
            raise self.error(column, "is empty")
        return value

    def number(self, column: str, low: float, high: float) -> float:
        """The cell as a number within low..high; DataError otherwise."""
        value = self.text(column)
        try:
            number = float(value)
        except ValueError:
            raise self.error(column, f"is {value!r}, not a number") from None
        if not low <= number <= high:  # also refuses nan
            raise self.error(column, f"is {value}, outside {low:g} to {high:g}")
        return number

    def whole(self, column: str, low: int, high: int) -> int:
        """The cell as a whole number within low..high; DataError otherwise."""
        number = self.number(column, low, high)
        if number != int(number):
            raise self.error(column, f"is {self.text(column)}, not a whole number")
        return int(number)

    def file_name(self, column: str = "file") -> str:
        """The cell as a bare file name; DataError if it has a folder in it (it would leave the photographs' folder)."""
        value = self.text(column)
        if "/" in value or "\\" in value or value in {".", ".."}:
            raise self.error(column, f"is {value!r}, not a bare file name")
        return value

    def error(self, column: str, problem: str) -> DataError:
        """A DataError that names the file, the line and the column."""
        return DataError(f"{self.path}, line {self.line}: column {column!r} {problem}.")


def rows(path: Path, columns: tuple[str, ...]) -> Iterator[Row]:
    """Rows of a UTF-8 CSV file with a header that has at least the columns named; blank lines are skipped."""
    try:
        file = path.open(newline="", encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    with file:
        reader = csv.DictReader(file, strict=True)
        try:
            _check_header(path, reader.fieldnames, columns)
            for cells in reader:
                yield _row(path, reader.line_num, cells)
        except UnicodeDecodeError as error:
            raise DataError(f"{path}, after line {reader.line_num}: not UTF-8 text.") from error
        except csv.Error as error:
            raise DataError(f"{path}, line {reader.line_num}: {error}.") from error


def _check_header(path: Path, header: object, columns: tuple[str, ...]) -> None:
    names = list(header) if isinstance(header, list | tuple) else []
    absent = [column for column in columns if column not in names]
    if absent:
        raise DataError(f"{path}, line 1: no column {', '.join(map(repr, absent))}.")


def _row(path: Path, line: int, cells: dict) -> Row:
    """A Row; DictReader puts surplus cells under the key None and absent ones as the value None."""
    if None in cells:
        raise DataError(f"{path}, line {line}: more cells than the header has columns.")
    if None in cells.values():
        raise DataError(f"{path}, line {line}: fewer cells than the header has columns.")
    return Row(path, line, cells)


def photo_folder(folder: Path) -> Path:
    """`folder`/photos; DataError if it is not a folder."""
    photos = folder / "photos"
    if not photos.is_dir():
        raise DataError(f"{photos} is not a folder of photographs.")
    return photos
