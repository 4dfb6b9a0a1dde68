"""FLICKR-AES: photographs with the single ratings of 210 workers, for personal taste.

Ren, Shen, Lin, Mech, Foran (2017), Personalized image aesthetics, ICCV.
Layout: FLICKR-AES_image_labeled_by_each_worker.csv ("worker, imagePair, score": 1-5), FLICKR-AES_image_score.txt (name,
blank, score in 0-1), 40K/*.jpg (or images/). The files do not say which 37 workers the paper tests with; it says that
they rated 105 to 171 photographs each. So a file that names them may be given; without one, `seed` draws 37 of those.
"""

from pathlib import Path

import numpy as np

from ml.data import distributions
from ml.data.lists import Album, first, lines
from ml.data.photographs import TEST, TRAIN, Photographs, Ratings, Rule
from ml.data.tables import DataError

LOW, HIGH = 1, 5  # the workers' scale
WORKERS = 37  # that test
FEWEST, MOST = 105, 171  # photographs that each of them rated


def read(folder: Path, workers: str = "", seed: int = 0) -> Photographs:
    """All photographs; those that any test worker rated are for test, and train nothing.

    Ratings of test photographs are those of test workers alone, so that nobody is on both sides. workers: a file that
    names the test workers, one a line. High is above the median. Raises DataError.
    """
    folder = Path(folder)
    scores = _scores(folder / "FLICKR-AES_image_score.txt")
    album = Album(first(folder, "40K", "images", "image", "photos"))
    paths = {name: path for name in scores if (path := album.path(name)) is not None}
    whole = ratings_of(folder / "FLICKR-AES_image_labeled_by_each_worker.csv")
    testers = _named(Path(workers), whole) if workers else drawn(whole, seed)
    names = list(paths)
    tested = {name for who, name, _ in whole if who in testers}
    ratings = _kept([rated for rated in whole if (rated[0] in testers) == (rated[1] in tested)], names)
    return Photographs(
        name="flickr-aes",
        paths=list(paths.values()),
        groups=np.array(names, np.str_),
        parts=np.array([TEST if name in tested else TRAIN for name in names], np.str_),
        score=np.array([scores[name] for name in names]),
        distribution=distributions.of_ratings(ratings.photo, ratings.score, len(names)),
        ratings=ratings,
        rule=Rule(None),
        missing=len(scores) - len(names),
    )


Rated = list[tuple[str, str, float]]  # worker, photograph, score in 0-1


def ratings_of(path: Path) -> Rated:
    """Single ratings of a file with a header and lines "WORKER, NAME.jpg, 3". Raises DataError.

    The blanks after the commas are no part of a name.
    """
    found = []
    for line in lines(path):
        words = [word.strip() for word in line.text.split(",")]
        if len(words) != 3 or not all(words):
            raise line.error("is not a worker, a photograph and a score with commas between")
        if line.number == 1 and words[0].lower() == "worker":
            continue
        found.append((words[0], words[1], (line.real(words[2], LOW, HIGH) - LOW) / (HIGH - LOW)))
    return found


def drawn(ratings: Rated, seed: int) -> set[str]:
    """WORKERS of the workers who rated FEWEST to MOST photographs, all of them if there are fewer. Raises DataError."""
    names, counts = np.unique([who for who, _, _ in ratings], return_counts=True)
    fit = names[(counts >= FEWEST) & (counts <= MOST)]
    if not len(fit):
        raise DataError(f"flickr-aes: no worker rated {FEWEST} to {MOST} photographs; name the test workers in a file.")
    return set(np.random.default_rng(seed).permutation(fit)[:WORKERS].tolist())


def _kept(rated: Rated, names: list[str]) -> Ratings:
    """Those of the photographs named."""
    place = {name: row for row, name in enumerate(names)}
    kept = [(who, place[name], score) for who, name, score in rated if name in place]
    return Ratings(
        np.array([who for who, _, _ in kept], np.str_),
        np.array([row for _, row, _ in kept], np.int64),
        np.array([score for _, _, score in kept], np.float64),
    )


def _scores(path: Path) -> dict[str, float]:
    """Scores by photograph; names begin with a blank in some copies."""
    found: dict[str, float] = {}
    for line in lines(path):
        name, number = line.words(2)
        if name in found:
            raise line.error(f"names {name!r} a second time")
        found[name] = line.real(number, 0, 1)
    return found


def _named(path: Path, ratings: Rated) -> set[str]:
    known = {who for who, _, _ in ratings}
    named = set()
    for line in lines(path):
        if line.text not in known:
            raise line.error(f"names the worker {line.text!r}, who rated nothing")
        named.add(line.text)
    return named
