"""What an imported version said, kept with its candidates: the split of photographs fetched later, and its removals."""

from collections.abc import Iterator

from django.db.models import Exists, OuterRef

from gallery.models import Candidate, Photo

SAID = "dataset"  # key of Candidate.facts: what the version says beside what a source would
REMOVED = "removed"  # key of Candidate.facts: since when the version lists it as removed, and why
REMOVED_ELSEWHERE = "removed_elsewhere"  # why such a candidate is rejected
CHUNK = 2000


def settle_fetched() -> int:
    """Give photographs that a crawl fetched since an import the split and date that the version told; how many."""
    told = Candidate.objects.filter(facts__has_key=SAID, photo__split="").select_related("photo").order_by("pk")
    changed = 0
    for candidate in told.iterator(chunk_size=CHUNK):
        said, photo = candidate.facts[SAID], candidate.photo
        if photo is not None:
            seen = {"licence_seen": said["licence_seen"]} if said["licence"] == photo.licence else {}
            changed += Photo.objects.filter(pk=photo.pk, split="").update(split=said["split"], **seen)
    return changed


def removed() -> Iterator[tuple[str, str, str, str]]:
    """Source, id, day and reason of what imported versions list as removed, but for what is shown here after all."""
    shown = Photo.objects.filter(source=OuterRef("source"), source_id=OuterRef("source_id"), status=Photo.Status.SHOWN)
    listed = Candidate.objects.filter(~Exists(shown), rejected_because=REMOVED_ELSEWHERE).order_by("pk")
    for candidate in listed.iterator(chunk_size=CHUNK):
        said = candidate.facts[REMOVED]
        yield candidate.source, candidate.source_id, said["on"], said["because"]
