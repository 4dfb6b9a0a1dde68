"""A verification as one long table, for whoever computes with it: a row a figure."""

from collections.abc import Iterator
from typing import Any

HEADER = ("table", "mood", "item", "measure", "value", "low", "high", "n")
Row = tuple[Any, ...]
ALL = "all"


def rows(report: dict[str, Any]) -> Iterator[Row]:
    """Every figure of the report as (table, mood, item, measure, value, low, high, n); empty where there is none."""
    for mood in report["moods"]:
        yield from _mood(mood)
    yield from _holdings(ALL, report["whole"])
    yield from _years(ALL, report["years"])
    yield from _agreement(report)
    for row in report["words"]:
        yield from _estimate("words", row["mood"], row["word"], "network agrees", row["agree"])
        yield "words", row["mood"], row["word"], "other words", row["others"], "", "", ""
        yield "words", row["mood"], row["word"], "other moods", row["strangers"], "", "", ""
        yield "words", row["mood"], row["word"], "alike", row["alike"], "", "", ""
        yield "words", row["mood"], row["word"], "verdict", row["verdict"], "", "", row["photos"]
    away = report["turned_away"]
    for reason, n in away["reasons"].items():
        yield "turned away", ALL, reason, "candidates", n, "", "", ""
    for reason, n in away["removed"].items():
        yield "taken away", ALL, reason, "photographs", n, "", "", ""


def _mood(mood: dict[str, Any]) -> Iterator[Row]:
    slug, theirs = mood["slug"], mood["report"]
    yield "photographs", slug, "", "ours", mood["n"], "", "", ""
    yield "photographs", slug, "", "the report", theirs["photos"], "", "", ""
    yield "objects", slug, "", "distinct, the report", theirs["classes"], "", "", theirs["photos"]
    for table in filter(mood.get, ("objects", "scenes")):
        yield from _variety(table, slug, mood[table])
    if mood["scenes"]:
        yield from _estimate("scenes", slug, "", "indoors", mood["scenes"]["indoor"])
    for pair in mood["together"]:
        yield "together", slug, f"{pair['first']} + {pair['second']}", "lift", pair["lift"], "", "", pair["n"]
    yield from _affect(slug, mood["affect"])
    yield "distance", slug, "", "mean of 1 - cosine", mood["spread"]["distance"], "", "", mood["spread"]["n"]
    yield from _estimate("neighbours", slug, "", "same mood", mood["spread"]["neighbours"])
    yield "neighbours", slug, "", "by chance", mood["spread"]["by_chance"], "", "", ""
    yield from _years(slug, mood["years"])
    yield from _holdings(slug, mood)


def _variety(table: str, slug: str, seen: dict[str, Any]) -> Iterator[Row]:
    for measure in ("distinct", "entropy", "effective", "at_equal_n"):
        yield table, slug, "", measure, seen[measure], "", "", seen["n"]
    for m, expected in seen["curve"]:
        yield table, slug, "", "expected among n", expected, "", "", m
    for one in seen["frequent"]:
        yield table, slug, one["name"], "frequent", one["share"], "", "", one["n"]
    for one in seen["distinctive"]:
        yield table, slug, one["name"], "distinctive z", one["z"], "", "", one["n"]


def _affect(slug: str, affect: dict[str, Any] | None) -> Iterator[Row]:
    if affect is None:
        return
    for axis in ("valence", "arousal"):
        found = affect[axis]
        for measure in ("mean", "sd"):
            yield axis, slug, "", measure, found[measure], "", "", affect["n"]
        for quantile, value in found["quantiles"].items():
            yield axis, slug, "", f"quantile {quantile}", value, "", "", affect["n"]


def _years(slug: str, years: list[dict[str, Any]]) -> Iterator[Row]:
    for row in years:
        yield "years", slug, row["year"], "photographs", row["n"], "", "", ""
        for one in row["frequent"]:
            yield "years", slug, row["year"], f"frequent: {one['name']}", one["share"], "", "", one["n"]


def _agreement(report: dict[str, Any]) -> Iterator[Row]:
    for name, pair in report["agreement"].items():
        if pair is None:
            continue
        table = name.replace("_", " and ")
        yield from _estimate(table, ALL, "", "agree", pair["agree"])
        yield from _estimate(table, ALL, "", "kappa", pair["kappa"])
        for mood, row, counts in zip(report["moods"], pair["moods"], pair["table"], strict=True):
            yield from _estimate(table, mood["slug"], "", "agree", row["agree"])
            yield from _estimate(table, mood["slug"], "", "kappa", row["kappa"])
            for other, n in zip(report["moods"], counts, strict=True):
                yield table, mood["slug"], other["slug"], "photographs", n, "", "", ""


def _holdings(slug: str, found: dict[str, Any]) -> Iterator[Row]:
    for one in found["licences"]:
        yield "licences", slug, one["slug"], "photographs", one["n"], "", "", ""
    for table in ("creators", "duplicates"):
        for measure, value in found[table].items():
            yield table, slug, "", measure, value, "", "", ""
    sizes = found["sizes"]
    for quantile, value in (sizes["megapixels"] or {}).items():
        yield "sizes", slug, "megapixels", f"quantile {quantile}", value, "", "", found["n"]
    for measure in ("bytes", "wide", "tall", "square"):
        yield "sizes", slug, "", measure, sizes[measure], "", "", found["n"]


def _estimate(table: str, slug: str, item: str, measure: str, found: dict[str, Any] | None) -> Iterator[Row]:
    if found is not None and found["n"]:
        yield table, slug, item, measure, found["value"], found["low"], found["high"], found["n"]
