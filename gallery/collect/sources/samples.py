"""The few real photographs that scikit-image and scikit-learn ship, for a first look without a network.

Licences as the packages' own documentation states them: the docstrings of `skimage.data`, and README.txt beside
scikit-learn's images (which credits the flower to another photographer than its link leads to: the link's is named).
What they state no licence for ("no known copyright restrictions" is none), and what is no photograph, is left out.
No limits, no key.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

from gallery.collect.intake import Facts

CC0 = ("CC0", "https://creativecommons.org/publicdomain/zero/1.0/")
PUBLIC = ("Public domain", "https://creativecommons.org/publicdomain/mark/1.0/")
BY2 = ("CC BY 2.0", "https://creativecommons.org/licenses/by/2.0/")
SKIMAGE = "https://scikit-image.org/docs/stable/api/skimage.data.html#skimage.data."


@dataclass(frozen=True)
class Sample:
    """One shipped file and what its documentation says."""

    package: str
    file: str
    title: str
    creator: str
    licence: tuple[str, str]
    source_url: str


def _skimage(file: str, name: str, title: str, creator: str, licence: tuple[str, str]) -> Sample:
    return Sample("skimage.data", file, title, creator, licence, SKIMAGE + name)


SAMPLES = (
    _skimage("astronaut.png", "astronaut", "Eileen Collins, astronaut", "NASA", PUBLIC),
    _skimage("camera.png", "camera", "A photographer in a field", "Lav Varshney", CC0),
    _skimage("chelsea.png", "chelsea", "Chelsea the cat", "Stefan van der Walt", CC0),
    _skimage("clock_motion.png", "clock", "A clock, moving", "Stefan van der Walt", PUBLIC),
    _skimage("coffee.png", "coffee", "A cup of coffee", "Rachel Michetti", CC0),
    _skimage("hubble_deep_field.jpg", "hubble_deep_field", "Hubble eXtreme Deep Field", "NASA", PUBLIC),
    _skimage("rocket.jpg", "rocket", "Launch of DSCOVR on Falcon 9", "SpaceX", PUBLIC),
    Sample(
        "sklearn.datasets.images", "china.jpg", "A temple in China", "danielbuechele", BY2,
        "https://www.flickr.com/photos/danielbuechele/6061409035/",
    ),
    Sample(
        "sklearn.datasets.images", "flower.jpg", "A flower", "vultilion", BY2,
        "https://www.flickr.com/photos/vultilion/6056698931/",
    ),
)  # fmt: skip


def photographs() -> Iterator[tuple[str, bytes, Facts]]:
    """Name, bytes and facts of each that the installed versions hold."""
    for sample in SAMPLES:
        file = files(sample.package) / sample.file
        if not file.is_file():
            continue
        name, url = sample.licence
        facts = Facts(
            source="samples",
            title=sample.title,
            creator=sample.creator,
            licence=name,
            licence_url=url,
            source_url=sample.source_url,
        )
        yield sample.file, file.read_bytes(), facts
