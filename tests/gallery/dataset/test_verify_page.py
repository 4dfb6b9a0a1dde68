"""/dataset/: what it shows, what it costs, and that it is honest where there is nothing."""

import csv
import datetime
import io
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from gallery.dataset import flat, verify
from gallery.models import DatasetVersion, Verification
from gallery.moods import MOODS as WORDS

pytestmark = pytest.mark.django_db
ADDRESSES = ["/dataset/", "/dataset/verification.json", "/dataset/tables.csv"]


@pytest.fixture
def verified(dataset) -> Verification:
    """A verification of 510 photographs with dates, words and scores."""
    for number, (slug, mood) in enumerate(WORDS.items()):
        for year in (2008, 2015):
            day = datetime.datetime(year, 6, 1, tzinfo=datetime.UTC)
            objects = (number, number, 9) if year == 2008 else (number, 8, 8)
            dataset(40, slug, objects=objects, uploaded_at=day, tags=[mood.synonyms[0]])
        dataset(5, slug, seen="sad", tags=[mood.synonyms[1]])
    return verify.verify()[0]


def page(client) -> str:
    response = client.get("/dataset/")
    assert response.status_code == 200
    return response.content.decode()


def test_it_shows_every_part(client, verified):
    text = page(client)
    for heading in ("How varied each mood is", "What they show", "How far the labels can be trusted", "By year"):
        assert heading in text
    assert text.count("<svg") >= 6 * 4 + 8
    assert "47,000" in text and "968" in text and "Steam Locomotive" in text, "the report's own figures"
    assert "thing 8" in text and "From 2015 on more thing 8" in text
    assert verified.report["verdict"] in text


def test_it_is_linked_from_every_page(client, verified):
    assert 'href="/dataset/"' in client.get("/about/").content.decode()


def test_before_the_first_verification_it_says_so(client, db):
    assert "Nobody has looked through the data set yet" in page(client)
    for address in ADDRESSES[1:]:
        response = client.get(address)
        assert response.status_code == 404
        assert b"No verification of the data set has been made yet." in response.content
    assert client.get(ADDRESSES[1]).headers["Content-Type"] == "application/problem+json"


def test_one_photograph_is_enough_to_show_a_page(client, dataset):
    dataset(1, "fear")
    verify.verify()
    text = page(client)
    assert "1 photograph of six moods" in text
    assert "No photograph says when it was uploaded" in text


def test_without_scores_or_concepts_it_says_so(client, dataset):
    from gallery.models import Concept, Score

    dataset(3, "fear")
    Score.objects.all().delete()
    Concept.objects.update(classifier="another", classes=[], probabilities=[])
    Verification.objects.create(fingerprint="x", photos=3, report=verify._rounded(bare()))
    text = page(client)
    assert "The photographs have no scores yet" in text and "No photograph has been looked at yet." in text


def bare() -> dict:
    """The report of photographs that nothing has looked at."""
    from gallery.dataset import facts
    from ml import interface

    network, objects = interface.active(), interface.object_classifier()
    found = facts.collect(network.id, objects.name, "")
    return {**verify._report(found, network, objects, None), "unreadable": 3}


def test_the_newest_is_shown_in_two_queries(client, verified, django_assert_num_queries):
    Verification.objects.create(fingerprint="y", photos=1, report={**verified.report, "verdict": "The newest one."})
    with django_assert_num_queries(2):
        assert "The newest one." in page(client)
    for address in ADDRESSES[1:]:
        with django_assert_num_queries(1):
            assert client.get(address).status_code == 200


def test_published_versions_are_listed(client, verified):
    DatasetVersion.objects.create(version="2026.1", photos=1200, files=900, sha256="ab" * 32)
    text = page(client)
    assert "2026.1" in text and "1,200" in text and "abababababababab…" in text


def test_nothing_inline_and_nothing_from_elsewhere(client, verified):
    for text in (page(client), (Verification.objects.all().delete(), page(client))[1]):
        assert " style=" not in text
        assert not re.search(r"<script(?![^>]*\ssrc=)", text)
        assert not re.search(r"\son[a-z]+=", text)
        assert not re.findall(r'(?:src|srcset)="https?:', text)


class Structure(HTMLParser):
    """Columns of each table's rows, plots without a name, ids."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[int]] = []
        self.nameless: list[dict] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        if tag == "table":
            self.rows.append([])
        elif tag == "tr":
            self.rows[-1].append(0)
        elif tag in ("td", "th"):
            self.rows[-1][-1] += int(found.get("colspan", 1))
        elif tag == "svg" and not (found.get("aria-hidden") or found.get("aria-label") or found.get("aria-labelledby")):
            self.nameless.append(found)


def test_tables_are_whole_plots_are_named_and_ids_are_unique(client, verified):
    DatasetVersion.objects.create(version="2026.1", photos=1, files=1, sha256="ab" * 32)
    structure = Structure()
    structure.feed(page(client))
    assert len(structure.rows) == 7
    assert [len(set(columns)) for columns in structure.rows] == [1] * 7
    assert not structure.nameless
    assert len(set(structure.ids)) == len(structure.ids)


def test_json_and_csv_hold_the_same_figures(client, verified):
    found = client.get(ADDRESSES[1]).json()
    assert {key: found[key] for key in verified.report} == verified.report
    assert found["fingerprint"] == verified.fingerprint
    response = client.get(ADDRESSES[2])
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(response.content.decode())))
    assert tuple(rows[0]) == flat.HEADER
    assert len(rows) == 1 + len(list(flat.rows(verified.report)))
    happy = next(row for row in rows if row[:4] == ["objects", "happy", "", "distinct"])
    assert (happy[4], happy[7]) == ("3", "85")


@pytest.mark.parametrize("address", ADDRESSES)
def test_they_only_read(client, verified, address):
    assert client.post(address).status_code == 405


def test_the_page_loads_neither_torch_nor_onnx():
    code = (
        "import evoke.wsgi, sys, django.urls as u; u.get_resolver().url_patterns; import gallery.views.dataset\n"
        "import gallery.templatetags.figures\n"
        "print([m for m in ('torch', 'onnxruntime', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
