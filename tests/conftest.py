"""What all tests share. The data folder is a temporary one, so that no test meets a real collection."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import django
import pytest

# Processes of pytest-xdist share the folder of the process that started them: it was in their environment when
# pytest-django read the settings, before this file was read. Their databases differ by name.
SHARED = "PYTEST_XDIST_WORKER" in os.environ
_var = os.environ["EVOKE_VAR"] if SHARED else tempfile.mkdtemp(prefix="evoke-tests-")
os.environ["EVOKE_VAR"] = _var
os.environ["DJANGO_SETTINGS_MODULE"] = (
    "evoke.settings"  # here and not in pyproject.toml: settings read EVOKE_VAR at import
)
for _name in (
    "CELERY_BROKER_URL",
    "STORAGE_URL",
    "FLICKR_API_URL",
    "FLICKR_API_KEYS",
    "OPENVERSE_API_URL",
    "EVOKE_FETCH_ALLOW",
):
    os.environ.pop(_name, None)
# After the embedded server has let go of it (its keeper ends it when this process is gone).
if not SHARED:
    atexit.register(shutil.rmtree, _var, ignore_errors=True)
django.setup()  # now, with EVOKE_VAR set: conftests of single folders import models before pytest-django would do it


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of real photographs need them; in CI they must be there."""
    folder = os.environ.get("EVOKE_REALDATA", "")
    if folder and Path(folder).is_dir():
        return
    if os.environ.get("CI"):
        raise pytest.UsageError("EVOKE_REALDATA must name the folder of real photographs in CI.")
    for item in items:
        if "realdata" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="EVOKE_REALDATA is not set: no real photographs here"))


@pytest.fixture(autouse=True)
def signs_in_whole(monkeypatch):
    """force_login stands for a whole sign-in: whoever is staff has shown their second factor, as the admin asks."""
    from allauth.account.internal.flows.login import record_authentication
    from allauth.mfa.models import Authenticator
    from django.test import Client, RequestFactory

    alone = Client.force_login

    def force_login(self, user, backend=None):
        alone(self, user, backend)
        if user.is_staff:
            kept, _ = Authenticator.objects.get_or_create(user=user, type="totp", defaults={"data": {"secret": ""}})
            request = RequestFactory().get("/")
            request.session = self.session
            record_authentication(request, user, "mfa", id=kept.pk, type=kept.type)
            request.session.save()

    monkeypatch.setattr(Client, "force_login", force_login)


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of real photographs and ratings."""
    return Path(os.environ["EVOKE_REALDATA"])


@pytest.fixture
def media(settings, tmp_path: Path) -> Path:
    """Files of this test alone: originals and renditions under a temporary folder."""
    backend = "django.core.files.storage.FileSystemStorage"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": backend, "OPTIONS": {"location": tmp_path / "media", "base_url": "/media/"}},
        "originals": {"BACKEND": backend, "OPTIONS": {"location": tmp_path / "originals", "base_url": None}},
    }
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.SHORTLIST_DIR = tmp_path / "shortlist"
    return tmp_path
