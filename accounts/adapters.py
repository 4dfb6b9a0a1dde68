"""How allauth does things here: whose words it uses, whose address it counts, which accounts need no mail."""

import uuid
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import record_authentication
from allauth.account.stages import EmailVerificationStage
from allauth.account.utils import user_username
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added
from django.conf import settings
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

WRONG = "That address and password do not belong together."
ITS_OWN_STAGE = "allauth.account.stages.EmailVerificationStage"


class VerifyEmail(EmailVerificationStage):
    """As allauth's, but an account made at the terminal without an address has none to verify."""

    def handle(self) -> Any:
        user = self.login.user
        if user is not None and not user.email and not user.emailaddress_set.exists():
            return None, True
        return super().handle()


class AccountAdapter(DefaultAccountAdapter):
    """Accounts by e-mail address; user names are random and nobody is asked for one."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": WRONG,
        "username_password_mismatch": WRONG,
        "incorrect_password": "That is not the password of this account.",
        "incorrect_code": "That is not the code; it may be too old.",
        "too_many_login_attempts": "Too many tries with a wrong password: wait five minutes.",
        "rate_limited": "That was asked for a moment ago: wait a little before asking again.",
    }

    def populate_username(self, request: HttpRequest, user: Any) -> None:
        user_username(user, user.username or uuid.uuid4().hex)

    def get_login_stages(self) -> list[str]:
        ours = f"{VerifyEmail.__module__}.{VerifyEmail.__name__}"
        return [ours if stage == ITS_OWN_STAGE else stage for stage in super().get_login_stages()]

    def get_client_ip(self, request: HttpRequest) -> str:
        """A keyed hash that tells addresses apart: limits count it, and nothing keeps the address itself.

        Behind the operator's proxy (EVOKE_HTTPS) the address is the last that X-Forwarded-For names: it added that one.
        """
        address = request.META.get("REMOTE_ADDR", "")
        if settings.HTTPS:
            address = request.headers.get("X-Forwarded-For", address).rpartition(",")[2].strip()
        if ":" in address:  # somebody with IPv6 has a whole network of addresses
            address = ":".join(address.split(":")[:4])
        return salted_hmac("accounts.limits", address).hexdigest()

    def get_http_user_agent(self, request: HttpRequest) -> str:
        return ""


class MFAAdapter(DefaultMFAAdapter):
    """Second factors under the site's name."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "That is not the code: it changes every thirty seconds.",
        "unverified_email": "Verify your e-mail address first: then a second factor can be added.",
    }

    def _get_site_name(self) -> str:
        return "Evoke"

    def generate_authenticator_name(self, user: Any, type: Authenticator.Type) -> str:  # noqa: A002 (allauth's)
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return f"Passkey {count + 1}"


@receiver(authenticator_added)
def count_as_shown(sender: Any, request: HttpRequest, user: Any, authenticator: Authenticator, **kwargs: Any) -> None:
    """Whoever sets up a second factor has just used it: they need not show it again in this session."""
    if request.user.is_authenticated and authenticator.type != Authenticator.Type.RECOVERY_CODES:
        record_authentication(request, user, "mfa", id=authenticator.pk, type=authenticator.type)
