"""The starter's recipe on any data set's split, to stand beside the other networks: frozen features and fresh heads.

Heads are fitted on the training part alone and judged on the test part; the validation part is left unused, as nothing
is chosen by epoch. Scores by the starter's kernel ridge; the six moods by its mood head; other classes by logistic
regression on the same rows. Captions, which a split by photographs may not use, teach it nothing here.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.linear_model import LogisticRegressionCV

from ml import experiment
from ml.data import loading
from ml.examples import Extractor, describe
from ml.feed import Feed, Rows
from ml.fitting import Examples, fit_heads, fit_reader, fit_score_head
from ml.judge import figures_of
from ml.moods import MOODS
from ml.recipes import Starter, with_settings

Floats = NDArray[np.floating]


def result(
    task: str, data: Sequence[tuple[str, Path]], settings: Sequence[str], cache_dir: Path, seed: int = 0
) -> dict[str, Any]:
    """Figures on the test part, seconds of fitting, seconds in all (with the look at the photographs), peak memory.

    settings: of the protocol. Raises DataError, RecipeError.
    """
    started = time.monotonic()
    protocol = with_settings(experiment.Protocol(), settings)
    photographs = experiment.read_data(data, protocol, {}, seed)
    rows, high = protocol.parts(photographs, task, seed)
    feed = Feed(photographs, task, high, (), seed)
    extract = Extractor(Starter(), cache_dir)
    judged = np.concatenate([rows.train, rows.test])
    score = np.full(len(judged), np.nan) if photographs.score is None else photographs.score[judged]
    targets = np.stack([np.full(len(judged), np.nan)] * 2 + [1 + 6 * score], 1)
    known = photographs.labels.get(task)
    named = [known.classes[place] if known and place >= 0 else None for place in feed.label[judged]]
    moods = [name if name in MOODS else None for name in named]
    examples = describe(photographs.groups[judged].tolist(), targets, moods, photographs.name)
    examples = extract.fill(examples, [photographs.paths[place] for place in judged])
    fitting = time.monotonic()
    said = _said(feed, rows, examples, extract.sizes, high)
    return {
        "figures": figures_of(task, feed, {"row": rows.test, **said}, seed),
        "seconds": round(time.monotonic() - fitting, 1),
        "seconds_in_all": round(time.monotonic() - started, 1),
        "processor_seconds": experiment.processor_seconds(),
        "peak_megabytes": experiment.peak_megabytes(),
    }


def _said(
    feed: Feed, rows: Rows, examples: Examples, sizes: Sequence[int], high: NDArray[np.int64]
) -> dict[str, Floats]:
    """Answers for the test part."""
    count = len(rows.train)
    train, test = examples.take(np.arange(count)), examples.take(np.arange(count, len(examples)))
    reader, known = fit_reader(train, Starter(), sizes)
    unseen = reader(test.features)
    if feed.task in ("binary", "score"):
        score = (fit_score_head(known, train, Starter())(unseen)[:, 2] - 1) / 6
        if feed.task == "score":
            return {"score": score}
        return {"probabilities": _two_classes(score, feed.score[rows.train], high[rows.train])}
    if set(loading.classes_of(feed.photographs, feed.task)) <= set(MOODS):
        order = [MOODS.index(name) for name in feed.classes]
        return {"probabilities": fit_heads(known, train, Starter())(unseen)[1][:, order]}
    model = LogisticRegressionCV(Cs=5, max_iter=500, random_state=0).fit(known, feed.label[rows.train])
    probabilities = np.zeros((len(unseen), len(feed.classes)))
    probabilities[:, model.classes_] = model.predict_proba(unseen)
    return {"probabilities": probabilities}


def _two_classes(score: Floats, training: Floats, high: NDArray[np.int64]) -> Floats:
    """(n, 2): sure of "high" by how far the score is above what parts the training photographs."""
    limit = (training[high == 1].min() + training[high == 0].max()) / 2
    share = expit((score - limit) / training.std())
    return np.stack([1 - share, share], 1)
