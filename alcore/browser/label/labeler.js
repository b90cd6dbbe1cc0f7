// The labeling part: one large image or a grid, keys, the panel that says why an image was asked.
// Shows the next image at once and hands events to the outbox; Streamlit hears of it once, when the query is used up. What comes next is
// the business of `Queue` (queue.js), what it looks like that of `LabelerView` (labeler_view.js).

const SMALL = 192; // pictures of strip and grid; enough for tiles of 96 on a 2x screen
const AHEAD = 100; // open items below which more are fetched; twice as many are asked for
const PAGE = 48; // cells of one grid page
const LETTERS = "abcdeghijklmnopqrtuvwxy"; // z, s and f are undo, skip and flag
const TILE_SIZES = [64, 80, 96, 120, 152, 184];
const STATE_NAMES = { label: "labeled", skip: "skipped", flag: "flagged" };
const MARKS = { label: "✓", skip: "→", flag: "⚑" };

class Labeler extends LabelerView {
  constructor(parent) {
    super({ outbox: Outbox, ahead: AHEAD, linger: 3500, answer: "label" });
    this.zoom = { scale: 1, x: 0, y: 0 };
    this.tileSize = null; // chosen to fit until a person zooms
    this.build(parent);
    this.listen([[window, "keydown", (event) => this.key(event)]], this.root);
  }

  update(told) {
    if (this.data && this.data.mode !== told.data.mode) Object.assign(this, { stripRoom: null, page: Math.floor(this.cursor / PAGE), opened: performance.now(), hovered: null });
    super.update(told);
  }

  // ---- queue

  reset() {
    Object.assign(this, { page: 0, selected: new Set(), anchor: null, hovered: null, opened: performance.now() });
  }

  itemOf(told) {
    const side = Math.max(told.width || 0, told.height || 0);
    return { full: picturePath(told.image, side > SMALL ? 1280 : SMALL) };
  }

  prefetch() {
    for (const item of this.items.slice(Math.max(0, this.cursor - PAGE), this.cursor + 2 * AHEAD)) {
      if (item.asked) continue;
      item.asked = true;
      this.pictures.load(item.small, item === this.current).then(() => this.arrived(item), (error) => this.broke(item, error));
    }
    if (this.data.mode !== "single") return;
    for (const item of this.items.slice(Math.max(0, this.cursor - 1), this.cursor + 6)) this.big(item);
  }

  // The decoded large image of an item, made ahead of time; its element is put on the stage as it is.
  big(item) {
    if (item.picture || item.broken) return item.picture;
    const image = element("img", { alt: "", draggable: "false" });
    item.picture = image;
    const show = (url) => {
      if (image.dataset.full) return;
      image.src = url;
      image.decode().catch(() => {}).then(() => item === this.current && this.fitPixels(image, item));
    };
    if (item.full !== item.small && this.pictures.ready(item.small)) show(this.pictures.ready(item.small));
    this.pictures.load(item.full).then(
      (url) => {
        show(url);
        image.dataset.full = "1";
        this.arrived(item);
      },
      (error) => this.broke(item, error),
    );
    return image;
  }

  arrived(item) {
    if (!item.seen) this.root.dataset.ready = this.ready += 1; // pictures that can be shown at once
    item.seen = true;
    if (item.tile) this.fillTile(item);
    if (item === this.current && this.root.dataset.loading === "1") this.render();
  }

  broke(item, error) {
    if (!error.status) return;
    item.broken = error.message;
    this.arrived(item);
    if (item === this.current) this.render();
  }

  // ---- what a person does

  targets() {
    if (this.data.mode === "single") return this.current ? [this.current] : [];
    if (this.selected.size) return this.items.filter((item) => this.selected.has(item));
    const one = this.hovered || this.current;
    return one ? [one] : [];
  }

  label(value, event) {
    this.act(this.targets().map((item) => ({ item, kind: "label", value })), event);
  }

  acceptDraft(event) {
    const drafted = this.targets().filter((item) => item.draft !== null && item.draft !== undefined);
    if (!drafted.length) this.say("There is no draft to accept here: the model has not seen these images yet.");
    else this.act(drafted.map((item) => ({ item, kind: "label", value: item.draft })), event);
  }

  act(steps, event) {
    const ready = steps.filter(({ item }) => item.seen); // nobody labels what is not on the screen yet
    if (!ready.length || !this.mayAnswer(event)) return;
    const started = event?.timeStamp ?? performance.now();
    const now = performance.now();
    const { round } = this.queue;
    const done = ready.map(({ item, kind, value = null }) => {
      const ms = Math.round(Math.min(Math.max(now - (item.shownAt ?? now), 0), 3_600_000));
      const seq = this.outbox.push({ item: item.id, kind, value, ms, round, replaces: item.saw }, started);
      const step = this.answered(item, kind, value, seq);
      item.shownAt = now;
      if (item.tile) this.fillTile(item);
      return step;
    });
    this.history.push(done);
    this.touched = true;
    this.message = null;
    if (ready.length === 1 && ready[0].kind === "label") this.flash(ready[0].value);
    this.selected.clear();
    this.cursor = this.items.indexOf(ready[ready.length - 1].item);
    this.advance(1);
    this.moved(event);
  }

  undo(event) {
    const steps = this.lastSteps();
    if (!steps) return this.say("You have nothing to undo in this query.");
    for (const { item, event: said } of steps.reverse()) {
      this.unsay(item, said);
      this.outbox.push({ item: item.id, kind: "undo", value: null, ms: null, round: this.queue.round }, event?.timeStamp ?? performance.now());
      if (item.tile) this.fillTile(item);
    }
    this.message = null;
    this.told = false;
    this.cursor = this.items.indexOf(steps[steps.length - 1].item);
    this.moved(event);
  }

  // What has to have been on the screen before a key counts: the picture on the stage, or the page of the grid.
  staging() {
    return this.data.mode === "grid" ? this.gridShown : this.current;
  }

  // To the next open item. A grid page is finished first.
  advance(step) {
    const places = this.openPlaces(step);
    const onPage = places.find((place) => Math.floor(place / PAGE) === this.page);
    this.cursor = (this.data.mode === "grid" ? onPage : undefined) ?? places[0] ?? this.items.length;
    this.turnPage();
  }

  // To the grid page the cursor is on.
  turnPage() {
    this.page = Math.floor(Math.min(this.cursor, Math.max(this.items.length - 1, 0)) / PAGE);
  }

  go(step, event) {
    this.hovered = null;
    super.go(step, event);
  }

  moved(event) {
    this.zoom = { scale: 1, x: 0, y: 0 };
    this.turnPage();
    super.moved(event);
  }

  // ---- what the outbox tells

  reopened() {}

  // ---- keys

  key(event) {
    if (!keyIsOurs(event, this.root)) return;
    if (event.composedPath()[0] === this.find) return this.findKey(event);
    const key = keyName(event);
    const isUndo = key === "z" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
    if ((event.ctrlKey || event.metaKey || event.altKey) && !isUndo) return;
    if (!isUndo && keyDrivesControl(event, this.root)) return;
    const known = this.handle(key, event);
    if (!known && !/^[a-z0-9]$/.test(key)) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // Streamlit's own shortcuts (C, R) must not fire while labels are given
  }

  // Acts on a key; true when it means something here.
  handle(key, event) {
    const grid = this.data.mode === "grid";
    const moves = { ArrowLeft: -1, ArrowRight: 1, ...(grid ? { ArrowUp: -this.columns(), ArrowDown: this.columns() } : {}) };
    if (key in moves) {
      if (grid && event.shiftKey) this.extend(moves[key]);
      this.go(moves[key], event);
      return true;
    }
    const zooms = { "+": 1, "=": 1, "-": -1 };
    if (key in zooms) return this.zoomBy(zooms[key]), true;
    const value = this.classByKey.get(key);
    const actions = {
      z: () => this.undo(event),
      s: () => this.act(this.targets().map((item) => ({ item, kind: "skip" })), event),
      f: () => this.act(this.targets().map((item) => ({ item, kind: "flag" })), event),
      Enter: () => this.acceptDraft(event),
      "?": () => this.toggleHelp(),
      "/": () => this.find.hidden || this.find.focus(),
      Escape: () => this.escape(),
      ...(grid ? { " ": () => this.toggleTile(this.current), PageDown: () => this.showPage(this.page + 1), PageUp: () => this.showPage(this.page - 1) } : {}),
    };
    if (value === undefined && !Object.hasOwn(actions, key)) return false;
    if (event.repeat) return true; // a held key is one key press
    if (value !== undefined && !event.ctrlKey && !event.metaKey) this.label(value, event);
    else actions[key]?.();
    return true;
  }

  escape() {
    if (!this.help.hidden) return this.toggleHelp(false);
    this.selected.clear();
    this.zoom = { scale: 1, x: 0, y: 0 };
    this.render();
  }

  give(row, event) {
    this.label(row.dataset.value, event);
  }
}

export default mounted(Labeler);
