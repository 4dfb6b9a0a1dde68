"""Counts of a version, from its own table of photographs rather than from the database."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from gallery import licences
from gallery.dataset.columns import Row

COUNTED = ("mood", "split", "licence", "part", "source", "format")


def tally(rows: Iterable[Row]) -> dict[str, Any]:
    """How many photographs, by mood, split, licence, part, source and format; creators, near-duplicates, years."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in COUNTED}
    creators, clusters, deeds, years = set[int](), set[str](), set[str](), Counter[int]()
    total: Counter[str] = Counter()
    for row in rows:
        for name, counter in counts.items():
            counter[row[name]] += 1
        total.update(photos=1, files=row["redistributed"], sensitive=row["sensitive"], alike=bool(row["cluster"]))
        total["bytes"] += row["bytes"] if row["redistributed"] else 0
        creators.add(hash((row["source"], row["owner"] or row["creator"])))
        clusters |= {row["cluster"]} - {""}
        deeds |= {licences.deed_url(row["licence"], row["licence_version"])} - {""}
        years.update([row["uploaded_at"].year] if row["uploaded_at"] else [])
    by = {f"by_{name}": dict(sorted(counter.items())) for name, counter in counts.items()}
    more = {
        "creators": len(creators),
        "clusters": len(clusters),
        "deeds": sorted(deeds),
        "by_year": dict(sorted(years.items())),
    }
    return {**{name: total[name] for name in ("photos", "files", "bytes", "sensitive", "alike")}, **by, **more}
