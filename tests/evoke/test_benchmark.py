"""`manage.py benchmark`: figures by name, and clear refusals."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from gallery.models import Photo


def benchmark(*arguments):
    out = StringIO()
    call_command("benchmark", *arguments, stdout=out)
    return out.getvalue()


def test_ranking_is_timed_beside_a_plain_sort():
    figures = json.loads(benchmark("ranking", "--photos", "500", "--requests", "20", "--json"))
    assert figures["photos"] == 500
    assert figures["ranking"]["requests"] == 20
    for part in ("ranking", "plain_sort"):
        assert 0 < figures[part]["p50_ms"] <= figures[part]["p99_ms"]


@pytest.mark.django_db
def test_near_duplicates_are_looked_up_beside_a_full_scan_and_nothing_stays():
    figures = json.loads(benchmark("duplicates", "--photos", "3000", "--lookups", "10", "--json"))
    assert (figures["photos"], figures["answers_that_differ"], figures["full_scans_in_plan"]) == (3000, 0, 0)
    for part in ("index", "full_scan"):
        assert 0 < figures[part]["p50_ms"] <= figures[part]["p99_ms"]
    assert not Photo.objects.exists()


def test_figures_are_readable_without_json():
    assert benchmark("ranking", "--photos", "50", "--requests", "2").startswith("photos: 50\nranking:\n  requests: 2\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("ranking", "--photos", "0"), "must be at least 1"),
        (("duplicates", "--lookups", "0"), "must be at least 1"),
        (("speed",), "invalid choice: 'speed'"),
    ],
)
def test_it_refuses_what_it_cannot_measure(arguments, sentence):
    with pytest.raises(CommandError, match=sentence):
        benchmark(*arguments)


def test_the_crawl_stores_what_a_local_server_has_and_a_missing_peer_is_told():
    figures = json.loads(benchmark("crawl", "--photos", "12", "--json"))
    assert figures["evoke"]["stored"] == 12 and figures["evoke"]["a_second"] > 0
    assert figures["img2dataset"] == "missing"
