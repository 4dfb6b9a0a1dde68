"""The folder as a broker: a message is there whole or not at all."""

import threading
from queue import Empty

from kombu import Connection

from evoke.celery import app


def test_a_reader_never_meets_half_a_message(tmp_path):
    places = {"data_folder_in": str(tmp_path), "data_folder_out": str(tmp_path), "control_folder": str(tmp_path / "c")}
    count, seen, broken = 400, [], []
    with Connection("filesystem://", transport_options=places) as connection:
        writer, reader = connection.channel(), connection.channel()

        def read() -> None:
            while len(seen) < count and not broken:
                try:
                    seen.append(reader._get("web")["n"])
                except Empty:
                    continue
                except ValueError as error:
                    broken.append(error)

        thread = threading.Thread(target=read)
        thread.start()
        for n in range(count):
            writer._put("web", {"n": n, "body": "x" * 20_000})
        thread.join(30)
    assert not broken
    assert seen == list(range(count))
    assert app.connection().transport_cls == "filesystem"
