"""Text lists of data sets: lines with their numbers, and the photographs that they name, found in a folder."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ml.data.tables import DataError


@dataclass(frozen=True)
class Line:
    """One line that is not blank, without blanks around it; the first has number 1."""

    path: Path
    number: int
    text: str

    def words(self, least: int, most: int | None = None) -> list[str]:
        """Its words; DataError unless there are `least` to `most` (None: exactly `least`) of them."""
        words = self.text.split()
        if not least <= len(words) <= (most or least):
            raise self.error(f"has {len(words)} columns, not {least}{f' to {most}' if most else ''}")
        return words

    def real(self, word: str, low: float, high: float) -> float:
        """A word as a number within low..high; DataError otherwise."""
        try:
            number = float(word)
        except ValueError:
            raise self.error(f"has {word!r} where a number should be") from None
        if not low <= number <= high:  # also refuses nan
            raise self.error(f"has {word}, outside {low:g} to {high:g}")
        return number

    def whole(self, word: str, low: int, high: int) -> int:
        """A word as a whole number within low..high; DataError otherwise."""
        number = self.real(word, low, high)
        if number != int(number):
            raise self.error(f"has {word} where a whole number should be")
        return int(number)

    def error(self, problem: str) -> DataError:
        """A DataError that names the file and the line."""
        return DataError(f"{self.path}, line {self.number}: {problem}.")


def lines(path: Path) -> Iterator[Line]:
    """Lines of a UTF-8 file, blank ones left out; a byte order mark and any line ends are fine. Raises DataError."""
    number = 0
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, text in enumerate(file, 1):
                if text.strip():
                    yield Line(path, number, text.strip())
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}, after line {number}: not UTF-8 text.") from error


def first(folder: Path, *names: str) -> Path:
    """The first of the names that is in the folder; DataError, naming the first, if none is."""
    found = next((folder / name for name in names if (folder / name).exists()), None)
    if found is None:
        others = f" (nor {', '.join(names[1:])})" if names[1:] else ""
        raise DataError(f"{folder} holds no {names[0]}{others}.")
    return found


class Album:
    """The photographs in a folder and its subfolders, by file name or by what `key` makes of it.

    Of two with one key the first counts. Names of lists are looked up, never joined to a path.
    """

    def __init__(self, folder: Path, key: Callable[[str], str] = str) -> None:
        self._found: dict[str, tuple[str, str]] = {}
        for place, folders, files in os.walk(folder):
            folders.sort()
            for name in sorted(files):
                self._found.setdefault(key(name), (place, name))

    def path(self, key: str) -> Path | None:
        """Where a photograph is; None if it is not there."""
        found = self._found.get(key)
        return None if found is None else Path(*found)
