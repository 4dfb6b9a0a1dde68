"""The six moods: one table for their names, words for crawling, colours and whether one is asked first."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mood:
    """One mood. `hue` is the OKLCH hue of its accent (look.md); `opt_in` moods are veiled until a visitor agrees.

    place: pleasantness and stir, -1 to 1, set by hand after where the nearest words lie in Russell (1980), A circumplex
    model of affect, Journal of Personality and Social Psychology 39.
    """

    slug: str
    name: str
    synonyms: tuple[str, ...]
    hue: int
    place: tuple[float, float]
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
            "happy", "Happy", ("happy", "happiness", "joy", "cheerful", "smiling"), 85, (0.8, 0.4),
            "Laughter, colour, and days that went well.",
        ),
        Mood(
            "sad", "Sad", ("sad", "sadness", "sorrow", "crying", "grief"), 262, (-0.7, -0.4),
            "Loss, rain, and what was left behind.", opt_in=True, veil="Photographs that may move you.", help_line=True,
        ),
        Mood(
            "fear", "Fear", ("fear", "scary", "afraid", "creepy", "horror", "terror"), 305, (-0.7, 0.6),
            "Dark places, storms, and great heights.",
            opt_in=True, veil="Dark places, storms, the unknown.", help_line=True,
        ),
        Mood(
            "anger", "Anger", ("anger", "angry", "rage", "furious"), 28, (-0.6, 0.7), "Protest, fire, and force.",
            opt_in=True, veil="Protest, fire, force.",
        ),
        Mood(
            "motivation", "Motivation", ("motivation", "motivational", "determination", "workout", "inspiration"), 150,
            (0.5, 0.6), "Climbs, races, and people who kept going.",
        ),
        Mood(
            "solitude", "Solitude", ("solitude", "alone", "lonely", "loneliness", "solitary"), 215, (-0.1, -0.5),
            "Wide, quiet places, and people alone with them.", help_line=True,
        ),
    )
}  # fmt: skip
