"""Places365: the names of its scenes, and which of them are indoors.

Zhou, Lapedriza, Khosla, Oliva, Torralba (2017), Places: A 10 million image database for scene recognition, IEEE TPAMI
40(6). Lists from the public repository CSAILVision/places365; weights CC BY (site/docs/dataset.md).
"""

from pathlib import Path

from ml.files import NetworkFileError

WEIGHTS = {f"{name}_places365.safetensors": name for name in ("resnet50", "resnet18")}
CATEGORIES, INDOOR = "categories_places365.txt", "IO_places365.txt"


def weights_in(folder: Path) -> Path | None:
    """The weights that lie in the folder, ResNet-50's if both do, or None."""
    return next(filter(Path.is_file, (folder / name for name in WEIGHTS)), None)


def read(folder: Path) -> tuple[list[str], list[bool]]:
    """Names and indoor flags by the two lists, whose lines are such as "/a/airfield 0" and "/a/airfield 2" (1: indoor).

    Raises NetworkFileError if one is absent, or if they do not name the same scenes in the same order.
    """
    names, numbers = _columns(folder / CATEGORIES)
    again, flags = _columns(folder / INDOOR)
    if names != again or numbers != list(range(len(names))) or not set(flags) <= {1, 2}:
        raise NetworkFileError(f"{CATEGORIES} and {INDOOR} do not name the same scenes.")
    return [_name(path) for path in names], [flag == 1 for flag in flags]


def _name(path: str) -> str:
    """ "/a/apartment_building/outdoor" to "apartment building (outdoor)"."""
    name, _, kind = path[3:].replace("_", " ").partition("/")
    return f"{name} ({kind})" if kind else name


def _columns(path: Path) -> tuple[list[str], list[int]]:
    try:
        rows = [line.rsplit(" ", 1) for line in path.read_text(encoding="utf-8").splitlines()]
        return [name for name, _ in rows], [int(number) for _, number in rows]
    except OSError as error:
        raise NetworkFileError(f"{path.name} is missing beside the weights of Places365.") from error
    except ValueError as error:
        raise NetworkFileError(f"{path.name} is not one of Places365's lists.") from error
