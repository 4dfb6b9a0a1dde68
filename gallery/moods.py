"""The six moods: one table for their names, words for crawling, colours and whether one is asked first."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mood:
    """One mood. `hue` is the OKLCH hue of its accent (look.md); `opt_in` moods are veiled until a visitor agrees."""

    slug: str
    name: str
    synonyms: tuple[str, ...]
    hue: int
    description: str
    opt_in: bool = False
    veil: str = ""
    help_line: bool = False

    def __str__(self) -> str:
        return self.name


MOODS: dict[str, Mood] = {
    mood.slug: mood
    for mood in (
        Mood(
            "happy", "Happy", ("happy", "happiness", "joy", "cheerful", "smiling"), 85,
            "Laughter, colour, and days that went well.",
        ),
        Mood(
            "sad", "Sad", ("sad", "sadness", "sorrow", "crying", "grief"), 262, "Loss, rain, and what was left behind.",
            opt_in=True, veil="Photographs that may move you.", help_line=True,
        ),
        Mood(
            "fear", "Fear", ("fear", "scary", "afraid", "creepy", "horror", "terror"), 305,
            "Dark places, storms, and great heights.",
            opt_in=True, veil="Dark places, storms, the unknown.", help_line=True,
        ),
        Mood(
            "anger", "Anger", ("anger", "angry", "rage", "furious"), 28, "Protest, fire, and force.",
            opt_in=True, veil="Protest, fire, force.",
        ),
        Mood(
            "motivation", "Motivation", ("motivation", "motivational", "determination", "workout", "inspiration"), 150,
            "Climbs, races, and people who kept going.",
        ),
        Mood(
            "solitude", "Solitude", ("solitude", "alone", "lonely", "loneliness", "solitary"), 215,
            "Wide, quiet places, and people alone with them.", help_line=True,
        ),
    )
}  # fmt: skip
