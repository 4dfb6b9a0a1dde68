"""The operator's line at the foot of Sad, Fear and Solitude."""

import pytest

from accounts.models import Visitor
from gallery.moods import MOODS

pytestmark = pytest.mark.django_db
LINE = 'class="help-line"'


@pytest.fixture
def line(settings):
    settings.HELP_TEXT, settings.HELP_URL = "Talking <helps>.", "tel:116123"


@pytest.fixture
def agreed(client, collection):
    """Somebody who agreed to see all moods; a photograph of each mood."""
    photos = {slug: collection(2, mood=slug, seed=i)[0] for i, slug in enumerate(MOODS)}
    client.post("/moods/accept/")
    assert Visitor.objects.get().shows_opt_in_moods
    return photos


def test_none_is_shown_until_it_is_set(client, agreed):
    assert LINE not in client.get("/mood/sad/").content.decode()


@pytest.mark.parametrize("slug", MOODS)
def test_three_moods_carry_it_on_their_page_and_their_photographs(client, agreed, line, slug):
    carried = slug in ("sad", "fear", "solitude")
    for address in (f"/mood/{slug}/", f"/photo/{agreed[slug].pk}/?mood={slug}"):
        page = client.get(address).content.decode()
        assert (LINE in page) == carried, address
        assert carried == ('<a href="tel:116123" rel="noreferrer external">Talking &lt;helps&gt;.</a>' in page)
        if carried:
            assert page.index("</main>") < page.index(LINE) < page.index("<footer")


def test_the_page_that_asks_first_carries_it_too(client, collection, line):
    collection(1, mood="sad")
    assert LINE in client.get("/mood/sad/").content.decode()


def test_without_an_address_it_is_no_link(client, agreed, settings):
    settings.HELP_TEXT = "Talking helps."
    assert '<p class="help-line">Talking helps.</p>' in client.get("/mood/sad/").content.decode()


def test_other_pages_do_without(client, agreed, line):
    for address in ("/", "/about/", "/takedown/"):
        assert LINE not in client.get(address).content.decode()
