"""Settings: each one is documented, and a bad one stops the start with one sentence."""

import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from evoke import settings

# Without what browser tests set for the time that they run.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "DJANGO_ALLOW_ASYNC_UNSAFE"}
ROOT = Path(settings.__file__).parents[2]


def test_every_setting_is_in_the_table_of_operating_and_every_row_is_a_setting():
    source = Path(settings.__file__).read_text() + (ROOT / "site/evoke/embedded.py").read_text()
    read = set(re.findall(r'(?:env(?:\.\w+)?|_whole)\("([A-Z_]+)"', source)) | set(
        re.findall(r'environ\.get\("([A-Z_]+)"', source)
    )
    table = set(re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "site/docs/operating.md").read_text(), re.MULTILINE))
    assert read == table


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("DATABASE_URL", "sqlite:///x.db", "DATABASE_URL must name a PostgreSQL server"),
        ("STORAGE_URL", "ftp://host/folder", "STORAGE_URL must be s3://bucket/prefix"),
        ("EVOKE_VAR", "/proc/nothing", "cannot be written"),
        ("EVOKE_HELP_URL", "javascript:alert(1)", "EVOKE_HELP_URL must begin with https:// or tel:"),
        ("EVOKE_FETCH_A_HOST", "many", "EVOKE_FETCH_A_HOST must be a whole number from 1 to 32, not 'many'"),
    ],
)
def test_a_bad_value_stops_the_start_with_one_sentence(tmp_path, name, value, sentence):
    environment = {**ENVIRONMENT, "EVOKE_VAR": str(tmp_path / "var"), name: value}
    command = [sys.executable, "-m", "django", "check"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=60)
    assert done.returncode != 0
    assert sentence in done.stderr


def test_production_settings_pass_the_deployment_check(tmp_path):
    safe = {
        "EVOKE_VAR": str(tmp_path / "var"),
        "EVOKE_HTTPS": "1",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "a.example",
    }
    command = [sys.executable, "-m", "django", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**ENVIRONMENT, **safe}, cwd=tmp_path, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_the_readme_holds_the_two_commands_word_for_word():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert "python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/python manage.py demo" in lines
    assert "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest" in lines
