from django.apps import AppConfig


class GalleryConfig(AppConfig):
    name = "gallery"
    verbose_name = "Gallery"

    def ready(self) -> None:
        from gallery import people
        from gallery.rank import rows
        from ml import interface

        interface.register_rows(rows.training_rows)
        people.register()
