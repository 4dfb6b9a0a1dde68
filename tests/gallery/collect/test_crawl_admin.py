"""Crawls from the admin: begun, followed, paused, resumed, cancelled, and worked at by the queue."""

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from standins.flickr import FIRST

from gallery import tasks
from gallery.models import Crawl, Photo

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("in_process", "media")]
ASKED = {"source": "flickr", "moods": ["happy"], "since_0": "2005-01-01", "since_1": "00:00:00", "limit": ""}
ADD, LIST = reverse("admin:gallery_crawl_add"), reverse("admin:gallery_crawl_changelist")


@pytest.fixture
def admin(client):
    client.force_login(get_user_model().objects.create_superuser("root", password="x"))
    return client


def act(client, action: str) -> None:
    chosen = list(Crawl.objects.values_list("pk", flat=True))
    assert client.post(LIST, {"action": action, "_selected_action": chosen}).status_code == 302


def test_a_crawl_is_begun_in_the_admin_and_done_by_the_queue(admin, flickr):
    flickr.add(FIRST, "happy")
    flickr.add(FIRST + 1, "happy", fault="gone")
    assert "01/01/2005" in admin.get(ADD).content.decode()
    assert admin.post(ADD, ASKED).status_code == 302
    tasks.crawl_on()
    tasks.render_pending()
    crawl = Crawl.objects.get()
    assert (crawl.state, crawl.asked_by.username) == ("done", "root")
    assert Photo.objects.on_show().count() == 1
    page = admin.get(reverse("admin:gallery_crawl_change", args=[crawl.pk])).content.decode()
    assert "1  stored" in page and "rejected, the source has it no more" in page
    assert admin.get(LIST).status_code == 200


def test_paused_it_waits_and_resumed_it_goes_on(admin, flickr):
    flickr.add(FIRST, "happy")
    admin.post(ADD, ASKED)
    page = reverse("admin:gallery_crawl_change", args=[Crawl.objects.get().pk])
    assert admin.get(page)["Refresh"], "it is live while it runs"
    act(admin, "pause")
    assert "Refresh" not in admin.get(page)
    assert admin.get(reverse("admin:gallery_crawl_change", args=["none"])).status_code == 302
    tasks.crawl_on()
    assert (Crawl.objects.get().state, flickr.fetched) == ("paused", [])
    act(admin, "resume")
    tasks.crawl_on()
    assert (Crawl.objects.get().state, len(flickr.fetched)) == ("done", 1)


def test_cancelled_it_ends_for_good(admin, flickr):
    admin.post(ADD, ASKED)
    act(admin, "cancel")
    act(admin, "resume")
    assert Crawl.objects.get().state == "cancelled" and Crawl.objects.get().ended_at


def test_what_cannot_work_is_told_in_the_form(admin, flickr, settings):
    settings.FLICKR_API_KEYS = []
    assert "Flickr needs a key" in admin.post(ADD, ASKED).content.decode()
    assert "in the past" in admin.post(ADD, {**ASKED, "source": "openverse", "since_0": "2999-01-01"}).content.decode()
    refused = admin.post(ADD, {**ASKED, "source": "folder"})
    assert refused.status_code == 200 and not Crawl.objects.exists(), "this machine's files are not for the web"


def test_without_the_permission_nobody_begins_or_ends_one(client, flickr):
    client.force_login(get_user_model().objects.create_user("eve", password="x", is_staff=True))
    assert client.post(ADD, ASKED).status_code == 403
    assert client.get(LIST).status_code == 403


def test_the_form_offers_sources_by_their_titles_and_none_of_this_machine(admin):
    page = admin.get(ADD).content.decode()
    assert page.index(">Flickr</option>") < page.index(">Openverse</option>") < page.index(">Imported data sets")
    assert 'value="folder"' not in page
