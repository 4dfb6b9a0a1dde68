import pytest
from torchvision.models import EfficientNet_B0_Weights

from ml.moods import CAPTION_CUES, CLASSES, MOODS, THEMES, label_captions, label_themes, words_of


def said(*captions: str) -> str | None:
    """The mood of one photograph by its captions."""
    return label_captions([captions]).moods[0]


def test_the_tables_name_the_six_moods_in_class_order():
    assert MOODS == ("happy", "sad", "fear", "anger", "motivation", "solitude")
    assert tuple(CAPTION_CUES) == tuple(THEMES) == tuple(CLASSES) == MOODS


@pytest.mark.parametrize(
    ("caption", "mood"),
    [
        ("A woman laughing with her friend .", "happy"),
        ("A toddler crying on the grass .", "sad"),
        ("A man in a scary costume .", "fear"),
        ("A person in a black mask .", "fear"),
        ("Protesters hold signs .", "anger"),
        ("Two men boxing in a ring .", "anger"),
        ("A man yelling at another .", "anger"),
        ("A woman climbing a rock face .", "motivation"),
        ("Women run a race .", "motivation"),
        ("A man alone on a bench .", "solitude"),
        ("A desert under the sky .", "solitude"),
        ("A man reads a newspaper .", None),
    ],
)
def test_a_caption_names_its_mood(caption, mood):
    assert said(caption) == mood


@pytest.mark.parametrize(
    "caption",
    [
        "Two dogs fighting over a stick .",
        "A greyhound race .",
        "A dog alone in the snow .",
        "A child yelling on a swing .",
        "Soccer players fight for the ball .",
        "A toddler climbing the stairs .",
        "Motorcycles race on a track .",
        "A lone surfer rides a wave .",
        "A boy in a swimming mask .",
    ],
)
def test_a_word_does_not_name_its_mood_beside_an_exception(caption):
    assert said(caption) is None


def test_an_exception_in_one_caption_holds_for_the_whole_photograph():
    assert said("They are fighting .", "Two animals in the grass .", "Two dogs play .") is None


def test_smiling_must_be_said_twice_of_five_captions():
    others = ["A man .", "A man in a hat .", "A man outside ."]
    assert said("A smiling man .", "A man .", *others) is None
    assert said("A smiling man .", "A man smiles .", *others) == "happy"


def test_words_of_two_moods_name_neither_and_are_counted():
    labels = label_captions([["A man alone .", "A man crying ."], ["A man crying ."], ["A man ."]])
    assert labels.moods == [None, "sad", None]
    assert labels.clashes == 1


def test_words_are_whole_words_in_any_case():
    assert words_of("ALONE, alone-ish; Lonely!") == {"alone", "ish", "lonely"}
    assert said("A racecourse and a lonesome smiler .") is None


def test_themes_name_moods_and_unlisted_ones_none():
    subjects = ["cemetery", "skydiving", "lake", "snake", "flowers", "war", "paperclips"]
    assert label_themes(subjects).moods == ["sad", "motivation", "solitude", "fear", "happy", "anger", None]


def test_no_theme_stands_under_two_moods():
    everything = [theme for themes in THEMES.values() for theme in themes]
    assert len(everything) == len(set(everything))


def test_classes_carry_the_names_that_imagenet_gives_them():
    names = EfficientNet_B0_Weights.DEFAULT.meta["categories"]
    groups = {"dog breeds", "house cats", "butterflies", "snakes", "scorpion, spiders, tick, centipede"}
    told = [(index, name) for table in CLASSES.values() for index, name in table.items() if name not in groups]
    assert [(index, names[index]) for index, _ in told] == told
    assert (names[151], names[268]) == ("Chihuahua", "Mexican hairless")
    assert (names[52], names[68], names[71], names[79]) == ("thunder snake", "sidewinder", "scorpion", "centipede")
    assert (names[281], names[285], names[321], names[326]) == ("tabby", "Egyptian cat", "admiral", "lycaenid")
