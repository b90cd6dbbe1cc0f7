// The mask editor: what a person does to a mask and decides about an image. Strokes are kept in the browser as they are made, a save goes to
// the outbox and the next picture shows at once; Streamlit hears of it once, when the query is used up.

const KEEP_AFTER = 250; // milliseconds from a stroke to its copy in the browser's store
const SETTINGS = "alcore:editor:settings";
const HEAT = ramp(false);
const PAINTED = "painted here"; // stands for a mask whose name only the server knows yet

function storedSettings() {
  const usual = { tool: "brush", size: 12, opacity: 0.55, outlines: true, wheelZooms: true, heads: false, heat: "", superpixels: SUPERPIXELS.Medium };
  try {
    return { ...usual, ...JSON.parse(localStorage.getItem(SETTINGS)) };
  } catch {
    return usual;
  }
}

class MaskEditor extends MaskStage {
  constructor(parent) {
    super({ outbox: MaskOutbox, ahead: AHEAD, linger: 4500, pictures: 240, answer: "answer", back: ", with what you painted", unkept: "strokes that are not saved are lost when the page closes." });
    this.settings = storedSettings();
    this.value = 0;
    this.build(parent);
    this.look = this.canvas.look;
    Object.assign(this.look, { opacity: this.settings.opacity, outlines: this.settings.outlines });
    this.loader = new MaskLoader(this);
    this.pointer = new MaskPointer(this);
    this.keyboard = new MaskKeys(this);
    this.canvas.drawOver = (context, unit) => this.drawOver(context, unit);
    this.canvas.onmoved = () => this.viewMoved();
    const listeners = [
      [window, "keydown", (event) => this.keyboard.down(event)],
      [window, "keyup", (event) => this.keyboard.up(event)],
      [window, "blur", () => this.holdSpace(false)],
      [window, "pagehide", () => this.keepAll()],
      [document, "visibilitychange", () => document.hidden && this.keepAll()],
      [window, "beforeunload", (event) => this.outbox?.inMemoryOnly && this.items?.some((item) => this.unsaved(item)) && event.preventDefault()],
    ];
    this.listen(listeners, this.root, this.canvas.panes);
  }

  dispose() {
    this.pointer.letGo();
    this.keepAll();
    for (const item of this.items || []) this.loader.forgetPicture(item);
    this.canvas.close();
    super.dispose();
  }

  update({ data, setTriggerValue }) {
    super.update({ data: { ...data, mode: "single" }, setTriggerValue }); // what the labeler's view asks for
  }

  get store() {
    return this.outbox.store;
  }

  // A class was found by typing.
  give(row) {
    const [value] = [...this.rows].find(([, made]) => made.row === row);
    this.setValue(value);
  }

  // ---- what a person does

  mayPaint(x, y, quiet = false) {
    const { doc } = this;
    if (!doc || x < 0 || y < 0 || x >= doc.width || y >= doc.height) return false;
    if (!doc.allowed || doc.allowed[y * doc.width + x]) return true;
    if (!quiet) this.say("Only the bright part of this image is asked for.");
    return false;
  }

  beforeStroke() {
    this.current.clicks += 1;
    if (!this.look.shown) this.toggleMask(); // nobody paints blind
    if (this.settings.tool !== "eraser" && this.look.hidden.has(this.value)) this.toggleClass(this.value);
    if (this.message && !this.message.stays) this.message = null;
    this.current.restored = null;
    this.renderNotice();
  }

  // True when the stroke changed anything.
  strokeEnded() {
    const changed = this.doc?.end() || false;
    if (changed) this.strokeDone(this.current);
    return changed;
  }

  strokeDone(item) {
    this.canvas.want();
    this.renderClasses();
    this.renderCaption();
    this.renderPlace();
    this.renderBar();
    if (item.tile) this.fillTile(item);
    item.keepTimer ??= setTimeout(() => this.keep(item), KEEP_AFTER);
  }

  undoStroke() {
    if (this.pointer.tools.polygon.back()) return this.canvas.want();
    this.pointer.letGo();
    if (this.doc?.undo()) this.strokeDone(this.current);
    else this.say("There is no stroke to undo.");
  }

  redoStroke() {
    this.pointer.letGo();
    if (this.doc?.redo()) this.strokeDone(this.current);
    else this.say("There is no stroke to redo.");
  }

  acceptDraft(everything) {
    if (!this.doc) return;
    this.current.clicks += 1;
    this.pointer.tools.draft.accept(everything);
  }

  // Paints on with the class under the pointer.
  pick([x, y]) {
    const { doc } = this;
    if (x < 0 || y < 0 || x >= doc.width || y >= doc.height) return;
    this.setValue(doc.mask[Math.floor(y) * doc.width + Math.floor(x)]);
  }

  setValue(value) {
    this.value = value;
    if (["eraser", "pan"].includes(this.settings.tool)) this.setTool(this.painting || "brush");
    this.renderOptions();
    this.renderClasses();
    const { choose } = this.rows.get(value) || {};
    choose?.scrollIntoView({ block: "nearest" });
  }

  setTool(name) {
    this.pointer.letGo();
    const { tool } = this.settings;
    if (tool !== name) {
      this.pointer.tool.cancel?.();
      this.pointer.tool.leave?.();
    }
    if (!["eraser", "pan"].includes(name)) this.painting = name;
    this.configure({ tool: name });
    if (name === "superpixel" && this.queue) this.loader.around(this.cursor);
    if (this.doc) this.showGhost();
    this.renderTools();
    this.canvas.want();
  }

  holdSpace(held) {
    if (Boolean(this.spaceHeld) === held) return;
    this.spaceHeld = held;
    this.renderCursor();
  }

  setSize(size) {
    this.configure({ size: Math.min(MOST_SIZE, Math.max(1, size)) });
    this.renderOptions();
    this.renderCursor();
    this.canvas.want();
  }

  setSuperpixels(n) {
    this.configure({ superpixels: n });
    this.loader.around(this.cursor);
    this.renderOptions();
    this.canvas.want();
  }

  setLook(change) {
    this.configure(change);
    Object.assign(this.look, { opacity: this.settings.opacity, outlines: this.settings.outlines });
    this.canvas.recolor();
    if ("heads" in change && this.doc) this.showLayers();
    this.renderLooks();
  }

  toggleMask() {
    this.look.shown = !this.look.shown;
    this.canvas.recolor();
    this.renderLooks();
  }

  toggleClass(value) {
    if (value === VOID) this.look.voidShown = !this.look.voidShown;
    else if (!this.look.hidden.delete(value)) this.look.hidden.add(value);
    this.canvas.recolor();
    this.renderClasses();
  }

  setHeat(name) {
    this.configure({ heat: name });
    if (this.doc) this.showLayers();
    this.renderLooks();
  }

  nextHeat() {
    if (!this.doc) return;
    const names = ["", ...(this.current?.layers || []).map(({ name }) => name)];
    if (names.length === 1) return this.say("There is no heat layer: the model has not seen this image yet.");
    this.setHeat(names[(Math.max(0, names.indexOf(this.settings.heat)) + 1) % names.length]);
  }

  configure(change) {
    Object.assign(this.settings, change);
    try {
      localStorage.setItem(SETTINGS, JSON.stringify(this.settings));
    } catch {
      // settings are only a convenience
    }
  }

  saveMask(event) {
    const { doc, current: item } = this;
    if (!item || this.root.dataset.view !== "work") return;
    if (!doc) return this.say("The image is still on its way.");
    if (!this.mayAnswer(event)) return;
    this.pointer.letGo();
    if (this.pointer.tools.polygon.finish()) return this.canvas.want();
    if (item.state === "label" && !doc.unsaved) return this.advance(1), this.moved(event);
    const painted = item.allowed ? item.allowed.some((on, i) => on && doc.mask[i] !== VOID) : doc.counts[VOID] < doc.mask.length;
    if (!painted && this.emptyTold !== item) {
      this.emptyTold = item;
      return this.say(`Nothing is painted ${item.regions ? "in the bright part" : "here"}. Press Enter again to save it as void, or N to skip.`);
    }
    this.emptyTold = null;
    item.kept = packed(doc.mask);
    const bytes = { packed: item.kept, width: doc.width, height: doc.height, clicks: item.clicks };
    this.record(item, item.regions ? "region" : "mask", event, bytes);
    doc.saved();
    item.unsaved = false;
    clearTimeout(item.keepTimer);
    item.keepTimer = null;
    this.leaveItem(item, event);
  }

  answer(kind, event) {
    const item = this.current;
    if (!item || this.root.dataset.view !== "work" || !this.mayAnswer(event)) return;
    this.record(item, kind, event);
    this.leaveItem(item, event);
  }

  record(item, kind, event, mask = {}) {
    const spent = item.ms + (item.shownAt ? performance.now() - item.shownAt : 0);
    const replaces = item.saw === PAINTED ? undefined : item.saw; // the server has not named an own mask yet: nothing is contradicted
    const seq = this.outbox.push({ item: item.id, kind, ms: Math.round(Math.min(spent, 3_600_000)), round: this.queue.round, replaces, ...mask }, event?.timeStamp ?? performance.now());
    Object.assign(item, { ms: 0, clicks: 0, restored: null });
    if (item.shownAt) item.shownAt = performance.now();
    this.history.push([{ ...this.answered(item, kind, mask.packed ? PAINTED : null, seq), mask: Boolean(mask.packed) }]);
    this.touched = true;
    this.message = null;
  }

  leaveItem(item, event) {
    if (item.tile) this.fillTile(item);
    this.advance(1);
    this.moved(event);
  }

  // Takes back the last save, skip or flag. Its strokes are unsaved again.
  takeBack(event) {
    const steps = this.lastSteps();
    if (!steps) return this.say("You have no answer to take back in this query. Ctrl+Z undoes a stroke.");
    const [{ item, event: said, mask }] = steps;
    this.unsay(item, said);
    this.outbox.push({ item: item.id, kind: "undo", ms: null, round: this.queue.round }, event?.timeStamp ?? performance.now());
    if (mask) this.markUnsaved(item);
    this.message = null;
    this.told = false;
    this.cursor = this.items.indexOf(item);
    if (item.tile) this.fillTile(item);
    this.moved(event);
  }

  markUnsaved(item) {
    item.unsaved = true;
    if (item.doc) item.doc.savedState = -1;
    this.keep(item);
  }

  // ---- unsaved strokes, kept in the browser

  keep(item) {
    clearTimeout(item.keepTimer);
    item.keepTimer = null;
    const { key } = this.outbox;
    if (!this.unsaved(item)) return this.store.dropStrokes(key, item.id);
    const bytes = item.doc ? packed(item.doc.mask) : item.kept;
    const ms = Math.round(item.ms + (item.shownAt ? performance.now() - item.shownAt : 0));
    return this.store.putStrokes({ ...key, item: item.id, width: item.width, height: item.height, packed: bytes, at: Date.now(), ms, clicks: item.clicks });
  }

  keepAll() {
    for (const item of this.items || []) if (item.keepTimer) this.keep(item);
  }
}

export default mounted(MaskEditor);
