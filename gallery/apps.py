from contextlib import suppress

from django.apps import AppConfig


class GalleryConfig(AppConfig):
    name = "gallery"
    verbose_name = "Gallery"

    def ready(self) -> None:
        from gallery import licences, people
        from gallery.rank import habits, rows
        from ml import interface

        interface.register_rows(rows.training_rows)
        interface.register_collection(said=rows.said_by, alarms=habits.alarms, thumbnails=rows.thumbnails)
        interface.register_verification(_verify)
        interface.register_licences({slug: licences.LICENCES[slug].name for slug in licences.SHOWN})
        interface.register_answers(rows.answers_since)
        people.register()


def _verify() -> None:
    """Verify the data set; where there is nothing to verify yet, nothing."""
    from gallery.dataset import verify

    with suppress(verify.NothingToVerify):
        verify.verify(lambda done, total: None, "")
