"""A visit as a person makes it, in a real browser."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from gallery.models import Rating, Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1440, "height": 900}


@pytest.fixture
def open_page(browser, site):
    """open_page(**how): a page in a context of its own; what its console or the network complains of fails the test."""
    contexts, complaints = [], []

    def make(**how):
        context = browser.new_context(**{"viewport": DESKTOP, "reduced_motion": "reduce", **how})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: request.url.startswith((site, "data:")) or complaints.append(request.url))
        return page

    yield make
    for context in contexts:
        context.close()
    assert not complaints


def ids(page) -> list[int]:
    return [int(i.removeprefix("p")) for i in page.eval_on_selector_all("figure.shot", "all => all.map(f => f.id)")]


def test_pick_a_mood_rate_and_the_next_page_follows(open_page, site):
    page = open_page()
    page.goto(site)
    page.get_by_role("link", name=re.compile("Solitude")).first.click()
    page.wait_for_url("**/mood/solitude/")
    first = ids(page)
    assert len(first) == 30
    page.goto(f"{site}/mood/solitude/?page=2")
    ready = Visit.objects.get().upcoming[:30]
    assert len(ready) == 30
    page.goto(f"{site}/photo/{first[2]}/?mood=solitude")
    page.locator('button[name="value"][value="1"]').first.click()
    page.wait_for_selector('button[name="value"][value="1"][aria-pressed="true"]')
    assert Rating.objects.get().value == 1
    page.goto(f"{site}/mood/solitude/?page=3")
    shown = ids(page)
    assert shown != ready[: len(shown)], "the order that was ready before the rating is not the one shown after it"
    page.goto(f"{site}/mood/solitude/")
    assert ids(page) == first, "the first page is as it was"


def test_more_comes_while_scrolling_and_nothing_twice(open_page, site):
    page = open_page()
    page.goto(f"{site}/mood/solitude/")
    for count in (60, 90):
        page.mouse.wheel(0, 40_000)
        page.locator("figure.shot").nth(count - 1).wait_for(state="attached")
    shown = ids(page)
    assert len(shown) == len(set(shown))


def test_everything_works_without_javascript(open_page, site):
    page = open_page(java_script_enabled=False)
    page.goto(f"{site}/mood/anger/")
    page.locator("main form button").first.click()
    assert ids(page)
    page.goto(f"{site}/mood/solitude/")
    first = ids(page)
    page.locator("a[rel=next]").click()
    page.wait_for_url("**page=2**")
    assert not set(ids(page)) & set(first)
    page.goto(f"{site}/photo/{first[0]}/?mood=solitude")
    page.locator('button[name="value"][value="4"]').first.click()
    assert page.locator('button[name="value"][value="4"][aria-pressed="true"]').count()
    page.locator('button[name="felt"][value="solitude"]').click()
    rating = Rating.objects.get()
    assert (rating.value, rating.felt) == (4, "solitude")


def test_keys_move_and_rate(open_page, site):
    page = open_page()
    page.goto(f"{site}/mood/solitude/")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    with page.expect_response("**/rate/"):
        page.keyboard.press("5")
    assert Rating.objects.get().value == 5
    page.keyboard.press("Enter")
    page.wait_for_url("**/photo/**")


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_barrier_or_scrolls_sideways(open_page, site, scheme, viewport):
    page = open_page(color_scheme=scheme, viewport=viewport)
    page.goto(f"{site}/mood/solitude/")
    photo = ids(page)[0]
    for address in ("/", "/mood/sad/", "/mood/solitude/", f"/photo/{photo}/?mood=solitude", "/about/", "/science/"):
        page.goto(site + address)
        page.wait_for_load_state("load")
        found = [v for v in Axe().run(page).response["violations"] if v["impact"] in ("serious", "critical")]
        assert not found, [(address, v["id"], [n["html"][:160] for n in v["nodes"][:3]]) for v in found]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{address} scrolls sideways"
