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
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

OPENED = ("JPEG", "PNG", "WEBP", "AVIF")
# MPO: a JPEG followed by further ones (a depth or brightness map, as many telephones write); the first is the picture.
FORMATS = {"JPEG": "jpeg", "MPO": "jpeg", "PNG": "png", "WEBP": "webp", "AVIF": "avif"}
MOST_BYTES = 50 * 1024 * 1024
MOST_PIXELS = 100_000_000
Image.MAX_IMAGE_PIXELS = MOST_PIXELS  # Pillow warns beyond it while opening, and the warning is made an error below
LEAST_SIDE = 300  # pixels of the shorter side: the network looks at 298 before it crops to 260
MOST_RATIO = 8  # of the sides: at 1,920 wide a longer one would pass WebP's limit of 16,383 pixels
WIDTHS = (240, 480, 800, 1200, 1920)
NEAR = 0.9  # a rendition within this of the photograph's own width makes one at that width needless
WEBP = {"quality": 80, "method": 2}
AVIF = {"quality": 60, "speed": 10, "max_threads": 1}  # there is a process for each core
ENCODERS = (("avif", AVIF), ("webp", WEBP))
HASHED = 32  # pixels a side that the perceptual hash is worked out from
SHRINK = 6.0  # so many times that size is reached by plain means of blocks, which take a fifth of the resampling's time
THUMB = 32  # pixels: ThumbHash keeps seven cosines a side; its package takes a thirtieth of a second for 64
TURNS = {  # EXIF orientation: how pixels are turned so that they stand upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SWAPPED = (5, 6, 7, 8)  # orientations in which width and height change places

REASONS = {
    "too_large": "larger than 50 MB",
    "wrong_type": "not a JPEG, PNG, WebP or AVIF photograph",
    "too_many_pixels": "more than 100 megapixels",
    "too_small": f"its shorter side has fewer than {LEAST_SIDE} pixels",
    "too_long": f"one side is more than {MOST_RATIO} times as long as the other",
    "animated": "it moves: only still photographs are shown",
    "damaged": "damaged or cut off",
    "too_costly": "decoding it takes more time or memory than a photograph may",
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


@dataclass(frozen=True)
class _Pixels:
    """Upright sRGB pixels, at least as wide as the widest rendition where the photograph is; its own upright size."""

    format: str
    width: int
    height: int
    image: Image.Image


@dataclass(frozen=True)
class Inspected:
    """What is known of a photograph that passed every check, before any rendition; see Rendered."""

    sha256: str
    format: str
    width: int
    height: int
    phash: int


def inspect(content: bytes) -> Inspected:
    """Check a photograph to its last pixel, and render nothing: a small part of the work. Raises Rejected.

    A JPEG is read as its brightness alone: all its bytes are decoded, but colours that nobody looks at are not made.
    """
    pixels = _checked(content, grey=True)
    return Inspected(
        sha256=hashlib.sha256(content).hexdigest(),
        format=pixels.format,
        width=pixels.width,
        height=pixels.height,
        phash=perceptual_hash(pixels.image),
    )


def render(content: bytes) -> Rendered:
    """Check and render a photograph. Raises Rejected; never anything else for bad bytes."""
    pixels = _checked(content)
    pictures = _pictures(pixels)
    small = _shrunk(pixels.image, 64)
    tiny = _shrunk(small, THUMB)
    return Rendered(
        sha256=hashlib.sha256(content).hexdigest(),
        format=pixels.format,
        width=pixels.width,
        height=pixels.height,
        phash=perceptual_hash(pixels.image),
        thumbhash=bytes(thumbhash.rgba_to_thumb_hash(*tiny.size, tiny.convert("RGBA").tobytes())),
        colour=_dominant(small),
        pictures=pictures,
    )


def _checked(content: bytes, grey: bool = False) -> _Pixels:
    if len(content) > MOST_BYTES:
        raise Rejected("too_large")
    return _decoded(content, grey)


def _decoded(content: bytes, grey: bool) -> _Pixels:
    """The type sniffed from the bytes, and the pixels as a viewer sees them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            image = Image.open(io.BytesIO(content), formats=OPENED)
            _check_header(image)
            return _upright(image, grey)
        except Rejected:
            raise
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            raise Rejected("too_many_pixels") from None
        except UnidentifiedImageError:
            raise Rejected("wrong_type") from None
        except Exception:  # decoders raise all kinds (struct.error, IndexError, ...): the bytes are to blame
            raise Rejected("damaged") from None


def _check_header(image: Image.Image) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise Rejected("too_many_pixels")
    if min(image.size) < LEAST_SIDE:
        raise Rejected("too_small")
    if max(image.size) > MOST_RATIO * min(image.size):
        raise Rejected("too_long")
    if FORMATS[image.format or ""] != "jpeg" and getattr(image, "n_frames", 1) > 1:
        raise Rejected("animated")


def _upright(image: Image.Image, grey: bool) -> _Pixels:
    """Decoded to the end; EXIF orientation, colour profile and transparency (on white) applied.

    What is larger than any rendition is made smaller before all else, a JPEG while it is decoded, so that a hundred
    megapixels need one such buffer and not five. `grey`: in one channel, where that is all that the file need yield.
    """
    kind, profile, turn = FORMATS[image.format or ""], image.info.get("icc_profile"), _orientation(image)
    width, height = image.size
    across = height if turn in SWAPPED else width
    if kind == "jpeg":
        image.draft("L" if grey and not profile else None, (1, WIDTHS[-1]) if turn in SWAPPED else (WIDTHS[-1], 1))
    image.load()
    turn = turn if kind == "jpeg" else _orientation(image)  # in a PNG it may stand behind the pixels
    image = _plain(image)
    if kind != "jpeg" and across >= 2 * WIDTHS[-1]:
        image = image.reduce(across // WIDTHS[-1])
    image = _opaque(image)
    if grey and profile:  # colours take as long as decoding: so they are worked out of what the hash looks at
        across, down = (max(1, int(side / HASHED / SHRINK / 2)) for side in image.size)
        image = image.reduce((across, down))
    image = _to_srgb(image, profile) if profile else image.convert("L" if grey else "RGB")
    image = image.transpose(TURNS[turn]) if turn in TURNS else image
    return _Pixels(kind, *((height, width) if turn in SWAPPED else (width, height)), image)


def _orientation(image: Image.Image) -> int:
    """1-8; 1 where EXIF says nothing or is broken, which viewers ignore as well."""
    try:
        said = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # a stranger's EXIF breaks its reader in many ways; the photograph may be fine
        return 1
    return said if isinstance(said, int) else 1


def _plain(image: Image.Image) -> Image.Image:
    """A mode with eight bits a channel and no palette."""
    if image.mode.startswith(("I", "F")):
        return Image.fromarray((np.asarray(image, np.float32) / 257).clip(0, 255).astype(np.uint8))
    if image.mode in ("P", "PA"):
        return image.convert("RGBA" if image.mode == "PA" or "transparency" in image.info else "RGB")
    return image.convert("L") if image.mode == "1" else image


def _opaque(image: Image.Image) -> Image.Image:
    """On white where it is transparent."""
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Pixels in sRGB; unchanged where the profile does not fit them (a browser would ignore it as well)."""
    if image.mode not in ("RGB", "CMYK", "L"):
        image = image.convert("RGB")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        converted = None
    return converted or image.convert("RGB")


def _shrunk(image: Image.Image, side: int) -> Image.Image:
    """A copy that fits a square of `side` pixels."""
    copy = image.copy()
    copy.thumbnail((side, side), Image.Resampling.LANCZOS)
    return copy


def perceptual_hash(image: Image.Image) -> int:
    """64-bit DCT hash (Zauner 2010, as in imagehash.phash), as a signed number, which PostgreSQL's bigint is.

    Of 188 photographs 14 differ by two bits from imagehash's own resampling, and none by more.
    """
    small = image.convert("L").resize((HASHED, HASHED), Image.Resampling.LANCZOS, reducing_gap=SHRINK)
    bits = int(str(imagehash.phash(small)), 16)
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


def _pictures(pixels: _Pixels) -> list[Picture]:
    """All renditions, by width. Each is made from the pixels of the next wider one, which takes half the time."""
    image, pictures = pixels.image, []
    for width in reversed(widths(pixels.width)):
        height = max(1, round(pixels.height * width / pixels.width))
        image = image.resize((width, height), Image.Resampling.LANCZOS)
        clean = Image.new("RGB", image.size)  # new pixels, so that no metadata travels along
        clean.paste(image)
        pictures += [Picture(width, height, kind, _encoded(clean, kind, how)) for kind, how in ENCODERS]
    return sorted(pictures, key=lambda picture: picture.width)


def _encoded(image: Image.Image, kind: str, how: dict[str, int]) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()
