"""AVA: photographs of dpchallenge.com with their ratings of 1 to 10, 66 tags, and 14 photographic styles.

Murray, Marchesotti, Perronnin (2012), AVA: A large-scale database for aesthetic visual analysis, CVPR.
Layout (the authors' package and the photographs beside it): AVA.txt, aesthetics_image_lists/generic_test.jpgl,
style_image_lists/{train.jpgl, train.lab, test.jpgl, test.multilab}, images/ID.jpg (subfolders are fine).

A line of AVA.txt: index, image id, counts of the ratings 1..10, two tags (0 for none), challenge.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.data import distributions
from ml.data.lists import Album, Line, first, lines
from ml.data.photographs import TEST, TRAIN, UNKNOWN, Labels, Photographs, Rule
from ml.data.tables import DataError

LOW, HIGH = 1, 10  # the raters' scale
MIDDLE = 5  # a photograph is of high quality if its mean is above; the exact tie is low
MOST_VOTES = 1_000_000
TAGS = (
    "Abstract", "Cityscape", "Fashion", "Family", "Humorous", "Interior", "Sky", "Snapshot", "Sports", "Urban",
    "Vintage", "Emotive", "Performance", "Landscape", "Nature", "Candid", "Portraiture", "Still Life", "Animals",
    "Architecture", "Black and White", "Macro", "Travel", "Action", "Photojournalism", "Nude", "Rural", "Water",
    "Studio", "Political", "Advertisement", "Persuasive", "Panoramic", "Digital Art", "Seascapes", "Traditional Art",
    "Diptych/Triptych", "Floral", "Transportation", "Food and Drink", "Science and Technology", "Wedding",
    "Astrophotography", "Military", "History", "Infrared", "Self Portrait", "Textures", "DPChallenge GTGs", "Children",
    "Blur", "Photo-Impressionism", "HDR", "Texture Library", "Overlays", "Maternity", "Birds", "Horror", "Music",
    "Pinhole/Zone Plate", "Street", "Lensbaby", "Fish Eye", "Camera Phones", "Insects", "Analog",
)  # fmt: skip  # by id, from 1
STYLES = (
    "Complementary_Colors", "Duotones", "HDR", "Image_Grain", "Light_On_White", "Long_Exposure", "Macro",
    "Motion_Blur", "Negative_Image", "Rule_of_Thirds", "Shallow_DOF", "Silhouettes", "Soft_Focus", "Vanishing_Point",
)  # fmt: skip  # by id, from 1


def read(folder: Path, test: str = "generic_test") -> Photographs:
    """All of AVA.txt: test photographs are those of a list in aesthetics_image_lists, all others train.

    Labels: "tags", one or two of 66 (the first is `index`). Raises DataError.
    """
    folder = Path(folder)
    tested = set(_ids(folder / "aesthetics_image_lists" / f"{test}.jpgl"))
    found, missing = _rated(folder)
    table = np.array([numbers for _, _, numbers in found], np.int64).reshape(-1, 12)
    votes = table[:, :10].astype(np.float64)
    score = (votes @ np.arange(LOW, HIGH + 1) / votes.sum(1) - LOW) / (HIGH - LOW)
    return Photographs(
        name="ava",
        paths=[path for _, path, _ in found],
        groups=np.array([name for name, _, _ in found], np.str_),
        parts=np.array([TEST if name in tested else TRAIN for name, _, _ in found], np.str_),
        score=score,
        distribution=distributions.of_counts(votes),
        labels={"tags": _tags(table[:, 10:])},
        rule=Rule((MIDDLE - LOW) / (HIGH - LOW)),
        missing=missing,
    )


def _rated(folder: Path) -> tuple[list[tuple[str, Path, list[int]]], int]:
    """Ids and photographs with their ten counts and two tags, by AVA.txt, and how many are missing."""
    album, found, seen = _album(folder), [], set[str]()
    for line in lines(folder / "AVA.txt"):
        words = line.words(15)
        if (name := _id(line, words[1])) in seen:
            raise line.error(f"names the image {name} a second time")
        seen.add(name)
        counts = [line.whole(word, 0, MOST_VOTES) for word in words[2:12]]
        tags = [line.whole(word, 0, len(TAGS)) for word in words[12:14]]
        if not sum(counts):
            raise line.error("has no ratings")
        if (path := album.path(name)) is not None:
            found.append((name, path, [*counts, *tags]))
    return found, len(seen) - len(found)


def read_styles(folder: Path, drop_aesthetic_test: bool = False) -> Photographs:
    """The style subset: label "style", one of 14 for each training photograph, any number for each test photograph.

    drop_aesthetic_test: leave out training photographs of the official list of aesthetic test photographs (951 of
    them), so that a network which learned styles may be judged on it. A test photograph's `index` is UNKNOWN unless
    it has exactly one style. Raises DataError.
    """
    folder, album = Path(folder), _album(Path(folder))
    lists = folder / "style_image_lists"
    training = _paired(lists / "train.jpgl", lists / "train.lab")
    testing = _paired(lists / "test.jpgl", lists / "test.multilab")
    dropped = set(_ids(folder / "aesthetics_image_lists" / "generic_test.jpgl")) if drop_aesthetic_test else set()
    training = [(name, line) for name, line in training if name not in dropped]
    rows = [(name, _one_style(line), TRAIN) for name, line in training]
    rows += [(name, _styles(line), TEST) for name, line in testing]
    found = [(path, styles, part) for name, styles, part in rows if (path := album.path(name)) is not None]
    several = np.array([styles for _, styles, _ in found], np.bool_).reshape(-1, len(STYLES))
    return Photographs(
        name="ava-style",
        paths=[path for path, _, _ in found],
        groups=np.array([path.stem for path, _, _ in found], np.str_),
        parts=np.array([part for _, _, part in found], np.str_),
        labels={"style": Labels(STYLES, np.where(several.sum(1) == 1, several.argmax(1), UNKNOWN), several)},
        missing=len(rows) - len(found),
    )


def _album(folder: Path) -> Album:
    return Album(first(folder, "images", "image", "photos"), key=lambda name: name.partition(".")[0])


def _ids(path: Path) -> list[str]:
    return [_id(line, line.words(1)[0]) for line in lines(path)]


def _id(line: Line, word: str) -> str:
    """An image id, without leading zeros and without ".jpg" (some copies of the lists have it)."""
    return str(line.whole(word.removesuffix(".jpg"), 0, 10**9))


def _tags(ids: NDArray[np.int64]) -> Labels:
    """ids (n, 2), 0 for none."""
    several = (ids[:, :, None] == np.arange(1, len(TAGS) + 1)).any(1)
    first_tag = np.where(ids[:, 0] > 0, ids[:, 0], ids[:, 1])
    return Labels(TAGS, first_tag - 1, several)  # 0 becomes UNKNOWN


def _paired(names: Path, labels: Path) -> list[tuple[str, Line]]:
    """Ids with the lines of their labels; DataError if one list is longer."""
    ids, told = _ids(names), list(lines(labels))
    if len(ids) != len(told):
        raise DataError(f"{labels} has {len(told)} lines, {names.name} has {len(ids)}.")
    return list(zip(ids, told, strict=True))


def _one_style(line: Line) -> list[bool]:
    style = line.whole(line.words(1)[0], 1, len(STYLES))
    return [style == number for number in range(1, len(STYLES) + 1)]


def _styles(line: Line) -> list[bool]:
    return [line.whole(word, 0, 1) == 1 for word in line.words(len(STYLES))]
