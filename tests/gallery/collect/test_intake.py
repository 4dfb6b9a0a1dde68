"""What is taken in, what is refused and why, and what is made of it."""

import io
import struct
import zlib

import imagehash
import numpy as np
import pytest
from django.core.files.storage import default_storage, storages
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from gallery.collect import intake, render
from gallery.collect.intake import Facts, take_in
from gallery.models import Photo, Rendition

from .conftest import encoded, picture

pytestmark = pytest.mark.django_db


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing: a bomb's first bytes."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(bytes(1000))
    chunks = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (body, data))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def moving(kind: str) -> bytes:
    return encoded(picture(0), kind, save_all=True, append_images=[picture(1)], duration=100)


BAD = {
    "text called .jpg": (b"hello, I am a photograph", "wrong_type"),
    "nothing": (b"", "wrong_type"),
    "an HTML page": (b"<html><body>Not found</body></html>", "wrong_type"),
    "a GIF": (encoded(picture(), "gif"), "wrong_type"),
    "a TIFF": (encoded(picture(), "tiff"), "wrong_type"),
    "a BMP": (encoded(picture(), "bmp"), "wrong_type"),
    "a JPEG cut in half": (encoded(picture(), quality=95)[:20_000], "damaged"),
    "a PNG cut short": (encoded(picture(), "png")[:2000], "damaged"),
    "a bomb of 900 megapixels": (png_header(30_000, 30_000), "too_many_pixels"),
    "110 megapixels": (png_header(11_000, 10_000), "too_many_pixels"),
    "a thumbnail": (encoded(picture(size=(400, 299))), "too_small"),
    "a moving WebP": (moving("webp"), "animated"),
    "a moving PNG": (moving("png"), "animated"),
}


@pytest.mark.parametrize(("content", "because"), BAD.values(), ids=BAD.keys())
def test_it_refuses_with_a_reason_and_keeps_nothing(media, facts, content, because):
    outcome = take_in(content, facts)
    assert (outcome.photo, outcome.rejected_because) == (None, because)
    assert not Photo.objects.exists()
    assert not [p for p in media.rglob("*") if p.is_file()]


def test_it_refuses_more_than_fifty_megabytes(media, facts, monkeypatch):
    monkeypatch.setattr(render, "MOST_BYTES", 1000)
    assert take_in(encoded(picture()), facts).rejected_because == "too_large"


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(content):
    with pytest.raises(render.Rejected):
        render.render(b"\xff\xd8\xff\xe0" + content)


GOOD = {
    "JPEG": encoded(picture(1)),
    "PNG": encoded(picture(2), "png"),
    "WebP": encoded(picture(3), "webp"),
    "AVIF": encoded(picture(4), "avif"),
    "grey": encoded(picture(5, mode="L")),
    "CMYK": encoded(picture(6, mode="CMYK")),
    "palette": encoded(picture(7, mode="P"), "png"),
    "transparent": encoded(picture(8, mode="RGBA"), "png"),
    "16 bits": encoded(Image.fromarray(np.linspace(0, 65535, 640 * 480).reshape(480, 640).astype(np.uint16)), "png"),
}


@pytest.mark.parametrize("content", GOOD.values(), ids=GOOD.keys())
def test_it_takes_in_every_accepted_kind(media, facts, content):
    photo = take_in(content, facts).photo
    assert photo is not None
    with storages["originals"].open(photo.original.name) as original:
        assert original.read() == content, "the original bytes are kept as they are"
    widths = {(r.format, r.width) for r in photo.renditions.all()}
    assert widths == {(kind, width) for kind in ("avif", "webp") for width in (240, 480, 640)}
    for rendition in photo.renditions.all():
        with default_storage.open(rendition.file.name) as file:
            image = Image.open(file)
            assert (image.size, image.format.lower()) == ((rendition.width, rendition.height), rendition.format)


@pytest.mark.parametrize("content", [content for content, _ in BAD.values()] + list(GOOD.values()), ids=[*BAD, *GOOD])
def test_a_look_without_rendering_finds_what_rendering_finds(content):
    said = []
    for work in (render.inspect, render.render):
        try:
            seen = work(content)
        except render.Rejected as error:
            said.append(error.because)
        else:
            said.append((seen.sha256, seen.format, seen.width, seen.height))
    assert said[0] == said[1]


@pytest.mark.realdata
def test_hashes_stay_those_of_rows_written_before_but_for_two_bits(realdata):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for file in sorted((realdata / "gallery" / "photos").glob("*.jpg"))[::6]:
        image = Image.open(file)
        plain, profiled = file.read_bytes(), encoded(image, quality="keep", icc_profile=profile)
        before = int(str(imagehash.phash(image.convert("RGB"))), 16)
        now = [render.inspect(plain).phash, render.inspect(profiled).phash, render.perceptual_hash(image)]
        assert max((before ^ bits % 2**64).bit_count() for bits in now) <= 2


def test_sixteen_bits_keep_their_greys():
    rendered = render.render(GOOD["16 bits"])
    image = Image.open(io.BytesIO(rendered.pictures[-1].content)).convert("L")
    assert image.getpixel((5, 2)) < 30 and image.getpixel((630, 477)) > 225


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (300, [240, 300]),
        (250, [240]),
        (480, [240, 480]),
        (500, [240, 480]),
        (1100, [240, 480, 800, 1100]),
        (4000, [240, 480, 800, 1200, 1920]),
    ],
)
def test_renditions_are_never_enlarged(width, expected):
    assert render.widths(width) == expected


def test_orientation_is_applied_and_gps_is_nowhere_in_what_is_served(media, facts):
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    exif[0x010F] = "SecretCamera"
    content = encoded(picture(), exif=exif, comment=b"SecretComment")
    assert b"SecretCamera" in content
    photo = take_in(content, facts).photo
    assert (photo.width, photo.height) == (480, 640)
    for rendition in photo.renditions.all():
        with default_storage.open(rendition.file.name) as file:
            served = file.read()
        assert b"Secret" not in served
        image = Image.open(io.BytesIO(served))
        assert not image.getexif() and image.height > image.width


def test_the_same_bytes_are_one_photograph(media, facts):
    first, again = take_in(GOOD["JPEG"], facts), take_in(GOOD["JPEG"], facts)
    assert again.already_here and again.photo == first.photo
    assert Photo.objects.count() == 1


def test_a_near_duplicate_joins_its_cluster_and_another_picture_does_not(media, facts):
    first = take_in(encoded(picture(1), quality=95), facts).photo
    near = take_in(encoded(picture(1).resize((600, 450)), quality=60), facts)
    other = take_in(encoded(picture(2)), facts)
    first.refresh_from_db()
    near.photo.refresh_from_db()
    assert near.near_duplicate and first.cluster == near.photo.cluster == first.pk
    assert not other.near_duplicate and other.photo.cluster is None


def test_without_a_known_licence_it_is_kept_and_never_on_show(media):
    photo = take_in(GOOD["JPEG"], Facts(source="test", licence="ask me")).photo
    assert photo.licence == "unknown"
    assert not Photo.objects.on_show().exists()


def test_a_kill_between_files_and_rows_is_mended_by_the_next_try(media, facts, monkeypatch):
    def killed(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(intake, "_write", killed)
    with pytest.raises(KeyboardInterrupt):
        take_in(GOOD["JPEG"], facts)
    assert not Photo.objects.exists() and not Rendition.objects.exists()
    half = next(p for p in (media / "media").rglob("*") if p.is_file())
    half.write_bytes(half.read_bytes()[:10])
    monkeypatch.undo()
    photo = take_in(GOOD["JPEG"], facts).photo
    for rendition in photo.renditions.all():
        assert default_storage.size(rendition.file.name) == rendition.bytes


def test_words_of_strangers_become_plain_text(media):
    photo = take_in(
        GOOD["JPEG"],
        Facts(
            source="test",
            title="<b>Fog</b> &amp; &lt;script&gt;x\x00\u202e",
            creator="a" * 500,
            source_url="javascript:alert(1)",
            licence="by 4.0",
            tags=("  Lonely ", "lonely", "<i>"),
        ),
    ).photo
    assert photo.title == "Fog & x"
    assert len(photo.creator) == 200
    assert photo.source_url == ""
    assert photo.tags == ["lonely"]


@given(st.text(max_size=400))
def test_cleaned_text_holds_no_markup_and_keeps_its_limit(text):
    cleaned = intake.clean(text, 50)
    assert len(cleaned) <= 50
    assert not intake._CONTROL.search(cleaned)
    assert cleaned == " ".join(cleaned.split())


@pytest.mark.parametrize(
    ("url", "kept"),
    [("https://example.org/a?b=c", True), ("http://example.org", True), ("ftp://example.org", False),
     ("//example.org", False), ("https://", False), ("https://exa mple.org", False), ("data:text/html,x", False),
     ("https://[::1", False)],
)  # fmt: skip
def test_only_web_addresses_are_linked(url, kept):
    assert bool(intake.clean_url(url, 100)) is kept
