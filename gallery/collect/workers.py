"""Which workers are alive: each holds an advisory lock of its own number while it lives, and the server frees it.

A row in hand names its worker's number, so that whatever a killed worker held is free at once, without leases that
have to run out. The lock needs a session of its own: through a pooler that shares sessions it would not hold.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connections

WORKERS, CRAWLS = 0x45570001, 0x45570002  # classes of advisory locks
# Rows whose worker is nobody, or dead. PostgreSQL shows the two halves of a lock as class and object.
FREE = f"""(worker IS NULL OR NOT EXISTS (
    SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND classid = {WORKERS} AND objid = worker AND objsubid = 2
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())))"""  # noqa: S608


@contextmanager
def working(crawl_id: int) -> Iterator[int]:
    """This worker's number, held until the end of the block or of the process."""
    own = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        with own.cursor() as cursor:
            number = 0
            while not number:
                tried = random.randrange(1, 1 << 31)  # noqa: S311 (a name, not a secret)
                cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [WORKERS, tried])
                number = tried if cursor.fetchone()[0] else 0
            cursor.execute("SELECT pg_try_advisory_lock_shared(%s, %s)", [CRAWLS, crawl_id])
            try:
                yield number
            finally:
                cursor.execute("SELECT pg_advisory_unlock_all()")
    finally:
        own.close()


def has_worker(crawl_id: int) -> bool:
    """Whether anybody works at a crawl."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND objid = %s"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
            [CRAWLS, crawl_id],
        )
        return bool(cursor.fetchone()[0])
