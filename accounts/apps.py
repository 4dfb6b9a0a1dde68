from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "People"

    def ready(self) -> None:
        from accounts import own_data, receivers  # noqa: F401 (receivers connect themselves)

        own_data.register()
        post_migrate.connect(make_cache_table, sender=self)


def make_cache_table(using: str, **kwargs: Any) -> None:
    """The database cache, which counts attempts for all processes, wants a table; no other cache does."""
    from django.core.management import call_command

    call_command("createcachetable", database=using, verbosity=0)
