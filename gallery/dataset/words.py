"""What each word of a mood brings in: how many of its photographs the network sees that mood in, and a verdict.

A word is known from the crawl (Candidate.word); without one, from the photograph's tags and title. The network is no
truth: it misses a mood as often for every word, so a word is held against the other words of its mood, and against
photographs of the other moods, on which the network must be wrong.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gallery.dataset.facts import UNKNOWN, Facts
from gallery.dataset.statistics import Estimate, wilson
from gallery.moods import MOODS as WORDS
from ml.interface import MOODS

ENOUGH = 20  # photographs from which a word is judged
VERDICTS = ("misleads", "dilutes", "unclear", "holds", "too_few")  # the worst first


def words(facts: Facts) -> list[dict[str, Any]]:
    """One row a word that brought something in, by mood in their order, then the worst first."""
    rows = [_word(facts, mood, word, facts.words.of(code)) for (mood, word), code in facts.words.names.items()]
    return sorted(
        rows,
        key=lambda row: (MOODS.index(row["mood"]), VERDICTS.index(row["verdict"]), row["agree"]["value"], row["word"]),
    )


def _word(facts: Facts, mood: str, word: str, rows: NDArray[np.int64]) -> dict[str, Any]:
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
        "instead": _instead(facts, place, scored),
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


def verdict(agree: Estimate, others: float | None, strangers: float | None) -> str:
    """By the interval of the word's share, against the mood's other words and against other moods' photographs.

    misleads: no better than photographs of other moods; dilutes: better than those, worse than the other words;
    holds: better than strangers and not worse than the other words; unclear: the interval allows for either.
    """
    if agree.n < ENOUGH:
        return "too_few"
    above = strangers is None or agree.low > strangers
    below = others is not None and agree.high < others
    if above:
        return "dilutes" if below else "holds"
    return "misleads" if below or (strangers is not None and agree.high < strangers) else "unclear"


ENDINGS = {
    "misleads": "It brings in what it should not.",
    "dilutes": "It brings in more strangers than the mood’s other words.",
    "unclear": "That may be chance.",
    "holds": "It does what it should.",
}


def sentence(row: dict[str, Any]) -> str:
    """The verdict as a person would say it, with its figures."""
    agree = row["agree"]
    if row["verdict"] == "too_few":
        return f"{agree['n']} photograph{'' if agree['n'] == 1 else 's'}: too few to say."
    seen = f"The network sees {_name(row['mood'])} in {per_cent(agree['value'])} of them"
    interval = f"({per_cent(agree['low'])} to {per_cent(agree['high'])})"
    return f"{seen} {interval}{_against(row)}. {ENDINGS[row['verdict']]}{_mostly(row)}"


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
    return f"{names[0]} brings" if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]} bring"


def _name(slug: str) -> str:
    return WORDS[slug].name.lower()


def per_cent(share: float) -> str:
    """ "7 %", with a space that does not break."""
    return f"{100 * share:.0f}\u00a0%"
