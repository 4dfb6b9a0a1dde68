"""One photograph's bytes to all that is made of it: checks, hashes, placeholder, renditions. No Django in here.

Only the types that Evoke accepts are ever opened, sizes are checked before anything is decoded, and what comes out
holds no metadata: no GPS, no camera, no name.
"""

import hashlib
import io
import warnings
from dataclasses import dataclass, field

import imagehash
import numpy as np
import thumbhash
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

FORMATS = {"JPEG": "jpeg", "PNG": "png", "WEBP": "webp", "AVIF": "avif"}
MOST_BYTES = 50 * 1024 * 1024
MOST_PIXELS = 100_000_000
Image.MAX_IMAGE_PIXELS = MOST_PIXELS  # Pillow warns beyond it while opening, and the warning is made an error below
LEAST_SIDE = 300  # pixels of the shorter side: the network looks at 298 before it crops to 260
WIDTHS = (240, 480, 800, 1200, 1920)
NEAR = 0.9  # a rendition within this of the photograph's own width makes one at that width needless
WEBP = {"quality": 80, "method": 2}
AVIF = {"quality": 60, "speed": 10}

REASONS = {
    "too_large": "larger than 50 MB",
    "wrong_type": "not a JPEG, PNG, WebP or AVIF photograph",
    "too_many_pixels": "more than 100 megapixels",
    "too_small": f"its shorter side has fewer than {LEAST_SIDE} pixels",
    "animated": "it moves: only still photographs are shown",
    "damaged": "damaged or cut off",
}


class Rejected(ValueError):
    """A file that is not taken in; `because` is one of REASONS."""

    def __init__(self, because: str) -> None:
        super().__init__(REASONS[because])
        self.because = because

    def __reduce__(self) -> tuple[type["Rejected"], tuple[str]]:
        """How it comes back from another process: by its reason, not by its sentence."""
        return Rejected, (self.because,)


@dataclass(frozen=True)
class Picture:
    """One rendition: an encoded file and its size."""

    width: int
    height: int
    format: str
    content: bytes

    @property
    def name(self) -> str:
        """A name by content: it may be cached for ever."""
        digest = hashlib.sha256(self.content).hexdigest()
        return f"renditions/{digest[:2]}/{digest[:32]}-{self.width}.{self.format}"


@dataclass(frozen=True)
class Rendered:
    """Everything made of one photograph. width, height: upright; phash: signed, 64 bits; colour: 0xRRGGBB."""

    sha256: str
    format: str
    width: int
    height: int
    phash: int
    thumbhash: bytes
    colour: int
    pictures: list[Picture] = field(default_factory=list)


def render(content: bytes) -> Rendered:
    """Check and render a photograph. Raises Rejected; never anything else for bad bytes."""
    if len(content) > MOST_BYTES:
        raise Rejected("too_large")
    kind, image = _decoded(content)
    small = image.copy()
    small.thumbnail((64, 64), Image.Resampling.LANCZOS)
    return Rendered(
        sha256=hashlib.sha256(content).hexdigest(),
        format=kind,
        width=image.width,
        height=image.height,
        phash=perceptual_hash(image),
        thumbhash=bytes(thumbhash.rgba_to_thumb_hash(*small.size, small.convert("RGBA").tobytes())),
        colour=_dominant(small),
        pictures=[picture for width in widths(image.width) for picture in _pictures(image, width)],
    )


def _decoded(content: bytes) -> tuple[str, Image.Image]:
    """The type sniffed from the bytes, and upright sRGB pixels."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            image = Image.open(io.BytesIO(content), formats=list(FORMATS))
            kind = FORMATS[image.format or ""]
            _check_header(image)
            image.load()
            return kind, _upright(image)
        except Rejected:
            raise
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            raise Rejected("too_many_pixels") from None
        except UnidentifiedImageError:
            raise Rejected("wrong_type") from None
        except (OSError, ValueError, SyntaxError, EOFError, KeyError, MemoryError):
            raise Rejected("damaged") from None


def _check_header(image: Image.Image) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise Rejected("too_many_pixels")
    if min(image.size) < LEAST_SIDE:
        raise Rejected("too_small")
    if getattr(image, "n_frames", 1) > 1 and image.format != "JPEG":
        raise Rejected("animated")


def _upright(image: Image.Image) -> Image.Image:
    """RGB pixels as a viewer sees them: EXIF orientation, colour profile and transparency (on white) applied."""
    profile = image.info.get("icc_profile")
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):
        image = Image.fromarray((np.asarray(image, np.float64) / 257).clip(0, 255).astype(np.uint8))
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    image = _to_srgb(image, profile) if profile else image
    return image if image.mode == "RGB" else image.convert("RGB")


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Pixels in sRGB; unchanged where the profile does not fit them (a browser would ignore it as well)."""
    if image.mode not in ("RGB", "CMYK", "L"):
        image = image.convert("RGB")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    return converted or image


def perceptual_hash(image: Image.Image) -> int:
    """64-bit DCT hash (Zauner 2010, as in imagehash.phash), as a signed number, which PostgreSQL's bigint is."""
    bits = int(str(imagehash.phash(image)), 16)
    return bits - (1 << 64) if bits >= 1 << 63 else bits


def _dominant(small: Image.Image) -> int:
    """The commonest of eight colours, not their mean, which is a grey more often than not."""
    quantised = small.quantize(8, Image.Quantize.MEDIANCUT)
    counts = np.bincount(np.asarray(quantised).ravel(), minlength=8)
    place = int(counts.argmax())
    palette = quantised.getpalette() or [0, 0, 0]
    red, green, blue = palette[3 * place : 3 * place + 3]
    return red << 16 | green << 8 | blue


def widths(width: int) -> list[int]:
    """Widths of the renditions: never enlarged, and the photograph's own where no step comes near it."""
    steps = [step for step in WIDTHS if step <= width]
    if width < WIDTHS[-1] and (not steps or steps[-1] < NEAR * width):
        steps.append(width)
    return steps


def _pictures(image: Image.Image, width: int) -> list[Picture]:
    height = max(1, round(image.height * width / image.width))
    scaled = image if width == image.width else image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3)
    clean = Image.new("RGB", scaled.size)  # new pixels, so that no metadata travels along
    clean.paste(scaled)
    return [Picture(width, height, kind, _encoded(clean, kind, how)) for kind, how in (("avif", AVIF), ("webp", WEBP))]


def _encoded(image: Image.Image, kind: str, how: dict[str, int]) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()
