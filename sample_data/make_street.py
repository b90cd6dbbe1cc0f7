"""Draws 200 little street scenes with their masks, from nothing but numbers: `python sample_data/make_street.py`.

160 to train on, taken as a car would: up to three frames of one street, so that some are worth little beside others; 40 other streets to
measure on. Persons and signs are rare, and what is rare and hard (a person at night, a red sign) comes up in val more often than in train.
Always the same. Where the files are already there, nothing is done.

Longer than 400 lines: every drawn thing has its picture and its mask side by side, and the script stands alone.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

OUT = Path(__file__).parent / "street"
WIDTH, HEIGHT = 128, 96
FINE = 4  # everything is drawn so much larger, then reduced
TRAIN, VAL = 160, 40
SEED = 11
STAMP = ".complete"  # written last, so that a run that was stopped is done again
CLASSES = (
    ("sky", (70, 130, 180)),
    ("road", (128, 64, 128)),
    ("sidewalk", (244, 35, 232)),
    ("building", (102, 102, 102)),
    ("tree", (107, 142, 35)),
    ("car", (0, 0, 142)),
    ("person", (220, 20, 60)),
    ("sign", (220, 220, 0)),
    ("void", (0, 0, 0)),
)
SKY, ROAD, SIDEWALK, BUILDING, TREE, CAR, PERSON, SIGN, VOID = range(len(CLASSES))

Color = tuple[int, int, int]
Points = Sequence[tuple[float, float]]
Draw = Callable[["Picture"], None]

WALLS = ((178, 104, 80), (196, 178, 148), (150, 150, 156), (204, 196, 184), (132, 96, 84), (168, 176, 184), (188, 150, 110))
PAINTS = ((190, 30, 35), (30, 60, 130), (225, 225, 225), (45, 45, 50), (120, 125, 130), (20, 100, 70), (205, 170, 40))
CLOTHES = ((180, 40, 50), (40, 70, 150), (60, 60, 66), (220, 200, 60), (70, 120, 70), (205, 205, 210), (130, 60, 120))
SKINS = ((236, 196, 164), (198, 148, 112), (122, 84, 62))
# what light does: sky above, sky at the horizon, factor on every color, lamps lit
LIGHTS = {
    "day": ((96, 150, 220), (205, 224, 240), (1.0, 1.0, 1.0), False),
    "dusk": ((84, 84, 140), (240, 160, 104), (0.82, 0.68, 0.66), True),
    "night": ((8, 10, 26), (26, 30, 52), (0.30, 0.32, 0.46), True),
}


@dataclass
class Street:
    """One street: the camera, the light and what stands there. Lengths in meters, x to the right, z ahead."""

    light: str
    horizon: float
    aside: float  # where the middle of the road is
    bend: float
    curb: float  # half the road's width
    walk: float  # width of a sidewalk
    hood: bool
    asphalt: int
    crossing: float
    things: list[tuple[float, Draw]] = field(default_factory=list)


class Picture:
    """Pixels and mask of one frame, painted together; turns meters into pixels."""

    def __init__(self, street: Street, ahead: float, rng: np.random.Generator) -> None:
        self.street, self.ahead, self.rng = street, ahead, rng
        size = (WIDTH * FINE, HEIGHT * FINE)
        self.pixels, self.mask = Image.new("RGB", size), Image.new("L", size, SKY)
        self._paint, self._label = ImageDraw.Draw(self.pixels), ImageDraw.Draw(self.mask)
        self.glow, self.beam = Image.new("RGB", size), Image.new("RGB", size)  # light that is added at the end, near and far around it
        self._shine = ImageDraw.Draw(self.glow)
        self.horizon = street.horizon * size[1]
        self.focus = 4 * (size[1] - self.horizon) / 1.5  # the camera is 1.5 m high and sees the ground from 4 m on
        *_, self.factor, self.lit = LIGHTS[street.light]

    def shaded(self, color: Sequence[float], shade: float = 1.0) -> Color:
        """A color in this light."""
        red, green, blue = (int(min(255, value * factor * shade)) for value, factor in zip(color, self.factor, strict=True))
        return red, green, blue

    def at(self, x: float, y: float, z: float) -> tuple[float, float]:
        """The pixel of a place: x from the middle of the road, y above the ground."""
        z = max(z - self.ahead, 0.6)
        middle = self.street.aside + self.street.bend * z * z
        return WIDTH * FINE / 2 + (x + middle) * self.focus / z, self.horizon + (1.5 - y) * self.focus / z

    def polygon(self, points: Points, color: Color, value: int) -> None:
        """Paints an area that belongs to a class."""
        self._paint.polygon(list(points), fill=color)
        self._label.polygon(list(points), fill=value)

    def wall(self, x: float, z: tuple[float, float], y: tuple[float, float], color: Color, value: int) -> None:
        """An upright area along the road."""
        (near, far), (low, high) = z, y
        self.polygon([self.at(x, low, near), self.at(x, high, near), self.at(x, high, far), self.at(x, low, far)], color, value)

    def board(self, x: tuple[float, float], y: tuple[float, float], z: float, color: Color, value: int) -> None:
        """An upright area across the road."""
        left, top = self.at(x[0], y[1], z)
        right, bottom = self.at(x[1], y[0], z)
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], color, value)

    def disc(self, x: float, y: float, z: float, radius: tuple[float, float], color: Color, value: int) -> None:
        """An upright ellipse facing the camera."""
        left, top = self.at(x - radius[0], y + radius[1], z)
        right, bottom = self.at(x + radius[0], y - radius[1], z)
        self._paint.ellipse((left, top, right, bottom), fill=color)
        self._label.ellipse((left, top, right, bottom), fill=value)

    def lamp(self, x: float, y: float, z: float, radius: float, color: Color) -> None:
        """Light around a place; changes no class."""
        left, top = self.at(x - radius, y + radius, z)
        right, bottom = self.at(x + radius, y - radius, z)
        self._shine.ellipse((left, top, right, bottom), fill=color)

    def seen(self, z: float) -> bool:
        """Whether something at `z` is still before the camera and not lost in the distance."""
        return 3.2 < z - self.ahead < 90

    def finished(self) -> tuple[np.ndarray, np.ndarray]:
        """(HEIGHT, WIDTH, 3) and (HEIGHT, WIDTH) uint8."""
        small = np.asarray(self.pixels.reduce(FINE), np.float64)
        for light, radius in ((self.glow, 2.2), (self.beam, 9.0)):
            small += np.asarray(light.reduce(FINE).filter(ImageFilter.GaussianBlur(radius)), np.float64)
        noise = {"day": 4.0, "dusk": 6.0, "night": 8.0}[self.street.light]
        small += self.rng.normal(0, noise, small.shape) + self.rng.normal(0, noise / 2, small.shape[:2])[..., None]
        mask = np.asarray(self.mask)[FINE // 2 :: FINE, FINE // 2 :: FINE]
        return np.clip(np.rint(small), 0, 255).astype(np.uint8), np.ascontiguousarray(mask)


# ---- what stands in a street


def planned(rng: np.random.Generator, rare: float) -> Street:
    """A street by chance; `rare` is how likely it is one of the seldom ones."""
    seldom = rng.random() < rare
    light = str(rng.choice(["day", "dusk", "night"], p=[0.3, 0.2, 0.5] if seldom else [0.64, 0.26, 0.10]))
    street = Street(
        light=light,
        horizon=float(rng.uniform(0.40, 0.50)),
        aside=float(rng.uniform(-2.2, 2.2)),
        bend=float(rng.normal(0, 0.0025)),
        curb=float(rng.uniform(3.4, 5.2)),
        walk=float(rng.uniform(2.2, 3.6)),
        hood=bool(rng.random() < 0.35),
        asphalt=int(rng.integers(72, 104)),
        crossing=float(rng.uniform(8, 26)) if rng.random() < 0.25 else 0.0,
    )
    for side in (-1, 1):
        _add_row(street, side, rng)
        _add_walk(street, side, rng)
    for _ in range(int(rng.integers(0, 4))):
        lane = float(rng.choice([-1, 1])) * street.curb * 0.5
        street.things.append(car(rng, lane, float(rng.uniform(7, 45)), oncoming=lane < 0))
    if seldom:
        for _ in range(int(rng.integers(1, 4))):
            street.things.append(person(rng, float(rng.uniform(-1.1, 1.1)) * street.curb, float(rng.uniform(7, 20))))
        if rng.random() < 0.6:
            street.things.append(sign(rng, float(rng.choice([-1, 1])) * (street.curb + 0.5), float(rng.uniform(7, 15)), red=True))
    street.things.sort(key=lambda thing: -thing[0])
    return street


def _add_row(street: Street, side: int, rng: np.random.Generator) -> None:
    """Houses and hedges along one side."""
    x, z = side * (street.curb + street.walk), 0.0
    while z < 95:
        deep = float(rng.uniform(7, 16))
        house = rng.random() < 0.72
        street.things.append(building(rng, x, (z, z + deep)) if house else hedge(rng, x, (z, z + deep)))
        z += deep


def _add_walk(street: Street, side: int, rng: np.random.Generator) -> None:
    """What stands on one sidewalk and parks beside it."""
    walk = side * (street.curb + street.walk / 2)
    z = float(rng.uniform(6, 12))
    trees, parked = rng.random() < 0.45, rng.random() < 0.4
    while z < 80:
        if trees and rng.random() < 0.7:
            street.things.append(tree(rng, walk, z))
        elif rng.random() < 0.12:
            street.things.append(sign(rng, side * (street.curb + 0.5), z, red=False))
        elif rng.random() < 0.25:
            street.things.append(person(rng, walk + float(rng.normal(0, 0.5)), z))
        if parked and rng.random() < 0.7:
            street.things.append(car(rng, side * (street.curb - 1.0), z + 2, oncoming=side < 0))
        z += float(rng.uniform(6, 10))


def building(rng: np.random.Generator, x: float, z: tuple[float, float]) -> tuple[float, Draw]:
    """A house front with its windows."""
    color = np.array(WALLS[rng.integers(len(WALLS))]) * rng.uniform(0.85, 1.1)
    high = float(rng.uniform(5, 17))
    floors = max(2, round(high / 3))
    columns = max(2, round((z[1] - z[0]) / 2.6))
    lit = rng.random((floors, columns))
    shade = 0.9 if x < 0 else 1.05  # two sides of a street never look alike

    def draw(on: Picture) -> None:
        on.wall(x, z, (0, high), on.shaded(color, shade), BUILDING)
        on.wall(x, z, (high - 0.4, high), on.shaded(color, 0.7 * shade), BUILDING)
        if z[0] - on.ahead > 45:
            return
        across, up = (z[1] - z[0]) / columns, (high - 0.6) / floors
        for floor in range(floors):
            for column in range(columns):
                start = z[0] + (column + 0.25) * across
                glass = (
                    (255, 214, 130) if on.lit and lit[floor, column] < 0.35 else on.shaded((70, 84, 104), 0.6 + 0.5 * lit[floor, column])
                )
                on.wall(x, (start, start + 0.5 * across), ((floor + 0.35) * up, (floor + 0.8) * up), glass, BUILDING)

    return z[1], draw


def hedge(rng: np.random.Generator, x: float, z: tuple[float, float]) -> tuple[float, Draw]:
    """Bushes with crowns behind them."""
    color = np.array((58, 104, 44)) * rng.uniform(0.8, 1.2)
    high = float(rng.uniform(1.6, 3.2))
    crowns = [(float(rng.uniform(z[0], z[1])), float(rng.uniform(2.5, 6)), float(rng.uniform(1.4, 2.6))) for _ in range(4)]

    def draw(on: Picture) -> None:
        for deep, y, radius in sorted(crowns, reverse=True):
            if on.seen(deep):
                on.disc(x * 1.12, y, deep, (radius, radius), on.shaded(color, 0.8 + 0.06 * radius), TREE)
        on.wall(x, z, (0, high), on.shaded(color), TREE)
        on.wall(x, z, (high * 0.6, high), on.shaded(color, 1.2), TREE)

    return z[1], draw


def tree(rng: np.random.Generator, x: float, z: float) -> tuple[float, Draw]:
    """A trunk and a crown of several balls."""
    color = np.array((66, 122, 48)) * rng.uniform(0.75, 1.25)
    high = float(rng.uniform(2.6, 3.8))
    balls = [
        (float(rng.normal(0, 0.6)), high + float(rng.uniform(0, 1.6)), float(rng.uniform(0.7, 1.2)), float(rng.uniform(0.75, 1.2)))
        for _ in range(7)
    ]

    def draw(on: Picture) -> None:
        if on.seen(z):
            on.board((x - 0.16, x + 0.16), (0, high), z, on.shaded((96, 70, 50)), TREE)
            for aside, y, radius, shade in balls:
                on.disc(x + aside, y, z, (radius, radius), on.shaded(color, shade), TREE)

    return z, draw


def car(rng: np.random.Generator, x: float, z: float, *, oncoming: bool) -> tuple[float, Draw]:
    """Seen from behind, or from the front when it comes towards the camera."""
    color = PAINTS[rng.integers(len(PAINTS))]
    wide, high, long = float(rng.uniform(0.82, 0.98)), float(rng.uniform(1.35, 1.9)), float(rng.uniform(3.2, 4.4))
    waist = high * 0.56

    def draw(on: Picture) -> None:
        if not on.seen(z):
            return
        side = -wide if x + on.street.aside > 0 else wide  # the flank that can be seen
        on.wall(x + side, (z, z + long), (0.3, waist), on.shaded(color, 0.72), CAR)
        on.wall(x + side * 0.88, (z + 0.5, z + long * 0.8), (waist, high), on.shaded((40, 48, 60)), CAR)
        for wheel in (z + 0.7, z + long - 0.7):
            on.wall(x + side, (wheel - 0.3, wheel + 0.3), (0, 0.6), on.shaded((26, 26, 28)), CAR)
        on.board((x - wide, x + wide), (0, 0.4), z, on.shaded((24, 24, 26)), CAR)
        on.board((x - wide, x + wide), (0.28, waist), z, on.shaded(color), CAR)
        roof = [on.at(x + at * wide, y, z) for at, y in ((-0.95, waist), (-0.74, high), (0.74, high), (0.95, waist))]
        on.polygon(roof, on.shaded(color, 0.9), CAR)
        glass = [on.at(x + at * wide, y, z) for at, y in ((-0.8, waist), (-0.64, high * 0.94), (0.64, high * 0.94), (0.8, waist))]
        on.polygon(glass, on.shaded((120, 150, 175) if not on.lit else (70, 80, 95)), CAR)
        for at in (-0.74, 0.74):
            lamp = (255, 250, 220) if oncoming else (235, 40, 36)
            on.board((x + (at - 0.2) * wide, x + (at + 0.2) * wide), (0.62, 0.84), z, lamp if on.lit else on.shaded(lamp, 0.85), CAR)
            if on.lit:
                on.lamp(x + at * wide, 0.75, z, 0.42, (190, 180, 140) if oncoming else (130, 16, 14))

    return z, draw


def person(rng: np.random.Generator, x: float, z: float) -> tuple[float, Draw]:
    """Legs in mid-step, a coat and a head."""
    coat, trousers = CLOTHES[rng.integers(len(CLOTHES))], (48, 52, 70)
    skin = SKINS[rng.integers(len(SKINS))]
    high, step = float(rng.uniform(1.45, 1.9)), float(rng.uniform(0.08, 0.26))

    def draw(on: Picture) -> None:
        if not on.seen(z):
            return
        hip, shoulder = 0.5 * high, 0.82 * high
        for foot in (-step, step):
            leg = [on.at(x + at, y, z) for at, y in ((-0.13, hip), (0.13, hip), (foot + 0.11, 0), (foot - 0.11, 0))]
            on.polygon(leg, on.shaded(trousers), PERSON)
        body = [on.at(x + at, y, z) for at, y in ((-0.2, hip - 0.08), (-0.27, shoulder), (0.27, shoulder), (0.2, hip - 0.08))]
        on.polygon(body, on.shaded(coat, 1.1 if on.lit else 1.0), PERSON)
        on.disc(x, high - 0.13, z, (0.13, 0.15), on.shaded(skin), PERSON)

    return z, draw


def sign(rng: np.random.Generator, x: float, z: float, *, red: bool) -> tuple[float, Draw]:
    """A pole with a blue disc or a yellow board, seldom a red one."""
    kind = "stop" if red else str(rng.choice(["round", "board"]))
    high = float(rng.uniform(2.3, 2.9))

    def draw(on: Picture) -> None:
        if not on.seen(z):
            return
        bright = 1.9 if on.street.light == "night" else 1.0  # it throws the headlights back
        on.board((x - 0.06, x + 0.06), (0, high), z, on.shaded((150, 152, 156)), SIGN)
        if kind == "board":
            on.board((x - 0.5, x + 0.5), (high - 0.3, high + 0.3), z, on.shaded((236, 196, 40), bright), SIGN)
            on.board((x - 0.4, x + 0.4), (high - 0.05, high + 0.05), z, on.shaded((40, 40, 40)), SIGN)
        else:
            color = (206, 24, 30) if kind == "stop" else (28, 84, 190)
            on.disc(x, high, z, (0.46, 0.46), on.shaded((240, 240, 240), bright), SIGN)
            on.disc(x, high, z, (0.38, 0.38), on.shaded(color, bright), SIGN)
            on.board((x - 0.24, x + 0.24), (high - 0.08, high + 0.08), z, on.shaded((240, 240, 240), bright), SIGN)

    return z, draw


# ---- a frame


def frame(street: Street, ahead: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """What the camera sees `ahead` meters down the street."""
    on = Picture(street, ahead, rng)
    _sky(on)
    _skyline(on)
    _ground(on)
    for _, draw in street.things:
        draw(on)
    if street.hood:
        middle = WIDTH * FINE / 2
        hood = [(middle + x * FINE, (HEIGHT - y) * FINE) for x, y in ((-60, 0), (-44, 5), (-18, 7.5), (18, 7.5), (44, 5), (60, 0))]
        on.polygon([(x, y + 1) for x, y in hood], on.shaded((34, 36, 42)), VOID)
    return on.finished()


def _sky(on: Picture) -> None:
    above, below, *_ = LIGHTS[on.street.light]
    share = np.clip(np.arange(HEIGHT * FINE) / on.horizon, 0, 1)[:, None, None]
    column = np.array(above) * (1 - share) + np.array(below) * share
    on.pixels.paste(Image.fromarray(np.broadcast_to(column, (HEIGHT * FINE, WIDTH * FINE, 3)).astype(np.uint8)))
    paint = ImageDraw.Draw(on.pixels)
    scene = np.random.default_rng(int(on.street.horizon * 1e6))  # the same sky in each frame of a street
    for _ in range(int(scene.integers(0, 5))):
        x, y, wide = scene.uniform(0, WIDTH * FINE), scene.uniform(0, on.horizon * 0.7), scene.uniform(20, 90)
        tone = {"day": (244, 247, 250), "dusk": (250, 190, 150), "night": (20, 22, 40)}[on.street.light]
        paint.ellipse((x - wide, y - wide / 6, x + wide, y + wide / 6), fill=tone)
        paint.ellipse((x - wide / 2, y - wide / 3, x + wide / 2, y + wide / 8), fill=tone)
    if on.street.light == "night":
        for _ in range(25):
            x, y = scene.uniform(0, WIDTH * FINE), scene.uniform(0, on.horizon)
            paint.ellipse((x, y, x + 3, y + 3), fill=(190, 195, 215))


def _skyline(on: Picture) -> None:
    scene = np.random.default_rng(int(on.street.curb * 1e6))
    x = -10.0 * FINE
    while x < (WIDTH + 10) * FINE:
        wide, high = scene.uniform(5, 14) * FINE, scene.uniform(2, 9) * FINE
        green = scene.random() < 0.35
        color = on.shaded((84, 110, 84) if green else (140, 140, 150), 0.9)
        top = on.horizon - high * (0.6 if green else 1)
        on.polygon([(x, top), (x + wide, top), (x + wide, on.horizon + 4), (x, on.horizon + 4)], color, TREE if green else BUILDING)
        x += wide


def _ground(on: Picture) -> None:
    street = on.street
    steps = on.ahead + 1 / np.linspace(1 / 140, 1 / 2.2, 60)  # evenly spread over the rows of the picture

    def strip(left: float, right: float, color: Color, value: int, near: float = 0.0, far: float = np.inf) -> None:
        before, after = steps[steps < near][:1].clip(min=near), steps[steps > far][-1:].clip(max=far)
        deep = [*after, *steps[(steps > near) & (steps < far)], *before]
        on.polygon([*(on.at(left, 0, z) for z in deep), *(on.at(right, 0, z) for z in reversed(deep))], color, value)

    outer = street.curb + street.walk
    on.polygon(
        [(0, on.horizon + 2), (WIDTH * FINE, on.horizon + 2), (WIDTH * FINE, HEIGHT * FINE), (0, HEIGHT * FINE)],
        on.shaded((70, 100, 60)),
        TREE,
    )
    strip(-outer, outer, on.shaded((172, 166, 160)), SIDEWALK)
    strip(-street.curb - 0.15, street.curb + 0.15, on.shaded((198, 196, 192)), SIDEWALK)
    tone = street.asphalt
    strip(-street.curb, street.curb, on.shaded((tone, tone, tone + 5)), ROAD)
    white = on.shaded((226, 226, 220), 1.2 if on.lit else 1.0)
    for z in np.arange(4, 80, 6.0):
        strip(-0.08, 0.08, white, ROAD, z, z + 3)
    if street.crossing:
        for x in np.arange(-street.curb + 0.4, street.curb - 0.5, 1.0):
            strip(x, x + 0.5, white, ROAD, street.crossing, street.crossing + 3)
    if street.light == "night":
        x, y = on.at(-street.aside, 0, on.ahead + 7)
        ImageDraw.Draw(on.beam).ellipse((x - 150, y - 50, x + 150, y + 90), fill=(74, 71, 58))


# ---- files


def main(out: Path = OUT) -> Path:
    """Makes `out/images/street_NNN.jpg`, `out/masks/street_NNN.png`, classes.csv, train.txt and val.txt, and returns `out`."""
    if (out / STAMP).is_file() and all(sum(1 for _ in out.glob(kind)) == TRAIN + VAL for kind in ("images/*.jpg", "masks/*.png")):
        return out
    (out / STAMP).unlink(missing_ok=True)
    names: list[str] = []
    rng = np.random.default_rng(SEED)
    while len(names) < TRAIN + VAL:
        training = len(names) < TRAIN
        street = planned(rng, 0.10 if training else 0.30)
        frames = min(int(rng.integers(1, 4)), TRAIN - len(names)) if training else 1
        for turn in range(frames):
            pixels, mask = frame(street, 1.6 * turn, rng)
            names.append(f"street_{len(names):03d}")
            _write(out / "images" / f"{names[-1]}.jpg", _encoded(pixels, "JPEG", quality=92))
            _write(out / "masks" / f"{names[-1]}.png", _encoded(mask, "PNG", optimize=True))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["name", "index", "r", "g", "b", "ignore"])
    table.writerows([name, at, *color, int(at == VOID)] for at, (name, color) in enumerate(CLASSES))
    _write(out / "classes.csv", text.getvalue().encode())
    for name, part in (("train", names[:TRAIN]), ("val", names[TRAIN:])):
        _write(out / f"{name}.txt", "".join(f"{one}\n" for one in part).encode())
    (out / STAMP).touch()
    return out


def _encoded(values: np.ndarray, kind: str, **options: int) -> bytes:
    encoded = io.BytesIO()
    Image.fromarray(values).save(encoded, kind, **options)
    return encoded.getvalue()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")  # two makes at once must not leave half a picture
    partial.write_bytes(content)
    os.replace(partial, path)


if __name__ == "__main__":
    print(f"{TRAIN + VAL} street scenes in {main().name}")
