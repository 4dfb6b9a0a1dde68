"""What visitors' answers are like as a whole: one query, one row a visitor. The judgement is rank/trust.py's."""

import uuid

from django.core.cache import cache
from django.db import connection

from gallery.models import Rating
from gallery.rank import trust

ALARMS, ALARMS_SECONDS = "rating-alarms", 300
HASTY_SECONDS = 1
_QUERY = """
WITH said AS (
    SELECT visitor_id, value, rated_at - lag(rated_at) OVER (PARTITION BY visitor_id ORDER BY rated_at, id) AS since
    FROM {table} WHERE value IS NOT NULL OR hidden OR felt <> ''
), moods AS (
    SELECT visitor_id, sum(n) AS felt, 1 - sum(n * n) / (sum(n) * sum(n)) AS variety
    FROM (SELECT visitor_id, felt, count(*) AS n FROM {table} WHERE felt <> '' GROUP BY visitor_id, felt) AS each
    GROUP BY visitor_id
)
SELECT said.visitor_id, count(value), coalesce(var_pop(value), 0), coalesce(max(moods.felt), 0),
    coalesce(max(moods.variety), 0), count(*) FILTER (WHERE since < make_interval(secs => %s)), count(*)
FROM said LEFT JOIN moods ON moods.visitor_id = said.visitor_id GROUP BY said.visitor_id
"""


def of_visitors() -> dict[uuid.UUID, trust.Habits]:
    """The habits of everybody who ever answered (some hundred bytes each), in one query."""
    with connection.cursor() as cursor:
        cursor.execute(_QUERY.format(table=connection.ops.quote_name(Rating._meta.db_table)), [HASTY_SECONDS])
        return {
            visitor: trust.Habits(ratings, float(variance), int(felt), float(variety), hasty, answers)
            for visitor, ratings, variance, felt, variety, hasty, answers in cursor.fetchall()
        }


def alarms() -> list[str]:
    """Sentences about visitors by whom too much hangs or whose answers look made up; some minutes old at most."""
    found: list[str] | None = cache.get(ALARMS)
    if found is None:
        found = trust.alarms({str(visitor): one for visitor, one in of_visitors().items()})
        cache.set(ALARMS, found, ALARMS_SECONDS)
    return found
