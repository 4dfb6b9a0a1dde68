"""/science/: what it shows, what it costs, and that it is honest where there is nothing."""

import json
import re
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest

from gallery import cards, reproduction
from ml import interface
from ml.models import Network

pytestmark = pytest.mark.django_db
ADDRESS, JSON = "/science/", "/science/reproduction.json"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1234 240" role="img"></svg>'


def row(key: str, **facts) -> dict:
    """A row as ml.reproduction.summary makes it."""
    return {
        "key": key,
        "network": key.split("/")[0],
        "task": "binary",
        "split": "groups",
        "data": ["oasis"],
        "settings": ["epochs=30"],
        "report": "",
        "remark": "",
        "measure": "accuracy",
        "figure": 0.6123,
        "interval": [0.52, 0.7],
        "chance": 0.51,
        "n": 140,
        "starter": 0.78,
        "balanced": 0.6,
        "best_on_test": None,
        "seconds": 100.0,
        "seconds_in_all": 190.0,
        "processor_seconds": 300.0,
        "peak_megabytes": 850,
        "epochs": 30,
        **facts,
    }


def lacking(key: str, remark: str) -> dict:
    """A row that was not trained."""
    names = ("key", "network", "task", "split", "data", "settings", "report")
    return {name: row(key)[name] for name in names} | {"remark": remark}


def network(name: str, **facts) -> dict:
    made = {"parameters": 434_012_345, "trainable": 1, "gflops": 31.456, "inputs": [[3, 224, 224]] * 2}
    told = {"tasks": ["binary"], "paper": f"The paper of {name}", "about": f"What {name} is.", "published": []}
    return {"name": name, **made, **told, **facts}


NAMES = ["columns", "emotion_vgg", "ilgnet", "kong", "multiresnet", "nima", "ram", "rapid_scnn", "starter", "vgg16_ft"]
STATED = {"network": "ram", "data": "AADB", "measure": "accuracy", "report": "65.2 (R), best on test", "paper": ""}
STATED |= {"best": "", "remark": "58.3 % is high under >= .5"}
TABLE = {
    "command": "manage.py reproduce --data oasis:oasis --small",
    "date": "2026-11-25",
    "marks": "R: the student report.",
    "rows": [
        row("starter", starter=None),
        row("ram", report="65.2 (R), best on test on AADB", best_on_test=0.66),
        row("ram/emotion/naive", task="emotion", split="naive", remark="no better than chance", figure=0.53),
        lacking("vgg16_ft", "no ImageNet weights: the address cannot be reached"),
        row("vgg16_ft/lite0"),
        row(
            "kong/reg", task="score", measure="Spearman", figure=-0.034, interval=[-0.2, 0.13], chance=0.0, starter=0.7
        ),
    ],
    "networks": [*(network(name) for name in NAMES if name != "ram"), network("ram", published=[STATED])],
}


@pytest.fixture
def written(tmp_path, monkeypatch):
    """written(table): what the command would have written lies where the page looks."""
    (tmp_path / "science" / "networks").mkdir(parents=True)
    (tmp_path / "science" / "curves").mkdir()
    for place in ("networks/ram", "curves/ram", "curves/ram-emotion-naive"):
        (tmp_path / "science" / f"{place}.svg").write_text(SVG)

    def find(path: str) -> str | None:
        return str(tmp_path / path) if (tmp_path / path).is_file() else None

    def write(table: dict | str) -> None:
        text = table if isinstance(table, str) else json.dumps(table)
        (tmp_path / "science" / "reproduction.json").write_text(text)

    monkeypatch.setattr(reproduction, "finders", SimpleNamespace(find=find))
    return write


def page(client) -> str:
    response = client.get(ADDRESS)
    assert response.status_code == 200
    return response.content.decode()


def article(text: str, name: str) -> str:
    return text.split(f'<article class="network" id="{name}"')[1].split("</article>")[0]


def test_every_network_has_its_card_with_what_it_is_and_costs(client, written):
    written(TABLE)
    text = page(client)
    for name in NAMES:
        card = article(text, name)
        assert f"What {name} is." in card and f"The paper of {name}" in card
        assert "434 million" in card and "31.5 GFLOP" in card and "2 of 3\u00a0×\u00a0224\u00a0×\u00a0224" in card
    assert text.index("Columns of convolutions</h2>") < text.index("Attention</h2>") < text.index("Ours</h2>")


def test_a_card_shows_its_drawing_its_figures_and_the_reports(client, written):
    written(TABLE)
    card = article(page(client), "ram")
    assert '/static/science/networks/ram.svg" width="1234" height="240"' in card and 'alt="The layers of' in card
    assert "61\u00a0% (52–70)" in card and "51\u00a0%" in card and "78\u00a0%" in card
    assert "3 min" in card and "850 MB" in card and "5 min of processor time" in card
    assert "the report 65.2 (R), best on test" in card and "58.3 % is high under &gt;= .5" in card
    assert "66\u00a0% at the epoch that was best on the test photographs" in card
    assert card.count("<img") == 3 and "/static/science/curves/ram-emotion-naive.svg" in card


def test_failures_are_said_plainly(client, written):
    written(TABLE)
    text = page(client)
    assert "No better than chance." in article(text, "ram")
    assert "No ImageNet weights<" in article(text, "vgg16_ft")
    assert "The table has no row of it yet." in article(text, "nima")


def test_the_whole_table_has_every_row_under_its_split_and_the_command(client, written):
    written(TABLE)
    table = page(client).split('aria-label="Table of all networks"')[1].split("</table>")[0]
    for each in TABLE["rows"]:
        assert f'<a href="#{each["network"]}">{each["key"].replace("/", "/<wbr>")}</a>' in table
    assert table.index("No subject in two parts") < table.index("(naive)") < table.index("ram/<wbr>emotion/<wbr>naive")
    assert "−.03 (−.20 to .13)" in table
    assert "manage.py reproduce --data oasis:oasis --small" in page(client)


def test_a_network_of_no_kind_stands_among_the_others(client, written):
    written({**TABLE, "networks": [network("quite_new")]})
    text = page(client)
    assert "What quite_new is." in article(text, "quite_new") and "Others</h2>" in text


def test_small_inputs_are_spoken_of_only_where_they_are_small(client, written):
    written(TABLE)
    assert "Small inputs." in page(client)
    written({**TABLE, "command": "manage.py reproduce --data ava:ava"})
    assert "Small inputs." not in page(client)


def test_without_the_table_it_says_so_with_the_command(client, written):
    text = page(client)
    assert "have not been reproduced here yet" in text and "manage.py reproduce --data" in text
    assert "What ranks this site" in text
    response = client.get(JSON)
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("broken", ["", '{"rows": [', "[]", '{"rows": [{"key": "ram"}], "networks": []}'])
def test_a_table_that_is_half_written_does_no_harm(client, written, broken):
    written(broken)
    assert "have not been reproduced here yet" in page(client)
    written(TABLE)
    assert article(page(client), "ram"), "the whole one shows at once"


def test_what_files_say_is_escaped(client, written):
    evil = "<script>alert(1)</script>"
    written({**TABLE, "command": evil, "rows": [row("ram", settings=[evil], report=evil)]})
    Network.objects.filter(pk=interface.active().id).update(card={"licence": evil})
    assert "<script>alert" not in page(client) and page(client).count("&lt;script&gt;alert") == 4


def test_the_network_that_ranks_shows_its_card(client, written):
    name = interface.active().name
    Network.objects.filter(name=name).update(
        card={
            "figures": {
                "valence": {"n": 690, "pearson": 0.6611, "spearman": 0.68, "auc": None},
                "emotion_oasis": {"n": 382, "accuracy": 0.5969, "balanced_accuracy": 0.594, "majority": 0.2984},
                "before": {"valence": {"n": 9, "pearson": 0.1}},
                "odd": 3,
            },
            "figures_by": "5 folds by subject",
            "data": {"oasis": 690, "flickr8k": 1398},
            "licence": "Free for research.",
            "calibration": {"n": 382, "ece": 0.0321, "table": [[0.4, 0.5, 30, 0.45, 0.5], [0.9, 1.0, 9, 0.93, 0.9]]},
        }
    )
    text = page(client)
    shown = text.split('id="ranks"')[1].split("</section>")[0]
    for piece in (name, ".66", "by rank .68", "60\u00a0%", "balanced 59\u00a0%", "30\u00a0%", "5 folds by subject"):
        assert piece in shown
    assert "690 of OASIS, 1,398 of Flickr8k" in shown and "Free for research." in shown and "Not for" in shown
    assert "3.2 percentage points" in shown and "M45.0 50.0L93.0 10.0" in shown


def test_a_card_without_anything_is_shown_too(client, written):
    Network.objects.filter(pk=interface.active().id).update(card={})
    assert "Its card holds no figures." in page(client)


def test_it_takes_two_queries_however_many_networks(client, written, django_assert_num_queries):
    interface.active()
    for table in (TABLE, {**TABLE, "networks": TABLE["networks"][:1]}):
        written(table)
        with django_assert_num_queries(2):
            page(client)
    with django_assert_num_queries(0):
        client.get(JSON)


def test_the_json_is_the_table_and_may_be_kept_by_anybody(client, written):
    written(TABLE)
    response = client.get(JSON)
    assert response.json() == TABLE
    assert {"public", "max-age=3600"} <= set(response.headers["Cache-Control"].split(", "))
    assert "Set-Cookie" not in response.headers and client.post(JSON).status_code == 405


def test_nothing_inline_and_nothing_from_elsewhere(client, written):
    for table in ("", TABLE):
        written(table)
        text = page(client)
        assert " style=" not in text and "<style" not in text
        assert not re.search(r"<script(?![^>]*\ssrc=)", text)
        assert not re.search(r"\son[a-z]+=", text)
        assert not re.findall(r'(?:src|srcset)="https?:', text)


class Structure(HTMLParser):
    """Columns of each table's rows, pictures without words, ids and where links within the page lead."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[int]] = []
        self.wordless: list[dict] = []
        self.ids: list[str] = []
        self.links: set[str] = set()

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append(0)
        elif tag in ("td", "th"):
            self.tables[-1][-1] += int(found.get("colspan", 1))
        elif tag == "a" and found.get("href", "").startswith("#"):
            self.links.add(found["href"][1:])
        elif (tag == "img" and not found.get("alt")) or (
            tag == "svg" and not {"aria-hidden", "aria-label"} & set(found)
        ):
            self.wordless.append(found)


def test_tables_are_whole_pictures_have_words_and_links_lead_somewhere(client, written):
    written(TABLE)
    found = Structure()
    found.feed(page(client))
    assert all(len(set(rows)) == 1 for rows in found.tables) and len(found.tables) >= 5
    assert not found.wordless
    assert len(found.ids) == len(set(found.ids)) and found.links <= set(found.ids)


def test_it_is_linked_from_every_page_and_loads_no_network(client, db):
    import subprocess
    import sys

    assert 'href="/science/"' in client.get("/about/").content.decode()
    code = "import evoke.wsgi, sys, gallery.views.science; print([m for m in ('torch', 'timm') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize(
    ("value", "said"), [(0.514, ".51"), (-0.03, "−.03"), (0.001, "0"), (-0.001, "0"), (1.0, "1.00")]
)
def test_correlations_are_written_as_the_field_does(value, said):
    assert reproduction._decimal(value) == said


@pytest.mark.parametrize(("number", "said"), [(23_400, "23,400"), (3_910_000, "3.9 million"), (434e6, "434 million")])
def test_parameters_are_rounded_for_people(number, said):
    assert reproduction.counted(int(number)) == said


def test_bars_lie_on_their_own_scales():
    strip = reproduction._row(row("ram")).strip
    assert (strip.low, strip.value, strip.high, strip.others, strip.strangers) == (52.0, 61.2, 70.0, 78.0, 51.0)
    strip = reproduction._row(TABLE["rows"][-1]).strip
    assert (strip.low, strip.strangers) == (20.0, 33.3), "rank correlations run from -.5 to 1"
    assert reproduction._row(row("ram", figure=None, interval=None)).strip is None
    assert reproduction._row(row("starter")).strip.others is None, "the starter is not held against itself"


def test_a_card_of_another_shape_is_read_as_far_as_it_goes():
    assert cards.figures({"figures": {"valence": {"pearson": None, "n": 0}, "x": [1]}}) == []
    assert cards.calibration({"calibration": {"table": []}}) is None
