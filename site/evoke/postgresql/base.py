"""The database wrapper: starts or joins the embedded server before the first connection, and not a moment sooner."""

from pathlib import Path
from typing import Any

from django.db.backends.postgresql import base, client

from evoke import cluster, embedded


class DatabaseClient(client.DatabaseClient):
    """`manage.py dbshell`: the psql of the embedded server's own version."""

    connection: "DatabaseWrapper"

    @classmethod
    def settings_to_cmd_args_env(cls, settings_dict: dict[str, Any], parameters: Any) -> tuple[Any, dict | None]:
        args, env = super().settings_to_cmd_args_env(settings_dict, parameters)
        if settings_dict.get("EMBEDDED"):
            args[0] = str(cluster.program("psql"))
        return args, env

    def runshell(self, parameters: Any) -> None:
        self.connection.find_server()
        super().runshell(parameters)


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's wrapper with a server that is found, or started, when a connection is asked for."""

    client_class = DatabaseClient

    def find_server(self) -> None:
        """Fill in host, port and user. Asked before every connection (microseconds while the server's keeper lives)."""
        data = self.settings_dict.get("EMBEDDED")
        if not data:
            return
        try:
            found = embedded.ensure_postgres(Path(data))
        except embedded.EmbeddedError as error:
            raise self.Database.OperationalError(str(error)) from error
        self.settings_dict.update({key: found[key] for key in ("HOST", "PORT", "USER")})  # NAME may be a test's

    def get_connection_params(self) -> dict[str, Any]:
        self.find_server()
        return super().get_connection_params()
