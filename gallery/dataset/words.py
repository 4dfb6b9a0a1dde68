"""What each word of a mood brings in: how many of its photographs the network sees that mood in, and a verdict.

A word is known from the crawl (Candidate.word); without one, from the photograph's tags and title. The network is no
truth: it misses a mood as often whatever the word, and sees it where it is not. So a word's share lies between that of
photographs of the other moods (strangers) and that of the mood's other words (others), and where it lies says how much
of what it brings in is like what the others bring: alike = (share - strangers) / (others - strangers).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gallery.dataset import variety
from gallery.dataset.facts import UNKNOWN, Facts
from gallery.dataset.statistics import Estimate, wilson
from gallery.moods import MOODS as WORDS
from ml.interface import MOODS

ENOUGH = 20  # photographs from which a word is judged
HALF, MOST = 0.5, 0.9  # shares alike below which a word misleads, and below which it dilutes
SHOWN = 3  # objects told of a word
LISTED = 6  # words that the summary names
VERDICTS = ("misleads", "dilutes", "unclear", "holds", "too_few")  # the worst first


def words(facts: Facts, objects: Sequence[str]) -> list[dict[str, Any]]:
    """One row a word that brought something in, by mood in their order, then the worst first."""
    rows = [_word(facts, *name, facts.words.of(code), objects) for name, code in facts.words.names.items()]
    return sorted(
        rows,
        key=lambda row: (MOODS.index(row["mood"]), VERDICTS.index(row["verdict"]), row["agree"]["value"], row["word"]),
    )


def _word(facts: Facts, mood: str, word: str, rows: NDArray[np.int64], objects: Sequence[str]) -> dict[str, Any]:
    place = MOODS.index(mood)
    scored = rows[facts.network[rows] != UNKNOWN]
    agree = wilson(int((facts.network[scored] == place).sum()), len(scored))
    others, strangers = _others(facts, place, scored), _strangers(facts, place)
    row = {
        "mood": mood,
        "word": word,
        "photos": len(rows),
        "agree": vars(agree),
        "others": others,
        "strangers": strangers,
        "alike": alike(agree.value, others, strangers),
        "instead": _instead(facts, place, scored),
        "shows": _shows(facts, place, rows, objects),
        "verdict": verdict(agree, others, strangers),
    }
    return {**row, "sentence": sentence(row)}


def _others(facts: Facts, place: int, rows: NDArray[np.int64]) -> float | None:
    """The share on which the network agrees among the mood's photographs that this word did not bring in."""
    rest = (facts.mood == place) & (facts.network != UNKNOWN)
    rest[rows] = False
    return float((facts.network[rest] == place).mean()) if rest.sum() >= ENOUGH else None


def _strangers(facts: Facts, place: int) -> float | None:
    """The share of the other moods' photographs that the network takes for this mood."""
    foreign = (facts.mood != place) & (facts.network != UNKNOWN)
    return float((facts.network[foreign] == place).mean()) if foreign.sum() >= ENOUGH else None


def _instead(facts: Facts, place: int, rows: NDArray[np.int64]) -> dict[str, Any] | None:
    """What the network sees most in them beside the mood."""
    seen = np.bincount(facts.network[rows], minlength=len(MOODS))
    seen[place] = 0
    most = int(seen.argmax())
    return {"mood": MOODS[most], "share": float(seen[most] / len(rows))} if seen[most] else None


def _shows(facts: Facts, place: int, rows: NDArray[np.int64], objects: Sequence[str]) -> list[dict[str, Any]]:
    """The objects that its photographs show more of than the mood's others, beyond chance."""
    rest = facts.mood == place
    rest[rows] = False
    here, there = (variety.counts(facts.objects[part, 0], len(objects)) for part in (rows, rest))
    return variety.distinct(here, there, objects, SHOWN)


def alike(share: float, others: float | None, strangers: float | None) -> float | None:
    """How much of what a word brings in is like what the mood's other words bring, 0 to 1.

    None where it cannot be told: nothing to compare with, or the network sees the mood no more in the others.
    """
    if others is None or strangers is None or others <= strangers:
        return None
    return min(1.0, max(0.0, (share - strangers) / (others - strangers)))


def verdict(agree: Estimate, others: float | None, strangers: float | None) -> str:
    """By the share that is like what the mood's other words bring, at both ends of the interval.

    misleads: surely less than half; dilutes: surely less than nine tenths; holds: surely more than half; else unclear.
    Without better other words to compare with, all that counts is whether it is better or worse than strangers.
    """
    if agree.n < ENOUGH:
        return "too_few"
    low, high = alike(agree.low, others, strangers), alike(agree.high, others, strangers)
    if low is None or high is None:
        return _against_strangers(agree, strangers)
    if high < HALF:
        return "misleads"
    if high < MOST:
        return "dilutes"
    return "holds" if low > HALF else "unclear"


def _against_strangers(agree: Estimate, strangers: float | None) -> str:
    if strangers is None or agree.low <= strangers <= agree.high:
        return "unclear"
    return "holds" if agree.low > strangers else "misleads"


ENDINGS = {
    "misleads": "It brings in what it should not.",
    "dilutes": "It brings in more strangers than the mood’s other words.",
    "unclear": "That says too little to judge it.",
    "holds": "It does what it should.",
}


def sentence(row: dict[str, Any]) -> str:
    """The verdict as a person would say it, with its figures."""
    agree = row["agree"]
    if row["verdict"] == "too_few":
        return f"{agree['n']} photograph{'' if agree['n'] == 1 else 's'}: too few to say."
    seen = f"The network sees {_name(row['mood'])} in {per_cent(agree['value'])} of them"
    interval = f"({per_cent(agree['low'])} to {per_cent(agree['high'])})"
    return f"{seen} {interval}{_against(row)}. {ENDINGS[row['verdict']]}{_mostly(row)}{_objects(row)}"


def _against(row: dict[str, Any]) -> str:
    parts = []
    if row["others"] is not None:
        parts.append(f"{per_cent(row['others'])} of the other words’ photographs")
    if row["strangers"] is not None:
        parts.append(f"{per_cent(row['strangers'])} of other moods’")
    return f", against {' and '.join(parts)}" if parts else ""


def _mostly(row: dict[str, Any]) -> str:
    """What it sees instead, where that is more."""
    instead = row["instead"]
    if instead is None or instead["share"] <= row["agree"]["value"]:
        return ""
    return f" More often it sees {_name(instead['mood'])} ({per_cent(instead['share'])})."


def _objects(row: dict[str, Any]) -> str:
    """What a word that is not as it should be shows more of."""
    shown = ", ".join(one["name"] for one in row["shows"])
    return f" It shows more {shown}." if shown and row["verdict"] in ("misleads", "dilutes") else ""


def summary(rows: list[dict[str, Any]]) -> str:
    """One sentence for the whole: which words bring in what they should not."""
    judged = sum(row["verdict"] != "too_few" for row in rows)
    bad, weak = ([row for row in rows if row["verdict"] == verdict] for verdict in ("misleads", "dilutes"))
    if not judged:
        return "No word has brought in enough photographs yet to be judged."
    said = f"{_listed(bad)} in what should not be there" if bad else "None brings in what it should not"
    more = f"; {_listed(weak)} in more strangers than the mood’s other words" if weak else ""
    return f"{judged} word{'' if judged == 1 else 's'} brought in enough photographs to be judged. {said}{more}."


def _listed(rows: list[dict[str, Any]]) -> str:
    names = [f"“{row['word']}” ({_name(row['mood'])})" for row in rows]
    if len(names) > LISTED:
        names = [*names[:LISTED], f"{len(names) - LISTED} more"]
    return f"{names[0]} brings" if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]} bring"


def _name(slug: str) -> str:
    return WORDS[slug].name.lower()


def per_cent(share: float) -> str:
    """ "7 %", with a space that does not break."""
    return f"{100 * share:.0f}\u00a0%"
