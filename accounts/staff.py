"""The admin's door: staff show a second factor before it opens."""

from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

SECOND = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
SET_UP = "The admin asks for a second factor: add an authenticator app or a passkey, and it opens."


def has_shown_second_factor(request: HttpRequest) -> bool:
    """Whether this session proved a second factor that the account still has."""
    records = get_authentication_records(request, request.user)
    return any(record.get("method") == "mfa" for record in records) and has_second_factor(request.user)


def has_second_factor(user: Any) -> bool:
    """Whether an authenticator app or a passkey is set up (one query)."""
    return Authenticator.objects.filter(user_id=user.pk, type__in=SECOND).exists()


class StaffSite(AdminSite):
    """Django's admin whose sign-in is the site's own, and which wants a second factor."""

    def has_permission(self, request: HttpRequest) -> bool:
        """Active staff who showed their second factor in this session."""
        return super().has_permission(request) and has_shown_second_factor(request)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Lead to what is still missing: a sign-in, a second factor, or showing it."""
        user, back = request.user, {REDIRECT_FIELD_NAME: _wanted(request)}
        if not user.is_authenticated:
            return _lead("account_login", back)
        if not (user.is_active and user.is_staff):
            raise PermissionDenied
        if not has_second_factor(user):
            messages.info(request, SET_UP)
            return _lead("mfa_index")
        if not has_shown_second_factor(request):
            return _lead("mfa_reauthenticate", back)
        return HttpResponseRedirect(back[REDIRECT_FIELD_NAME])


def _lead(name: str, query: dict[str, str] | None = None) -> HttpResponse:
    return HttpResponseRedirect(reverse(name) + (f"?{urlencode(query)}" if query else ""))


def _wanted(request: HttpRequest) -> str:
    """Where they were going, if that is a page of the admin."""
    wanted, home = request.GET.get(REDIRECT_FIELD_NAME, ""), reverse("admin:index")
    here = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if here and wanted.startswith(home) and not wanted.startswith(reverse("admin:login")) else home
