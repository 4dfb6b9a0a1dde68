"""Work that a page or beat starts: thin, and harmless to run twice."""

from celery import shared_task

from accounts import actions, exports


@shared_task(name="accounts.tasks.write_export")
def write_export(key: str) -> None:
    """Write the file of one export."""
    exports.make(key)


@shared_task(name="accounts.tasks.take_up_exports")
def take_up_exports() -> None:
    """Take up exports whose message was lost or whose worker died."""
    for key in exports.waiting():
        exports.make(key)


@shared_task(name="accounts.tasks.purge")
def purge() -> None:
    """Delete exports that are a week old, and accounts whose two weeks are over."""
    exports.purge()
    actions.delete_those_who_left()
