"""A verification in words and columns for a terminal."""

from collections.abc import Iterable, Iterator
from typing import Any

from gallery.dataset.published import CLASSIFIER
from gallery.dataset.words import per_cent
from gallery.models import Verification


def lines(verification: Verification) -> Iterator[str]:
    """The whole report, line by line."""
    report = verification.report
    yield f"{report['photos']} photographs on {verification.made_at:%Y-%m-%d %H:%M} UTC"
    yield f"objects by {report['objects']['classifier']}, moods by {report['network']}"
    yield from _section("Variety (Table 2)", _variety(report))
    yield from _section("Most frequent objects (Table 3)", _objects(report))
    yield from _section(_together_title(report), _together(report))
    if report["scenes"]:
        yield from _section(f"Scenes by {report['scenes']['classifier']}", _scenes(report))
    yield from _section("How far the labels can be trusted", _trust(report))
    yield from _section("Words", _words(report))
    yield from _section("By year of upload", _years(report))
    yield from _section("Affect and distance", _affect(report))
    yield from _section("Licences, creators, sizes, duplicates", _holdings(report))


def estimate(found: dict[str, Any] | None, *, share: bool = True) -> str:
    """A figure with its interval and n: "60 % (52-67, n 172)", or ".51 (.42-.60, n 172)" for a coefficient."""
    if found is None or not found["n"]:
        return "-"
    if share:
        return f"{per_cent(found['value'])} ({100 * found['low']:.0f}-{100 * found['high']:.0f}, n {found['n']})"
    return f"{found['value']:.2f} ({found['low']:.2f} to {found['high']:.2f}, n {found['n']})"


def _section(title: str, body: Iterable[str]) -> Iterator[str]:
    yield ""
    yield title
    yield from (f"  {line}" for line in body)


def _variety(report: dict[str, Any]) -> Iterator[str]:
    equal_n = f"at n {report['equal_n']}"
    heads = f"{'mood':<11}{'photographs':>12}{'classes':>9}{'effective':>11}{equal_n:>13}"
    yield f"{heads}   the report: photographs, classes of {CLASSIFIER}"
    for mood in report["moods"]:
        seen, theirs = mood["objects"], mood["report"]
        equal = "-" if seen["at_equal_n"] is None else f"{seen['at_equal_n']:.1f}"
        ours = f"{mood['n']:>12,}{seen['distinct']:>9}{seen['effective']:>11.1f}{equal:>13}"
        yield f"{mood['name']:<11}{ours}   {theirs['photos']:>7,} {theirs['classes']:>4}"


def _objects(report: dict[str, Any]) -> Iterator[str]:
    for mood in report["moods"]:
        seen = mood["objects"]
        yield f"{mood['name']:<11}frequent:    {_counted(seen['frequent'])}"
        yield f"{'':<11}distinctive: {_counted(seen['distinctive'])}"
        yield f"{'':<11}the report:  {', '.join(mood['report']['popular'])}"


def _counted(classes: list[dict[str, Any]]) -> str:
    return ", ".join(f"{one['name']} {one['n']}" for one in classes) or "none"


def _together_title(report: dict[str, Any]) -> str:
    return "Objects and the scenes they stand in" if report["scenes"] else "Two objects seen in one photograph"


def _together(report: dict[str, Any]) -> Iterator[str]:
    for mood in report["moods"]:
        pairs = [f"{pair['first']} + {pair['second']} {pair['n']}" for pair in mood["together"]]
        yield f"{mood['name']:<11}{', '.join(pairs) or 'none often enough'}"


def _scenes(report: dict[str, Any]) -> Iterator[str]:
    for mood in report["moods"]:
        seen = mood["scenes"]
        indoors = f"indoors {estimate(seen['indoor'])}"
        yield f"{mood['name']:<11}{seen['distinct']:>4}, {indoors}: {_counted(seen['frequent'])}"


def _trust(report: dict[str, Any]) -> Iterator[str]:
    for name, title in (
        ("words_network", "words and network"),
        ("words_felt", "words and what visitors felt"),
        ("network_felt", "network and what visitors felt"),
    ):
        pair = report["agreement"][name]
        if pair is None:
            yield f"{title}: too few answers to tell"
            continue
        yield f"{title}: agree in {estimate(pair['agree'])}, kappa {estimate(pair['kappa'], share=False)}"
        for mood, row in zip(report["moods"], pair["moods"], strict=True):
            yield f"  {mood['name']:<11}{estimate(row['agree']):<26} kappa {estimate(row['kappa'], share=False)}"
    yield "nearest photograph of another creator is of the same mood (by chance)"
    for mood in report["moods"]:
        apart = mood["spread"]
        chance = "-" if apart["by_chance"] is None else per_cent(apart["by_chance"])
        yield f"  {mood['name']:<11}{estimate(apart['neighbours'])} ({chance})"


def _words(report: dict[str, Any]) -> Iterator[str]:
    yield report["verdict"]
    for row in report["words"]:
        yield f"{row['mood']:<11}{row['word']:<15}{row['sentence']}"


def _years(report: dict[str, Any]) -> Iterator[str]:
    if not report["years"]:
        yield "no photograph says when it was uploaded"
        return
    counts = [{row["year"]: row["n"] for row in mood["years"]} for mood in report["moods"]]
    yield f"{'':<6}" + "".join(f"{mood['name']:>12}" for mood in report["moods"])
    for row in report["years"]:
        yield f"{row['year']:<6}" + "".join(f"{count.get(row['year'], 0):>12,}" for count in counts)
    for mood in filter(lambda mood: mood["trend"], report["moods"]):
        change = mood["trend"]
        more, less = _counted(change["rising"]), _counted(change["falling"])
        yield f"{mood['name']}, from {change['since']} on: more {more}; less {less}"


def _affect(report: dict[str, Any]) -> Iterator[str]:
    for mood in report["moods"]:
        found, apart = mood["affect"], mood["spread"]["distance"]
        if found is None:
            yield f"{mood['name']:<11}no scores"
            continue
        valence, arousal = (
            f"{found[axis]['mean']:.2f} (SD {found[axis]['sd']:.2f})" for axis in ("valence", "arousal")
        )
        yield f"{mood['name']:<11}valence {valence}, arousal {arousal}, mean distance {apart:.3f}"


def _holdings(report: dict[str, Any]) -> Iterator[str]:
    whole = report["whole"]
    yield "licences: " + ", ".join(f"{one['name']} {one['n']:,}" for one in whole["licences"])
    people, size, copies = whole["creators"], whole["sizes"], whole["duplicates"]
    unknown = f"{people['unknown']:,} photographs of nobody known"
    yield f"creators: {people['n']:,} known, Gini {people['gini']:.3f}, {unknown}"
    yield f"sizes: median {size['megapixels']['50']:.1f} megapixels, {size['bytes'] / 1e9:.2f} GB in all"
    yield f"near-duplicates: {copies['groups']:,} groups, {copies['spare']:,} photographs beyond the first of each"
    away = report["turned_away"]
    yield f"turned away by the crawl: {_reasons(away['reasons'])}"
    yield f"taken away later: {_reasons(away['removed'])}"
    if report["unreadable"]:
        yield f"{report['unreadable']} photographs could not be read"


def _reasons(counts: dict[str, int]) -> str:
    return ", ".join(f"{reason.replace('_', ' ')} {n:,}" for reason, n in counts.items()) or "nothing"
