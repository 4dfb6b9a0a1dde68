"""The six moods and the words that name them: weak labels for photographs that nobody has labelled by mood.

A label is exclusive, as in the report: a photograph whose words name two moods belongs to neither.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MOODS = ("happy", "sad", "fear", "anger", "motivation", "solitude")  # class order, everywhere


@dataclass(frozen=True)
class Cue:
    """Words that name a mood when said in at least `captions` texts of a photograph.

    Not where a word of `unless` is said in any of its texts, and only with a word of `needs`, if there are any.
    """

    words: frozenset[str]
    unless: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    captions: int = 1

    def names(self, said: Sequence[set[str]]) -> bool:
        """Whether this cue speaks for a photograph whose texts have the words `said`, one set a text."""
        everything = set().union(*said)
        if self.unless & everything or (self.needs and not self.needs & everything):
            return False
        return sum(bool(self.words & words) for words in said) >= min(self.captions, len(said))


def _cue(words: str, unless: str = "", needs: str = "", captions: int = 1) -> Cue:
    return Cue(frozenset(words.split()), frozenset(unless.split()), frozenset(needs.split()), captions)


def _themes(names: str) -> frozenset[str]:
    return frozenset(names.split(", "))


DOGS = "dog dogs puppy puppies terrier greyhound greyhounds "
ANIMALS = DOGS + "bear bears turtle cat cats horse horses jockey jockeys bull rodeo animal animals squirrel "
YOUNG = "child children toddler toddlers baby boy boys girl girls kid kids son daughter "
MOTORS = (
    "car cars racecar motorcycle motorcycles motorbike motorbikes motorcyclist motorcyclists motocross motor atv "
    "truck trucks vehicle vehicles jeep racetrack driver drives driving biker bikers dirt cart "
)
TEAM = "soccer football basketball hockey rugby lacrosse baseball softball ball team teams player players jersey "
STUNTS = (
    "surfer surfing surfboard surfs snowboarder snowboarding snowboard skier skiing skis ski bmx bike bicycle "
    "skateboarder skateboard skateboarding trick jump jumps jumping "
)
PLAYGROUND = "playground stairs ladder slide toddler baby couch tree bed jungle toy fence bars santa "

# Words of captions. What a word brings in was judged by eye on contact sheets of Flickr8k: "about .6 of 30" means that
# about .6 of the 30 photographs looked at evoke the mood. Of what the whole table brings in, a second look agreed with
# happy 26 of 32, sad 13 of 20, fear 8 of 16, anger 23 of 31, motivation 26 of 32, solitude 24 of 32.
CAPTION_CUES: dict[str, tuple[Cue, ...]] = {
    "happy": (
        # said in one caption of five it is often a posed group or a baby looking away (about .65 of 56); in two .8 (42)
        _cue("smiling smiles smile grinning grins grin", unless=DOGS + "protest", captions=2),
        # about .85 of 42; a "happy" dog is at play, happy people are mostly right (about .7 of 40)
        _cue("laughing laughs laugh laughter happy happily joy joyful cheerful", unless=DOGS),
        # about .8 of 42 in two captions or more; "cheering" is the crowd at a race: left out
        _cue("celebrating celebrate celebrates celebration birthday carnival party", unless=DOGS, captions=2),
    ),
    "sad": (
        # about .6 of 30. Left out: "tears" (motorcycles), "frown" (a joke), "rain" (races and puddles), "pain" (sport)
        _cue("sad crying cries unhappy upset frowning homeless sorrow grief mourning", unless=DOGS),
    ),
    "fear": (
        # about .5 of 8
        _cue("scary scared afraid frightened frightening terrified ghost zombie", unless=ANIMALS),
        # "mask" alone about .3 of 37: diving, fencing, surgery, Santa. "skull", "monster" are helmets, shirts, trucks
        _cue(
            "mask masked",
            unless=ANIMALS + "pool water swimming scuba fencing medical surgical motorcycle santa",
            needs="black dark",
        ),
    ),
    "anger": (
        # about .8 of 16
        _cue("protest protesters protesting protester riot angry angrily furious", unless=ANIMALS),
        # most "fighting" is dogs at play (55 of 87 photographs); of people's the ball games are no anger, but brawls,
        # boxing and wrestling are raw force (about .7 of 20; OASIS raters give boxing valence 3.7)
        _cue(
            "fighting fight fights boxing boxer boxers wrestling wrestlers wrestler sumo",
            unless=ANIMALS + TEAM + YOUNG + "bed couch",
        ),
        # children shout for joy: about .3 of 14 without the exception
        _cue(
            "yelling yells yell shouting shouts shout screaming screams",
            unless=ANIMALS + YOUNG + TEAM + "bath pool ride",
        ),
    ),
    "motivation": (
        # about .7 of 84 with playgrounds, stairs and toddlers, .85 without
        _cue(
            "climbing climbs climber climb climbers climbed scaling mountaineer mountaineers",
            unless=ANIMALS + MOTORS + PLAYGROUND,
        ),
        # a "race" is as often cars, motorcycles, dogs and horses (about .4 of 42); of people about .85 of 28
        _cue("race races racing racer racers marathon", unless=ANIMALS + MOTORS),
        # about .8 of 28
        _cue(
            "runner runners jogging jogger sprint sprints sprinting hurdle hurdles athlete",
            unless=ANIMALS + "toddler baseball softball",
        ),
        # a summit is the effort behind it: about .85 of 28
        _cue("summit peak mountaintop"),
        _cue("hikers hiking", unless="alone lone", captions=2),
    ),
    "solitude": (
        # "lone surfer", "lone skier" are sport: about .6 of 42 with them, .8 of 28 without
        _cue(
            "alone lone lonely solitary", unless=DOGS + STUNTS + TEAM + MOTORS + "stage guitar rides climber climbing"
        ),
        # about .75 of 24 without sport and groups
        _cue(
            "sunset dusk silhouette silhouetted foggy fog desert barren",
            unless=DOGS + STUNTS + TEAM + MOTORS + "crowd group dance",
        ),
        # one who looks out over water or hills: about .7 of 28
        _cue(
            "overlooking overlooks gazing gazes", unless=DOGS + STUNTS + "climber climbing group crowd restaurant city"
        ),
    ),
}

# Subjects of OASIS (a theme without its number). What a subject evokes is judged from the photographs and checked
# against the raters' mean valence (v) and arousal (a) of the subject, 1-7; subjects in no row have no mood.
THEMES: dict[str, frozenset[str]] = {
    # v 4.5 to 6.2. Left out: lake, beach (calm: solitude), band, performance (a stage), food, dessert (a table)
    "happy": _themes(
        "baby, birthday, cat, celebration, cheerleader, children, chipmunk, couple, dancing, excited face, father, "
        "fireworks, flowers, frisbee, happy face, happy pose, lamb, parade, party, penguins, present, rainbow, "
        "rubber duck, siblings, smiling face, sunflower, surprise, tickling, toast, wedding, wedding ring"
    ),
    # loss, misery, ruin, confinement: v 2.0 to 3.8. Left out: injury and plane crash (alarm), hangover (asleep)
    "sad": _themes(
        "cemetery, child labor, depressed pose, destruction, funeral, garbage dump, graveyard, jail, miserable face, "
        "miserable pose, prison, sad face"
    ),
    # what threatens the viewer: v 1.2 to 4.6, a 3.2 to 5.2. Left out: bear, gorilla (peaceful here)
    "fear": _themes(
        "bloody knife, cockroach, dog attack, dummy, ferret, gargoyle, knife, lightning, opossum, running away, "
        "scared cat, scared face, severed finger, shark, snake, spider, tornado, torture chamber, weapon"
    ),
    # people who attack and what they leave: v 1.3 to 3.7, a 3.6 to 4.9. Left out: injury and shot (a syringe, mostly)
    "anger": _themes(
        "angry face, angry pose, boxing, car crash, explosion, frustrated pose, gun, kkk rally, neonazi, police, "
        "shooting, war"
    ),
    # effort and daring: v 4.6 to 5.5, a 3.3 to 4.8. Left out: soccer (grass and a ball), rollercoaster (passengers)
    "motivation": _themes(
        "archery, biking, cliff diver, collaboration, hang gliding, parachuting, parasailing, rafting, rugby, skier, "
        "skijump, skydiving, swimming, yoga"
    ),
    # empty, calm places and single figures looking out: v 3.2 to 6.0. Left out: camping (company), street (towns)
    "solitude": _themes(
        "beach, boat, bridge, desert, dock, gazing, lake, moon, nature, path, railroad, road, sailing, sky, snow, "
        "sunset, waterfall, windmill"
    ),
}

# ImageNet classes (index in the usual order of the 1,000: name) whose presence suggests a mood. Chosen from the names
# alone, before any photograph was scored by them.
CLASSES: dict[str, dict[int, str]] = {
    "happy": {
        **dict.fromkeys(range(151, 269), "dog breeds"),
        **dict.fromkeys(range(281, 286), "house cats"),
        **dict.fromkeys(range(321, 327), "butterflies"),
        90: "lorikeet", 94: "hummingbird", 301: "ladybug", 330: "wood rabbit", 332: "Angora", 333: "hamster",
        387: "lesser panda", 388: "giant panda", 415: "bakery", 417: "balloon", 476: "carousel", 509: "confectionery",
        516: "cradle", 562: "fountain", 645: "maypole", 808: "sombrero", 843: "swing", 850: "teddy", 865: "toyshop",
        927: "trifle", 928: "ice cream", 929: "ice lolly", 949: "strawberry", 971: "bubble", 982: "groom", 985: "daisy",
        986: "yellow lady's slipper",
    },
    "sad": {
        406: "altar", 407: "ambulance", 412: "ashcan", 442: "bell cote", 489: "chainlink fence", 497: "church",
        523: "crutch", 569: "garbage truck", 649: "megalith", 682: "obelisk", 708: "pedestal", 743: "prison",
        825: "stone wall", 830: "stretcher", 913: "wreck",
    },
    "fear": {
        2: "great white shark", 3: "tiger shark", 4: "hammerhead", 48: "Komodo dragon", 49: "African crocodile",
        50: "American alligator",
        **dict.fromkeys(range(52, 69), "snakes"),
        **dict.fromkeys(range(71, 80), "scorpion, spiders, tick, centipede"),
        269: "timber wolf", 270: "white wolf", 271: "red wolf", 314: "cockroach", 491: "chain saw", 499: "cleaver",
        570: "gasmask", 583: "guillotine", 597: "holster", 607: "jack-o'-lantern", 623: "letter opener", 643: "mask",
        763: "revolver", 796: "ski mask", 815: "spider web", 884: "vault", 980: "volcano",
    },
    "anger": {
        413: "assault rifle", 465: "bulletproof vest", 471: "cannon", 524: "cuirass", 555: "fire engine",
        586: "half track", 652: "military uniform", 657: "missile", 734: "police van", 744: "projectile",
        747: "punching bag", 763: "revolver", 764: "rifle", 787: "shield", 847: "tank", 862: "torch", 895: "warplane",
    },
    "motivation": {
        400: "academic gown", 414: "backpack", 416: "balance beam", 422: "barbell", 430: "basketball",
        433: "bathing cap", 444: "bicycle-built-for-two", 450: "bobsled", 518: "crash helmet", 543: "dumbbell",
        560: "football helmet", 602: "horizontal bar", 667: "mortarboard", 671: "mountain bike", 672: "mountain tent",
        693: "paddle", 701: "parachute", 702: "parallel bars", 722: "ping-pong ball", 751: "racer", 752: "racket",
        768: "rugby ball", 770: "running shoe", 781: "scoreboard", 795: "ski", 802: "snowmobile", 805: "soccer ball",
        812: "space shuttle", 880: "unicycle", 890: "volleyball", 970: "alp", 972: "cliff", 981: "ballplayer",
    },
    "solitude": {
        437: "beacon", 449: "boathouse", 460: "breakwater", 483: "castle", 484: "catamaran", 525: "dam", 536: "dock",
        576: "gondola", 649: "megalith", 663: "monastery", 703: "park bench", 718: "pier", 755: "radio telescope",
        780: "schooner", 832: "stupa", 839: "suspension bridge", 905: "window shade", 912: "worm fence", 914: "yawl",
        958: "hay", 970: "alp", 974: "geyser", 975: "lakeside", 976: "promontory", 977: "sandbar", 978: "seashore",
        979: "valley",
    },
}  # fmt: skip


@dataclass(frozen=True)
class WeakLabels:
    """A mood or None for each photograph, and how many had the words of two moods (their mood is None)."""

    moods: list[str | None]
    clashes: int


def words_of(text: str) -> set[str]:
    """The lower-case words of a text."""
    return set(re.findall(r"[a-z]+", text.lower()))


def moods_named(texts: Sequence[Iterable[str]]) -> set[str]:
    """All moods that the words of one photograph's texts name (each text as its words)."""
    said = [set(words) for words in texts]
    return {mood for mood, cues in CAPTION_CUES.items() if any(cue.names(said) for cue in cues)}


def label_captions(photos: Sequence[Sequence[str]]) -> WeakLabels:
    """Moods of photographs by their captions."""
    return _exclusive([moods_named([words_of(caption) for caption in captions]) for captions in photos])


def label_themes(subjects: Sequence[str]) -> WeakLabels:
    """Moods of OASIS photographs by the subject (the theme's name without its number, lower case)."""
    return _exclusive([{mood for mood, themes in THEMES.items() if subject in themes} for subject in subjects])


def _exclusive(named: Sequence[set[str]]) -> WeakLabels:
    moods = [next(iter(found)) if len(found) == 1 else None for found in named]
    return WeakLabels(moods, clashes=sum(len(found) > 1 for found in named))
