// The labeling part: one large image or a grid, keys, the panel that says why an image was asked.
// Shows the next image at once and hands events to the outbox; Streamlit hears of it once, when the query is used up.
// Longer than 400 lines: keys, queue and selection share one state, and inline modules cannot import one another.

const SMALL = 192; // pictures of strip and grid; enough for tiles of 96 on a 2x screen
const AHEAD = 100; // open items below which more are fetched; twice as many are asked for
const PAGE = 48; // cells of one grid page
const LETTERS = "abcdeghijklmnopqrtuvwxy"; // z, s and f are undo, skip and flag
const TILE_SIZES = [64, 80, 96, 120, 152, 184];
const STATE_NAMES = { label: "labeled", skip: "skipped", flag: "flagged" };
const MARKS = { label: "✓", skip: "→", flag: "⚑" };

// Class -> key. Ten digits, then letters; a set whose names are all single digits keeps each name as its own key.
function keysOf(classes) {
  if (classes.every((name) => /^[0-9]$/.test(name))) return new Map(classes.map((name) => [name, name]));
  const keys = [..."1234567890", ...LETTERS];
  return new Map(classes.slice(0, keys.length).map((name, i) => [name, keys[i]]));
}

class Labeler extends LabelerView {
  constructor(parent) {
    super();
    this.api = new Api();
    this.pictures = new Pictures(this.api);
    this.turn = 0; // grows with each change of project or round; answers of an older turn are dropped
    this.zoom = { scale: 1, x: 0, y: 0 };
    this.tileSize = null; // chosen to fit until a person zooms
    this.build(parent);
    this.onkey = (event) => this.key(event);
    window.addEventListener("keydown", this.onkey, true);
    this.resized = new ResizeObserver(() => this.layout());
    this.resized.observe(this.root);
  }

  dispose() {
    this.disposed = true;
    this.turn += 1;
    window.removeEventListener("keydown", this.onkey, true);
    this.resized.disconnect();
    this.pictures.close();
    if (this.outbox?.listener === this) this.outbox.listener = null;
    this.root.remove();
  }

  update({ data, setTriggerValue }) {
    this.trigger = setTriggerValue;
    if (this.data && this.data.mode !== data.mode) Object.assign(this, { stripRoom: null, page: Math.floor(this.cursor / PAGE), opened: performance.now(), hovered: null });
    this.data = data;
    this.api.base = data.api;
    const newToken = this.api.token !== data.token;
    this.api.token = data.token;
    // as high as the window allows below the page's heading, so that a large screen shows a large image
    this.root.style.height = `max(${data.height}px, calc(100vh - 215px))`;
    this.root.dataset.mode = data.mode;
    const classes = JSON.stringify(data.classes);
    if (classes !== this.classesShown) this.setClasses(data.classes);
    this.classesShown = classes;
    const scope = JSON.stringify([data.identity, data.project, data.annotator, data.round]);
    if (scope !== this.scope) {
      this.scope = scope;
      this.open();
    } else {
      if (newToken) this.outbox.renew();
      this.render();
    }
  }

  // ---- queue

  async open() {
    const turn = ++this.turn;
    const { project, annotator, identity } = this.data;
    Object.assign(this, { items: [], byId: new Map(), cursor: 0, page: 0, history: [], queue: null, base: 0, exhausted: false, told: false, filling: false, ready: 0 });
    Object.assign(this, { selected: new Set(), anchor: null, hovered: null, message: null, opened: performance.now(), gridShown: null });
    this.outbox = outboxFor(this.api, { project, annotator, identity });
    this.outbox.listener = this;
    this.touched = this.outbox.recover() > 0;
    this.render();
    await this.outbox.drained();
    if (turn === this.turn) await this.fill();
  }

  async fill() {
    if (this.filling) return;
    this.filling = true;
    const turn = this.turn;
    for (let wait = 500; turn === this.turn; wait = Math.min(wait * 2, 5000)) {
      try {
        const n = 2 * AHEAD + this.outbox.events.length;
        const answer = await this.api.json(`/projects/${encodeURIComponent(this.data.project)}/queue?n=${n}`);
        if (turn !== this.turn) return;
        this.filling = false;
        this.loadProblem = "";
        this.take(answer);
        return;
      } catch (error) {
        if (turn !== this.turn) return;
        this.loadProblem = error.status === 401 ? "expired" : error.message;
        this.render();
        await Promise.race([sleep(wait), new Promise((resolve) => (this.retryNow = resolve))]);
      }
    }
  }

  take(answer) {
    if (this.queue && answer.round !== this.queue.round) {
      // A new round began meanwhile: what was not labeled yet is no longer what is asked for.
      this.items = this.items.filter((item) => item.state !== "open");
      this.byId = new Map(this.items.map((item) => [item.id, item]));
      this.cursor = this.items.length;
      this.queue = null;
    }
    if (!this.queue) {
      this.base = answer.total - answer.remaining - (answer.skipped || 0) - (answer.flagged || 0);
      this.skippedBefore = (answer.skipped || 0) + (answer.flagged || 0);
      this.fromHere = new Set(); // items whose state counts into this query's progress
    }
    const waiting = !this.current;
    const fresh = answer.items.filter((item) => !this.byId.has(item.id));
    for (const told of fresh) {
      const item = { ...told, state: "open", label: null, small: picturePath(told.image, SMALL) };
      const side = Math.max(told.width || 0, told.height || 0);
      item.full = side > SMALL ? picturePath(told.image, 1280) : item.small;
      this.items.push(item);
      this.byId.set(item.id, item);
      this.fromHere.add(item);
    }
    this.queue = answer;
    this.exhausted = answer.remaining <= answer.items.length || (!fresh.length && !this.outbox.events.length);
    if (waiting) this.advance(0);
    this.prefetch();
    this.render();
    this.checkFinished();
  }

  get current() {
    return this.items[this.cursor];
  }

  openItems() {
    return this.items.filter((item) => item.state === "open");
  }

  prefetch() {
    for (const item of this.items.slice(this.cursor, this.cursor + 2 * AHEAD)) {
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
    if (!ready.length) return;
    const started = event?.timeStamp ?? performance.now();
    const now = performance.now();
    const done = ready.map(({ item, kind, value = null }) => {
      const before = { state: item.state, label: item.label };
      const ms = Math.round(Math.min(Math.max(now - (item.shownAt ?? now), 0), 3_600_000));
      Object.assign(item, { state: kind, label: value, problem: null });
      const seq = this.outbox.push({ item: item.id, kind, value, ms }, started);
      item.shownAt = now;
      if (item.tile) this.fillTile(item);
      return { item, before, seq };
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
    const steps = this.history.pop();
    if (!steps) return this.say("There is nothing to undo.");
    for (const { item, before } of steps.reverse()) {
      Object.assign(item, before);
      this.outbox.push({ item: item.id, kind: "undo", value: null, ms: null }, event?.timeStamp ?? performance.now());
      if (item.tile) this.fillTile(item);
    }
    this.message = null;
    this.cursor = this.items.indexOf(steps[steps.length - 1].item);
    this.page = Math.floor(this.cursor / PAGE);
    this.moved(event);
  }

  // To the next open item, from `step` places on; round to the start when the rest is done. A grid page is finished first.
  advance(step) {
    const n = this.items.length;
    const places = Array.from({ length: n }, (_, i) => (this.cursor + step + i) % n).filter((place) => this.items[place].state === "open");
    const onPage = places.find((place) => Math.floor(place / PAGE) === this.page);
    this.cursor = (this.data.mode === "grid" ? onPage : undefined) ?? places[0] ?? n;
    this.page = Math.floor(Math.min(this.cursor, Math.max(n - 1, 0)) / PAGE);
  }

  go(step, event) {
    const last = this.openItems().length ? this.items.length - 1 : this.items.length; // past the last one stands "all done"
    const place = Math.min(Math.max(this.cursor + step, 0), last);
    this.cursor = place;
    this.hovered = null;
    this.page = Math.floor(Math.min(place, this.items.length - 1) / PAGE);
    this.moved(event);
  }

  moved(event) {
    this.zoom = { scale: 1, x: 0, y: 0 };
    this.render(event);
    this.prefetch();
    let ready = 0;
    for (let i = this.items.length - 1; i >= 0 && ready <= AHEAD; i--) if (this.items[i].state === "open") ready += 1;
    if (ready <= AHEAD && !this.exhausted) this.fill();
    this.checkFinished();
  }

  // ---- what the outbox tells

  saved() {
    this.renderBar();
    this.checkFinished();
  }

  rejected(event, reason) {
    const item = this.byId.get(event.item);
    this.history = this.history.map((steps) => steps.filter((step) => step.seq !== event.seq)).filter((steps) => steps.length);
    if (!item) return this.say(`An earlier label could not be saved: ${reason}`, true);
    // A later event of the same item may still be on its way; its answer decides then.
    if (!this.outbox.events.some((other) => other.item === item.id && other.seq > event.seq)) Object.assign(item, { state: "open", label: null });
    item.problem = reason;
    const place = this.items.indexOf(item);
    if (this.data.mode === "single" && place < this.cursor) {
      this.items.splice(place, 1);
      this.items.splice(this.cursor, 0, item); // asked again right after the one on the stage
      this.cursor -= 1;
    }
    this.told = false;
    if (this.cursor >= this.items.length || this.current.state !== "open") this.advance(0);
    if (item.tile) this.fillTile(item);
    this.say(`${fileName(item)} was not saved: ${reason}. It is asked again.`, true);
  }

  checkFinished() {
    if (!this.queue || !this.exhausted || this.told || !this.touched || this.outbox.events.length || this.openItems().length) return;
    this.told = true;
    this.trigger("finished", { round: this.queue.round, total: this.queue.total, ...this.counts() });
  }

  counts() {
    const n = { labeled: this.base || 0, skipped: this.skippedBefore || 0, flagged: 0 };
    for (const item of this.fromHere || []) {
      if (item.state === "label") n.labeled += 1;
      if (item.state === "skip") n.skipped += 1;
      if (item.state === "flag") n.flagged += 1;
    }
    return n;
  }

  say(text, stays = false) {
    this.message = { text, stays };
    this.renderNotice();
    clearTimeout(this.quiet);
    if (!stays) this.quiet = setTimeout(() => ((this.message = null), this.renderNotice()), 3500);
  }

  // ---- keys

  key(event) {
    if (!this.root.isConnected || event.isComposing || !this.root.getClientRects().length) return;
    if (keysBelongElsewhere(event, this.root)) return;
    const target = event.composedPath()[0];
    if (target === this.find) return this.findKey(event);
    const isUndo = event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
    if ((event.ctrlKey || event.metaKey || event.altKey) && !isUndo) return;
    if (!isUndo && keyDrivesControl(event, this.root)) return;
    const digit = /^(?:Digit|Numpad)([0-9])$/.exec(event.code); // by place, so that keyboards with shifted digits work
    const key = digit && !(event.shiftKey && !/^[0-9]$/.test(event.key)) ? digit[1] : event.key.length === 1 ? event.key.toLowerCase() : event.key;
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

  findKey(event) {
    const shown = this.classButtons.filter((b) => !b.hidden);
    event.stopImmediatePropagation();
    if (event.key === "Escape") {
      this.find.value = "";
      this.filter();
      this.find.blur();
    } else if (event.key === "Enter" && shown.length && !event.repeat) {
      const { value } = (this.best || shown[0]).dataset;
      this.find.value = "";
      this.filter();
      this.find.blur();
      this.label(value, event);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const place = shown.indexOf(this.best) + (event.key === "ArrowDown" ? 1 : -1);
      this.setBest(shown[(place + shown.length) % shown.length]);
    } else return;
    event.preventDefault();
  }
}

// Streamlit calls this at every rerun, on the same element while the component stays mounted.
const MOUNTED = new WeakMap();
export default function mount(component) {
  const parent = component.parentElement;
  let labeler = MOUNTED.get(parent);
  if (!labeler || labeler.disposed) MOUNTED.set(parent, (labeler = new Labeler(parent)));
  const call = (labeler.calls = (labeler.calls || 0) + 1);
  labeler.update(component);
  // Streamlit also runs the cleanup of a call that a newer one overtook; only the newest may take things down.
  return () => labeler.calls === call && labeler.dispose();
}
