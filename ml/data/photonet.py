"""Photo.net: photographs with their ratings of 1 to 7.

Datta, Li, Wang (2008), Algorithmic inferencing of aesthetics and emotion in natural images: an exposition, ICIP.
Layout: photonet_dataset.txt, images/ID.jpg. A line: index, photograph's id, number of ratings, their mean, their
standard deviation, counts of the ratings 1..7. There is no official split; ours is drawn by a seed.
"""

from pathlib import Path

import numpy as np

from ml.data import distributions
from ml.data.lists import Album, first, lines
from ml.data.photographs import Photographs, Rule

LOW, HIGH = 1, 7  # the raters' scale
MOST = 1_000_000


def read(folder: Path, least: int = 10, above: float = 0.0) -> Photographs:
    """Photographs of at least `least` ratings. Raises DataError.

    above: a mean (1-7) over which a photograph is of high quality; 0 for the median of those that train.
    """
    folder = Path(folder)
    album = Album(first(folder, "images", "image", "photos"), key=lambda name: name.partition(".")[0])
    named, paths, counts, means, seen = 0, [], [], [], set()
    for line in lines(folder / "photonet_dataset.txt"):
        words = line.words(12)
        name, rated = str(line.whole(words[1], 0, 10**9)), line.whole(words[2], 0, MOST)
        if name in seen:
            raise line.error(f"names the photograph {name} a second time")
        seen.add(name)
        if rated < max(least, 1):  # where nobody rated, mean and counts are -1
            continue
        mean, votes = line.real(words[3], LOW, HIGH), [line.real(word, 0, MOST) for word in words[5:]]
        named += 1
        if (path := album.path(name)) is not None:
            paths.append(path)
            counts.append(votes)
            means.append(mean)
    return Photographs(
        name="photonet",
        paths=paths,
        groups=np.array([path.stem for path in paths], np.str_),
        score=(np.array(means) - LOW) / (HIGH - LOW),
        distribution=distributions.of_counts(np.array(counts, np.float64).reshape(-1, HIGH)),
        rule=Rule((above - LOW) / (HIGH - LOW) if above else None),
        missing=named - len(paths),
    )
