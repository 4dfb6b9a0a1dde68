"""Taking in many photographs: processes that render ahead, a progress bar, and a count of what became of each."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from tqdm import tqdm

from gallery.collect import duplicates, fetch, render
from gallery.collect.intake import Facts, Outcome, clean, take_in_all
from gallery.collect.pool import open_renderers
from gallery.licences import SHOWN

SENTENCES = {
    **fetch.REASONS,
    **render.REASONS,
    **duplicates.BLOCKED,
    "unreadable": "it cannot be read (is it allowed?)",
}
STOPPED = "Stopped. What was stored stays; the same command goes on from there."
NAMED = 5  # rejected files named in a report, for each reason


@dataclass
class Report:
    """Counts of a batch, and the first few names behind each reason."""

    stored: int = 0
    already_here: int = 0
    learnt: int = 0
    contradicted: int = 0
    near_duplicates: int = 0
    not_shown: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    names: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, name: str, outcome: Outcome) -> None:
        if outcome.rejected_because:
            self.reject(name, outcome.rejected_because)
        elif outcome.already_here:
            self.already_here += 1
            self.learnt += outcome.learnt
            self.contradicted += outcome.contradicted
        elif outcome.photo is not None:
            self.stored += 1
            self.near_duplicates += outcome.near_duplicate
            self.not_shown += outcome.photo.licence not in SHOWN

    def reject(self, name: str, reason: str) -> None:
        """Count it; of a stranger's name only what a terminal can print."""
        self.rejected[reason] += 1
        if len(self.names[reason]) < NAMED:
            self.names[reason].append(clean(name, 120))

    @property
    def kept(self) -> int:
        return self.stored + self.already_here

    def lines(self) -> list[str]:
        """What a person wants to know of it: a count and what it counts in each line."""
        counts = [
            (self.stored, "stored"),
            (self.already_here, "here already"),
            (self.learnt, "of these: facts added that were not known"),
            (
                self.contradicted,
                "of these: another licence is stated now; the one kept stands (change it in the admin)",
            ),
            (self.near_duplicates, "near-duplicates of another: a page shows one of them"),
            (self.not_shown, "without a licence that allows showing them: kept, never shown"),
        ]
        lines = [f"{count:6}  {what}" for count, what in counts[:2]]
        lines += [f"{count:6}  {what}" for count, what in counts[2:] if count]
        for reason, count in self.rejected.most_common():
            names = ", ".join(self.names[reason]) + (", …" if count > NAMED else "")
            lines.append(f"{count:6}  rejected, {SENTENCES[reason]}: {names}")
        return lines


def take_in_batch(
    photographs: Iterable[tuple[str, bytes, Facts]], total: int, label: str, report: Report | None = None
) -> Report:
    """Take in (name, bytes, facts) in order; memory holds a few photographs, whatever their number."""
    report = report or Report()
    names: deque[str] = deque()

    def unnamed() -> Iterable[tuple[bytes, Facts]]:
        for name, content, facts in photographs:
            names.append(name)
            yield content, facts

    with open_renderers() as renderers:
        done = take_in_all(unnamed(), renderers, ahead=2 * renderers.workers)
        for _, outcome in tqdm(done, label, total, unit=" photographs", disable=None):
            report.add(names.popleft(), outcome)
    return report
