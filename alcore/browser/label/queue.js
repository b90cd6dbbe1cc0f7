// What the labeler and the mask editor have in common: the queue of a query's items, the place in it, what the outbox and other people tell.
// Nothing is drawn here and nothing is known of what an answer is: `LabelerView` extends this, and each part extends a view.
// A part says what is its own in: reset, leaveRound, itemOf, prefetch, layout, staging, reopened and give.

const BACK = 200; // answered items that are fetched at a time
const NEAR = 20; // items from the first one at which earlier ones are fetched
const NAMELESS = "me"; // who labels where nobody gave a name
const EXPOSED = 14; // milliseconds a picture has to be on the screen before a key is an answer to it: the rest of a double press comes sooner
const LONG = 60; // milliseconds after which a decoded picture in its place counts as seen, though the frame is late
const FOLLOW = 1200; // milliseconds between two looks at what others said

class Queue extends Answers {
  // outbox: its class; ahead: open items below which more are fetched, twice as many are asked for; linger: milliseconds a hint is shown;
  // pictures: how many are kept; answer, back, unkept: words of the part's messages.
  constructor({ outbox, ahead, linger, pictures, answer, back = "", unkept = "" }) {
    super();
    this.api = new Api();
    this.pictures = new Pictures(this.api, pictures);
    Object.assign(this, { outboxClass: outbox, ahead, linger, words: { answer, back, unkept } });
    this.turn = 0; // grows with each change of project, round or view; answers of an older turn are dropped
    this.view = "query"; // or "review": the items that have two answers
    this.round = null; // the round whose query is shown; null before the first
    this.kept = null; // a newer round that a person did not want yet
  }

  // listeners: [target, name, does]; `watched` are elements whose size matters.
  listen(listeners, ...watched) {
    this.listeners = [...listeners, [window, "resize", () => this.layout()], [window, "keydown", (event) => this.leaveField(event)], [window, "focusout", (event) => this.nameLeft(event)], [document, "visibilitychange", () => document.hidden || this.lookAround?.()]];
    for (const [target, name, does] of this.listeners) target.addEventListener(name, does, true);
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
    this.fitHeight();
    this.root.dataset.mode = data.mode;
    this.root.dataset.annotator = data.annotator;
    const classes = JSON.stringify([data.classes, data.colors]);
    if (classes !== this.classesShown) this.setClasses(data.classes, data.colors);
    this.classesShown = classes;
    const scope = JSON.stringify([data.identity, data.project, data.annotator]);
    if (scope !== this.scope) {
      if (!this.scope && document.activeElement?.closest("[data-testid=stSidebarNav]")) document.activeElement.blur(); // Enter is for the picture now
      this.scope = scope;
      this.show("query", data.round);
    } else {
      if (newToken) this.outbox.renew();
      if (data.round !== null && this.round === null) this.show("query", data.round);
      else this.render();
      const rounds = this.around?.rounds || [];
      if (this.queue && data.round !== null && !rounds.some(({ round }) => round === data.round)) this.hearOfRounds([...rounds, { round: data.round, remaining: null }]);
    }
  }

  // ---- queue

  leaveRound() {}

  // Shows a round's query, or what is to be reviewed.
  show(view, round) {
    if (this.items) this.leaveRound();
    Object.assign(this, { view, round, offer: null });
    return this.open();
  }

  async open() {
    const turn = ++this.turn;
    const { project, annotator, identity } = this.data;
    this.reset();
    this.startAnswers();
    Object.assign(this, { items: [], byId: new Map(), cursor: 0, queue: null, around: null, exhausted: false, told: false, filling: false, ready: 0, message: null, visible: null, placed: null });
    this.outbox = outboxFor(this.outboxClass, this.api, { project, annotator, identity });
    this.outbox.listener = this;
    this.render();
    const recovered = await this.outbox.recover();
    if (turn !== this.turn) return;
    this.touched = recovered > 0;
    this.render();
    await this.outbox.drained();
    if (turn !== this.turn) return;
    await this.fill();
    this.follow(turn);
  }

  address(numbers) {
    const asked = this.view === "review" ? { view: "review" } : this.round === null ? {} : { round: this.round };
    return `/projects/${encodeURIComponent(this.data.project)}/queue?${new URLSearchParams({ ...numbers, ...asked })}`;
  }

  async fill() {
    if (this.filling) return;
    this.filling = true;
    const turn = this.turn;
    for (let wait = 500; turn === this.turn; wait = Math.min(wait * 2, 5000)) {
      try {
        const n = 2 * this.ahead + this.outbox.events.length;
        const answer = await this.api.json(this.address({ n, done: this.queue ? 0 : BACK }));
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
    const first = !this.queue;
    const waiting = !this.current;
    this.queue = answer;
    this.round = answer.round ?? this.round;
    if (first) this.event = answer.event;
    const done = (answer.done || []).map((told) => this.made(told, false)).filter(Boolean);
    const fresh = answer.items.map((told) => this.made(told, true)).filter(Boolean);
    this.items.unshift(...done);
    this.items.push(...fresh);
    this.cursor += first ? 0 : done.length;
    this.remember(done);
    if (first || !this.outbox.events.length) this.recount(answer);
    this.exhausted = answer.remaining <= answer.items.length || (!fresh.length && !this.outbox.events.length);
    if (waiting) this.advance(0);
    this.prefetch();
    this.hearOfRounds(answer.rounds || [], answer.disputed);
    this.render();
    this.checkFinished();
  }

  // An item of the queue's answer; null for one that is here already.
  made(told, open) {
    if (this.byId.has(told.id)) return null;
    const item = { ...told, small: picturePath(told.image, SMALL), ...this.itemOf(told) };
    this.adopt(item, told, open);
    item.fromBefore = !open;
    this.byId.set(item.id, item);
    return item;
  }

  // Answers from before the oldest that is here, once a person comes near it.
  async older() {
    const { items, turn } = this;
    if (this.fetchingOlder || items.filter((item) => item.fromBefore).length >= this.queue.answered) return;
    this.fetchingOlder = true;
    try {
      const skip = items.filter(({ state }) => state !== "open").length - NEAR; // some twice rather than one left out
      const answer = await this.api.json(this.address({ n: 0, done: BACK, skip: Math.max(0, skip) }));
      if (turn !== this.turn) return;
      const done = (answer.done || []).map((told) => this.made(told, false)).filter(Boolean);
      if (!done.length) this.queue.answered = 0;
      this.items.unshift(...done);
      this.cursor += done.length;
      this.remember(done);
      this.moved();
    } catch (error) {
      console.warn("earlier answers could not be fetched; the next step back tries again:", error);
    } finally {
      this.fetchingOlder = false;
    }
  }

  // ---- other people and other windows

  // Asks every second or so what others said meanwhile; the image on the stage stays.
  async follow(turn) {
    for (let wait = FOLLOW; turn === this.turn; ) {
      await Promise.race([sleep(wait), new Promise((resolve) => (this.lookAround = resolve))]);
      if (turn !== this.turn) return;
      if (document.hidden || this.event === undefined) continue;
      try {
        const answer = await this.api.json(`/projects/${encodeURIComponent(this.data.project)}/changes?after=${this.event}`);
        if (turn !== this.turn) return;
        this.event = answer.event;
        this.hear(answer);
        wait = FOLLOW;
      } catch {
        wait = Math.min(wait * 2, 20_000); // the outbox and the queue say what is wrong; this only asks less often
      }
    }
  }

  hear({ items, rounds, disputed }) {
    let shows = false;
    for (const told of items) {
      const item = this.byId.get(told.id);
      if (!item) continue;
      const before = item.events.length;
      if (!this.learn(item, told)) continue;
      shows = true;
      if (item.tile) this.fillTile(item);
      if (item !== this.current) continue;
      this.described = null;
      if (item.events.length > before) this.say(`Meanwhile ${this.inWords(item.events.at(-1))}.`);
    }
    this.hearOfRounds(rounds, disputed);
    if (!shows) return;
    this.render();
    this.checkFinished();
  }

  // What rounds there are and how many items have two answers. A newer round is offered, and taken at once where nothing is left to do here.
  hearOfRounds(rounds, disputed = this.around?.disputed || 0) {
    this.around = { rounds, disputed };
    const newest = rounds.at(-1);
    const newer = this.view === "query" && newest && this.round !== null && newest.round > this.round;
    if (newer && this.root.dataset.view !== "work" && this.exhausted && !this.openItems().length && !this.outbox.events.length && newest.remaining !== 0) return this.show("query", newest.round);
    const offer = newer && newest.round !== this.kept && newest.remaining !== 0 ? newest : null;
    if (JSON.stringify(offer) !== JSON.stringify(this.offer)) this.offer = offer; // as it is while nothing changed: its buttons stay too
    this.renderPlaces();
    this.renderNotice();
    return undefined;
  }

  keepRound() {
    this.kept = this.offer.round;
    this.offer = null;
    this.renderNotice();
  }

  // After Enter in a field beside the page keys are for the picture again: digits meant as labels became part of the annotator's name.
  leaveField(event) {
    const field = event.composedPath()[0];
    if (event.key === "Enter" && field instanceof Element && field.matches("[data-testid=stSidebar] input[type=text]")) setTimeout(() => field.blur());
  }

  // A new name counts once the page has given the token for it: until then nothing is answered under the old one.
  nameLeft(event) {
    const field = event.composedPath()[0];
    if (!(field instanceof Element) || !field.matches("[data-testid=stSidebar] input[aria-label='Labeling as']")) return;
    const name = field.value.trim() || NAMELESS;
    this.renamed = name === this.me ? null : { name, until: performance.now() + 3000 };
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
    if (this.cursor <= NEAR) this.older();
    this.checkFinished();
  }

  checkFinished() {
    if (!this.queue || this.view !== "query" || !this.exhausted || this.told || !this.touched || this.outbox.events.length || this.openItems().length) return;
    this.told = true;
    this.trigger("finished", { round: this.queue.round, total: this.queue.total, ...this.counts() });
  }

  // A picture counts as seen once it has been on the screen for a moment: the frame that shows it is drawn after the callback for that frame,
  // and what runs after the callback runs later than the picture. Where frames come late because the machine is busy, a picture that has been
  // decoded and in its place for LONG is seen too. `what` is an item or a page of the grid.
  appears(what, drawn, started) {
    drawn.then(() => {
      if (this.staging() === what && this.placed !== what) Object.assign(this, { placed: what, placedAt: performance.now() });
      requestAnimationFrame(() => {
        if (started) measure("alcore:paint", started);
        setTimeout(() => {
          if (this.staging() !== what || this.visible === what) return;
          Object.assign(this, { visible: what, visibleFrom: performance.now() + EXPOSED });
          setTimeout(() => this.renderLive(), EXPOSED);
        });
      });
    });
  }

  // True when what was pressed at `time` was for a picture that had been on the screen.
  seenAt(time) {
    const what = this.staging();
    if (!what) return false;
    return (this.visible === what && time >= this.visibleFrom) || (this.placed === what && time >= this.placedAt + LONG);
  }

  renderLive() {
    this.root.dataset.live = this.seenAt(performance.now()) ? "1" : "0";
  }

  mayAnswer(event) {
    if (this.renamed && this.renamed.name !== this.me && performance.now() < this.renamed.until) return this.say(`Taking the name ${this.renamed.name}…`), false;
    if (this.seenAt(event?.timeStamp ?? performance.now())) return true;
    this.say("Too quick: that picture was not on the screen yet.");
    return false;
  }

  // ---- what the outbox tells

  saved() {
    this.renderBar();
    this.checkFinished();
  }

  rejected(event, reason) {
    const item = this.byId.get(event.item);
    const said = item?.events.find(({ client, seq }) => client === event.client && seq === event.seq);
    if (said) this.unsay(item, said);
    if (!item) return this.say(`An earlier ${this.words.answer} could not be saved: ${reason}`, true);
    // A later answer to the same item may still be on its way; it decides then.
    if (!this.outbox.events.some((other) => other.item === item.id && other.seq > event.seq)) this.reopened(item, event);
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

  // The server kept an answer that contradicts what its author had not seen.
  contradicted(event, { label, annotator, value }) {
    const item = this.byId.get(event.item);
    if (item) Object.assign(item, { disputed: true }), item.tile && this.fillTile(item);
    const [theirs, ours] = [{ annotator, value: label, kind: event.kind === "skip" ? "label" : event.kind }, { annotator: this.me, value, kind: event.kind }].map((said) => this.inWords(said));
    if (this.around) this.hearOfRounds(this.around.rounds, this.around.disputed + 1);
    this.message = { text: `${item ? fileName(item) : "An image"}: ${theirs}, ${ours}. Both are kept; it waits for review.`, contradiction: true };
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => this.message?.contradiction && ((this.message = null), this.renderNotice()), 4 * this.linger);
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
