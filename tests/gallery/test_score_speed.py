"""`manage.py benchmark score`: its arithmetic, its peers and its refusals. The whole of it takes minutes."""

import json
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from gallery import score_speed


@pytest.fixture
def peer(tmp_path):
    """peer(says): a Python of some environment that, whatever it is asked, does this."""

    def make(code: str) -> str:
        python = tmp_path / "python"
        python.write_text(f"#!{sys.executable}\n{code}\n")
        python.chmod(0o755)
        return str(python)

    return make


def test_the_bound_is_a_processor_that_decodes_and_looks_in_turn():
    figures = score_speed._figures({"end_to_end": 50.0, "decode": 300.0, "forward": 100.0}, photos=9)
    assert figures["bound_per_second"] == pytest.approx(75.0)
    assert (figures["end_to_end_per_second"], figures["forward_per_second"], figures["photos"]) == (50.0, 100.0, 9)


def test_a_peers_rate_is_what_it_says(peer, tmp_path):
    python = peer(f"print('loading')\nprint({json.dumps({'photos': 30, 'seconds': 2.0})!r})")
    assert score_speed._peer("timm", python, tmp_path / "files.txt", 2) == 15.0


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import a_module_that_is_not_there", "missing"),
        ("raise SystemExit('no such network')", "failed: no such network"),
    ],
)
def test_a_peer_that_gives_no_figure_says_why(peer, tmp_path, code, said):
    assert score_speed._peer("pyiqa", peer(code), tmp_path / "files.txt", 2) == said


def test_ours_is_compared_with_every_peer_that_ran(monkeypatch, tmp_path):
    ours = {"end_to_end_per_second": 60.0, "forward_per_second": 80.0, "bound_per_second": 64.0, "threads": 2}
    rates = {"timm": 15.0, "transformers": 10.0, "pyiqa": "missing"}
    monkeypatch.setattr(score_speed, "_ours", lambda *_: ours)
    monkeypatch.setattr(score_speed, "_peer", lambda peer, *_: rates[peer])
    figures = score_speed.Scoring.measure(photos=10, folder=str(tmp_path))
    assert figures["pyiqa_per_second"] == "missing" and figures["timm_per_second"] == 15.0
    assert figures["ratios"] == {"of_forward": 0.75, "of_bound": 0.938, "times_timm": 4.0, "times_transformers": 6.0}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(("--photos", "0"), "at least 1"), (("--folder", "/nowhere/at/all"), "There is no folder /nowhere/at/all")],
)
def test_it_refuses_what_it_cannot_measure(arguments, sentence):
    with pytest.raises(CommandError, match=sentence):
        call_command("benchmark", "score", *arguments)


def test_the_peers_script_imports_nothing_of_ours():
    lines = Path(score_speed.__file__).with_name("score_peers.py").read_text().splitlines()
    imported = {line.split()[1].partition(".")[0] for line in lines if line.lstrip().startswith(("import ", "from "))}
    assert not imported & {"gallery", "ml", "evoke", "accounts", "django"}
