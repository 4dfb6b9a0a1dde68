"""Numbers and plots of the data set's page."""

from typing import Any

from django import template

from gallery.dataset import plots, words

register = template.Library()
VERDICTS = {
    "misleads": "brings in what it should not",
    "dilutes": "brings in more strangers",
    "unclear": "may be chance",
    "holds": "as it should be",
    "too_few": "too few to say",
}


@register.filter
def thousands(number: int | None) -> str:
    """12345 to "12,345"; a dash where there is no number."""
    return "–" if number is None else f"{number:,}"


@register.filter
def per_cent(share: float | None) -> str:
    return "–" if share is None else words.per_cent(share)


@register.filter
def of(count: int, row: list[int]) -> str:
    """A cell's per cent of its row, without the sign; a dash where the row is empty."""
    return f"{100 * count / sum(row):.0f}" if sum(row) else "–"


@register.filter
def figure(estimate: dict[str, Any] | None) -> str:
    """A share and its interval: "60 % (52–67)"."""
    if estimate is None or not estimate["n"]:
        return "–"
    return f"{words.per_cent(estimate['value'])} ({100 * estimate['low']:.0f}–{100 * estimate['high']:.0f})"


@register.filter
def coefficient(estimate: dict[str, Any] | None) -> str:
    """A kappa and its interval: ".51 (.42 to .60)"."""
    if estimate is None:
        return "–"
    value, low, high = (f"{estimate[key]:.2f}".replace("0.", ".") for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})".replace("-", "−")


@register.filter
def at(rows: list[Any], place: int) -> Any:
    """The row of a place: lists of the report stand in the order of the moods."""
    return rows[place]


@register.filter
def names(classes: list[dict[str, Any]]) -> str:
    return ", ".join(one["name"] for one in classes)


@register.filter
def joined(texts: list[str]) -> str:
    return ", ".join(texts)


@register.filter
def verdict(slug: str) -> str:
    return VERDICTS[slug]


@register.filter
def reason(slug: str) -> str:
    """Why a candidate was turned away, in words: "too_small" to "too small"."""
    return slug.replace("_", " ")


@register.simple_tag
def heat(count: int, row: list[int]) -> int:
    return plots.heat(count, row)


@register.inclusion_tag("_dataset_strip.html")
def strip(
    estimate: dict[str, Any] | None, others: float | None = None, strangers: float | None = None
) -> dict[str, Any]:
    """A share as a dot on its interval; nothing where it is of no photographs."""
    return {"strip": plots.strip(estimate, others, strangers) if estimate and estimate["n"] else None}


@register.inclusion_tag("_dataset_box.html")
def box(quantiles: dict[str, float]) -> dict[str, Any]:
    return {"box": plots.box(quantiles)}


@register.inclusion_tag("_dataset_bar.html")
def bar(share: float, most: float) -> dict[str, Any]:
    """A share as a bar, the longest of its list being `most`."""
    return {"length": round(100 * share / most, 1)}


@register.inclusion_tag("_dataset_curves.html")
def curves(report: dict[str, Any]) -> dict[str, Any]:
    return {"curves": plots.curves(report)}


@register.inclusion_tag("_dataset_years.html")
def years(mood: dict[str, Any], span: list[dict[str, Any]]) -> dict[str, Any]:
    first, last = span[0]["year"], span[-1]["year"]
    return {
        "mood": mood,
        "bars": plots.years(mood["years"], span),
        "first": first,
        "last": last,
        "span": last - first + 1,
    }


@register.inclusion_tag("_dataset_pieces.html")
def pieces(licences: list[dict[str, Any]]) -> dict[str, Any]:
    return {"pieces": plots.pieces(one["n"] for one in licences)}
