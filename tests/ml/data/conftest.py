"""Small data sets in the exact formats of the official ones."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., Path]:
    """put("a/b.txt", "line", ...) writes lines; put("a/b.jpg") a photograph that nobody opens. Gives the data set."""

    def write(name: str, *lines: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes("".join(f"{line}\n" for line in lines).encode())
        return tmp_path

    return write
