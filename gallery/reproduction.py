"""The report's networks as /science/ shows them: what `manage.py reproduce --page static/science` wrote, put in order.

Nothing here trains, runs or imports a network: figures, drawings and curves are files.
"""

import json
import logging
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders

from gallery.dataset.plots import Strip
from gallery.dataset.words import per_cent

logger = logging.getLogger(__name__)

FOLDER = "science"
REPORT = f"{FOLDER}/reproduction.json"
LEAST_CORRELATION = -0.5  # where the bar of a rank correlation begins; it ends at 1
TASKS = {
    "binary": "High or low quality",
    "score": "Score",
    "distribution": "Spread of ratings",
    "emotion": "Six moods",
    "style": "Style",
    "category": "Category",
    "objects": "Objects",
}


@dataclass(frozen=True)
class Kind:
    """Networks that are read together, in their order: name and title of each."""

    slug: str
    title: str
    about: str
    networks: Mapping[str, str]


KINDS = (
    Kind(
        "columns-of-convolutions",
        "Columns of convolutions",
        "They look at a whole photograph and at its parts in columns of their own, and join what the columns saw.",
        {
            "rapid_scnn": "RAPID, one column",
            "rapid_dcnn": "RAPID, two columns",
            "rapid_rdcnn": "RAPID, with a column for style",
            "ilgnet": "ILGNet",
        },
    ),
    Kind(
        "attention",
        "Attention",
        "They never see a photograph whole: a few glimpses, and each decides where the next one falls.",
        {
            "ram": "Recurrent attention",
            "ram_lstm": "Recurrent attention, with a longer memory",
            "ram_cnn": "Recurrent attention, with convolutions",
            "ram_lstm_cnn": "Recurrent attention, with both",
        },
    ),
    Kind(
        "fine-tuned",
        "Fine-tuned, and residual",
        "Deep networks for objects, turned to beauty and to feeling.",
        {"vgg16_ft": "VGG-16, fine-tuned", "resnet50_ft": "ResNet-50, fine-tuned", "multiresnet": "Multi-residual"},
    ),
    Kind(
        "ranking",
        "Ranking and ratings",
        "They learn the order of photographs, or how people’s ratings of them are spread.",
        {"kong": "Ranking with attributes and content", "nima": "NIMA"},
    ),
    Kind(
        "emotion",
        "Emotion",
        "The report’s own network for six emotions.",
        {"emotion_vgg": "Four blocks for six emotions"},
    ),
    Kind(
        "ours",
        "Ours",
        "Small enough for a computer without a graphics card.",
        {"columns": "Six columns, six sides of a photograph", "starter": "The starter"},
    ),
)
OTHERS = Kind("others", "Others", "", {})


@dataclass(frozen=True)
class Row:
    """One row of the table, in words. strip: the figure on its interval, beside the starter's and chance."""

    key: str
    network: str
    variant: str
    task: str
    naive: bool
    data: str
    measure: str
    figure: str
    strip: Strip | None
    chance: str
    starter: str
    report: str
    remark: str
    best_on_test: str
    seconds: str
    processor: str
    memory: str
    epochs: int
    settings: str
    curve: str  # below the static folder; empty where there is none

    @property
    def parts(self) -> list[str]:
        """The key where a line may break."""
        return self.key.split("/")


@dataclass(frozen=True)
class Drawing:
    """A picture below the static folder, and its size in CSS pixels."""

    path: str
    width: int
    height: int


@dataclass(frozen=True)
class Card:
    """A network: what it is, what it reached, what others say that it reaches."""

    name: str
    title: str
    about: str
    paper: str
    parameters: str
    gflops: str
    inputs: str
    drawing: Drawing | None
    rows: Sequence[Row]
    published: Sequence[Mapping[str, str]]

    @property
    def curves(self) -> list[Row]:
        """Rows whose training left a curve."""
        return [row for row in self.rows if row.curve]


@dataclass(frozen=True)
class Reproduction:
    """The whole table, and its networks by kind. document: as it was written."""

    document: Mapping[str, Any]
    rows: Sequence[Row]
    kinds: Sequence[tuple[Kind, Sequence[Card]]]
    minutes: int

    @property
    def small(self) -> bool:
        """Whether inputs and epochs were cut down for a small machine."""
        return "--small" in self.document["command"]

    @property
    def splits(self) -> list[tuple[str, list[Row]]]:
        """Rows by how their photographs were parted, with a heading."""
        headings = {False: "No subject in two parts", True: "Parted photograph by photograph (naive)"}
        parted = [(text, [row for row in self.rows if row.naive is naive]) for naive, text in headings.items()]
        return [(text, rows) for text, rows in parted if rows]


def newest() -> Reproduction | None:
    """What was written last; None where nothing was, or where it cannot be read."""
    path = finders.find(REPORT)
    if not path:
        return None
    try:
        return _read(path, Path(path).stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, TypeError):  # half written, or by another version
        logger.exception("%s cannot be shown", REPORT)
        return None


@lru_cache(maxsize=1)
def _read(path: str, changed: int) -> Reproduction:
    """By path and time of change, so that a new table shows at once."""
    document = json.loads(Path(path).read_text(encoding="utf-8"))
    rows = [_row(row) for row in document["rows"]]
    seconds = sum(row.get("seconds_in_all") or 0 for row in document["rows"])
    return Reproduction(document, rows, _kinds(document["networks"], rows), round(seconds / 60))


def _kinds(networks: Sequence[Mapping[str, Any]], rows: Sequence[Row]) -> list[tuple[Kind, list[Card]]]:
    """Cards by kind; a network that no kind names stands among the others, at the end."""
    found = {network["name"]: network for network in networks}
    of = defaultdict(list)
    for row in rows:
        of[row.network].append(row)
    named = [(kind, [name for name in kind.networks if name in found]) for kind in KINDS]
    rest = [name for name in found if not any(name in names for _, names in named)]
    return [
        (kind, [_card(found[name], kind.networks.get(name, name), of[name]) for name in names])
        for kind, names in (*named, (OTHERS, rest))
        if names
    ]


def _card(network: Mapping[str, Any], title: str, rows: Sequence[Row]) -> Card:
    return Card(
        name=network["name"],
        title=title,
        about=network["about"],
        paper=network["paper"],
        parameters=counted(network["parameters"]),
        gflops=f"{network['gflops']:.3g} GFLOP",
        inputs=_inputs(network["inputs"]),
        drawing=_drawing(f"{FOLDER}/networks/{network['name']}.svg"),
        rows=rows,
        published=network.get("published", ()),
    )


def _row(row: Mapping[str, Any]) -> Row:
    variant = row["key"].removeprefix(row["network"]).strip("/")
    variant = re.sub(r"(^|/)(groups|naive)$", "", variant)
    correlated = row.get("measure") == "Spearman"
    curve = f"{FOLDER}/curves/{row['key'].replace('/', '-')}.svg"
    return Row(
        key=row["key"],
        network=row["network"],
        variant="" if variant == row["task"] else variant,
        task=TASKS.get(row["task"], row["task"]),
        naive=row["split"] == "naive",
        data=" + ".join(row["data"]),
        measure={"Spearman": "rank correlation"}.get(row.get("measure", ""), row.get("measure", "")),
        figure=_figure(row.get("figure"), row.get("interval"), correlated),
        strip=_strip(row, correlated),
        chance=_number(row.get("chance"), correlated),
        starter=_number(row.get("starter"), correlated),
        report=row["report"],
        remark=row["remark"].partition(":")[0],  # what comes behind is of the machine it ran on
        best_on_test=_number(row.get("best_on_test"), correlated),
        seconds=_seconds(row.get("seconds_in_all")),
        processor=_seconds(row.get("processor_seconds")),
        memory=_memory(row.get("peak_megabytes")),
        epochs=row.get("epochs", 0),
        settings=" ".join(row["settings"]),
        curve=curve if finders.find(curve) else "",
    )


def _figure(value: float | None, interval: Sequence[float] | None, correlated: bool) -> str:
    """ "59 % (53–65)" or ".51 (.42 to .60)"; empty where there is none."""
    if value is None or not interval:
        return _number(value, correlated)
    if correlated:
        return f"{_decimal(value)} ({_decimal(interval[0])} to {_decimal(interval[1])})"
    return f"{per_cent(value)} ({100 * interval[0]:.0f}–{100 * interval[1]:.0f})"


def _number(value: float | None, correlated: bool) -> str:
    if value is None:
        return ""
    return _decimal(value) if correlated else per_cent(value)


def _decimal(value: float) -> str:
    """Two decimals without the zero before them: ".51", "−.03"; 0 and 1 as they are."""
    text = f"{value:.2f}"
    if text in ("0.00", "-0.00"):
        return "0"
    return text.replace("0.", ".", 1).replace("-", "−") if abs(value) < 0.995 else text


def _strip(row: Mapping[str, Any], correlated: bool) -> Strip | None:
    value, interval = row.get("figure"), row.get("interval")
    if value is None or not interval:
        return None
    starter = row.get("starter") if row["network"] != "starter" else None
    marks = (None if mark is None else _place(mark, correlated) for mark in (starter, row.get("chance")))
    low, at, high = (_place(each, correlated) for each in (interval[0], value, interval[1]))
    return Strip(low, at, high, *marks)


def _place(value: float, correlated: bool) -> float:
    """Where a figure lies on a bar of 0 to 100."""
    share = (value - LEAST_CORRELATION) / (1 - LEAST_CORRELATION) if correlated else value
    return round(100 * min(max(share, 0), 1), 1)


def counted(number: int) -> str:
    """ "434 million", "3.9 million", "23,400"."""
    if number < 1e6:
        return f"{number:,}"
    return f"{number / 1e6:,.0f} million" if number >= 1e7 else f"{number / 1e6:.1f} million"


def _inputs(shapes: Sequence[Sequence[int]]) -> str:
    """ "3 × 224 × 224", "2 of 3 × 224 × 224", several kinds by commas."""
    counts: dict[str, int] = defaultdict(int)
    for shape in shapes:
        counts["\u00a0×\u00a0".join(map(str, shape))] += 1
    return ", ".join(text if count == 1 else f"{count} of {text}" for text, count in counts.items())


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _memory(megabytes: float | None) -> str:
    if megabytes is None:
        return ""
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes:.0f} MB"


def _drawing(name: str) -> Drawing | None:
    """The drawing with the size that its viewBox gives it; None where there is none."""
    path = finders.find(name)
    if not path:
        return None
    with open(path, encoding="utf-8") as file:
        box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', file.read(1000))
    return Drawing(name, round(float(box[1])), round(float(box[2]))) if box else None
