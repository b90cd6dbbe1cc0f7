"""Files that are pictures: which kinds there are, how each is told by its content, the one door they are opened by. Knows no pixel."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import stat
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from alcore.errors import AlcoreError, BadInput

# Kinds whose first bytes say what they are, in Pillow's names. Named one by one, so that a file called .png cannot reach the rest:
# EPS runs Ghostscript and WMF draws on Windows alone; BUFR, GRIB, HDF5, MPEG know only the heading; FPX and MIC need another package;
# IPTC opens what it wraps with every reader there is, PostScript's too; IMT is plain text without a mark.
LIKELY = (
    "BMP",
    "DIB",
    "PPM",
    "ICO",
    "CUR",
    "SGI",
    "PCX",
    "FITS",
    "FLI",
    "GBR",
    "MCIDAS",
    "MSP",
    "PIXAR",
    "XBM",
)  # short marks: see is_image
MARKED = (
    *("JPEG", "PNG", "GIF", "WEBP", "TIFF", "AVIF", "JPEG2000", "PSD", "ICNS", "DDS", "QOI", "SUN", "DCX", "BLP", "FTEX", "XPM", "XVTHUMB"),
    *LIKELY,
)
# Pillow's readers of these take nearly any bytes: `_proven` says first whether it is one. Pillow has HEIF only from pillow-heif.
UNMARKED = ("HEIF", "TGA", "SPIDER", "PCD", "IM")
KINDS = (*MARKED, *UNMARKED)  # MPO and JFIF are JPEG
MOST_PIXELS = 178_000_000  # Pillow's own limit

# Starts that nothing else has. What begins so and cannot be opened is a damaged picture, not another file.
SURE = (
    *(b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"\xff\x4f\xff\x51"),
    *(b"\0\0\0\x0cjP  \r\n\x87\n", b"8BPS\0\1", b"icns", b"DDS ", b"qoif", b"BLP1", b"BLP2", b"FTEX", b"\x59\xa6\x6a\x95"),
    *(b"\xb1\x68\xde\x3a", b"/* XPM */", b"P7 332"),
)
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
AVIF_BRANDS = (b"avif", b"avis")
HEAD = 128  # bytes that tell the kind
TEXT = bytes(code for code in range(256) if code >= 32 or code in b"\t\n\f\r")
TEXT_STARTS = (
    *(b"P%d" % kind for kind in range(7)),
    b"Pf",
    b"Py",
    b"P7 332",
    b"#define",
    b"\n#define",
    b"/*",
    b"SIMPLE  =",
    b"Image type:",
)

BIG = 16_000_000  # pixels from which memory is a likelier cause than damage
BYTES_A_PIXEL = 8  # the decoded picture and its RGB, or one of them and its rotation
HOLLOW = 10_000  # pixels a byte: no sound file packs that many

ORIENTATION = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ACROSS = frozenset(TURNS[tag] for tag in (5, 6, 7, 8))  # width and height change places
# Pillow's readers fail in all these ways on damaged bytes.
DAMAGED = (
    *(SyntaxError, ValueError, TypeError, LookupError, AttributeError, EOFError, ArithmeticError, AssertionError),
    *(RuntimeError, RuntimeWarning, MemoryError, BufferError, struct.error, zlib.error),
)


class CutShort(BadInput):
    """The file ends before the picture does."""


def is_image(path: Path | str) -> bool:
    """True when the content of a regular file says that it is a picture of KINDS, whatever its name. Never raises, waits for no pipe.

    A start that only pictures have is enough: whether the rest is whole is found when it is decoded. Weak marks are proven by reading the
    heading. Most other files are told by their first 128 bytes, 4 to 17 microseconds each.
    """
    try:
        there = os.stat(path)
        if not stat.S_ISREG(there.st_mode):
            return False
        file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            head = os.read(file, HEAD)
        finally:
            os.close(file)
    except (OSError, ValueError):
        return False
    if not head.translate(None, TEXT) and not head.startswith(TEXT_STARTS):
        return False
    if head.startswith(SURE) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP") or _is_heif(head, AVIF_BRANDS + HEIF_BRANDS):
        return True
    Image.init()
    path, start = Path(path), head[:16].ljust(16, b"\0")  # Pillow's tests want 16 bytes
    if not any(Image.OPEN[kind][1](start) for kind in LIKELY) and _proven(path, head, there.st_size) is None:  # type: ignore[misc]
        return False
    try:
        with opened(path):
            return True
    except AlcoreError:
        return False


@contextlib.contextmanager
def opened(source: Path | bytes) -> Iterator[Image.Image]:
    """The picture with only its heading read; whatever is wrong with it, inside too, becomes a BadInput.

    Raises:
        BadInput: the reason it is no picture, without the file's name. CutShort when it ends too early.
        AlcoreError: the picture may be sound and there is too little memory for it.
    """
    size = (0, 0)
    try:
        if isinstance(source, bytes):
            length = len(source)
        else:
            there = os.stat(source)
            if not stat.S_ISREG(there.st_mode):
                raise BadInput("not a regular file")  # a named pipe would be waited for for ever
            length = there.st_size
        if length == 0:
            raise BadInput("empty: the file has 0 bytes")
        with _open(source, length) as image:
            size = image.size
            if image.width * image.height > MOST_PIXELS:
                raise BadInput(f"too large: {image.width:,} x {image.height:,} pixels, the limit is {MOST_PIXELS:,} in all")
            yield image
    except Image.DecompressionBombError as wrong:
        raise BadInput(f"too large: more than {MOST_PIXELS:,} pixels") from wrong
    except UnidentifiedImageError as wrong:
        raise BadInput(
            "not an image of a known kind (jpg, png, gif, bmp, tiff, webp, avif, heic, jp2, tga, psd and others), or damaged at its start"
        ) from wrong
    except (OSError, *DAMAGED) as wrong:
        raise _explained(wrong, source, size) from wrong


def _open(source: Path | bytes, length: int) -> Image.Image:
    try:
        return Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=MARKED)
    except UnidentifiedImageError:
        kind = _proven(source, _part(source, 0, HEAD), length)
        if kind is None:
            raise
        if kind == "HEIF" and not _heif_registered():
            raise BadInput("HEIC needs the package pillow-heif: pip install pillow-heif") from None
        return Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=(kind,))


def _proven(source: Path | bytes, head: bytes, length: int) -> str | None:
    """The kind of UNMARKED this file is, by more than Pillow asks for."""
    if _is_heif(head, HEIF_BRANDS):
        return "HEIF"
    if head.startswith(b"Image type:"):
        return "IM"
    if _is_tga(head, length):
        return "TGA"
    if any(_is_spider(head, length, order) for order in "<>"):
        return "SPIDER"
    return "PCD" if length > 196_608 and _part(source, 2048, 4) == b"PCD_" else None  # its picture begins at 96 x 2048


def _part(source: Path | bytes, start: int, length: int) -> bytes:
    if isinstance(source, bytes):
        return source[start : start + length]
    try:
        with source.open("rb") as file:
            file.seek(start)
            return file.read(length)
    except OSError:
        return b""


def _is_heif(head: bytes, brands: tuple[bytes, ...]) -> bool:
    return head[4:8] == b"ftyp" and head[8:12] in brands


def _is_tga(head: bytes, length: int) -> bool:
    if len(head) < 18:
        return False
    noted, mapped, kind, first, colors, color_bits, _, _, width, height, bits, flags = struct.unpack("<BBBHHBHHHHBB", head[:18])
    if kind & ~8 not in (1, 2, 3) or mapped > 1 or not width or not height or flags & 0xC0:
        return False
    if bits not in {1: (8,), 2: (16, 24, 32), 3: (1, 8, 16)}[kind & ~8]:
        return False
    if mapped and (color_bits not in (15, 16, 24, 32) or not colors):
        return False
    if not mapped and (first, colors, color_bits) != (0, 0, 0):
        return False
    before = 18 + noted + mapped * colors * -(-color_bits // 8)
    least = width * height * bits // 8
    if kind & 8:  # packets of up to 128 pixels
        least = -(-width * height // 128) * (1 + bits // 8)
    return bool(length >= before + least)


def _is_spider(head: bytes, length: int, order: str) -> bool:
    """All is in floats, and a row of ones would do for Pillow: the lengths of heading and picture must fit each other and the file."""
    if len(head) < 108:
        return False
    value = dict(enumerate(struct.unpack(f"{order}27f", head[:108]), 1))
    width, height, records, header, record = (value[at] for at in (12, 2, 13, 22, 23))
    if value[5] != 1 or not (1 <= width < 1e6 and 1 <= height < 1e6):
        return False
    return bool(header >= 1024 and records * record == header and record == 4 * width and length >= header + 4 * width * height)


@functools.cache
def _heif_registered() -> bool:
    """Adds the package's reader to Pillow's, once and only when there is a HEIC: the training side need not have it."""
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


def _explained(wrong: Exception, source: Path | bytes, size: tuple[int, int]) -> AlcoreError:
    """A reason in words."""
    text = " ".join((getattr(wrong, "strerror", None) or str(wrong)).split())[:200]
    share = BYTES_A_PIXEL // 2  # what failed still holds the rest
    if size == (0, 0) and "decoder object" in text:  # Pillow asks for all of a WEBP's memory when it opens it
        size, share = _webp_size(_part(source, 0, 30)), BYTES_A_PIXEL
    if isinstance(wrong, MemoryError) or "memory" in text.lower() or size[0] * size[1] >= BIG:
        with contextlib.suppress(OSError):
            length = len(source) if isinstance(source, bytes) else os.stat(source).st_size
            if _memory_is_short(wrong, size[0] * size[1], share, length):
                return out_of_memory(source, size)
    if "truncated" in text.lower() or "end of file" in text.lower():
        return CutShort("cut short: the file ends before the picture does")
    if isinstance(wrong, MemoryError):
        return BadInput("damaged: it asks for more memory than a picture of its size needs")
    if isinstance(wrong, OSError):
        return BadInput(f"cannot be read: {text or 'the system gives no reason'}")
    return BadInput(f"damaged: {text or f'its reader stops with {type(wrong).__name__}'}")


def _webp_size(head: bytes) -> tuple[int, int]:
    """Width and height from the first of its three kinds of chunk; 0, 0 when it has none."""
    if len(head) < 30 or head[8:12] != b"WEBP":
        return 0, 0
    if head[12:16] == b"VP8X":
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if head[12:16] == b"VP8L":
        packed = int.from_bytes(head[21:25], "little")
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    return int.from_bytes(head[26:28], "little") & 0x3FFF, int.from_bytes(head[28:30], "little") & 0x3FFF


def _memory_is_short(wrong: Exception, pixels: int, share: int, length: int) -> bool:
    """Damage also makes readers ask for memory: a file too small for what its heading claims, or memory that is there, speak for it."""
    if pixels > HOLLOW * length:
        return False
    if isinstance(wrong, MemoryError) and pixels >= BIG:
        return True
    try:
        np.empty(max(share * pixels, 2 * length, 1 << 20), np.uint8)
    except MemoryError:
        return True
    return False


def out_of_memory(source: Path | bytes, size: tuple[int, int]) -> AlcoreError:
    """What is said of a sound picture that does not fit into memory; `size` is width and height, 0, 0 when not even they were read."""
    name = "a picture" if isinstance(source, bytes) else source.name[:80]
    pixels = f": {size[0]:,} x {size[1]:,} pixels need about {BYTES_A_PIXEL * size[0] * size[1] / 1e6:,.0f} MB" if size[0] else ""
    return AlcoreError(
        f"not enough memory to decode {name!r}{pixels}. Give the process more memory, end other programs, or make the picture smaller"
    )


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, a key of TURNS, or 1."""
    try:
        # After load(): Pillow turns a TIFF itself and then drops the tag, pillow-heif turns a HEIC and sets the tag to 1.
        return int(image.getexif().get(ORIENTATION, 1))
    except (*DAMAGED, OSError):
        return 1  # a broken EXIF block says nothing about the picture


def turn_of(image: Image.Image) -> Image.Transpose | None:
    """How a picture that was just opened is turned to stand upright, None when it stands so; its pixels are not decoded."""
    # Of a TIFF Pillow gives the upright size at once; in a PNG it would decode the picture to look for a tag behind it.
    early = image.format != "TIFF" and (image.format != "PNG" or "exif" in image.info)
    return TURNS.get(orientation(image)) if early else None
