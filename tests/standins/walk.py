"""A crawl of one word without a database or a network: what it asks of the stand-in Flickr, and what it meets.

`PYTHONPATH=tests python manage.py shell --no-imports -c "from standins.walk import main; main()"` prints the share of
the photographs found and the calls used, against the least possible, on three distributions of uploads.
"""

import json
import random
from collections import deque

from standins.flickr import FIRST, LAST, PAGE_SIZE, SHAPES, Flickr

from gallery.collect import slicing
from gallery.collect.sources.base import Answer, Query
from gallery.collect.sources.flickr import LICENCES, _asked
from gallery.collect.sources.flickr import Flickr as Source

WHOLE = Query("happy", "happy", FIRST, LAST)


def split(query: Query, total: int) -> list[Query]:
    source = Source.__new__(Source)  # cutting needs no key
    source.licences = LICENCES
    return source.split(query, total)


class Walk:
    """A crawl of one word without a database: what it asked for and what it met."""

    def __init__(self, standin: Flickr, size: int = 500) -> None:
        self.standin, self.size = standin, size
        self.calls, self.out_of_reach = 0, False
        self.found: set[str] = set()

    def run(self, whole: Query = WHOLE) -> "Walk":
        queries = deque([whole])
        while queries:
            position: slicing.Position | None = slicing.Position(queries.popleft())
            while position is not None:
                answer = self.ask(position)
                step = slicing.after(position, answer, self.standin.window, split)
                assert step.position != position, "a step goes on"
                queries.extend(step.parts)
                self.out_of_reach |= step.out_of_reach
                position = step.position
        return self

    def ask(self, position: slicing.Position) -> Answer:
        self.calls += 1
        assert self.calls < 20_000
        asked = {name: str(value) for name, value in _asked(position.query, position.page).items()}
        _, _, body = self.standin._search({**asked, "per_page": str(self.size)})
        photos = json.loads(body)["photos"]
        marks = [(record["id"], int(record["dateupload"])) for record in photos["photo"]]
        self.found |= {name for name, _ in marks}
        return Answer([], marks, total=photos["total"])


def main(count: int = 300_000, seed: int = 0) -> None:
    for name, shape in SHAPES.items():
        made = Flickr()
        made.add_many(shape(count, random.Random(seed)), "happy")
        made.drift = 0.2
        walk = Walk(made).run()
        figures = {"found": len(walk.found) / count, "calls": walk.calls, "least": -(-count // PAGE_SIZE)}
        print(json.dumps({"uploads": name, "photographs": count, **figures}))
