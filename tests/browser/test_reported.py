"""Report a photograph, and a moderator's day, in a browser: with a keyboard, without JavaScript, held against axe."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client

from accounts.models import User
from gallery.models import Decision, Photo, Report

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def grave(page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [each["id"] for each in found if each["impact"] in ("serious", "critical")]


def test_report_a_photograph_and_decide_on_it(browser, site):
    photo = Photo.objects.by_default().order_by("pk")[0]
    visitor = browser.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    page = visitor.new_page()
    page.goto(f"{site}/photo/{photo.pk}/")
    page.get_by_role("link", name="Report it").click()
    page.get_by_label("A child, or a private person").check()
    page.get_by_label("More, if you like").fill("My neighbour’s daughter.")
    page.get_by_role("button", name="Send").click()
    page.wait_for_url(re.compile("/report/[^/]{20,}/"))
    assert "the photograph is not shown" in page.inner_text("main")
    receipt = page.url

    keeper = User.objects.create_superuser("keeper", "keeper@example.org")
    client = Client()
    client.force_login(keeper)
    moderator = browser.new_context(viewport={"width": 1440, "height": 900})
    moderator.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site}])
    queue = moderator.new_page()
    queue.goto(f"{site}/admin/gallery/report/")
    picture = queue.locator(".look img").first
    blurred = "all => getComputedStyle(all).filter"
    assert "blur" in picture.evaluate(blurred)
    queue.locator(".look summary").first.focus()
    queue.keyboard.press("Enter")
    assert picture.evaluate(blurred) == "none", "shown when pressed"
    assert not grave(queue)
    queue.get_by_label("Why? Whoever reported it is told.").fill("She is not to be recognised.")
    queue.get_by_role("button", name="Keep as it is").click()
    queue.get_by_text("Nothing waits here.").wait_for()
    assert Decision.objects.filter(automatic=False).get().by == keeper

    page.goto(receipt)
    assert "She is not to be recognised." in page.inner_text("main")
    assert page.goto(f"{site}/photo/{photo.pk}/").status == 200
    for context in (visitor, moderator):
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_the_form_and_the_receipt_have_no_serious_violation(browser, site, scheme, width):
    photo = Photo.objects.by_default().order_by("pk")[0]
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{site}/photo/{photo.pk}/report/")
    assert not grave(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_label("Wrong mood").check()
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/report/**")
    assert Report.objects.count() == 1 and not grave(page)
    context.close()
