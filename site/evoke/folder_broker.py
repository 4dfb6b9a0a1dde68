"""A folder as a broker whose messages appear whole.

kombu 5.7 creates a message's file under its final name and then fills it, so that a worker which looks at that moment
reads an empty message and ends ("Unrecoverable error: JSONDecodeError"). Here a message gets its name when it is whole.
"""

import os
import time
import uuid
from json import dumps
from pathlib import Path
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import filesystem


class Channel(filesystem.Channel):
    """A channel with such messages."""

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]  # as kombu has it
        name = f"{time.time_ns()}_{uuid.uuid4()}.{queue}.msg"
        folder = Path(self.data_folder_out)
        part = folder / f".{name}.part"
        try:
            part.write_text(dumps(payload))
            os.replace(part, folder / name)
        except OSError as error:
            raise ChannelError(f"Cannot add a message to {folder}: {error.strerror}.") from error


class Transport(filesystem.Transport):
    """kombu's transport with such channels."""

    Channel = Channel
