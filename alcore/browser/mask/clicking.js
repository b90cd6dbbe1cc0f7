// The tool that paints by clicks: a click adds, another kind of click takes away, a drag is a box. What is meant is shown and, once taken, a
// stroke of the class at hand like any other.

import { problemOf, wordsOf } from "../shared/api.js";
import { pen } from "../shared/dom.js";
import { packedColor, strokeTwice } from "./drawing.js";
import { boxOf, edgePath } from "./raster.js";

/** @import { Rgb } from "../shared/types.js" */
/** @import { Click, ClickBox, Clicks } from "./clicks.js" */
/** @import { MaskItem } from "./item.js" */
/** @import { Box, Mask, Place } from "./raster.js" */
/** @import { Easel } from "./tools.js" */
/** @typedef {Easel & {item: MaskItem | undefined, color: Rgb, want: () => void}} ClickEasel */
/** @typedef {{from: Place, to: Place, away: boolean, boxing: boolean}} Press the pointer is down */
/** @typedef {{mask: Mask, box: Box | null, outline: Path2D | null, of: string, picture: OffscreenCanvas | null}} Found what is meant, and its picture in a color */

const DRAG = 6; // CSS pixels from which a press is a box
const HOLD = 500; // milliseconds after which a finger takes away
const MOST = 40; // clicks of one answer
const STEP = 8; // CSS pixels that a key moves the mark

export class ClickTool {
  /**
   * @param {ClickEasel} easel
   * @param {Clicks} clicks
   */
  constructor(easel, clicks) {
    this.easel = easel;
    this.clicks = clicks;
    this.takesAway = true; // the other button, Shift and a long press are for it
    /** @type {Click[]} */
    this.points = [];
    /** @type {ClickBox | null} */
    this.box = null;
    /** @type {Found | null} */
    this.found = null;
    this.question = 0; // the newest; older answers are passed over
    this.waiting = false;
    this.lost = false; // it is asked again once the picture is ready
    this.takes = false; // the answer that is on its way is taken as it comes
    /** @type {Press | null} */
    this.press = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.hold = undefined;
    this.byKeys = false; // the mark is drawn where no pointer is
  }

  /** True when something is clicked and not taken yet. */
  get begun() {
    return this.points.length > 0 || this.box !== null;
  }

  /**
   * @param {Place} place
   * @param {{away: boolean, touch: boolean}} [how]
   */
  down(place, how = { away: false, touch: false }) {
    this.byKeys = false;
    if (!this.mayClick(place)) return;
    this.press = { from: place, to: place, away: how.away, boxing: false };
    if (!how.touch) return;
    this.hold = setTimeout(() => {
      if (this.press) this.press.away = true;
      this.easel.optionsChanged();
      this.easel.want();
    }, HOLD);
  }

  /** @param {Place} place */
  mayClick([x, y]) {
    const { easel, clicks } = this;
    if (!clicks.ready) easel.say(clicks.reason ? `${sentence(clicks.reason)}.` : "This image is still being made ready for clicks.");
    else if (this.points.length >= MOST) easel.say("Take it first: one answer has at most 40 clicks.");
    else return x >= 0 && y >= 0 && x <= easel.doc.width && y <= easel.doc.height;
    return false;
  }

  /** @param {Place[]} places */
  move(places) {
    const { press, easel } = this;
    if (!press) return;
    press.to = places[places.length - 1];
    if (press.away || Math.hypot(press.to[0] - press.from[0], press.to[1] - press.from[1]) * easel.scale < DRAG) return;
    press.boxing = true;
    clearTimeout(this.hold);
  }

  /** @param {boolean} [done] false when something else came and what was begun is dropped */
  up(done = true) {
    const { press } = this;
    this.press = null;
    clearTimeout(this.hold);
    if (!press || !done) return;
    if (!press.boxing) return this.click(press.from, press.away);
    const box = this.boxed(press);
    if (box[0] >= box[2] || box[1] >= box[3]) return;
    Object.assign(this, { box, points: [] });
    this.ask();
  }

  /**
   * @param {Press} press
   * @returns {ClickBox}
   */
  boxed({ from, to }) {
    const { width, height } = this.easel.doc;
    const [left, right] = [from[0], to[0]].sort((a, b) => a - b).map((x) => Math.min(width, Math.max(0, x)));
    const [top, bottom] = [from[1], to[1]].sort((a, b) => a - b).map((y) => Math.min(height, Math.max(0, y)));
    return [left, top, right, bottom];
  }

  /**
   * @param {Place} place
   * @param {boolean} away
   */
  click([x, y], away) {
    this.points = [...this.points, [x, y, away ? 0 : 1]];
    this.ask();
  }

  /** What keys do: Shift and arrows move a mark, "." clicks there, "," takes away there; true when it was one of them. @param {KeyboardEvent} event */
  key({ key, shiftKey }) {
    const { easel } = this;
    const { width, height } = easel.doc;
    const step = Math.max(1, STEP / easel.scale);
    const ways = /** @type {Record<string, Place>} */ ({ ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] });
    const place = easel.place || [width / 2, height / 2];
    if (shiftKey && Object.hasOwn(ways, key)) {
      const [x, y] = [place[0] + ways[key][0], place[1] + ways[key][1]];
      easel.place = [Math.min(width - 0.5, Math.max(0.5, x)), Math.min(height - 0.5, Math.max(0.5, y))];
      this.byKeys = true;
    } else if (key === "." || key === ",") {
      easel.place = place;
      this.byKeys = true;
      if (this.mayClick(place)) this.click(place, key === ",");
    } else return false;
    easel.want();
    return true;
  }

  // ---- the answer

  ask() {
    const { easel, clicks } = this;
    const { item } = easel;
    if (!item) return;
    const question = ++this.question;
    this.waiting = true;
    clicks.find(item, this.points, this.box).then(
      (mask) => this.question === question && this.arrived(mask),
      (error) => this.question === question && this.failed(error),
    );
    easel.optionsChanged();
    easel.want();
  }

  /** @param {Mask} mask */
  arrived(mask) {
    const { doc } = this.easel;
    const box = boxOf(mask, doc.width, doc.height);
    const of = (/** @type {number} */ x, /** @type {number} */ y) => x >= 0 && y >= 0 && x < doc.width && y < doc.height && mask[y * doc.width + x] === 1;
    this.found = { mask, box, outline: box && edgePath(of, box), of: "", picture: null };
    this.waiting = false;
    if (this.takes) this.finish();
    this.easel.optionsChanged();
    this.easel.want();
  }

  /** @param {unknown} error */
  failed(error) {
    this.waiting = false;
    if (problemOf(error).told) {
      this.lost = true;
      this.clicks.lost();
    } else {
      this.takes = false;
      this.easel.say(`This click has no answer: ${wordsOf(error)}.`);
      this.back();
    }
    this.easel.optionsChanged();
  }

  /** The picture is ready now. */
  ready() {
    if (this.lost && this.begun && this.clicks.ready) this.ask();
    this.lost = false;
  }

  /** Takes back the last click, the box last; true when there was one. */
  back() {
    if (!this.begun) return false;
    if (this.points.length) this.points = this.points.slice(0, -1);
    else this.box = null;
    if (this.begun) this.ask();
    else this.cancel();
    this.easel.optionsChanged();
    return true;
  }

  /** Paints what is meant; true when something was clicked. */
  finish() {
    const { easel, found } = this;
    if (!this.begun) return false;
    if (this.waiting || !found) return (this.takes = true);
    const { doc, value } = easel;
    const { mask, box } = found;
    this.cancel();
    if (box) {
      doc.begin();
      for (let y = box.top; y <= box.bottom; y++) {
        for (let x = box.left, from = -1; x <= box.right + 1; x++) {
          const inside = x <= box.right && mask[y * doc.width + x] === 1;
          if (inside && from < 0) from = x;
          if (!inside && from >= 0) {
            doc.span(y, from, x - 1, value);
            from = -1;
          }
        }
      }
    }
    if (!box || !easel.strokeEnded()) easel.say(box ? "The mask is that already." : "Nothing is meant by these clicks: click again.");
    easel.optionsChanged();
    return true;
  }

  /** Drops it; true when something was clicked. */
  cancel() {
    const had = this.begun;
    clearTimeout(this.hold);
    this.question += 1;
    Object.assign(this, { points: [], box: null, found: null, waiting: false, lost: false, takes: false, press: null });
    return had;
  }

  leave() {
    this.byKeys = false;
  }

  /** What is told of it. */
  words() {
    const { clicks, points, box } = this;
    if (clicks.reason) return `${sentence(clicks.reason)}.`;
    if (!clicks.ready) return "Getting this image ready…";
    if (this.press?.away) return "Let go to take this away";
    if (!this.begun) return "Click what you mean, or drag a box; right or Shift+click takes away";
    const parts = [...(box ? ["a box"] : []), ...(points.length ? [`${points.length} ${points.length === 1 ? "click" : "clicks"}`] : [])];
    return `${parts.join(" and ")}: Backspace takes one back, Esc drops`;
  }

  // ---- drawing

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} unit
   */
  draw(context, unit) {
    const { found, press, easel } = this;
    if (found?.box) {
      context.imageSmoothingEnabled = false;
      context.drawImage(inColor(found, found.box, easel.doc.width, easel.color), found.box.left, found.box.top);
      if (found.outline) strokeTwice(context, found.outline, unit, true);
    }
    const box = press?.boxing ? this.boxed(press) : this.box;
    if (box) strokeTwice(context, rectangle(box), unit);
    for (const [x, y, meant] of this.points) drawSign(context, x, y, unit, meant === 1);
    if (press && !press.boxing) drawSign(context, ...press.from, unit, !press.away);
    if (this.byKeys && easel.place) strokeTwice(context, cross(...easel.place, 9 * unit), unit);
  }
}

/** @param {string} text */
function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** @param {ClickBox} box */
function rectangle([left, top, right, bottom]) {
  const path = new Path2D();
  path.rect(left, top, right - left, bottom - top);
  return path;
}

/**
 * @param {number} x
 * @param {number} y
 * @param {number} reach
 */
function cross(x, y, reach) {
  const path = new Path2D();
  path.moveTo(x - reach, y);
  path.lineTo(x + reach, y);
  path.moveTo(x, y - reach);
  path.lineTo(x, y + reach);
  return path;
}

/**
 * A plus or a minus in a disc: told apart by its form, not by its color alone.
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 * @param {number} unit
 * @param {boolean} meant
 */
function drawSign(context, x, y, unit, meant) {
  const round = new Path2D();
  round.arc(x, y, 7 * unit, 0, 2 * Math.PI);
  context.fillStyle = meant ? "#fff" : "#111";
  context.fill(round);
  context.lineWidth = 1.5 * unit;
  context.strokeStyle = meant ? "#111" : "#fff";
  context.stroke(round);
  const sign = new Path2D();
  sign.moveTo(x - 3.5 * unit, y);
  sign.lineTo(x + 3.5 * unit, y);
  if (meant) {
    sign.moveTo(x, y - 3.5 * unit);
    sign.lineTo(x, y + 3.5 * unit);
  }
  context.stroke(sign);
}

/**
 * What is meant, in a color; made once a color.
 * @param {Found} found
 * @param {Box} box
 * @param {number} across pixels a row of the mask
 * @param {Rgb} color
 */
function inColor(found, box, across, color) {
  if (found.picture && found.of === String(color)) return found.picture;
  const [width, height] = [box.right + 1 - box.left, box.bottom + 1 - box.top];
  const picture = new OffscreenCanvas(width, height);
  const context = pen(picture);
  const image = context.createImageData(width, height);
  const words = new Uint32Array(image.data.buffer);
  const word = packedColor(color, 165);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) if (found.mask[(box.top + y) * across + box.left + x]) words[y * width + x] = word;
  context.putImageData(image, 0, 0);
  Object.assign(found, { picture, of: String(color) });
  return picture;
}
