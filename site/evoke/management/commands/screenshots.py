"""manage.py screenshots OUT: every page as it looks, on a phone, a tablet and a desktop, in light and in dark."""

import shutil
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

SIZES = {390: 844, 820: 1180, 1440: 900}
SCHEMES = ("light", "dark")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str | None:
    """The path of a Chromium or Chrome on this machine, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Command(BaseCommand):
    help = "Take pictures of the pages of a running site."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("out", type=Path, help="folder to write PNG files into")
        parser.add_argument("--base", default="http://127.0.0.1:8000", help="where the site runs")
        parser.add_argument("--full", action="store_true", help="whole pages, not only the first window of them")

    def handle(self, *args: Any, out: Path, base: str, full: bool, **options: Any) -> None:
        try:
            from playwright.sync_api import Error, sync_playwright
        except ImportError as error:
            raise CommandError("Playwright is missing: install the test extra, pip install -e '.[test]'.") from error
        path = chromium()
        if path is None:
            raise CommandError("No Chromium was found; install it (Debian: apt install chromium).")
        try:
            out.mkdir(parents=True, exist_ok=True)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
                for width in SIZES:
                    for scheme in SCHEMES:
                        self._take(browser, base.rstrip("/"), out, width, scheme, full)
                browser.close()
        except (Error, OSError) as error:
            raise CommandError(f"The pictures could not be taken: {str(error).splitlines()[0]}") from error

    def _take(self, browser: Any, base: str, out: Path, width: int, scheme: str, full: bool) -> None:
        context = browser.new_context(
            viewport={"width": width, "height": SIZES[width]},
            color_scheme=scheme,
            has_touch=width < 1000,
            is_mobile=width < 1000,
            device_scale_factor=1,
        )
        page = context.new_page()
        for name, address in self._pages(page, base):
            page.goto(base + address, wait_until="networkidle")
            page.wait_for_timeout(500)  # photographs fade in
            file = out / f"{name}-{width}-{scheme}.png"
            page.screenshot(path=file, full_page=full)
            self.stdout.write(str(file))
        context.close()

    def _pages(self, page: Any, base: str) -> list[tuple[str, str]]:
        """Names and addresses: every kind of page, with the first photograph of solitude for the photo page."""
        page.goto(base + "/mood/solitude/")
        first = page.locator(".shot .frame").first
        photo = first.get_attribute("href") if first.count() else None
        moods = [(slug, f"/mood/{slug}/") for slug in ("happy", "sad", "motivation", "solitude")]
        pages = [("home", "/"), *moods, ("about", "/about/"), ("science", "/science/"), ("missing", "/nothing-here/")]
        return [*pages, ("photo", photo)] if photo else pages
