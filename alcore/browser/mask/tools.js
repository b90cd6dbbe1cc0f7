// The tools of the mask editor: what a pointer does to the mask of the picture on the stage. A tool has some of
// what `Tool` lists, and knows of the editor what `Easel` lists.

import { areaOf, boxOf, brushCell, brushRows, eachOfLine, eachOfPolygon, edgePath, sweep, VOID } from "./raster.js";
import { ClickTool } from "./clicking.js";
import { strokeTwice } from "./drawing.js";

/** @import { ClickEasel } from "./clicking.js" */
/** @import { Clicks } from "./clicks.js" */
/** @import { MaskDocument } from "./document.js" */
/** @import { Superpixels } from "./item.js" */
/** @import { BrushRow, Mask, Place } from "./raster.js" */
/** @import { Settings } from "./settings.js" */
/**
 * What tools know of the picture on the stage, and what they may ask.
 * @typedef {object} Easel
 * @property {MaskDocument} doc the mask that is painted; there is one whenever a tool is used
 * @property {Place | null} place under the pointer
 * @property {number} value the class to paint with
 * @property {Settings} settings
 * @property {number} scale CSS pixels a picture pixel
 * @property {Superpixels | undefined} superpixels
 * @property {Mask | null} draft
 * @property {string} noDraft why there is none
 * @property {(x: number, y: number, quiet?: boolean) => boolean} mayPaint
 * @property {() => boolean} strokeEnded true when the stroke changed anything
 * @property {() => void} optionsChanged what is told of the tool has changed
 * @property {(text: string) => void} say
 */
/**
 * @typedef {object} Tool
 * @property {boolean} [takesAway] the other button and Shift are for it too
 * @property {(place: Place, how: {away: boolean, touch: boolean}) => void} [down] `away`: by the other button, or with Shift
 * @property {(places: Place[]) => void} [move]
 * @property {(done: boolean) => void} [up] `done`: let go by the person, not because something else came
 * @property {(place: Place) => void} [hover]
 * @property {() => unknown} [cancel] drops what is begun
 * @property {() => void} [leave] the pointer is away
 * @property {(context: CanvasRenderingContext2D, unit: number) => void} [draw] over the picture; `unit` is a CSS pixel
 */

export class BrushTool {
  /**
   * @param {Easel} easel
   * @param {() => number} value the class it paints with
   */
  constructor(easel, value) {
    this.easel = easel;
    this.value = value;
    /** @type {BrushRow[]} */
    this.rows = [];
    /** @type {Place} the cell it was at last */
    this.last = [0, 0];
    this.drawn = 0; // the size of the outline
    this.outline = new Path2D();
  }

  /** @param {Place} place */
  down([x, y]) {
    const { size } = this.easel.settings;
    this.rows = brushRows(size);
    this.easel.doc.begin();
    this.last = brushCell(x, y, size);
    this.line(this.last);
  }

  /** @param {Place[]} places */
  move(places) {
    for (const [x, y] of places) {
      const cell = brushCell(x, y, this.easel.settings.size);
      if (cell[0] !== this.last[0] || cell[1] !== this.last[1]) this.line(cell);
      this.last = cell;
    }
  }

  /** @param {Place} cell */
  line(cell) {
    const { doc } = this.easel;
    const value = this.value();
    sweep(this.rows, this.last[0], this.last[1], cell[0], cell[1], (/** @type {number} */ y, /** @type {number} */ from, /** @type {number} */ to) => doc.span(y, from, to, value));
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} unit
   */
  draw(context, unit) {
    const { place, settings } = this.easel;
    if (!place) return;
    if (this.drawn !== settings.size) {
      this.drawn = settings.size;
      const rows = new Map(brushRows(settings.size).map((row) => [row.dy, row]));
      const reach = Math.ceil(settings.size / 2);
      this.outline = edgePath((/** @type {number} */ x, /** @type {number} */ y) => x >= (rows.get(y)?.from ?? 1) && x <= (rows.get(y)?.to ?? 0), { left: -reach, top: -reach, right: reach, bottom: reach });
    }
    context.save();
    context.translate(...brushCell(place[0], place[1], settings.size));
    strokeTwice(context, this.outline, unit);
    context.restore();
  }
}

export class PolygonTool {
  /** @param {Easel} easel */
  constructor(easel) {
    this.easel = easel;
    /** @type {Place[]} */
    this.corners = [];
  }

  /** @param {Place} place */
  down(place) {
    const [x, y] = cellAt(place);
    const { corners } = this;
    const reach = Math.max(0.5, 8 / this.easel.scale);
    if (corners.length > 2 && Math.hypot(place[0] - corners[0][0] - 0.5, place[1] - corners[0][1] - 0.5) <= reach) return void this.finish();
    const last = corners[corners.length - 1];
    if (!last || last[0] !== x || last[1] !== y) corners.push([x, y]);
    this.easel.optionsChanged();
  }

  /** Closes and paints it; true when there was one. */
  finish() {
    const { corners, easel } = this;
    if (!corners.length) return false;
    if (corners.length < 2) {
      easel.say("A polygon needs two corners or more.");
      return true;
    }
    this.corners = [];
    easel.doc.begin();
    const { doc, value } = easel;
    eachOfPolygon(corners, doc.height, (y, from, to) => doc.span(y, from, to, value));
    easel.strokeEnded();
    easel.optionsChanged();
    return true;
  }

  back() {
    if (!this.corners.length) return false;
    this.corners.pop();
    this.easel.optionsChanged();
    return true;
  }

  cancel() {
    const had = this.corners.length > 0;
    this.corners = [];
    return had;
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} unit
   */
  draw(context, unit) {
    const { place } = this.easel;
    if (!this.corners.length) return;
    const path = new Path2D();
    /** @type {Place[]} */
    const places = this.corners.map(([x, y]) => [x + 0.5, y + 0.5]);
    for (const [x, y] of place ? [...places, place] : places) path.lineTo(x, y);
    strokeTwice(context, path, unit);
    const dots = new Path2D();
    places.forEach(([x, y], i) => dots.rect(x - (i ? 2 : 4) * unit, y - (i ? 2 : 4) * unit, (i ? 4 : 8) * unit, (i ? 4 : 8) * unit));
    context.fillStyle = "#fff";
    strokeTwice(context, dots, unit);
    context.fill(dots);
  }
}

export class FloodTool {
  /** @param {Easel} easel */
  constructor(easel) {
    this.easel = easel;
  }

  /** @param {Place} place */
  down(place) {
    const { doc, value } = this.easel;
    const [x, y] = cellAt(place);
    if (!this.easel.mayPaint(x, y)) return;
    const { spans } = areaOf(doc.mask, doc.width, doc.height, x, y, doc.allowed);
    doc.begin();
    for (let i = 0; i < spans.length; i += 3) doc.span(spans[i], spans[i + 1], spans[i + 2], value);
  }
}

export class SuperpixelTool {
  /** @param {Easel} easel */
  constructor(easel) {
    this.easel = easel;
    /** @type {Set<number> | null} what the stroke under way has taken */
    this.taken = null;
    /** @type {Place} */
    this.last = [0, 0];
    this.hovered = -1;
    /** @type {Superpixels | undefined} of which the outline is */
    this.of = undefined;
    /** @type {Path2D | null} */
    this.outline = null;
  }

  /** @param {Place} place */
  down(place) {
    if (!this.easel.superpixels) return this.easel.say("The superpixels of this image are still on their way.");
    this.easel.doc.begin();
    this.taken = new Set();
    this.last = cellAt(place);
    this.move([place]);
  }

  /** @param {Place[]} places */
  move(places) {
    if (!this.taken) return;
    for (const place of places) {
      const cell = cellAt(place);
      eachOfLine(this.last[0], this.last[1], cell[0], cell[1], (/** @type {number} */ x, /** @type {number} */ y) => this.take(x, y));
      this.last = cell;
      this.hover(place);
    }
  }

  up() {
    this.taken = null;
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  take(x, y) {
    const { doc, value, superpixels } = this.easel;
    if (!superpixels || !this.taken || !this.easel.mayPaint(x, y, true)) return;
    const { labels, boxes } = superpixels;
    const label = labels[y * doc.width + x];
    if (this.taken.has(label)) return;
    this.taken.add(label);
    const [left, top, right, bottom] = boxes.subarray(4 * label, 4 * label + 4);
    for (let row = top; row <= bottom; row++) {
      for (let column = left, from = -1; column <= right + 1; column++) {
        const inside = column <= right && labels[row * doc.width + column] === label;
        if (inside && from < 0) from = column;
        if (!inside && from >= 0) {
          doc.span(row, from, column - 1, value);
          from = -1;
        }
      }
    }
  }

  /** @param {Place} place */
  hover(place) {
    const found = this.easel.superpixels;
    const { doc } = this.easel;
    const [x, y] = cellAt(place);
    const label = found && this.easel.mayPaint(x, y, true) ? found.labels[y * doc.width + x] : -1;
    if (label === this.hovered && found === this.of) return;
    Object.assign(this, { hovered: label, of: found, outline: null });
    if (!found || label < 0) return;
    const [left, top, right, bottom] = found.boxes.subarray(4 * label, 4 * label + 4);
    const of = (/** @type {number} */ column, /** @type {number} */ row) => column >= left && column <= right && row >= top && row <= bottom && found.labels[row * doc.width + column] === label;
    this.outline = edgePath(of, { left, top, right, bottom });
  }

  leave() {
    Object.assign(this, { hovered: -1, outline: null });
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} unit
   */
  draw(context, unit) {
    if (this.outline && this.of === this.easel.superpixels) strokeTwice(context, this.outline, unit);
  }
}

export class DraftTool {
  /** @param {Easel} easel */
  constructor(easel) {
    this.easel = easel;
    /** @type {Mask | null} the area under the pointer */
    this.seen = null;
    /** @type {Path2D | null} its outline */
    this.outline = null;
    /** @type {Mask | null} the draft it is of */
    this.of = null;
  }

  /** @param {Place} place */
  down(place) {
    const [x, y] = cellAt(place);
    const { easel } = this;
    const { draft } = easel;
    if (!draft) return easel.say(easel.noDraft);
    if (!easel.mayPaint(x, y)) return;
    const { doc } = easel;
    const { spans } = this.area(draft, x, y);
    doc.begin();
    for (let i = 0; i < spans.length; i += 3) doc.copy(spans[i], spans[i + 1], spans[i + 2], draft, false);
  }

  /**
   * @param {Mask} draft
   * @param {number} x
   * @param {number} y
   */
  area(draft, x, y) {
    const { doc } = this.easel;
    return areaOf(draft, doc.width, doc.height, x, y, doc.allowed);
  }

  /**
   * Takes the whole draft: what is still void, or with `everything` all that may be painted.
   * @param {boolean} everything
   */
  accept(everything) {
    const { easel } = this;
    const { doc, draft } = easel;
    if (!draft) return easel.say(easel.noDraft);
    doc.begin();
    for (let y = 0; y < doc.height; y++) doc.copy(y, 0, doc.width - 1, draft, !everything);
    if (!easel.strokeEnded()) easel.say(everything ? "The mask is the model's draft already." : "Nothing is void here. Shift+G takes the draft over what is painted.");
  }

  /** @param {Place} place */
  hover(place) {
    const [x, y] = cellAt(place);
    const { doc, draft } = this.easel;
    const inside = this.easel.mayPaint(x, y, true);
    if (draft && inside && this.of === draft && this.seen?.[y * doc.width + x]) return;
    Object.assign(this, { seen: null, outline: null, of: draft });
    if (!draft || !inside || draft[y * doc.width + x] === VOID) return;
    const { seen } = this.area(draft, x, y);
    this.seen = seen;
    const of = (/** @type {number} */ column, /** @type {number} */ row) => column >= 0 && row >= 0 && column < doc.width && row < doc.height && seen[row * doc.width + column] === 1;
    const box = boxOf(seen, doc.width, doc.height);
    if (box) this.outline = edgePath(of, box);
  }

  leave() {
    Object.assign(this, { seen: null, outline: null });
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} unit
   */
  draw(context, unit) {
    if (this.outline && this.of === this.easel.draft) strokeTwice(context, this.outline, unit);
  }
}

/**
 * The pixel under a place.
 * @param {Place} place
 * @returns {Place}
 */
function cellAt([x, y]) {
  return [Math.floor(x), Math.floor(y)];
}

/**
 * All tools by name.
 * @param {ClickEasel} easel
 * @param {Clicks} clicks
 */
export function toolsOf(easel, clicks) {
  return {
    brush: new BrushTool(easel, () => easel.value),
    eraser: new BrushTool(easel, () => VOID),
    polygon: new PolygonTool(easel),
    flood: new FloodTool(easel),
    superpixel: new SuperpixelTool(easel),
    click: new ClickTool(easel, clicks),
    draft: new DraftTool(easel),
    pan: /** @type {Tool} */ ({}),
  };
}
/** @typedef {ReturnType<typeof toolsOf>} Tools */
