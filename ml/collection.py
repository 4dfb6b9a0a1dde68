"""What a collection offers to the networks' room beside its rows: scores it holds, small pictures, alarms.

The gallery registers these through ml.interface; this room never asks it for them by name.
"""

from collections.abc import Callable, Iterable, Sequence

from ml.rows import Said

Scores = Callable[[int, Sequence[str]], dict[str, Said]]  # of a network's id and photographs' keys
Thumbnails = Callable[[Sequence[str]], dict[str, tuple[str, str]]]  # of keys: addresses of a picture and its page
Alarms = Callable[[], Iterable[str]]
_scores: list[Scores] = []
_thumbnails: list[Thumbnails] = []
_alarms: list[Alarms] = []


def register_collection(*, said: Scores, alarms: Alarms, thumbnails: Thumbnails) -> None:
    """Add a collection: what a network said of its photographs, who carries too much of its answers, small pictures."""
    if said not in _scores:
        _scores.append(said)
    if alarms not in _alarms:
        _alarms.append(alarms)
    if thumbnails not in _thumbnails:
        _thumbnails.append(thumbnails)


def said_by(network_id: int, keys: Sequence[str]) -> dict[str, Said]:
    """What a network said of photographs, of those for which some collection holds it."""
    found: dict[str, Said] = {}
    for hook in _scores:
        found |= hook(network_id, keys)
    return found


def thumbnails(keys: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Addresses of a small picture and of the photograph's page, of those that are still there."""
    found: dict[str, tuple[str, str]] = {}
    for hook in _thumbnails:
        found |= hook(keys)
    return found


def alarms() -> list[str]:
    """Sentences for the admin about answers that should not carry a network."""
    return [text for hook in _alarms for text in hook()]
