import uuid

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from accounts import middleware
from accounts.models import Visitor


def run(request, view):
    return middleware.VisitorMiddleware(view)(request)


def ask(cookie=None):
    request = RequestFactory().get("/")
    if cookie is not None:
        request.COOKIES[middleware.COOKIE] = cookie
    return request


def greeted_cookie():
    def view(request):
        middleware.greet(request)
        return HttpResponse()

    return run(ask(), view).cookies[middleware.COOKIE]


def test_a_look_that_greets_nobody_sets_no_cookie():
    response = run(ask(), lambda request: HttpResponse())
    assert middleware.COOKIE not in response.cookies


def test_the_cookie_is_signed_and_kept_from_scripts():
    cookie = greeted_cookie()
    assert cookie["httponly"] and cookie["samesite"] == "Lax"
    assert ":" in cookie.value


def test_the_next_request_is_known_by_the_cookie():
    seen = []
    cookie = greeted_cookie().value
    run(ask(cookie), lambda request: seen.append(request.visitor_id) or HttpResponse())
    assert isinstance(seen[0], uuid.UUID)


@pytest.mark.parametrize("forged", ["", "x", "5c23fc07-dd53-4fd2-9147-ebd01b13f104:forged", "not-a-uuid:sig"])
def test_a_forged_cookie_is_nobody(forged):
    seen = []
    run(ask(forged), lambda request: seen.append(request.visitor_id) or HttpResponse())
    assert seen == [None]


@pytest.mark.django_db
def test_greeting_writes_no_row_and_visitor_of_writes_one():
    def view(request):
        middleware.greet(request)
        assert not Visitor.objects.exists()
        first, second = middleware.visitor_of(request), middleware.visitor_of(request)
        assert first == second
        return HttpResponse()

    run(ask(), view)
    assert Visitor.objects.count() == 1
