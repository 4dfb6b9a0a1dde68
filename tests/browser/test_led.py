"""Being led from one mood to another, and seeing what was learnt, in a real browser."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from gallery import journeys
from gallery.models import Photo, Rating, Score, Visit
from gallery.rank import shortlist
from ml import interface

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1440, "height": 900}


@pytest.fixture
def way(site):
    """A site whose photographs lead from sad to happy: pleasantness, mood and embedding change together."""
    prior = interface.prior(interface.active().id)
    photos = list(Photo.objects.order_by("pk"))
    for place, score in enumerate(Score.objects.order_by("photo_id")):
        share = place / (len(photos) - 1)
        mood = interface.MOODS.index("sad" if share < 0.4 else "happy" if share > 0.6 else "solitude")
        score.moods = [0.95 if i == mood else 0.01 for i in range(6)]
        score.valence = prior.center[1] + prior.scale[1] * (4 * share - 2)
        score.arousal = prior.center[2] + prior.scale[2] * (2 * share - 1)
        score.embedding = [1.0, share * 4 - 2, (place * 7 % 10) / 20, *([0.0] * 61)]
        score.save()
    shortlist.write()
    return site


@pytest.fixture
def open_page(browser, way):
    """open_page(**how): a page in a context of its own; what its console or the network complains of fails the test."""
    contexts, complaints = [], []

    def make(**how):
        context = browser.new_context(**{"viewport": DESKTOP, "reduced_motion": "reduce", **how})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: request.url.startswith((way, "data:")) or complaints.append(request.url))
        return page

    yield make
    for context in contexts:
        context.close()
    assert not complaints


def led(page, way):
    """From the mood's page onto the way; returns the journey."""
    page.goto(f"{way}/mood/sad/")
    page.get_by_role("button", name="Show them").click()
    page.get_by_role("link", name="Lift my mood").click()
    page.wait_for_url(re.compile(r"/journey/\d+/1/$"))
    return Visit.objects.get(sort=journeys.SORT)


def step(page, number):
    page.wait_for_url(re.compile(rf"/journey/\d+/{number}/$"))


def test_from_sad_to_happy_by_keyboard(open_page, way):
    page = open_page()
    visit = led(page, way)
    page.evaluate("window.same = true")
    page.keyboard.press("ArrowRight")
    step(page, 2)
    page.keyboard.press(" ")
    step(page, 3)
    page.keyboard.press("ArrowLeft")
    step(page, 2)
    with page.expect_response("**/rate/"):
        page.keyboard.press("5")
    assert Rating.objects.get().photo_id == visit.shown[1]
    for number in range(3, len(visit.shown) + 2):
        page.keyboard.press("ArrowRight")
        step(page, number)
    page.get_by_role("heading", name="Happy").wait_for()
    assert page.evaluate("window.same"), "it never left the page: full screen and pace go on"
    page.go_back()
    step(page, len(visit.shown))
    page.locator("#step .scene").wait_for()
    page.keyboard.press("Escape")
    page.wait_for_url("**/mood/sad/")


def test_a_swipe_goes_on_and_the_next_photograph_is_there_already(open_page, way):
    page = open_page(viewport=PHONE, has_touch=True)
    led(page, way)
    following = page.locator(".soon img")
    page.wait_for_function("document.querySelector('.soon img').complete")
    source = following.evaluate("image => image.currentSrc")
    swipe = """([from, to]) => { for (const [name, x] of [['touchstart', from], ['touchend', to]]) {
        const touch = new Touch({identifier: 1, target: document.body, clientX: x, clientY: 400});
        document.body.dispatchEvent(new TouchEvent(name, {bubbles: true, touches: name === 'touchstart' ? [touch] : [],
            changedTouches: [touch]})); } }"""
    page.evaluate(swipe, [300, 100])
    step(page, 2)
    page.wait_for_function("source => document.querySelector('.scene .light').currentSrc === source", arg=source)
    page.evaluate(swipe, [100, 300])
    step(page, 1)


def test_it_is_still_until_a_pace_is_chosen_and_stops_when_asked(open_page, way):
    page = open_page()
    led(page, way)
    page.clock.install()
    page.clock.fast_forward(60_000)
    step(page, 1)
    page.get_by_role("button", name="Slow", exact=True).click()
    page.clock.fast_forward(10_000)
    step(page, 2)
    page.wait_for_function("document.querySelector('.scene .light').complete")
    page.get_by_role("button", name="Still").click()
    page.clock.fast_forward(60_000)
    step(page, 2)


def test_the_way_is_walked_without_javascript(open_page, way):
    page = open_page(java_script_enabled=False)
    page.goto(f"{way}/journey/?from=solitude")
    page.get_by_role("button", name="Set out").click()
    page.locator("#after").click()
    page.locator("#after").click()
    step(page, 3)
    page.get_by_role("button", name="4 of 5").click()
    assert page.locator('.marks [aria-pressed="true"]').count() == 1
    page.get_by_role("link", name="Leave").click()
    page.wait_for_url("**/mood/solitude/")
    page.goto(f"{way}/you/")
    page.get_by_role("button", name="2 of 5").click()
    assert Rating.objects.get().value == 2
    page.get_by_role("button", name="Undo").click()
    assert Rating.objects.get().value == 4
    page.get_by_role("button", name=re.compile("Remove all")).click()
    assert not Rating.objects.exists()


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_barrier_or_scrolls_sideways(open_page, way, scheme, viewport):
    page = open_page(color_scheme=scheme, viewport=viewport)
    visit = led(page, way)
    addresses = ["/journey/", f"/journey/{visit.pk}/1/", f"/journey/{visit.pk}/2/", f"/journey/{visit.pk}/999/"]
    page.goto(f"{way}/you/")
    for address in [*addresses, "/you/"]:
        page.goto(way + address)
        if address.endswith("/2/"):
            for mark in "35":
                page.locator(f'.marks [data-mark="{mark}"]').click()
                page.locator(f'.marks [data-mark="{mark}"][aria-pressed="true"]').wait_for()
            page.goto(f"{way}/photo/{visit.shown[4]}/")
            page.locator("#felt-fear").click()
            page.locator('#felt-fear[aria-pressed="true"]').wait_for()
            page.goto(way + address)
        page.wait_for_load_state("load")
        found = [v for v in Axe().run(page).response["violations"] if v["impact"] in ("serious", "critical")]
        assert not found, [(address, v["id"], [n["html"][:160] for n in v["nodes"][:3]]) for v in found]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{address} scrolls sideways"
