"""Figures that others published, to stand beside ours; each says how surely it is known.

Marks: R the student report; P a paper as generally known; V checked against the authors' code, data or statement, or
quoted in a public survey. Figures that we remember with less certainty are not in here.
"""

from dataclasses import asdict, dataclass

MARKS = "R: the student report. P: a paper, as generally known. V: checked against code, data, a statement or a survey."


@dataclass(frozen=True)
class Published:
    """One figure. measure: accuracy and error in %, SRCC as it is."""

    network: str  # as in the catalogue
    data: str
    measure: str
    report: str = ""  # the student report's
    paper: str = ""  # the original paper's
    best: str = ""  # the best published on that data
    remark: str = ""


MAJORITY_AVA = "71.1 % of the official test list is high"

FIGURES: tuple[Published, ...] = (
    Published("rapid_scnn", "AVA, delta 0, crop", "accuracy", paper="71.20 (P)", remark=MAJORITY_AVA),
    Published("rapid_scnn", "AVA, delta 0, warp", "accuracy", paper="67.79 (P)", remark=MAJORITY_AVA),
    Published("rapid_scnn", "AVA, delta 0, center-crop", "accuracy", paper="65.48 (P)", remark=MAJORITY_AVA),
    Published("rapid_scnn", "AVA, delta 0, padding", "accuracy", paper="60.43 (P)", remark=MAJORITY_AVA),
    Published("rapid_dcnn", "AVA, delta 0", "accuracy", "73.25 (R)", "73.25 (P)", remark=MAJORITY_AVA),
    Published("rapid_dcnn", "AVA, delta 1", "accuracy", "73.05 (R)", "73.05 (P)", remark=MAJORITY_AVA),
    Published("rapid_rdcnn", "AVA, delta 0", "accuracy", "74.46 (R)", "74.46 (P)", remark=MAJORITY_AVA),
    Published("rapid_rdcnn", "AVA, delta 1", "accuracy", "73.70 (R)", "73.70 (P)", remark=MAJORITY_AVA),
    Published(
        "kong", "AADB TestNew", "SRCC", ".6782 (R)", ".6782 (P)",
        remark="a user of the released network: .655 on TestNew (V)",
    ),
    Published(
        "kong", "AVA", "accuracy", "77.3 (R)", "77.33 (P)",
        remark="the report calls it training accuracy; it is the test figure",
    ),
    Published(
        "ilgnet", "AVA1, the authors' list", "accuracy", "79.85 (R)", "79.85 (P); project page 81.68 (V)",
        remark="80.0 % of the authors' own test list is high, so this is below always answering high",
    ),
    Published(
        "ram", "AADB", "accuracy", "65.2 (R), best on test",
        remark="58.3 % is high under >= .5; interval of 1,000 photographs 62.2-68.2",
    ),
    Published(
        "vgg16_ft", "AADB", "accuracy", "56.8 (R)",
        remark="interval 53.7-59.9: no different from always answering high (58.3 %) under >= .5",
    ),
    Published("resnet50_ft", "Photonet", "accuracy", "54.3 (R)", remark="the report's threshold is not stated"),
    Published(
        "multiresnet", "CIFAR-10 / CIFAR-100", "error", "improves (R)", "4.35 / 20.42 (V)",
        remark="depth 200, k = 5",
    ),
    Published("nima", "AVA, random 80/20", "SRCC", paper=".612, Inception-v2 (P)", best=".822, Q-Align (V)"),
    Published(
        "emotion_vgg", "302,780 photographs of Flickr by tag", "accuracy", "55 (R)",
        remark="the largest class is 24.1 %; labels are search tags",
    ),
    Published("starter", "FLICKR-AES, 10 / 100 ratings", "SRCC", paper=".520 / .553, PAM (P)", best=".668 / .748 (V)"),
)  # fmt: skip


def of(network: str) -> list[Published]:
    """The figures that stand beside a network's; RAM's and Kong's variants share theirs."""
    return [figure for figure in FIGURES if figure.network == network]


def rows(network: str) -> list[dict[str, str]]:
    """The same as plain values, for JSON."""
    return [asdict(figure) for figure in of(network)]
