"""The six moods and the words that name them: weak labels for photographs that nobody has labelled by mood.

A label is exclusive, as in the report: a photograph whose words name two moods belongs to neither.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MOODS = ("happy", "sad", "fear", "anger", "motivation", "solitude")  # class order, everywhere


@dataclass(frozen=True)
class Cue:
    """Words that name a mood, unless another word of `unless` stands beside them, and only with one of `needs` (if any)."""

    words: frozenset[str]
    unless: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()

    def names(self, said: set[str]) -> bool:
        """Whether this cue speaks in a text whose words are `said`."""
        return bool(self.words & said) and not self.unless & said and (not self.needs or bool(self.needs & said))


def _cue(words: str, unless: str = "", needs: str = "") -> Cue:
    return Cue(*(frozenset(text.split()) for text in (words, unless, needs)))


CAPTION_CUES: dict[str, tuple[Cue, ...]] = {
    "happy": (_cue("smiling smiles smile laughing laughs happy happily joy cheering celebrating grinning grins"),),
    "sad": (_cue("sad crying cries unhappy frowning homeless"),),
    "fear": (_cue("scary scared mask masked skull skeleton"),),
    "anger": (_cue("fighting fight protest protesters angry yelling growling snarling"),),
    "motivation": (_cue("climbing climbs climber climb race racing marathon hurdle summit"),),
    "solitude": (_cue("alone lone solitary"),),
}

THEMES: dict[str, frozenset[str]] = {
    "happy": frozenset({"happy face", "happy pose", "baby", "birthday", "celebration"}),
    "sad": frozenset({"sad face", "cemetery", "graveyard", "funeral"}),
    "fear": frozenset({"scared face", "shark", "snake", "spider", "tornado"}),
    "anger": frozenset({"angry face", "angry pose", "war", "explosion"}),
    "motivation": frozenset({"rafting", "skydiving", "cliff diver"}),
    "solitude": frozenset({"lake", "path", "desert", "gazing"}),
}


@dataclass(frozen=True)
class WeakLabels:
    """A mood or None for each photograph, and how many had the words of two moods (their mood is None)."""

    moods: list[str | None]
    clashes: int


def words_of(text: str) -> set[str]:
    """The lower-case words of a text."""
    return set(re.findall(r"[a-z]+", text.lower()))


def moods_named(words: Iterable[str]) -> set[str]:
    """All moods that the words of one text name."""
    said = set(words)
    return {mood for mood, cues in CAPTION_CUES.items() if any(cue.names(said) for cue in cues)}


def mood_of(words: Iterable[str]) -> str | None:
    """The one mood that the words name; None if they name none, or two."""
    named = moods_named(words)
    return named.pop() if len(named) == 1 else None


def label_captions(photos: Sequence[Sequence[str]]) -> WeakLabels:
    """Moods of photographs by their captions, taken together: any of them may name a mood."""
    named = [set().union(*(moods_named(words_of(caption)) for caption in captions)) for captions in photos]
    return _exclusive(named)


def label_themes(subjects: Sequence[str]) -> WeakLabels:
    """Moods of OASIS photographs by the subject (the theme's name without its number, lower case)."""
    return _exclusive([{mood for mood, themes in THEMES.items() if subject in themes} for subject in subjects])


def _exclusive(named: Sequence[set[str]]) -> WeakLabels:
    moods = [next(iter(found)) if len(found) == 1 else None for found in named]
    return WeakLabels(moods, clashes=sum(len(found) > 1 for found in named))
