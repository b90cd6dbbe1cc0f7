// The tools of the mask editor: what a pointer does to the mask of the picture on the stage. A tool has some of
// down(place, event), move(places, event), up(), hover(place), cancel(), draw(context, unit), leave(); a place is [x, y] in picture pixels.

const MOST_SIZE = 200;
const SUPERPIXELS = { Coarse: 60, Medium: 150, Fine: 400 };
const ICONS = {
  brush: "M13.5 2.5l2 2L8 12l-3 1 1-3zM3 15.5c0-2 2-1 2-3",
  eraser: "M6.5 14.5h9M2.5 11l7-7.5 5 4.5-6 6.5H6z M6 7.5l5 4.5",
  polygon: "M4 14.5L2.5 6 9 2.5l6.5 4.5L13 15z",
  flood: "M8 2.5l6.5 6.5-5.5 5.5L3 8.5zM3 8.5h11M15.5 12c1 1.6 1 3-.2 3s-1.100-1.400.2-3z",
  superpixel: "M2.500 5l4-2.500 5 1.500 4-1v6l-1.500 5-5 1-5.500-1.500-1-4zM6.500 2.500L7 8l-4.500 1.500M7 8l4 2 4.500-1M11 10l-2 5",
  draft: "M3 15l7.500-7.500M12.500 2v3M12.500 8v2M9 5.500h2M14 5.500h2.500M4 3v2M3 4h2M14 12v2.500M13 13.200h2.500",
  pan: "M9 2v14M2 9h14M9 2L7 4M9 2l2 2M9 16l-2-2M9 16l2-2M2 9l2-2M2 9l2 2M16 9l-2-2M16 9l-2 2",
};
const TOOLS = [
  ["brush", "Brush", "b"],
  ["eraser", "Eraser: paints void", "e"],
  ["polygon", "Polygon", "p"],
  ["flood", "Fill a connected area", "f"],
  ["superpixel", "Superpixels", "s"],
  ["draft", "Areas of the model's draft", "d"],
  ["pan", "Move the picture", "Space"],
];

class BrushTool {
  constructor(editor, value) {
    Object.assign(this, { editor, value });
  }

  down([x, y]) {
    const { size } = this.editor.settings;
    this.rows = brushRows(size);
    this.editor.doc.begin();
    this.last = brushCell(x, y, size);
    this.line(this.last);
  }

  move(places) {
    for (const [x, y] of places) {
      const cell = brushCell(x, y, this.editor.settings.size);
      if (cell[0] !== this.last[0] || cell[1] !== this.last[1]) this.line(cell);
      this.last = cell;
    }
  }

  line(cell) {
    const { doc } = this.editor;
    const value = this.value();
    sweep(this.rows, ...this.last, ...cell, (y, from, to) => doc.span(y, from, to, value));
  }

  // The pixels the brush would paint here.
  draw(context, unit) {
    const { place, settings } = this.editor;
    if (!place) return;
    if (this.drawn !== settings.size) {
      this.drawn = settings.size;
      const rows = new Map(brushRows(settings.size).map((row) => [row.dy, row]));
      const reach = Math.ceil(settings.size / 2);
      this.outline = edgePath((x, y) => x >= (rows.get(y)?.from ?? 1) && x <= (rows.get(y)?.to ?? 0), { left: -reach, top: -reach, right: reach, bottom: reach });
    }
    context.save();
    context.translate(...brushCell(...place, settings.size));
    strokeTwice(context, this.outline, unit);
    context.restore();
  }
}

class PolygonTool {
  constructor(editor) {
    Object.assign(this, { editor, corners: [] });
  }

  down(place) {
    const [x, y] = place.map(Math.floor);
    const { corners } = this;
    const reach = Math.max(0.5, 8 / this.editor.canvas.view.scale);
    if (corners.length > 2 && Math.hypot(place[0] - corners[0][0] - 0.5, place[1] - corners[0][1] - 0.5) <= reach) return this.finish();
    const last = corners[corners.length - 1];
    if (!last || last[0] !== x || last[1] !== y) corners.push([x, y]);
    this.editor.renderOptions();
  }

  // Closes and paints it; true when there was one.
  finish() {
    const { corners, editor } = this;
    if (!corners.length) return false;
    if (corners.length < 2) return editor.say("A polygon needs two corners or more."), true;
    this.corners = [];
    editor.doc.begin();
    eachOfPolygon(corners, editor.doc.height, (y, from, to) => editor.doc.span(y, from, to, editor.value));
    editor.strokeEnded();
    editor.renderOptions();
    return true;
  }

  back() {
    if (!this.corners.length) return false;
    this.corners.pop();
    this.editor.renderOptions();
    return true;
  }

  cancel() {
    const had = this.corners.length > 0;
    this.corners = [];
    return had;
  }

  draw(context, unit) {
    const { place } = this.editor;
    if (!this.corners.length) return;
    const path = new Path2D();
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

class FloodTool {
  constructor(editor) {
    this.editor = editor;
  }

  down(place) {
    const { doc, value } = this.editor;
    const [x, y] = place.map(Math.floor);
    if (!this.editor.mayPaint(x, y)) return;
    const { spans } = areaOf(doc.mask, doc.width, doc.height, x, y, doc.allowed);
    doc.begin();
    for (let i = 0; i < spans.length; i += 3) doc.span(spans[i], spans[i + 1], spans[i + 2], value);
  }
}

class SuperpixelTool {
  constructor(editor) {
    this.editor = editor;
  }

  // The label map of the picture on the stage, when it is there.
  get labels() {
    return this.editor.current?.superpixels?.get(this.editor.settings.superpixels);
  }

  down(place) {
    if (!this.labels) return this.editor.say("The superpixels of this image are still on their way.");
    this.editor.doc.begin();
    this.taken = new Set();
    this.last = place.map(Math.floor);
    this.move([place]);
  }

  move(places) {
    if (!this.taken) return;
    for (const place of places) {
      const cell = place.map(Math.floor);
      eachOfLine(...this.last, ...cell, (x, y) => this.take(x, y));
      this.last = cell;
      this.hover(place);
    }
  }

  up() {
    this.taken = null;
  }

  take(x, y) {
    const { doc, value } = this.editor;
    if (!this.editor.mayPaint(x, y, true)) return;
    const { labels, boxes } = this.labels;
    const label = labels[y * doc.width + x];
    if (this.taken.has(label)) return;
    this.taken.add(label);
    const [left, top, right, bottom] = boxes.subarray(4 * label, 4 * label + 4);
    for (let row = top; row <= bottom; row++) {
      for (let column = left, from = -1; column <= right + 1; column++) {
        const inside = column <= right && labels[row * doc.width + column] === label;
        if (inside && from < 0) from = column;
        if (!inside && from >= 0) doc.span(row, from, column - 1, value), (from = -1);
      }
    }
  }

  hover(place) {
    const found = this.labels;
    const { doc } = this.editor;
    const [x, y] = place.map(Math.floor);
    const label = found && this.editor.mayPaint(x, y, true) ? found.labels[y * doc.width + x] : -1;
    if (label === this.hovered && found === this.of) return;
    Object.assign(this, { hovered: label, of: found, outline: null });
    if (label < 0) return;
    const [left, top, right, bottom] = found.boxes.subarray(4 * label, 4 * label + 4);
    const of = (column, row) => column >= left && column <= right && row >= top && row <= bottom && found.labels[row * doc.width + column] === label;
    this.outline = edgePath(of, { left, top, right, bottom });
  }

  leave() {
    Object.assign(this, { hovered: -1, outline: null });
  }

  draw(context, unit) {
    if (this.outline && this.of === this.labels) strokeTwice(context, this.outline, unit);
  }
}

class DraftTool {
  constructor(editor) {
    this.editor = editor;
  }

  get draft() {
    return this.editor.current?.guess || null;
  }

  down(place) {
    const [x, y] = place.map(Math.floor);
    const { editor, draft } = this;
    if (!draft) return editor.say(editor.noDraft());
    if (!editor.mayPaint(x, y)) return;
    const { doc } = editor;
    const { spans } = this.area(x, y);
    doc.begin();
    for (let i = 0; i < spans.length; i += 3) doc.copy(spans[i], spans[i + 1], spans[i + 2], draft, false);
  }

  area(x, y) {
    const { doc } = this.editor;
    return areaOf(this.draft, doc.width, doc.height, x, y, doc.allowed);
  }

  // Takes the whole draft: what is still void, or with `everything` all that may be painted.
  accept(everything) {
    const { editor, draft } = this;
    const { doc } = editor;
    if (!draft) return editor.say(editor.noDraft());
    doc.begin();
    for (let y = 0; y < doc.height; y++) doc.copy(y, 0, doc.width - 1, draft, !everything);
    if (!editor.strokeEnded()) editor.say(everything ? "The mask is the model's draft already." : "Nothing is void here. Shift+G takes the draft over what is painted.");
  }

  hover(place) {
    const [x, y] = place.map(Math.floor);
    const { doc } = this.editor;
    const inside = this.draft && this.editor.mayPaint(x, y, true);
    if (inside && this.of === this.draft && this.seen?.[y * doc.width + x]) return;
    Object.assign(this, { seen: null, outline: null, of: this.draft });
    if (!inside || this.draft[y * doc.width + x] === VOID) return;
    const { seen } = this.area(x, y);
    this.seen = seen;
    const of = (column, row) => column >= 0 && row >= 0 && column < doc.width && row < doc.height && seen[row * doc.width + column] === 1;
    this.outline = edgePath(of, boxOf(seen, doc.width, doc.height));
  }

  leave() {
    Object.assign(this, { seen: null, outline: null });
  }

  draw(context, unit) {
    if (this.outline && this.of === this.draft) strokeTwice(context, this.outline, unit);
  }
}

// Pointers on the stage: painting, moving and zooming, and which tool gets them.
class MaskPointer {
  constructor(editor) {
    this.editor = editor;
    this.tools = {
      brush: new BrushTool(editor, () => editor.value),
      eraser: new BrushTool(editor, () => VOID),
      polygon: new PolygonTool(editor),
      flood: new FloodTool(editor),
      superpixel: new SuperpixelTool(editor),
      draft: new DraftTool(editor),
      pan: {},
    };
    const { panes } = editor.canvas;
    panes.addEventListener("pointerdown", (event) => this.down(event));
    panes.addEventListener("pointermove", (event) => this.move(event));
    panes.addEventListener("pointerup", (event) => this.up(event));
    panes.addEventListener("pointercancel", (event) => this.up(event));
    panes.addEventListener("pointerleave", () => this.leave());
    panes.addEventListener("dblclick", () => this.tool === this.tools.polygon && this.tool.finish());
    panes.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  get tool() {
    return this.tools[this.editor.settings.tool];
  }

  place(event) {
    return this.editor.canvas.at(event.clientX, event.clientY, event.target.closest("canvas") || undefined);
  }

  down(event) {
    const { editor } = this;
    if (!editor.doc || this.holds !== undefined) return;
    const middle = event.button === 1;
    if (event.button && !middle) return;
    const pans = middle || editor.spaceHeld || this.tool === this.tools.pan || !event.target.closest(".main");
    this.holds = event.pointerId;
    editor.canvas.panes.setPointerCapture(event.pointerId);
    if (pans) {
      this.pans = [event.clientX, event.clientY];
      editor.canvas.panes.classList.add("moving");
      return;
    }
    editor.place = this.capturedPlace(event);
    if (event.altKey) return editor.pick(editor.place);
    this.draws = true;
    editor.beforeStroke();
    this.tool.down?.(editor.place, event);
    editor.canvas.stroked(event);
  }

  // With the pointer captured every event names the stage itself, so places are measured from the main pane.
  capturedPlace(event) {
    return this.editor.canvas.at(event.clientX, event.clientY);
  }

  move(event) {
    const { editor } = this;
    if (this.holds !== undefined && event.pointerId !== this.holds) return;
    if (this.pans) {
      editor.canvas.pan(event.clientX - this.pans[0], event.clientY - this.pans[1]);
      this.pans = [event.clientX, event.clientY];
      return;
    }
    if (!editor.doc) return;
    editor.place = this.draws ? this.capturedPlace(event) : this.place(event);
    if (this.draws && this.tool.move) {
      const told = event.getCoalescedEvents?.() || [];
      this.tool.move((told.length ? told : [event]).map((one) => this.capturedPlace(one)), event);
      editor.canvas.stroked(event); // the words under the picture follow when the stroke ends: laying them out costs as much as painting
    } else {
      this.tool.hover?.(editor.place);
      editor.canvas.want();
      editor.renderPlace();
    }
  }

  up(event) {
    if (event.pointerId !== this.holds) return;
    this.letGo();
  }

  // Ends what the pointer does, for example because another picture comes.
  letGo() {
    const { editor } = this;
    if (this.holds === undefined) return;
    this.holds = undefined;
    this.pans = null;
    editor.canvas.panes.classList.remove("moving");
    if (!this.draws) return;
    this.draws = false;
    this.tool.up?.();
    editor.strokeEnded();
  }

  leave() {
    if (this.holds !== undefined) return;
    this.editor.place = null;
    this.tool.leave?.();
    this.editor.canvas.want();
    this.editor.renderPlace();
  }

  wheel(event) {
    const { canvas, settings, doc } = this.editor;
    const asked = event.ctrlKey || event.altKey;
    if (!doc || !(settings.wheelZooms || asked)) return;
    event.preventDefault();
    const box = (event.target.closest("canvas") || canvas.base).getBoundingClientRect();
    const turned = Math.max(-100, Math.min(100, event.deltaY * (event.deltaMode ? 30 : 1)));
    const pinch = event.ctrlKey && Math.abs(turned) < 50; // two fingers on a touchpad come as small turns with Ctrl
    canvas.zoom(Math.exp(-turned / (pinch ? 100 : 350)), event.clientX - box.left, event.clientY - box.top);
  }
}
