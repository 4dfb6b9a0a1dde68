"""The gallery's rooms in the admin: near-duplicates, takedowns, photographs; who may do what."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import User
from gallery.admin.duplicates import A_PAGE, MOST
from gallery.collect import duplicates, removals
from gallery.models import NotDuplicate, Photo, Rendition, Takedown

pytestmark = pytest.mark.django_db
CLUSTERS = "/admin/gallery/notduplicate/clusters/"
BASE = 0x5A5A_A5A5_3C3C_C3C3


@pytest.fixture
def keeper(client) -> Client:
    client.force_login(User.objects.create_superuser("keeper"))
    return client


def someone(*permissions: str) -> Client:
    """A client of staff with these permissions alone."""
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def alike(new_photo) -> list[Photo]:
    """Three that look nearly the same, with a rendition each."""
    photos = Photo.objects.bulk_create([new_photo(number, phash=BASE ^ number) for number in range(3)])
    Rendition.objects.bulk_create(
        Rendition(photo=photo, width=240, height=160, format="webp", file=f"renditions/{photo.pk}.webp", bytes=1)
        for photo in photos
    )
    duplicates.cluster_new([photo.pk for photo in photos])
    return photos


def test_clusters_are_shown_side_by_side(keeper, alike):
    page = keeper.get(CLUSTERS).content.decode()
    assert "1 cluster of photographs" in page and "3 alike" in page
    assert page.count('class="thumb"') == 3
    assert page.count("Not a duplicate") == page.count("Hide all but this") == 3
    assert CLUSTERS in keeper.get("/admin/gallery/notduplicate/").content.decode()


def test_without_clusters_the_page_says_so(keeper):
    assert "No two photographs look nearly the same." in keeper.get(CLUSTERS).content.decode()


def test_the_page_makes_few_queries_however_many_there_are(keeper, new_photo, django_assert_max_num_queries):
    Photo.objects.bulk_create(
        [new_photo(i, cluster=i // 2) for i in range(2 * A_PAGE + 4)]
        + [new_photo(1000 + i, cluster=10_000) for i in range(MOST + 5)]
    )
    with django_assert_max_num_queries(8):
        page = keeper.get(CLUSTERS).content.decode()
    assert page.count(" alike</h2>") == A_PAGE
    assert "and 5 more" in page and "Page 1 of 2" in page
    assert "Page 2 of 2" in keeper.get(f"{CLUSTERS}?page=99").content.decode()
    assert keeper.get(f"{CLUSTERS}?page=x").status_code == 200


def test_not_a_duplicate_is_remembered_and_can_be_taken_back(keeper, alike):
    response = keeper.post(f"/admin/gallery/notduplicate/{alike[1].pk}/different/", {"page": "1"})
    assert response.headers["Location"] == f"{CLUSTERS}?page=1"
    assert [p.cluster for p in Photo.objects.order_by("pk")] == [alike[0].pk, None, alike[0].pk]
    assert NotDuplicate.objects.filter(decided_by__username="keeper").count() == 2
    ids = list(NotDuplicate.objects.values_list("pk", flat=True))
    keeper.post("/admin/gallery/notduplicate/", {"action": "delete_selected", "_selected_action": ids, "post": "yes"})
    assert not NotDuplicate.objects.exists()
    assert set(Photo.objects.values_list("cluster", flat=True)) == {alike[0].pk}


def test_hide_all_but_this_hides_the_others_and_writes_down_who(keeper, alike):
    keeper.post(f"/admin/gallery/notduplicate/{alike[1].pk}/only/")
    assert [p.status for p in Photo.objects.order_by("pk")] == ["hidden", "shown", "hidden"]
    assert LogEntry.objects.filter(user__username="keeper").count() == 2
    assert " alike</h2>" not in keeper.get(CLUSTERS).content.decode()


@pytest.mark.parametrize("what", ["different", "only"])
def test_only_who_may_change_photographs_decides(alike, what):
    clerk = someone("view_photo", "view_notduplicate")
    assert "Not a duplicate" not in clerk.get(CLUSTERS).content.decode()
    address = f"/admin/gallery/notduplicate/{alike[1].pk}/{what}/"
    assert clerk.post(address).status_code == 403
    assert Client().post(address).status_code == 302, "to the log-in"
    assert someone_strict().post(address).status_code == 403, "no token"
    assert Photo.objects.filter(status="shown", cluster=alike[0].pk).count() == 3


def someone_strict() -> Client:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("root"))
    return client


def test_a_look_needs_the_permission_to_look(alike):
    assert someone().get(CLUSTERS).status_code == 403


@pytest.mark.parametrize("what", ["different", "only"])
def test_a_decision_is_posted_and_about_a_photograph_that_exists(keeper, alike, what):
    assert keeper.get(f"/admin/gallery/notduplicate/{alike[1].pk}/{what}/").status_code == 405
    assert keeper.post(f"/admin/gallery/notduplicate/99999999/{what}/").status_code == 404


def decide(client, takedown: Takedown, verdict: str, decision: str = "So it is."):
    address = f"/admin/gallery/takedown/{takedown.pk}/decide/"
    return client.post(address, {"verdict": verdict, "decision": decision}, follow=True).content.decode()


def test_a_takedown_is_read_and_granted_and_taken_back(keeper, alike):
    takedown = removals.ask(photo=alike[0], reason="It <shows> me.")
    page = keeper.get(f"/admin/gallery/takedown/{takedown.pk}/change/").content.decode()
    assert "It &lt;shows&gt; me." in page and page.count('class="thumb"') == 3
    assert "Take down for good" in page and "Refuse, and show again" in page
    page = decide(keeper, takedown, "grant")
    assert "Take the decision back" in page and "Take down for good" not in page
    assert set(Photo.objects.values_list("status", flat=True)) == {"removed"}
    decide(keeper, takedown, "reverse", "A mistake.")
    assert set(Photo.objects.values_list("status", flat=True)) == {"shown"}
    messages = LogEntry.objects.order_by("pk").values_list("change_message", flat=True)
    assert [("So it is." in m, "A mistake." in m) for m in messages] == [(True, False), (False, True)]
    takedown.refresh_from_db()
    assert (takedown.state, takedown.decided_by.username) == ("reversed", "keeper")


@pytest.mark.parametrize(
    ("verdict", "decision", "sentence"),
    [
        ("grant", " ", "Say why: whoever asked is told."),
        ("", "So.", "Choose one of the buttons."),
        ("reverse", "So.", "This request is open already."),
        ("grant", "x" * 2001, "Say it in at most 2000 characters."),
        ("grant", "a\x00", "Say why"),
    ],
)
def test_a_bad_decision_is_refused_in_a_sentence(keeper, alike, verdict, decision, sentence):
    takedown = removals.ask(photo=alike[0])
    assert sentence in decide(keeper, takedown, verdict, decision)
    takedown.refresh_from_db()
    assert takedown.state == "open"


def test_who_may_only_look_cannot_decide(alike):
    takedown = removals.ask(photo=alike[0])
    clerk = someone("view_takedown", "view_photo")
    assert "Take down for good" not in clerk.get(f"/admin/gallery/takedown/{takedown.pk}/change/").content.decode()
    address = f"/admin/gallery/takedown/{takedown.pk}/decide/"
    assert clerk.post(address, {"verdict": "grant", "decision": "Yes."}).status_code == 403
    takedown.refresh_from_db()
    assert takedown.state == "open"


def test_the_list_of_requests_makes_few_queries(keeper, new_photo, django_assert_max_num_queries):
    for number in range(12):
        photo = new_photo(number)
        photo.save()
        removals.ask(photo=photo)
    with django_assert_max_num_queries(8):
        assert keeper.get("/admin/gallery/takedown/").content.decode().count("photograph ") >= 12


def test_a_photograph_is_taken_down_within_one_press_and_not_shown_by_another(keeper, alike):
    press = {"_selected_action": [alike[0].pk]}
    keeper.post("/admin/gallery/photo/", {"action": "take_down", **press})
    assert set(Photo.objects.values_list("status", flat=True)) == {"removed"}, "near-copies go with it"
    assert Takedown.objects.get().decided_by.username == "keeper"
    for action in ("hide", "show"):
        keeper.post("/admin/gallery/photo/", {"action": action, **press})
    assert Photo.objects.get(pk=alike[0].pk).status == "removed"
    page = keeper.get(f"/admin/gallery/photo/{alike[0].pk}/change/").content.decode()
    assert 'name="status"' not in page


def test_the_form_of_a_photograph_does_not_remove(keeper, new_photo):
    photo = new_photo(1)
    photo.save()
    page = keeper.get(f"/admin/gallery/photo/{photo.pk}/change/").content.decode()
    assert '<option value="hidden"' in page and '<option value="removed"' not in page
