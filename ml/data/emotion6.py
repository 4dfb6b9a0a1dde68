"""Emotion6: 1,980 photographs, 330 for each of Ekman's six emotions, with what people felt.

Peng, Chen, Sadovnik, Gallagher (2015), A mixed bag of emotions: model, predict, and transfer emotion distributions,
CVPR. Layout: images/EMOTION/NUMBER.jpg, ground_truth.txt: a header, then with tabs between: EMOTION/NUMBER.jpg,
valence and arousal (1-9), and the shares of anger, disgust, fear, joy, sadness, surprise and neutral.
"""

from pathlib import Path

import numpy as np

from ml.data import emotions
from ml.data.affect import Affective
from ml.data.lists import Line, lines

EKMAN = ("anger", "disgust", "fear", "joy", "sadness", "surprise")
FELT = (*EKMAN, "neutral")
LOW, HIGH = 1, 9  # of valence and arousal


def read(folder: Path, moods: bool = False, felt: bool = False) -> Affective:
    """Label "emotion": the one that the photograph was searched by; felt: the one that most people felt, or neutral.

    moods: of our six, by a rough map. Raises DataError.
    """
    folder = Path(folder)
    named = [_row(line) for line in lines(folder / "ground_truth.txt") if line.number > 1]
    there = [(folder / "images" / name, facts) for name, facts in named]
    found = [(path, facts) for path, facts in there if path.is_file()]
    table = np.array([facts for _, facts in found], np.float64).reshape(-1, 2 + len(FELT))
    names = [path.parent.name for path, _ in found]
    if felt:
        names = [FELT[place] for place in table[:, 2:].argmax(1)]
    shares = table[:, 2:].sum(1, keepdims=True)
    return Affective(
        name="emotion6",
        paths=[path for path, _ in found],
        groups=emotions.groups(folder, [path for path, _ in found]),
        labels={"emotion": emotions.labels(FELT if felt else EKMAN, names, moods)},
        missing=len(named) - len(found),
        valence=(table[:, 0] - LOW) / (HIGH - LOW),
        arousal=(table[:, 1] - LOW) / (HIGH - LOW),
        emotions=np.divide(table[:, 2:], shares, out=np.full((len(found), len(FELT)), np.nan), where=shares > 0),
        felt=FELT,
    )


def _row(line: Line) -> tuple[str, list[float]]:
    """Name, and valence, arousal and the seven shares."""
    name, *numbers = line.words(3 + len(FELT))
    label, _, file = name.lower().partition("/")
    if label not in EKMAN or "/" in file or file in {"", ".."}:
        raise line.error(f"names {name!r}, not a photograph in a folder of {', '.join(EKMAN)}")
    affect = [line.real(word, LOW, HIGH) for word in numbers[:2]]
    return name, [*affect, *(line.real(word, 0, 1) for word in numbers[2:])]
