"""Redis as a broker that may go away while work is under way.

kombu 5.7 lets an acknowledgement on a connection that is gone raise AttributeError ("'NoneType' object has no attribute
'hostname'", as in https://github.com/celery/kombu/issues/582), which ends a worker whose task outlived Redis. A message
is only a wake-up: what it asked for is a row, and the sweep finds it.
"""

import logging
from typing import Any

from kombu.transport import redis

log = logging.getLogger(__name__)


class QoS(redis.QoS):
    """Acknowledges what can be acknowledged."""

    def ack(self, delivery_tag: str) -> None:
        if self._is_gone():
            log.info("A task ended after its broker's connection; the message may come again.")
        else:
            super().ack(delivery_tag)

    def restore_unacked(self, client: Any = None) -> list[Any]:
        """Messages that could not be put back: none, where there is nowhere to put them."""
        return [] if self._is_gone() else super().restore_unacked(client)

    def _is_gone(self) -> bool:
        transport = self.channel.connection
        return transport is None or transport.client is None


class Channel(redis.Channel):
    """A channel with such acknowledgements."""

    QoS = QoS


class Transport(redis.Transport):
    """kombu's Redis transport with such channels."""

    Channel = Channel
