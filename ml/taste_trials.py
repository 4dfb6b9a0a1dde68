"""People and photographs on which personal taste is judged: what a visitor model would know, and what they rated.

As the network is: the shipped scores and prior on photographs and people from elsewhere. By folds: the people are
divided into folds and the subjects of the photographs into halves, and neither the heads nor the prior have seen the
people or the subjects that they are judged by. Of a data set with single ratings: who rated its test photographs is
judged, the others give the prior.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.data.oasis import HIGH, LOW
from ml.data.photographs import TEST, Photographs
from ml.data.tables import DataError
from ml.data.tables import rows as lines_of
from ml.evaluate import fold_of
from ml.fitting import Examples, embedded, fit_reader, fit_score_head, whitening
from ml.heads import Floats
from ml.prior import Person, Prior, basis_of, learn, people_of
from ml.recipes import Starter
from ml.scorer import Scores

HALVES = 2  # of the subjects: with more parts a person would have too few ratings left in each
INNER = 5


@dataclass(frozen=True)
class Trial:
    """One person's rated photographs: x (n, 68), the generic aesthetic score (n,), ratings (n,) on 1-7, the prior."""

    person: int
    x: NDArray[np.float64]
    generic: NDArray[np.float64]
    ratings: NDArray[np.float64]
    prior: Prior


def rated_files(path: Path) -> list[str]:
    """The names of the photographs that a CSV of ratings speaks of, sorted."""
    return sorted({row.file_name() for row in lines_of(path, ("person", "file", "rating"))})


def read_people(path: Path, files: Sequence[str]) -> dict[int, Person]:
    """Ratings (person, file, rating 1-7) of the photographs named; DataError if there are none."""
    index = {file: place for place, file in enumerate(files)}
    found = []
    for row in lines_of(path, ("person", "file", "rating")):
        if (place := index.get(row.file_name())) is not None:
            found.append((row.whole("person", 0, 2**31), place, row.number("rating", LOW, HIGH)))
    if not found:
        raise DataError(f"{path} rates none of these photographs.")
    table = np.array(found, dtype=np.float64)
    return people_of(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2])


def as_is(scores: Scores, prior: Prior, people: dict[int, Person]) -> Iterator[Trial]:
    """Trials by a network's own scores and prior. Person.photos are rows of scores."""
    three = np.stack([scores.aesthetic, scores.valence, scores.arousal], 1).astype(np.float64)
    x = basis_of(scores.embedding, three, prior.center, prior.scale)
    yield from _trials(x, three[:, 0], prior, people)


def of_data_set(photographs: Photographs, rows: NDArray[np.int64], scores: Scores, prior: Prior) -> Iterator[Trial]:
    """Trials of those who rated the test photographs of a data set, or all its photographs where it has no parts.

    rows: of the photographs that `scores` holds, ascending. The prior is learnt from those who rated photographs for
    training; it is the network's where there are none. Raises DataError if nobody is left.
    """
    three = np.stack([scores.aesthetic, scores.valence, scores.arousal], 1).astype(np.float64)
    tested = np.ones(len(rows), bool) if photographs.parts is None else photographs.parts[rows] == TEST
    people = _people_in(photographs, rows)
    others = [_within(person, ~tested) for person in people.values()]
    others = [person for person in others if len(person.photos)]
    if others:
        prior = learn(others, scores.embedding, three, prior.floor)
    judged = {number: _within(person, tested) for number, person in people.items()}
    if not any(len(person.photos) for person in judged.values()):
        raise DataError(f"{photographs.name}: nobody's own ratings of test photographs are there.")
    yield from _trials(basis_of(scores.embedding, three, prior.center, prior.scale), three[:, 0], prior, judged)


def _people_in(photographs: Photographs, rows: NDArray[np.int64]) -> dict[int, Person]:
    """Everybody's ratings on 1-7 of the rows, numbered in order of their names."""
    ratings = photographs.ratings
    if ratings is None:
        raise DataError(f"{photographs.name} has no ratings of single people.")
    kept = np.isin(ratings.photo, rows)
    _, numbers = np.unique(ratings.person[kept], return_inverse=True)
    places = np.searchsorted(rows, ratings.photo[kept])
    return people_of(numbers, places, LOW + (HIGH - LOW) * ratings.score[kept])


def by_folds(
    examples: Examples,
    recipe: Starter,
    sizes: Sequence[int],
    people: dict[int, Person],
    folds: int,
    told: Callable[[int], None] = lambda done: None,
) -> Iterator[Trial]:
    """Trials by heads and priors learned from the other half of the subjects and the other folds of the people."""
    ids = np.random.default_rng(0).permutation(sorted(people))
    halves = fold_of(examples, HALVES)
    for half in range(HALVES):
        known, judged = halves != half, halves == half
        judge = _learnt_half(examples, recipe, sizes, known)
        for fold in range(folds):
            held = ids[fold::folds]
            others = [
                _renumbered(_within(people[person], known), known) for person in people if person not in set(held)
            ]
            inside = judge.embedding[known], judge.scores[known]
            prior = learn([one for one in others if len(one.photos)], *inside, np.zeros(6))
            x = basis_of(judge.embedding, judge.scores, prior.center, prior.scale)
            own = {int(person): _within(people[person], judged) for person in held}
            yield from _trials(x, judge.scores[:, 0], prior, own)
            told(half * folds + fold + 1)


@dataclass(frozen=True)
class _Half:
    """Embedding (n, 64) and scores (n, 3: aesthetic, valence, arousal) of all photographs by models of one half."""

    embedding: Floats
    scores: Floats


def _learnt_half(examples: Examples, recipe: Starter, sizes: Sequence[int], known: NDArray[np.bool_]) -> _Half:
    """Photographs of the known half are scored by inner folds, the others by all of that half."""
    places = np.flatnonzero(known)
    mine = examples.take(places)
    reader, rows = fit_reader(mine, recipe, sizes)
    rows_all = reader(examples.features)
    rows_all[places] = rows
    scores = fit_score_head(rows_all[places], mine, recipe)(rows_all)
    member = fold_of(mine, INNER)
    for fold in range(INNER):
        train, test = places[member != fold], places[member == fold]
        scores[test] = fit_score_head(rows_all[train], examples.take(train), recipe)(rows_all[test])
    embedding = embedded(rows_all, recipe) * whitening(rows, recipe)
    return _Half(embedding, np.clip(scores, LOW, HIGH)[:, [2, 0, 1]].astype(np.float64))


def _within(person: Person, mask: NDArray[np.bool_]) -> Person:
    keep = mask[person.photos]
    return Person(person.photos[keep], person.ratings[keep])


def _renumbered(person: Person, mask: NDArray[np.bool_]) -> Person:
    """The same with photographs counted among those of the mask."""
    return Person((np.cumsum(mask) - 1)[person.photos], person.ratings)


def _trials(x: Floats, generic: Floats, prior: Prior, people: dict[int, Person]) -> Iterator[Trial]:
    for number, person in people.items():
        if len(person.photos):
            yield Trial(
                number,
                np.asarray(x[person.photos], np.float64),
                np.asarray(generic[person.photos], np.float64),
                person.ratings,
                prior,
            )
