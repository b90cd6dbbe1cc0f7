"""Run lengths of Label Studio's brush: bits of a picture in four channels, RGBA, of which the last one says what was painted.

Written as that program's own package writes them, bit for bit; read from whatever it or a browser wrote. Knows no file and no label.

The stream: 32 bits how many values there are, 5 bits the width of one less 1, four times 4 bits the widths of run lengths less 1. Then,
until all values are there: 1 bit whether one value stands for all of a run, 2 bits which of the four widths its length has, the length less
1, and the value, or as many values as the run is long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from alcore.errors import BadInput

DAMAGED = "its run lengths are damaged"
WIDTHS = (3, 4, 8, 16)  # of run lengths, as they are written
CHANNELS = 4
LONGEST = 1 << WIDTHS[-1]
AT_ONCE = 1 << 16  # codes whose bits lie side by side in memory


def encoded(mask: np.ndarray) -> list[int]:
    """The bytes of a mask (H, W) uint8 of which each value stands in all four channels; 255 is painted, 0 is not."""
    flat = np.repeat(np.ascontiguousarray(mask, np.uint8).ravel(), CHANNELS)
    ends = np.append(np.flatnonzero(flat[1:] != flat[:-1]), len(flat) - 1)
    lengths = np.diff(ends, prepend=-1)
    values = flat[ends].astype(np.int64)
    whole = (lengths - 1) // LONGEST  # longer ones are several
    pieces = np.repeat(np.full(len(lengths), LONGEST), whole + 1)
    last = np.cumsum(whole + 1) - 1
    pieces[last] = lengths - whole * LONGEST
    values = np.repeat(values, whole + 1)
    split = np.repeat(whole > 0, whole + 1)
    at = np.where(split, 3, np.searchsorted([8, 16, 256], pieces))
    at[last[whole > 0]] = 3  # what is left of a long one keeps the width of the others
    single = (pieces == 1) & ~split
    width = np.array(WIDTHS)[at]
    codes = (np.where(single, 0, 1) << 2 | at) << width | pieces - 1
    codes = codes << 8 | values
    lengths_of_codes = 3 + width + 8
    bits = _bits(codes, lengths_of_codes)
    head = _bits(np.array([len(flat), 7, *(one - 1 for one in WIDTHS)]), np.array([32, 5, *(4 for _ in WIDTHS)]))
    stream = np.concatenate([head, bits])
    # one byte more where the last is full: so the package does it, and two files of one mask are to be the same
    return np.packbits(np.concatenate([stream, np.zeros(8 - len(stream) % 8, np.uint8)])).tolist()


def _bits(codes: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The last `lengths` bits of each code, the highest first, one after the other."""
    places = np.arange(int(lengths.max()) - 1, -1, -1)
    found = []
    for start in range(0, len(codes), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        spread = (codes[part, None] >> places) & 1
        found.append(spread[places < lengths[part, None]].astype(np.uint8))
    return np.concatenate(found)


def decoded(rle: Sequence[int] | bytes, width: int, height: int) -> np.ndarray:
    """(height, width) uint8, the last of the four channels: 0 where nothing is painted.

    Raises:
        BadInput: the bytes are damaged, or of a picture of another size.
    """
    try:
        data = bytes(rle)
    except (TypeError, ValueError):
        raise BadInput(f"{DAMAGED}: they must be whole numbers from 0 to 255") from None
    bits = _Bits(data)
    number = bits.read(32)
    if number != CHANNELS * width * height:
        raise BadInput(f"{DAMAGED}: they are {number:,} values, a picture of {width:,} x {height:,} has {CHANNELS * width * height:,}")
    size = bits.read(5) + 1
    if size != 8:
        raise BadInput(f"{DAMAGED}: a value has {size} bits, not 8")
    widths = [bits.read(4) + 1 for _ in range(4)]
    flat = np.empty(number, np.uint8)
    for start, end, values in _runs(bits, number, widths):
        flat[start:end] = values[: end - start] if isinstance(values, np.ndarray) else values
    return np.ascontiguousarray(flat.reshape(height, width, CHANNELS)[:, :, 3])


def _runs(bits: _Bits, number: int, widths: Sequence[int]) -> Iterator[tuple[int, int, int | np.ndarray]]:
    """(first, one past the last, their one value or each one's)."""
    at = 0
    while at < number:
        is_run = bits.read(1)
        length = bits.read(widths[bits.read(2)]) + 1
        end = min(at + length, number)
        yield at, end, bits.read(8) if is_run else bits.bytes(length if end == at + length else number - at)
        at = end


class _Bits:
    """Numbers of any width up to 32 out of bytes, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at, self._end = data + b"\0" * 8, 0, 8 * len(data)

    def read(self, width: int) -> int:
        """The next number. Raises BadInput past the end."""
        at = self._at
        self._at = at + width
        if self._at > self._end:
            raise BadInput(f"{DAMAGED}: they end too early")
        word = int.from_bytes(self._data[at >> 3 : (at >> 3) + 5], "big")
        return word >> 40 - (at & 7) - width & (1 << width) - 1

    def bytes(self, number: int) -> np.ndarray:
        """The next numbers of 8 bits."""
        at = self._at
        self._at = at + 8 * number
        if self._at > self._end:
            raise BadInput(f"{DAMAGED}: they end too early")
        shift = at & 7
        raw = np.frombuffer(self._data, np.uint8, number + 1, at >> 3).astype(np.uint16)
        result: np.ndarray = (((raw[:-1] << 8 | raw[1:]) >> (8 - shift)) & 255).astype(np.uint8)
        return result
