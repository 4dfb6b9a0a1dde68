"""The reproduction's table: every row's figure with its interval, the report's, chance and the starter's beside it."""

from collections.abc import Mapping, Sequence
from typing import Any

from ml import published
from ml.protocols import no_better_than_chance

STARTER = "starter"
COSTS = ("seconds", "seconds_in_all", "processor_seconds", "peak_megabytes")
HEAD = (
    "| network | task | ours (95 % interval) | chance | starter | the report's | seconds (of processors) | peak MB "
    "| settings |\n|---|---|---|---|---|---|---|---|---|"
)


def summary(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A row a result: key, network, task, split, measure, figure, interval, chance, starter, report, remark, cost."""
    return [_row(result, results) for result in results]


def _row(result: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    figures = result.get("figures")
    stated = _stated(result["network"], result["task"])
    row: dict[str, Any] = {
        "key": result["key"],
        "network": result["network"],
        "task": result["task"],
        "split": _split(result),
        "data": result["data"],
        "settings": [word for word in result["settings"] if not word.startswith("split=")],
        "report": f"{stated.report} on {stated.data}" if stated else "",
        "remark": result.get("none", ""),
    }
    if figures is None:
        return row
    measure, figure, interval, chance = _measured(figures)
    row |= {"measure": measure, "figure": figure, "interval": interval, "chance": chance, "n": figures["n"]}
    row["starter"] = _starter(result, results)
    row["balanced"] = figures.get("balanced_accuracy")
    row["best_on_test"] = result.get("best_on_test")
    row |= {name: result[name] for name in COSTS}
    row["epochs"] = len(result.get("epochs", []))
    if no_better_than_chance(figures):
        row["remark"] = "no better than chance"
    return row


def _stated(network: str, task: str) -> published.Published | None:
    """The report's figure for the same question: none of beauty beside one of moods, no correlation beside a share."""
    if (task == "emotion") != (network == "emotion_vgg"):
        return None
    ranks = task in ("score", "distribution")
    return next((each for each in published.of(network) if each.report and (each.measure == "SRCC") is ranks), None)


def _measured(figures: Mapping[str, Any]) -> tuple[str, float | None, Sequence[float] | None, float]:
    """Measure, figure, interval and chance: accuracy, or Spearman's correlation."""
    if "accuracy" in figures:
        return "accuracy", figures["accuracy"], figures["accuracy_interval"], figures["majority"]
    return "Spearman", figures["spearman"], figures["spearman_interval"], 0.0


def _split(result: Mapping[str, Any]) -> str:
    return next((word.removeprefix("split=") for word in result["settings"] if word.startswith("split=")), "groups")


def _starter(result: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> float | None:
    """The starter's figure of the same task on the same photographs, split alike."""
    task = "score" if result["task"] == "distribution" else result["task"]
    for other in results:
        alike = (other["task"], other["data"], _split(other)) == (task, result["data"], _split(result))
        if other["network"] == STARTER and alike and "figures" in other:
            return _measured(other["figures"])[1]
    return None


def markdown(rows: Sequence[Mapping[str, Any]], command: str, date: str) -> str:
    """The table as a document, with the command that made it."""
    seconds = sum(row.get("seconds_in_all", 0) for row in rows)
    lines = [
        "# The report's networks, reproduced",
        "",
        f"Made by `{command}` on {date}; {seconds / 60:.0f} minutes in all. Every row is one training with one seed on "
        "one split; figures are of photographs that the network never saw, chosen by validation alone.",
        "",
        "Accuracy beside the share of the largest class (chance), or Spearman's correlation (chance 0). The column "
        '"starter" is the shipped recipe fitted on the same training photographs. Where the report\'s own data sets '
        "are not at hand the rows stand on smaller ones with smaller inputs and fewer epochs, as the settings say: "
        "such figures tell that a network learns, not how good it would be on the report's data.",
        "",
    ]
    for split, title in (("groups", "No subject in two parts"), ("naive", "Split photograph by photograph (naive)")):
        chosen = [row for row in rows if row["split"] == split]
        if chosen:
            lines += [f"## {title}", "", HEAD, *map(_line, chosen), ""]
    return "\n".join([*lines, published.MARKS, ""])


def _line(row: Mapping[str, Any]) -> str:
    settings = " ".join(row["settings"]) or "as the paper"
    if "figure" not in row:
        return f"| {row['key']} | {row['task']} | {row['remark']} | | | {row['report']} | | | {settings} |"
    figure, bounds = row["figure"], row["interval"]
    shown = "-" if figure is None else f"{figure:.3f}"
    shown += f" ({bounds[0]:.3f} to {bounds[1]:.3f})" if bounds else ""
    shown += f"; best on test {row['best_on_test']:.3f}" if row["best_on_test"] is not None else ""
    shown += f"; {row['remark']}" if row["remark"] else ""
    starter = "-" if row["starter"] is None else f"{row['starter']:.3f}"
    task = f"{row['task']}, {row['measure']}, n {row['n']}, {' + '.join(row['data'])}"
    return (
        f"| {row['key']} | {task} | {shown} | {row['chance']:.3f} | {starter} | {row['report']} "
        f"| {row['seconds_in_all']:.0f} ({row['processor_seconds']:.0f}) | {row['peak_megabytes']} | {settings} |"
    )
