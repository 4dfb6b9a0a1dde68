"""A passkey in a real browser: made at signing up, used at signing in, with an authenticator that Chromium plays."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core import mail
from django.core.cache import cache

from accounts.models import User, Visitor
from gallery.models import Photo, Rating

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def localhost(site) -> str:
    """Browsers make passkeys for names, not for numbers."""
    cache.clear()
    return site.replace("127.0.0.1", "localhost")


@pytest.fixture
def page(browser):
    """A page whose browser holds a virtual authenticator that knows its person."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    page, complaints = context.new_page(), []
    page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    devtools = context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    yield page
    context.close()
    assert not complaints


def clean(page) -> None:
    """No serious barrier, and nothing runs out of the window."""
    found = [v for v in Axe().run(page).response["violations"] if v["impact"] in ("serious", "critical")]
    assert not found, [(page.url, v["id"], [n["html"][:160] for n in v["nodes"][:3]]) for v in found]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url


def test_sign_up_with_a_passkey_keeps_the_ratings_and_sign_in_needs_nothing_else(page, localhost):
    photo = Photo.objects.order_by("pk").first()
    page.goto(f"{localhost}/photo/{photo.pk}/")
    with page.expect_response("**/rate/"):
        page.locator('.answers button[name="value"][value="4"]').click()
    page.get_by_role("link", name="Sign in").click()
    clean(page)
    page.get_by_role("link", name="Make an account").click()
    clean(page)
    page.get_by_role("link", name="With a passkey").click()
    page.get_by_label("E-mail address").fill("ada@example.org")
    page.get_by_role("button", name="Send the code").click()
    page.wait_for_url("**/confirm-email/")
    clean(page)
    page.get_by_label("Code").fill(re.search(r"\n([0-9A-Z-]{6,})\n", mail.outbox[-1].body)[1])
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url("**/webauthn/signup/")
    clean(page)
    page.get_by_role("button", name="Make the passkey").click()
    page.wait_for_url(f"{localhost}/")
    assert page.get_by_text("1 rating came along.").count()
    assert Rating.objects.get().visitor.user == User.objects.get(email="ada@example.org")
    assert not User.objects.get().has_usable_password()

    page.goto(f"{localhost}/settings/")
    clean(page)
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{localhost}/")
    page.goto(f"{localhost}/account/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{localhost}/")
    page.goto(f"{localhost}/settings/")
    assert page.get_by_text("ada@example.org").count()
    assert Visitor.objects.filter(user__email="ada@example.org").count() == 1
