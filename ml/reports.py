"""Reports of figures: of one file, or of a network trained anew with several seeds; with what others published."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ml import experiment, published
from ml.files import NetworkFile, NetworkFileError
from ml.nets import catalog
from ml.recipes import RecipeError

SHOWN = (
    "accuracy", "balanced_accuracy", "majority", "auc", "spearman", "pearson", "kendall", "mse", "emd", "map",
)  # fmt: skip


def of_file(network: NetworkFile, data: Sequence[tuple[str, Path]], settings: Sequence[str] = ()) -> dict[str, Any]:
    """Figures of a network file on the test part of the data, split by the seed and protocol of its own training.

    Raises NetworkFileError, DataError, RecipeError.
    """
    net, classes = catalog.of_file(network)
    name, card = network.arguments["net"], network.card
    plan = experiment.planned(name, data, [*_told(card, network.arguments["values"]), *settings], card.get("seed", 0))
    trial = experiment.prepared(plan)
    if trial.feed.classes != classes:
        raise NetworkFileError(
            f"{network.name} tells {', '.join(classes)} apart; these photographs have other classes."
        )
    trial.net.load_state_dict(net.state_dict())
    return _report(name, [experiment.judged(trial)], [plan.seed], plan)


def _told(card: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    """The settings by which a network was trained, as words of --set."""
    known = {**values, **card.get("protocol", {})}
    return [f"{key}={_word(value)}" for key, value in known.items()]


def _word(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def anew(
    name: str,
    data: Sequence[tuple[str, Path]],
    settings: Sequence[str],
    *,
    seeds: int,
    runs: Path,
    out: Path,
    resume: bool = False,
    command: str = "",
    told: Callable[[Mapping[str, Any]], None] = lambda state: None,
    asked_to_stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Train with seeds 0, 1, ...; the split goes with the seed where the data have no lists of their own.

    resume: trainings that have a checkpoint go on. Raises as ml.experiment.train.
    """
    if name == "starter":
        raise RecipeError("The starter is judged by folds: manage.py evaluate_scores --folds 5.")
    figures, plans = [], [experiment.planned(name, data, settings, seed) for seed in range(seeds)]
    for plan in plans:
        folder = runs / plan.slug
        going_on = resume and (folder / "checkpoint.safetensors").is_file()
        made = experiment.train(
            plan, folder, out, resume=going_on, command=command, told=told, asked_to_stop=asked_to_stop
        )
        figures.append(made.card["figures"] | _best_on_test(made.card))
    return _report(name, figures, list(range(seeds)), plans[0])


def _best_on_test(card: Mapping[str, Any]) -> dict[str, Any]:
    return {"best_on_test": card["best_on_test"]} if "best_on_test" in card else {}


def _report(name: str, figures: list[dict[str, Any]], seeds: list[int], plan: experiment.Plan) -> dict[str, Any]:
    return {
        "network": name,
        "task": plan.arguments.task,
        "data": [kind for kind, _ in plan.data],
        "seeds": seeds,
        "figures": figures,
        "published": [vars(each) for each in published.of(name)],
    }


def markdown(report: Mapping[str, Any]) -> str:
    """The report as a Markdown table, what others published below it, and the last seed's confusion."""
    figures, seeds = report["figures"], report["seeds"]
    names = [key for key in (*SHOWN, "best_on_test") if key in figures[0]]
    lines = [f"## {report['network']}, {report['task']}, on {' + '.join(report['data'])}", ""]
    lines += ["| seed | n | " + " | ".join(name.replace("_", " ") for name in names) + " |"]
    lines += ["|---" * (len(names) + 2) + "|"]
    for seed, row in zip(seeds, figures, strict=True):
        lines.append(f"| {seed} | {row['n']} | " + " | ".join(_cell(row, name) for name in names) + " |")
    if len(figures) > 1:
        lines.append("| mean (SD) | | " + " | ".join(_mean(figures, name) for name in names) + " |")
    lines += _by_class(figures[-1])
    lines += _published(report["published"])
    return "\n".join(lines)


def _published(rows: Sequence[Mapping[str, str]]) -> list[str]:
    if not rows:
        return []
    columns = ("data", "measure", "report", "paper", "best", "remark")
    lines = ["", "| published on | measure | report | original paper | best published | remark |", "|---" * 6 + "|"]
    lines += ["| " + " | ".join(row[column] for column in columns) + " |" for row in rows]
    return [*lines, "", published.MARKS]


def _cell(row: Mapping[str, Any], name: str) -> str:
    value, bounds = row.get(name), row.get(f"{name}_interval")
    if value is None:
        return "-"
    return f"{value:.3f}" + (f" ({bounds[0]:.3f}-{bounds[1]:.3f})" if bounds else "")


def _mean(figures: Sequence[Mapping[str, Any]], name: str) -> str:
    values = [row[name] for row in figures if row.get(name) is not None]
    return f"{np.mean(values):.3f} ({np.std(values, ddof=1):.3f})" if len(values) > 1 else "-"


def _by_class(row: Mapping[str, Any]) -> list[str]:
    if "confusion" not in row:
        return []
    classes = list(row["recall"])
    lines = ["", "| truth | recall | " + " | ".join(classes) + " |", "|---" * (len(classes) + 2) + "|"]
    for name, counts in zip(classes, row["confusion"], strict=True):
        recall = row["recall"][name]
        shown = "-" if recall is None else f"{recall:.2f}"
        lines.append(f"| {name} | {shown} | " + " | ".join(map(str, counts)) + " |")
    return lines
