// What the labeler and the mask editor have in common: the queue of a query's items, the place in it, what the outbox tells, and how keys are
// read. Nothing is drawn here and nothing is known of what an answer is: `LabelerView` extends this, and each part extends a view.
// A part says what is its own in: reset, leaveRound, itemOf, prefetch, layout, forget, reopen and give.

class Queue {
  // outbox: its class; ahead: open items below which more are fetched, twice as many are asked for; linger: milliseconds a hint is shown;
  // pictures: how many are kept; answer, back, unkept: words of the part's messages.
  constructor({ outbox, ahead, linger, pictures, answer, back = "", unkept = "" }) {
    this.api = new Api();
    this.pictures = new Pictures(this.api, pictures);
    Object.assign(this, { outboxClass: outbox, ahead, linger, words: { answer, back, unkept } });
    this.turn = 0; // grows with each change of project or round; answers of an older turn are dropped
  }

  // listeners: [target, name, does]; `watched` are elements whose size matters.
  listen(listeners, ...watched) {
    this.listeners = listeners;
    for (const [target, name, does] of listeners) target.addEventListener(name, does, true);
    this.resized = new ResizeObserver(() => this.layout());
    for (const node of watched) this.resized.observe(node);
  }

  dispose() {
    this.disposed = true;
    this.turn += 1;
    for (const [target, name, does] of this.listeners) target.removeEventListener(name, does, true);
    this.resized.disconnect();
    this.pictures.close();
    if (this.outbox?.listener === this) this.outbox.listener = null;
    this.root.remove();
  }

  update({ data, setTriggerValue }) {
    this.trigger = setTriggerValue;
    this.data = data;
    this.api.base = data.api;
    const newToken = this.api.token !== data.token;
    this.api.token = data.token;
    // as high as the window allows below the page's heading, so that a large screen shows a large image
    this.root.style.height = `max(${data.height}px, calc(100vh - 215px))`;
    this.root.dataset.mode = data.mode;
    const classes = JSON.stringify([data.classes, data.colors]);
    if (classes !== this.classesShown) this.setClasses(data.classes, data.colors);
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

  leaveRound() {}

  async open() {
    const turn = ++this.turn;
    const { project, annotator, identity } = this.data;
    this.reset();
    Object.assign(this, { items: [], byId: new Map(), cursor: 0, history: [], queue: null, base: 0, exhausted: false, told: false, filling: false, ready: 0, message: null });
    this.outbox = outboxFor(this.outboxClass, this.api, { project, annotator, identity });
    this.outbox.listener = this;
    this.render();
    const recovered = await this.outbox.recover();
    if (turn !== this.turn) return;
    this.touched = recovered > 0;
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
        const n = 2 * this.ahead + this.outbox.events.length;
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
        await sleep(wait);
      }
    }
  }

  take(answer) {
    if (this.queue && answer.round !== this.queue.round) {
      // A new round began meanwhile: what was not answered yet is no longer what is asked for.
      this.leaveRound();
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
      const item = { ...told, state: "open", small: picturePath(told.image, SMALL), ...this.itemOf(told) };
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
    return this.items?.[this.cursor];
  }

  openItems() {
    return this.items.filter((item) => item.state === "open");
  }

  // Places of the open items, from `step` places on; round to the start when the rest is done.
  openPlaces(step) {
    const n = this.items.length;
    return Array.from({ length: n }, (_, i) => (this.cursor + step + i) % n).filter((place) => this.items[place].state === "open");
  }

  advance(step) {
    this.cursor = this.openPlaces(step)[0] ?? this.items.length;
  }

  go(step, event) {
    const last = this.openItems().length ? this.items.length - 1 : this.items.length; // past the last one stands "all done"
    this.cursor = Math.min(Math.max(this.cursor + step, 0), last);
    this.moved(event);
  }

  moved(event) {
    this.render(event);
    this.prefetch();
    if (!this.exhausted && this.openItems().length <= this.ahead) this.fill();
    this.checkFinished();
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

  // ---- what the outbox tells

  saved() {
    this.renderBar();
    this.checkFinished();
  }

  rejected(event, reason) {
    const item = this.byId.get(event.item);
    this.forget(event.seq);
    if (!item) return this.say(`An earlier ${this.words.answer} could not be saved: ${reason}`, true);
    // A later event of the same item may still be on its way; its answer decides then.
    if (!this.outbox.events.some((other) => other.item === item.id && other.seq > event.seq)) this.reopen(item, event);
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
    this.say(`${fileName(item)} was not saved: ${reason}. It is asked again${this.words.back}.`, true);
    this.render();
  }

  say(text, stays = false) {
    this.message = { text, stays };
    this.renderNotice();
    clearTimeout(this.quiet);
    if (!stays) this.quiet = setTimeout(() => ((this.message = null), this.renderNotice()), this.linger);
  }

  // ---- keys

  // A key in the field that finds a class.
  findKey(event) {
    const shown = this.classButtons.filter((row) => !row.hidden);
    event.stopImmediatePropagation();
    const leave = () => {
      this.find.value = "";
      this.filter();
      this.find.blur();
    };
    if (event.key === "Escape") leave();
    else if (event.key === "Enter" && shown.length && !event.repeat) {
      const row = this.best || shown[0];
      leave();
      this.give(row, event);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const place = shown.indexOf(this.best) + (event.key === "ArrowDown" ? 1 : -1);
      this.setBest(shown[(place + shown.length) % shown.length]);
    } else return;
    event.preventDefault();
  }
}

// Class -> key. Ten digits, then letters; a set whose names are all single digits keeps each name as its own key.
function keysOf(classes, letters) {
  if (classes.every((name) => /^[0-9]$/.test(name))) return new Map(classes.map((name) => [name, name]));
  const keys = [..."1234567890", ...letters];
  return new Map(classes.slice(0, keys.length).map((name, i) => [name, keys[i]]));
}

// True when a key press is for the part at `root`: it can be seen, and nothing else on the page takes the key.
function keyIsOurs(event, root) {
  return root.isConnected && !event.isComposing && root.getClientRects().length > 0 && !keysBelongElsewhere(event, root);
}

// What a key is called. Digits go by their place, so that keyboards with shifted digits work, unless the key writes something with AltGr.
function keyName(event, written = false) {
  const digit = /^(?:Digit|Numpad)([0-9])$/.exec(event.code);
  if (digit && !written && !(event.shiftKey && !/^[0-9]$/.test(event.key))) return digit[1];
  return event.key.length === 1 ? event.key.toLowerCase() : event.key;
}
