"""Who counts how much when a network learns from visitors: weights by habit, leniency, robust means. Pure numpy.

A visitor's answers weigh `activity x variety x pace`, each at most 1:
- activity: beyond FULL answers the total stays that of FULL, so that nobody's voice grows without end;
- variety: who always says the same says nothing of a photograph (shrunk to an ordinary spread by PRIOR answers);
- pace: answers within a second of the one before are not looks at photographs, once there are BURST of them.

A photograph's mean is that of the ratings by these weights, none taken further than REACH from their weighted median
(Huber 1964, Annals of Mathematical Statistics 35, 73-101).

The constants come of `manage.py evaluate_trust --ratings oasis/ratings.csv` (seed 0: 60 of OASIS's people on 690
photographs, their ratings brought to 1-5; twenty worlds). Error is the root mean square, in steps of 1-5, against the
mean of the other 520 people:
all honest: plain .308, weighted .310; one more who says 1 to all .330, .310; five who answer at random .365, .294;
five who say 1 to a tenth and 5 to the rest .648, .365.
Over six worlds, in that order of cases: a REACH of 1.5, 2, 2.5 or no limit gave .320 .323 .303 .367, .295 .295 .278
.338, .290 .290 .274 .334, .288 .288 .274 .336: farther limits do no harm here, 2.5 keeps a lone 1 among fives at bay.
Without FULL the last two cases were .322 and .609. Taking out each visitor's leniency, shrunk by ten ratings, brought
.003 where all were honest and cost .16 in the last case, as a crowd moves what it is held against; so it is not done.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FULL = 200  # answers; OASIS's people gave 170 in one sitting
PRIOR, ORDINARY, DULL = 3, 1.0, 0.25  # answers; variance of ratings on 1-5; at this variance and above all counts
ORDINARY_FELT, DULL_FELT = 0.6, 0.2  # of felt moods, 1 - sum of squared shares
BURST = 20  # hasty answers
REACH = 2.5  # steps of 1-5
LEAST_COUNT = 0.2  # effective ratings; below, a photograph has no rating worth learning
# An alarm where one visitor, or five, gave more than these shares of all answers; not below so many answers.
ONE_SHARE, FIVE_SHARE, LEAST_ANSWERS = 0.25, 0.5, 100
SUSPICIOUS, LEAST_HABIT = 0.25, 50  # an alarm where variety x pace is below this after so many answers
MOST_NAMED = 5


@dataclass(frozen=True)
class Habits:
    """What one visitor's answers are like as a whole."""

    ratings: int  # answers with a value
    variance: float  # of the values
    felt: int = 0  # answers with a felt mood
    felt_variety: float = 0.0  # 1 - sum of squared shares of the moods
    hasty: int = 0  # answers within a second of the one before
    answers: int = 0  # photographs that they said anything of

    @property
    def pace(self) -> float:
        """Share of the answers that were not hasty."""
        return 1.0 if self.hasty < BURST else 1 - self.hasty / max(self.answers, self.hasty)

    @property
    def rating_weight(self) -> float:
        """Weight of each rating, 0-1."""
        return _activity(self.ratings) * _variety(self.ratings, self.variance, ORDINARY, DULL) * self.pace

    @property
    def felt_weight(self) -> float:
        """Weight of each felt mood, 0-1."""
        return _activity(self.felt) * _variety(self.felt, self.felt_variety, ORDINARY_FELT, DULL_FELT) * self.pace


def _activity(answers: int) -> float:
    return min(1.0, FULL / max(answers, 1))


def _variety(answers: int, found: float, ordinary: float, dull: float) -> float:
    believed = (answers * found + PRIOR * ordinary) / (answers + PRIOR)
    return min(1.0, believed / dull)


STRANGER = Habits(0, 0.0)


def robust_mean(values: Sequence[float], habits: Sequence[Habits]) -> tuple[float, float]:
    """A photograph's rating on 1-5 and its effective number of ratings. (nan, 0) where nobody's rating counts."""
    weights = np.array([one.rating_weight for one in habits])
    total = float(weights.sum())
    if total < LEAST_COUNT:
        return float("nan"), 0.0
    middle = _median(np.array(values, float), weights)
    held = np.clip(values, middle - REACH, middle + REACH)
    return float(held @ weights / total), total


def _median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """The weighted median: the middle of the lower and the upper one."""
    order = np.argsort(values, kind="stable")
    reached, half = np.cumsum(weights[order]), weights.sum() / 2
    lower, upper = np.searchsorted(reached, [half - 1e-9, half + 1e-9])
    return float((values[order[lower]] + values[order[min(upper, len(order) - 1)]]) / 2)


def agreed(felt: Iterable[tuple[str, float]], majority: float) -> str | None:
    """The mood that more than this share of the weight named, or None; felt: (mood, weight) of each visitor."""
    found: dict[str, float] = defaultdict(float)
    for mood, weight in felt:
        found[mood] += weight
    total = sum(found.values())
    if total < LEAST_COUNT:
        return None
    mood = max(found, key=lambda one: found[one])
    return mood if found[mood] > majority * total else None


def alarms(visitors: dict[str, Habits]) -> list[str]:
    """Sentences about visitors who gave too many of the answers, or whose answers look made up. Ids are shortened."""
    total = sum(one.answers for one in visitors.values())
    if total < LEAST_ANSWERS:
        return []
    most = sorted(visitors, key=lambda name: -visitors[name].answers)[:MOST_NAMED]
    share, five = (sum(visitors[name].answers for name in most[:count]) / total for count in (1, MOST_NAMED))
    found = []
    if share > ONE_SHARE:
        found.append(f"One visitor gave {share:.0%} of all {total:,} answers: {_short(most[:1])}.")
    elif five > FIVE_SHARE:
        found.append(f"Five visitors gave {five:.0%} of all {total:,} answers: {_short(most)}.")
    strange = {name: reason for name, one in visitors.items() if (reason := suspicion(one))}
    for reason in sorted(set(strange.values())):
        names = [name for name in strange if strange[name] == reason]
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        who = "A visitor's" if len(names) == 1 else f"{len(names)} visitors'"
        found.append(f"{who} answers hardly count, as {reason}: {_short(names[:MOST_NAMED])}{more}.")
    return found


def suspicion(one: Habits) -> str:
    """Why a visitor's answers look made up, or ""."""
    if one.answers < LEAST_HABIT:
        return ""
    if one.pace < SUSPICIOUS:
        return "nearly all came within a second of the one before"
    same = one.ratings >= LEAST_HABIT and _variety(one.ratings, one.variance, ORDINARY, DULL) < SUSPICIOUS
    alike = one.felt >= LEAST_HABIT and _variety(one.felt, one.felt_variety, ORDINARY_FELT, DULL_FELT) < SUSPICIOUS
    return "nearly all are the same" if same or alike else ""


def _short(names: Sequence[str]) -> str:
    return ", ".join(name[:8] for name in names)
