"""What the database knows of the data set's photographs, as columns of numbers: row i of each is photograph ids[i].

Read in a few streams, so that memory holds some hundred bytes a photograph and no rows. Embeddings are not kept
(gallery/dataset/spread.py streams them).
"""

import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.db.models import Count, OuterRef, QuerySet, Subquery
from numpy.typing import NDArray

from gallery import licences
from gallery.dataset.concepts import photographs
from gallery.models import Candidate, Concept, Rating, Score
from gallery.moods import MOODS as WORDS
from ml.interface import MOODS

CHUNK = 5000
UNKNOWN = -1
OBJECTS, SCENES = 5, 10  # classes kept of each photograph
LICENCES = tuple(licences.LICENCES)
COLUMNS = (
    "pk", "mood_tag", "licence", "source", "owner", "creator", "uploaded_at", "width", "height", "bytes", "cluster",
    "tags", "title", "crawled_for",
)  # fmt: skip


@dataclass(frozen=True)
class Facts:
    """Photographs in order of id."""

    ids: NDArray[np.int64]
    mood: NDArray[np.int8]  # place in MOODS of the mood that the source's words name
    licence: NDArray[np.int8]  # place in LICENCES
    creator: NDArray[np.int32]  # a code; -1 where none is known
    year: NDArray[np.int16]  # of upload; 0 if unknown
    width: NDArray[np.int32]
    height: NDArray[np.int32]
    bytes: NDArray[np.int64]
    cluster: NDArray[np.int64]  # near-duplicates share one; a photograph alone has its own id
    network: NDArray[np.int8]  # likeliest mood by the network; -1 without scores
    valence: NDArray[np.float32]  # 1-7, NaN without scores
    arousal: NDArray[np.float32]
    objects: NDArray[np.int16]  # (n, 5) classes, the likeliest first; -1 where not looked at
    object_shares: NDArray[np.float32]  # (n, 5) their probabilities
    scenes: NDArray[np.int16]  # (n, 10)
    felt: NDArray[np.int8]  # the mood that most visitors named; -1 where none, or as many named another
    feelers: int  # visitors who said what they felt
    words: "Words"

    def __len__(self) -> int:
        return len(self.ids)


@dataclass
class Words:
    """Which word brought a photograph in: parallel columns of row and word; a photograph may stand twice."""

    names: dict[tuple[str, str], int] = field(default_factory=dict)  # (mood, word) to its code
    rows: array = field(default_factory=lambda: array("l"))
    codes: array = field(default_factory=lambda: array("l"))

    def add(self, row: int, mood: str, words: Iterable[str]) -> None:
        for word in words:
            self.rows.append(row)
            self.codes.append(self.names.setdefault((mood, word), len(self.names)))

    def of(self, code: int) -> NDArray[np.int64]:
        """The rows that a word brought in."""
        return np.array(self.rows, np.int64)[np.array(self.codes, np.int64) == code]


def collect(network_id: int, object_classifier: str, scene_classifier: str) -> Facts:
    """Everything that a verification counts. A classifier's rows count under its own name only."""
    words = Words()
    columns = _photographs(words)
    ids = columns["ids"]
    felt, feelers = _felt(ids)
    return Facts(
        **columns,
        **_scores(ids, network_id),
        **_objects(ids, object_classifier),
        scenes=_scenes(ids, scene_classifier),
        felt=felt,
        feelers=feelers,
        words=words,
    )


def rows() -> QuerySet:
    """The photographs with the word under which a crawl found them, if one did, in order of id."""
    found = Candidate.objects.filter(photo=OuterRef("pk"), mood=OuterRef("mood_tag")).order_by("pk").values("word")[:1]
    return photographs().annotate(crawled_for=Subquery(found)).order_by("pk")


def _chunks(rows: Iterable[Any]) -> Iterator[list[Any]]:
    chunk: list[Any] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _photographs(words: Words) -> dict[str, NDArray]:
    parts: dict[str, list[NDArray]] = {name: [column] for name, column in _numbers([], {}).items()}
    creators: dict[tuple[str, str], int] = {}
    done = 0
    for chunk in _chunks(rows().values_list(*COLUMNS).iterator(chunk_size=CHUNK)):
        for name, column in _numbers(chunk, creators).items():
            parts[name].append(column)
        for row, (_, mood, *_, tags, title, word) in enumerate(chunk, start=done):
            words.add(row, mood, [word] if word else named(mood, tags, title))
        done += len(chunk)
    return {name: np.concatenate(columns) for name, columns in parts.items()}


def _numbers(chunk: list[tuple], creators: dict[tuple[str, str], int]) -> dict[str, NDArray]:
    columns = dict(zip(COLUMNS, list(zip(*chunk, strict=True)) or [()] * len(COLUMNS), strict=True))
    people = zip(columns["source"], columns["owner"], columns["creator"], strict=True)
    return {
        "ids": np.array(columns["pk"], np.int64),
        "mood": np.array([MOODS.index(slug) for slug in columns["mood_tag"]], np.int8),
        "licence": np.array([LICENCES.index(slug) for slug in columns["licence"]], np.int8),
        "creator": np.array([_code(source, owner or name, creators) for source, owner, name in people], np.int32),
        "year": np.array([moment.year if moment else 0 for moment in columns["uploaded_at"]], np.int16),
        "width": np.array(columns["width"], np.int32),
        "height": np.array(columns["height"], np.int32),
        "bytes": np.array(columns["bytes"], np.int64),
        "cluster": np.array([c or pk for c, pk in zip(columns["cluster"], columns["pk"], strict=True)], np.int64),
    }


def _code(source: str, who: str, creators: dict[tuple[str, str], int]) -> int:
    return creators.setdefault((source, who), len(creators)) if who else UNKNOWN


def named(mood: str, tags: Iterable[str], title: str) -> list[str]:
    """The words of a mood that stand among a photograph's tags or in its title, in the order of the mood's table."""
    said = {tag.casefold() for tag in tags} | set(re.findall(r"\w+", title.casefold()))
    return [word for word in WORDS[mood].synonyms if word in said]


def _places(ids: NDArray[np.int64], wanted: Iterable[int]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Row of each wanted id, and whether it is there: rows may have come or gone since the ids were read."""
    asked = np.fromiter(wanted, np.int64)
    rows = np.minimum(np.searchsorted(ids, asked), max(len(ids) - 1, 0))
    return rows, (ids[rows] == asked) if len(ids) else np.zeros(len(asked), bool)


def _scores(ids: NDArray[np.int64], network_id: int) -> dict[str, NDArray]:
    network = np.full(len(ids), UNKNOWN, np.int8)
    affect = np.full((len(ids), 2), np.nan, np.float32)
    scores = Score.objects.filter(network_id=network_id, photo__in=photographs())
    found = scores.values_list("photo_id", "moods", "valence", "arousal")
    for chunk in _chunks(found.iterator(chunk_size=CHUNK)):
        rows, there = _places(ids, (row[0] for row in chunk))
        network[rows[there]] = np.array([row[1] for row in chunk]).argmax(1)[there]
        affect[rows[there]] = np.array([row[2:] for row in chunk], np.float32)[there]
    return {"network": network, "valence": affect[:, 0], "arousal": affect[:, 1]}


def _objects(ids: NDArray[np.int64], classifier: str) -> dict[str, NDArray]:
    classes = np.full((len(ids), OBJECTS), UNKNOWN, np.int16)
    shares = np.zeros((len(ids), OBJECTS), np.float32)
    for chunk in _chunks(_concepts(Concept.Kind.OBJECT, classifier)):
        rows, there = _places(ids, (row[0] for row in chunk))
        classes[rows[there]] = _wide([row[1] for row in chunk], OBJECTS, UNKNOWN)[there]
        shares[rows[there]] = _wide([row[2] for row in chunk], OBJECTS, 0)[there]
    return {"objects": classes, "object_shares": shares}


def _scenes(ids: NDArray[np.int64], classifier: str) -> NDArray[np.int16]:
    classes = np.full((len(ids), SCENES), UNKNOWN, np.int16)
    for chunk in _chunks(_concepts(Concept.Kind.SCENE, classifier)):
        rows, there = _places(ids, (row[0] for row in chunk))
        classes[rows[there]] = _wide([row[1] for row in chunk], SCENES, UNKNOWN)[there]
    return classes


def _concepts(kind: str, classifier: str) -> Iterator[tuple]:
    concepts = Concept.objects.filter(kind=kind, classifier=classifier, photo__in=photographs())
    return concepts.values_list("photo_id", "classes", "probabilities").iterator(chunk_size=CHUNK)


def _wide(lists: list[list], width: int, filling: float) -> NDArray:
    """Lists of any length as rows of one width, cut off or filled up."""
    return np.array([(row + [filling] * width)[:width] for row in lists])


def _felt(ids: NDArray[np.int64]) -> tuple[NDArray[np.int8], int]:
    """The mood that most visitors named of each photograph, and how many visitors named any."""
    felt, most = np.full(len(ids), UNKNOWN, np.int8), np.zeros(len(ids), np.int64)
    answers = Rating.objects.exclude(felt="").filter(photo__in=photographs())
    counted = answers.values("photo_id", "felt").annotate(n=Count("pk")).order_by().values_list("photo_id", "felt", "n")
    for pk, mood, n in counted.iterator(chunk_size=CHUNK):
        rows, there = _places(ids, [pk])
        if there[0] and n >= most[rows[0]]:
            felt[rows[0]] = UNKNOWN if n == most[rows[0]] else MOODS.index(mood)
            most[rows[0]] = n
    return felt, answers.values("visitor").distinct().count()
