// What the labeling part draws of its queue (queue.js). No requests here; `Labeler` (labeler.js) extends this with the keys.
// Longer than 400 lines: all of one screen's drawing, which is read together.

const HELP = [
  ["1 … 0, letters", "give the class that shows this key"],
  ["Enter", "accept the model's guess"],
  ["Z  or  Ctrl+Z", "undo"],
  ["S", "skip: ask nobody about this image"],
  ["F", "flag: something is wrong with it"],
  ["← →", "earlier or later image; a class key there labels it anew"],
  ["+  −", "zoom in or out (wheel too, drag moves); in the grid: larger or smaller images"],
  ["Esc", "whole image again; clear the selection"],
  ["/", "find a class by typing, Enter gives it"],
];
const GRID_HELP = [
  ["click, Shift+click, Ctrl+click", "select one, a range, one more"],
  ["arrows, Space, Shift+arrows", "the same from the keyboard"],
  ["PageUp PageDown", "other pages"],
];

const NARROW = 560; // pixels of width up to which everything stands below one another
const LEAST_HEIGHT = 460;

class LabelerView extends Queue {
  build(parent) {
    const tool = (name, key, act) => button({ class: "tool", "data-tool": name, title: `${name} (${key})`, onclick: act }, element("span", { text: name }), element("kbd", { text: key }));
    this.meter = element("i");
    this.count = element("span", { class: "count", role: "status" });
    this.save = element("span", { class: "save" });
    this.tools = element(
      "div",
      { class: "tools", role: "toolbar", "aria-label": "Labeling tools" },
      tool("Undo", "Z", (event) => this.undo(event)),
      tool("Skip", "S", (event) => this.handle("s", event)),
      tool("Flag", "F", (event) => this.handle("f", event)),
      element("span", { class: "gap" }),
      button({ class: "tool icon", "aria-label": "Zoom out", title: "Zoom out (−)", text: "−", onclick: () => this.zoomBy(-1) }),
      (this.zoomLabel = button({ class: "tool level", title: "Reset zoom (Esc)", text: "100 %", onclick: () => this.resetZoom() })),
      button({ class: "tool icon", "aria-label": "Zoom in", title: "Zoom in (+)", text: "+", onclick: () => this.zoomBy(1) }),
      button({ class: "tool icon", "aria-label": "Keys", title: "All keys (?)", text: "?", onclick: () => this.toggleHelp() }),
    );
    const bar = element("header", { class: "bar" }, element("div", { class: "progress" }, this.count, this.save, (this.places = element("span", { class: "places" })), element("div", { class: "meter", "aria-hidden": "true" }, this.meter)), this.tools);
    this.notice = element("div", { class: "notice", role: "alert", hidden: true });
    this.stage = element("div", { class: "stage" });
    this.caption = element("div", { class: "caption" });
    this.strip = element("div", { class: "strip", role: "listbox", "aria-label": "Neighbours in the queue" });
    this.cells = element("div", { class: "cells", role: "listbox", "aria-multiselectable": "true", "aria-label": "Images to label", tabindex: "0" });
    this.pager = element("div", { class: "pager" });
    this.blank = element("div", { class: "blank" });
    this.view = element("section", { class: "view" }, this.stage, this.caption, this.strip, this.cells, this.pager);
    this.buildPanel();
    this.help = element("div", { class: "help", role: "dialog", "aria-label": "Keys", hidden: true, onclick: () => this.toggleHelp(false) });
    this.body = element("div", { class: "body" }, this.view, this.panel);
    this.root = element("div", { class: "labeler", role: "application", "aria-label": "Label images" }, bar, this.notice, this.body, this.blank, this.help);
    parent.append(this.root);
    this.leaveFocus(this.stage, this.strip);
    this.listenToPointer();
  }

  // Our buttons do not take the focus, so a field elsewhere on the page must be left here for keys to arrive. A click on `pictures` leaves
  // everything and gives the focus to nothing: the page around us would have it, and show a frame with the next key.
  leaveFocus(...pictures) {
    this.root.addEventListener("pointerdown", () => document.activeElement?.matches("input, textarea") && document.activeElement.blur());
    const leave = (event) => {
      event.preventDefault();
      for (const root of [document, this.root.getRootNode()]) if (root.activeElement !== document.body) root.activeElement?.blur();
    };
    for (const node of pictures) node.addEventListener("mousedown", leave);
  }

  buildPanel() {
    this.reason = element("p", { class: "reason" });
    this.find = element("input", { class: "find", type: "text", placeholder: "Find a class  /", "aria-label": "Find a class", autocomplete: "off", spellcheck: "false", hidden: true, oninput: () => this.filter() });
    this.classBox = element("div", { class: "classes", role: "group", "aria-label": "Classes" });
    this.unknown = element("p", { class: "unknown", role: "status", hidden: true });
    this.top = element("ul", { class: "top" });
    this.scores = element("ul", { class: "scores", tabindex: "0", "aria-label": "Scores" });
    const section = (name, ...children) => element("section", { class: name }, ...children);
    this.why = section("why", element("h4", { text: "Why this image" }), this.reason);
    this.model = section("model", element("h4", { text: "What the model sees" }), this.top);
    this.numbers = section("numbers", element("h4", { text: "Scores" }), this.scores);
    this.panel = element("aside", { class: "panel" }, this.why, (this.choose = section("choose", this.find, this.unknown, this.classBox)), this.model, this.numbers);
  }

  setClasses(classes) {
    this.keys = keysOf(classes, LETTERS);
    this.classByKey = new Map([...this.keys].map(([name, key]) => [key, name]));
    this.classButtons = classes.map((name) =>
      button(
        { class: "class", "data-value": name, title: name, "aria-keyshortcuts": this.keys.get(name), onclick: (event) => this.label(name, event) },
        element("kbd", { text: this.keys.get(name) || "", "data-none": !this.keys.has(name) }),
        nameOf(name),
        element("span", { class: "mark" }),
      ),
    );
    this.classBox.replaceChildren(...this.classButtons);
    this.classBox.dataset.columns = Math.max(...classes.map((name) => name.length), 0) <= 11 && classes.length > 4 ? (Math.max(...classes.map((name) => name.length)) <= 2 ? "4" : "2") : "1";
    this.choose.toggleAttribute("data-many", classes.length > 6);
    this.find.hidden = classes.length <= 20;
    this.find.value = "";
    this.buttonOf = new Map(this.classButtons.map((b) => [b.dataset.value, b]));
  }

  filter() {
    const typed = plain(this.find.value);
    for (const b of this.classButtons) b.hidden = !plain(b.dataset.value).includes(typed);
    const shown = this.classButtons.filter((b) => !b.hidden);
    this.setBest(typed ? shown.find((b) => plain(b.dataset.value).startsWith(typed)) || shown[0] : null);
    this.unknown.hidden = shown.length > 0;
    this.unknown.textContent = shown.length ? "" : `No class has “${this.find.value.trim()}” in its name. Esc shows all.`;
  }

  setBest(best) {
    this.best?.removeAttribute("data-best");
    this.best = best;
    best?.setAttribute("data-best", "");
    best?.scrollIntoView({ block: "nearest" });
  }

  // ---- drawing

  render(event) {
    if (!this.items) return;
    const working = this.queue && this.current;
    const blank = !this.queue ? "loading" : working ? "" : this.exhausted ? (this.queue.total === 0 && !this.items.length ? "empty" : "done") : "loading";
    this.root.dataset.view = blank || "work";
    this.blank.hidden = !blank;
    this.body.hidden = Boolean(blank);
    if (blank) this.renderBlank(blank);
    else if (this.data.mode === "single") this.renderStage(event), this.renderStrip();
    else this.renderGrid(event);
    if (working) this.renderPanel();
    this.renderLive();
    this.renderBar();
    this.renderNotice();
  }

  renderBlank(kind) {
    const { labeled, skipped, flagged } = this.counts();
    const all = this.queue?.total ?? 0;
    const aside = [skipped && `${whole(skipped)} skipped`, flagged && `${whole(flagged)} flagged`].filter(Boolean);
    const texts = {
      loading: ["", this.queue ? "Fetching the next images…" : this.outbox.events.length ? "Sending what an earlier visit left…" : "Loading the queue…", ""],
      empty: ["○", this.view === "review" ? "Nothing waits for review." : this.data.empty, ""],
      done: ["✓", this.view === "review" ? `All ${whole(all)} are decided.` : aside.length ? `All ${whole(all)} of this query are done.` : `All ${whole(all)} of this query are labeled.`, aside.length ? [`${whole(labeled)} labeled`, ...aside].join(" · ") : ""],
    };
    const [icon, title, detail] = texts[kind];
    const parts = [icon ? element("div", { class: "icon", text: icon, "aria-hidden": "true" }) : element("div", { class: "spinner", "aria-hidden": "true" }), element("h3", { text: title })];
    if (detail) parts.push(element("p", { text: detail }));
    if (this.view === "review" && kind !== "loading") parts.push(button({ class: "tool", text: "Back to the query", onclick: () => this.show("query", this.round) }));
    if (kind === "done" && this.history.length) parts.push(element("p", { class: "hint" }, element("kbd", { text: "Z" }), " takes the last one back, ", element("kbd", { text: "←" }), " goes through them again"));
    this.blank.replaceChildren(...parts);
    this.blank.dataset.kind = kind;
  }

  renderStage(event) {
    const item = this.current;
    const picture = this.big(item);
    const loading = !item.seen;
    this.root.dataset.loading = loading ? "1" : "0";
    if (item.broken) this.stage.replaceChildren(element("div", { class: "broken", role: "img", "aria-label": "no picture" }, element("b", { text: "This image cannot be shown" }), element("span", { text: item.broken })));
    else if (this.stage.firstChild !== picture || this.stage.childNodes.length !== 1) {
      picture.alt = `Image ${fileName(item)}`;
      this.stage.replaceChildren(picture);
    }
    if (item !== this.staged) {
      Object.assign(this, { staged: item, visible: null, placed: null }); // seen anew, also when it comes back
      this.root.dataset.item = item.id;
      item.shownAt = undefined;
    }
    if (event?.timeStamp) this.paintStart = event.timeStamp;
    if (!loading && item.shownAt === undefined) {
      item.shownAt = performance.now();
      const started = this.paintStart;
      this.paintStart = null;
      this.appears(item, Promise.resolve(picture?.decode()).catch(() => {}), started);
    }
    this.fitPixels(picture, item);
    this.applyZoom();
    const by = this.givenBy(item);
    const words = [item.state === "label" ? `✓ ${item.label}` : `${MARKS[item.state]} ${STATE_NAMES[item.state]}`, item.flagged && item.state !== "flag" && MARKS.flag, by && by !== this.me && `· ${by}`];
    const given = item.state === "open" ? null : element("span", { class: "given", "data-state": item.disputed ? "disputed" : item.state, text: words.filter(Boolean).join(" ") });
    const size = item.width ? `${item.width} × ${item.height}` : "";
    this.caption.replaceChildren(element("span", { class: "path", text: fileName(item), title: fileName(item) }), element("span", { class: "size", text: size }), ...(given ? [given] : []));
  }

  // Tiny images are shown as the pixels they are; smoothing would invent what is not there.
  fitPixels(picture, item) {
    if (picture?.naturalWidth) picture.classList.toggle("pixels", Math.max(picture.naturalWidth, picture.naturalHeight) <= 128 && Math.max(item.width || 0, item.height || 0) <= 128);
  }

  renderStrip() {
    // Asking for the width lays the page out; once a size is enough, a key press must not.
    const room = (this.stripRoom ??= Math.max(3, Math.floor(this.strip.clientWidth / 60)));
    const first = Math.max(0, Math.min(this.cursor - Math.floor(room / 3), this.items.length - room));
    const tiles = this.items.slice(first, first + room).map((item) => this.tile(item));
    const shown = this.strip.children;
    if (tiles.length !== shown.length || tiles.some((tile, i) => shown[i] !== tile)) this.strip.replaceChildren(...tiles);
    for (const tile of tiles) {
      const isCurrent = tile === this.current.tile;
      tile.toggleAttribute("data-current", isCurrent);
      tile.setAttribute("aria-selected", isCurrent ? "true" : "false");
    }
  }

  tile(item) {
    if (item.tile) return item.tile;
    const image = element("img", { alt: "", draggable: "false" });
    const go = (event) => {
      if (this.data.mode === "grid") return this.pick(item, event);
      this.go(this.items.indexOf(item) - this.cursor, event);
    };
    const hover = (on) => () => this.data.mode === "grid" && this.hover(on ? item : null);
    item.tile = element("div", { class: "tile", role: "option", id: `tile-${item.id}`, onclick: go, onmousedown: (event) => event.shiftKey && event.preventDefault(), onmouseenter: hover(true), onmouseleave: hover(false) }, image, element("span", { class: "draft" }), element("span", { class: "badge" }));
    this.fillTile(item);
    return item.tile;
  }

  fillTile(item) {
    const [image, draft, badge] = item.tile.children;
    const url = this.pictures.ready(item.small);
    if (url && !image.src) {
      image.src = url;
      image.decode().catch(() => {}).then(() => image.classList.toggle("pixels", image.naturalWidth <= 64));
    }
    item.tile.dataset.state = item.state;
    item.tile.toggleAttribute("data-broken", Boolean(item.broken));
    item.tile.toggleAttribute("data-problem", Boolean(item.problem));
    item.tile.toggleAttribute("data-disputed", Boolean(item.disputed));
    draft.textContent = item.draft ?? "";
    badge.textContent = item.state === "open" ? (item.problem ? "!" : "") : item.state === "label" ? item.label : MARKS[item.state];
    badge.title = item.problem || "";
    item.tile.setAttribute("aria-label", `${fileName(item)}, ${item.state === "open" ? "not labeled" : item.state === "label" ? `labeled ${item.label}` : STATE_NAMES[item.state]}${item.draft ? `, the model says ${item.draft}` : ""}`);
  }

  renderPanel() {
    const item = (this.data.mode === "grid" && this.hovered) || this.current;
    if (!item) return;
    this.reason.textContent = item.problem ? `Not saved: ${item.problem}` : item.disputed ? `Two answers: ${this.saidOf(item)}. ${this.view === "review" ? "What is it?" : "It waits for review."}` : item.reason || "";
    this.reason.toggleAttribute("data-problem", Boolean(item.problem || item.disputed));
    this.why.hidden = !this.reason.textContent;
    for (const b of [this.marked?.draft, this.marked?.given]) {
      if (!b) continue;
      b.removeAttribute("data-draft");
      b.removeAttribute("data-given");
      b.removeAttribute("aria-pressed");
      b.lastChild.textContent = "";
    }
    const given = item.state === "label" ? this.buttonOf.get(item.label) : null;
    const draft = this.buttonOf.get(item.draft);
    if (draft) draft.setAttribute("data-draft", ""), (draft.lastChild.textContent = this.classBox.dataset.columns !== "1" ? "↵" : "guess ↵");
    if (given) given.setAttribute("data-given", ""), given.setAttribute("aria-pressed", "true"), (given.lastChild.textContent = "✓");
    this.marked = { draft, given };
    if (item === this.described) return;
    this.described = item;
    const percent = (p) => `${p > 0 && p < 0.01 ? "<1" : Math.round(p * 100)} %`;
    const top = (item.top || []).map(([name, p]) => element("li", { title: `${name}: ${percent(p)}` }, nameOf(name), thinBar(p), element("span", { class: "value", text: percent(p) })));
    this.top.replaceChildren(...top);
    this.model.hidden = !top.length;
    const details = (item.details || []).map((d) =>
      element(
        "li",
        { title: `${d.title ?? d.name} ${short(d.value)}${d.unit ? ` ${d.unit}` : ""}${Number.isFinite(d.low) && Number.isFinite(d.high) ? ` (from ${short(d.low)} to ${short(d.high)})` : ""}, rank ${whole(d.rank)} of ${whole(d.of)}: ${wantedness(d.rank, d.of)}` },
        element("span", { class: "name", text: (d.title || d.name).replaceAll("_", " ") }),
        element("span", { class: "value" }, element("b", { text: short(d.value) }), d.unit ? ` ${d.unit}` : ""),
        thinBar(d.percentile / 100),
        element("span", { class: "rank", text: `#${whole(d.rank)} of ${whole(d.of)} · ${d.percentile >= 99.95 ? "100" : d.percentile.toFixed(d.percentile < 99 ? 0 : 1)} %` }),
      ),
    );
    this.scores.replaceChildren(...details);
    this.numbers.hidden = !details.length;
  }

  renderBar() {
    if (!this.outbox) return;
    const { labeled, skipped, flagged } = this.counts();
    const waiting = this.outbox.events.length;
    if (this.queue) {
      const done = labeled + skipped + flagged;
      const parts = [`${whole(labeled)} of ${whole(this.queue.total)} labeled`, skipped && `${whole(skipped)} skipped`, flagged && `${whole(flagged)} flagged`];
      this.count.textContent = this.queue.total ? parts.filter(Boolean).join(" · ") : "";
      this.meter.style.width = `${this.queue.total ? Math.min(100, (100 * done) / this.queue.total) : 0}%`;
    } else {
      this.meter.style.width = "0";
    }
    const troubled = ["offline", "expired", "refused"].includes(this.outbox.state);
    const calm = !waiting || (!troubled && waiting <= 2); // one or two under way is what saving looks like
    this.save.textContent = !this.queue && !waiting ? "" : calm ? "all saved" : `${whole(waiting)} unsaved`;
    if (calm && waiting) this.save.textContent = "saving…";
    this.save.dataset.state = troubled && waiting ? "waits" : waiting ? "busy" : "saved";
    this.renderNotice();
  }

  renderNotice() {
    if (!this.outbox) return;
    const [text, kind, ...actions] = this.noticed();
    const shown = [text, ...actions.map((action) => action.text)].join("\n");
    const about = this.message || this.offer; // the same words may be about another picture
    if (shown !== this.noticeShown || about !== this.noticeAbout) this.notice.replaceChildren(element("span", { text }), ...actions.map((action) => button({ class: "tool", text: action.text, onclick: action.does })));
    Object.assign(this, { noticeShown: shown, noticeAbout: about });
    this.notice.dataset.kind = kind;
    this.notice.hidden = !text;
  }

  // Ways to what else waits: items with two answers, other rounds, and back.
  renderPlaces() {
    const { disputed = 0, rounds = [] } = this.around || {};
    const others = rounds.filter(({ round, remaining }) => round !== this.round && remaining);
    const ways = this.view === "review" ? [["Back to the query", () => this.show("query", this.round)]] : [...(disputed ? [[`${whole(disputed)} to review`, () => this.show("review", this.round)]] : []), ...others.map(({ round, remaining }) => [`Round ${round}: ${whole(remaining)} left`, () => this.show("query", round)])];
    const told = JSON.stringify(ways);
    if (told === this.placesTold) return;
    this.placesTold = told;
    this.places.replaceChildren(...ways.map(([text, does]) => button({ class: "way", text, onclick: does })));
  }

  // What the notice says, its kind and its buttons: troubles on the way first, then what was just said.
  noticed() {
    const { outbox, message, loadProblem } = this;
    const { answer, unkept } = this.words;
    const waiting = outbox.events.length;
    const kept = waiting ? `${whole(waiting)} ${waiting === 1 ? `${answer} is` : `${answer}s are`} kept ${outbox.inMemoryOnly ? "in this page only: do not close it" : "in this browser"}` : "";
    if (outbox.state === "expired" || loadProblem === "expired") return [`Session expired: reload the page.${kept && ` ${kept}.`}`, "problem"];
    if (outbox.state === "offline" && waiting) return [`Server not reachable. ${kept}, trying again.`, "waits"];
    if (outbox.state === "refused" && waiting) return [`The server does not take the ${answer}s (${outbox.problem}). ${kept}, trying again.`, "problem"];
    if (loadProblem) return [`The queue cannot be loaded (${loadProblem}). Trying again.`, "waits"];
    if (message?.contradiction) return [message.text, "waits", { text: "Review", does: () => this.show("review", this.round) }];
    if (message?.text) return [message.text, message.stays ? "problem" : message.action ? "waits" : "hint", ...(message.action ? [message.action] : [])];
    if (this.offer) return this.offered();
    if (outbox.inMemoryOnly && (waiting || unkept)) return [`This browser keeps nothing: ${[unkept, kept && `${kept}.`].filter(Boolean).join(" ")}`, "waits"];
    if (outbox.othersWait) return [`${whole(outbox.othersWait)} unsent ${answer}s of another annotator are kept in this browser. They are sent when that person is back.`, "hint"];
    return ["", ""];
  }

  // A newer round is ready while this one is being labeled.
  offered() {
    const { round, remaining } = this.offer;
    const open = this.queue ? this.queue.total - Object.values(this.counts()).reduce((a, b) => a + b) : 0;
    const text = `Round ${round} is ready${remaining === null ? "" : `: ${whole(remaining)} to label`}.`;
    return [text, "hint", { text: "Switch to it", does: () => this.show("query", round) }, { text: `Keep these ${whole(Math.max(0, open))}`, does: () => this.keepRound() }];
  }

  flash(value) {
    const b = this.buttonOf.get(value);
    if (!b || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    b.animate([{ background: "var(--accent)", color: "var(--paper)" }, {}], { duration: 160, easing: "ease-out" });
  }

  toggleHelp(show = this.help.hidden) {
    const rows = [...HELP, ...(this.data.mode === "grid" ? GRID_HELP : [])];
    this.help.replaceChildren(element("div", { class: "sheet" }, element("h3", { text: "Keys" }), element("dl", {}, ...rows.flatMap(([keys, does]) => [element("dt", {}, element("kbd", { text: keys })), element("dd", { text: does })])), element("p", { text: "? or Esc closes this" })));
    this.help.hidden = !show;
  }

  // As high as the window allows below the page's heading, so that a large screen shows a large image; a narrow one scrolls instead.
  fitHeight() {
    const page = document.querySelector("[data-testid=stMain]");
    const top = this.root.getBoundingClientRect().top + (page?.scrollTop || 0);
    const narrow = this.root.clientWidth <= NARROW;
    this.root.toggleAttribute("data-narrow", narrow);
    this.root.style.height = narrow ? "auto" : `${Math.max(LEAST_HEIGHT, Math.floor(window.innerHeight - Math.min(top, 300) - 20))}px`;
  }

  layout() {
    this.fitHeight();
    this.stripRoom = null;
    if (this.items && this.root.dataset.view === "work") this.render();
  }

  // ---- grid

  renderGrid(event) {
    this.root.dataset.loading = "0";
    this.tileSize ??= this.fittingTile();
    this.root.style.setProperty("--tile", `${TILE_SIZES[this.tileSize]}px`);
    this.zoomLabel.textContent = `${TILE_SIZES[this.tileSize]} px`;
    const items = this.items.slice(this.page * PAGE, (this.page + 1) * PAGE);
    const tiles = items.map((item) => this.tile(item));
    if (tiles.length !== this.cells.children.length || tiles.some((tile, i) => this.cells.children[i] !== tile)) {
      this.cells.replaceChildren(...tiles);
      this.gridShown = tiles;
      for (const item of items) item.shownAt = performance.now();
      this.measureGrid(items);
      this.cells.scrollTop = 0;
    }
    for (const item of items) {
      item.tile.toggleAttribute("data-current", item === this.current);
      item.tile.setAttribute("aria-selected", this.selected.has(item) ? "true" : "false");
    }
    const { tile } = this.current;
    this.cells.setAttribute("aria-activedescendant", tile?.id || "");
    if (event && tile) tile.scrollIntoView({ block: "nearest" });
    if (event?.timeStamp) requestAnimationFrame(() => measure("alcore:paint", event.timeStamp));
    if (this.visible !== this.gridShown) this.appears(this.gridShown, Promise.resolve());
    const pages = Math.ceil(this.items.length / PAGE);
    const n = this.selected.size;
    this.pager.replaceChildren(
      element("span", { class: "chosen", role: "status", text: n ? `${n} selected: a class key labels them` : "Click or Shift+click to select, then press a class key" }),
      button({ class: "tool", text: "Select all open", onclick: () => this.selectOpen() }),
      button({ class: "tool icon", "aria-label": "Previous page", title: "Previous page (PageUp)", text: "‹", disabled: this.page === 0, onclick: () => this.showPage(this.page - 1) }),
      element("span", { class: "page", text: `page ${this.page + 1} of ${Math.max(pages, Math.ceil((this.items.length - this.openItems().length + this.queue.remaining) / PAGE))}` }),
      button({ class: "tool icon", "aria-label": "Next page", title: "Next page (PageDown)", text: "›", disabled: this.page + 1 >= pages, onclick: () => this.showPage(this.page + 1) }),
    );
  }

  measureGrid(items) {
    const started = this.opened;
    this.opened = performance.now();
    const drawn = items.map((item) => this.pictures.load(item.small).then(() => (this.fillTile(item), item.tile.firstChild.decode())).catch(() => {}));
    Promise.all(drawn).then(() => requestAnimationFrame(() => measure("alcore:grid", started)));
  }

  // The largest tile with which a whole page needs no scrolling; 80 pixels where none does.
  fittingTile() {
    const { clientWidth: width, clientHeight: height } = this.cells;
    const fits = (side) => Math.ceil(PAGE / Math.max(1, Math.floor(width / (side + 6)))) * (width / Math.max(1, Math.floor(width / (side + 6)))) <= height;
    return Math.max(1, TILE_SIZES.findLastIndex(fits));
  }

  columns() {
    return Math.max(1, getComputedStyle(this.cells).gridTemplateColumns.split(" ").length);
  }

  hover(item) {
    this.hovered = item;
    this.renderPanel();
  }

  pick(item, event) {
    const place = this.items.indexOf(item);
    const anchor = this.anchor ?? this.cursor;
    if (event.shiftKey) {
      if (!event.ctrlKey && !event.metaKey) this.selected.clear();
      for (let i = Math.min(anchor, place); i <= Math.max(anchor, place); i++) this.selected.add(this.items[i]);
    } else if (event.ctrlKey || event.metaKey) this.toggleTile(item);
    else if (this.selected.size === 1 && this.selected.has(item)) this.selected.clear();
    else this.selected = new Set([item]);
    if (!event.shiftKey) this.anchor = place;
    this.cursor = place;
    this.render();
  }

  toggleTile(item) {
    if (!item) return;
    if (!this.selected.delete(item)) this.selected.add(item);
    this.anchor = this.items.indexOf(item);
    this.render();
  }

  extend(step) {
    const to = Math.min(Math.max(this.cursor + step, this.page * PAGE), Math.min((this.page + 1) * PAGE, this.items.length) - 1);
    for (let i = Math.min(this.cursor, to); i <= Math.max(this.cursor, to); i++) this.selected.add(this.items[i]);
  }

  selectOpen() {
    const items = this.items.slice(this.page * PAGE, (this.page + 1) * PAGE);
    this.selected = new Set(items.filter((item) => item.state === "open"));
    this.render();
  }

  showPage(page) {
    if (page < 0 || page * PAGE >= this.items.length) return;
    this.page = page;
    this.cursor = page * PAGE;
    this.selected.clear();
    this.moved();
  }

  // ---- zoom and pan of the large image

  zoomBy(step, at) {
    if (this.data.mode === "grid") {
      this.tileSize = Math.min(Math.max(this.tileSize + Math.sign(step), 0), TILE_SIZES.length - 1);
      return this.render();
    }
    const { zoom } = this;
    const scale = Math.min(Math.max(zoom.scale * 1.4 ** step, 1), 24);
    const ratio = scale / zoom.scale;
    const [x, y] = at || [0, 0]; // measured from the middle of the stage
    this.zoom = scale === 1 ? { scale, x: 0, y: 0 } : { scale, x: x - (x - zoom.x) * ratio, y: y - (y - zoom.y) * ratio };
    this.applyZoom();
  }

  resetZoom() {
    if (this.data.mode === "grid") this.tileSize = null;
    this.zoom = { scale: 1, x: 0, y: 0 };
    this.render();
  }

  applyZoom() {
    const { scale, x, y } = this.zoom;
    const picture = this.current?.picture;
    if (picture) picture.style.transform = scale === 1 ? "" : `translate(${x}px, ${y}px) scale(${scale})`;
    this.stage.classList.toggle("zoomed", scale > 1);
    this.zoomLabel.textContent = `${Math.round(scale * 100)} %`;
  }

  listenToPointer() {
    this.stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      const box = this.stage.getBoundingClientRect();
      this.zoomBy(-Math.sign(event.deltaY) * 0.6, [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2]);
    }, { passive: false });
    this.stage.addEventListener("dblclick", () => this.resetZoom());
    this.stage.addEventListener("pointerdown", (event) => {
      if (this.zoom.scale === 1 || event.button) return;
      this.stage.setPointerCapture(event.pointerId);
      const from = { x: event.clientX - this.zoom.x, y: event.clientY - this.zoom.y };
      const drag = (move) => {
        Object.assign(this.zoom, { x: move.clientX - from.x, y: move.clientY - from.y });
        this.applyZoom();
      };
      this.stage.addEventListener("pointermove", drag);
      this.stage.addEventListener("pointerup", () => this.stage.removeEventListener("pointermove", drag), { once: true });
    });
  }
}

// A class's name, of a long one the end too where there is no room: names of many classes often begin alike.
function nameOf(name) {
  const end = name.length > 18 ? name.slice(-8) : "";
  return element("span", { class: "name" }, element("span", { class: "begins", text: name.slice(0, name.length - end.length) }), end && element("span", { text: end }));
}

// A thin bar of 0…1; the number stands beside it as text.
function thinBar(share) {
  const fill = element("i");
  fill.style.width = `${Math.min(Math.max(share, 0), 1) * 100}%`;
  return element("span", { class: "thin", "aria-hidden": "true" }, fill);
}

// The name without its folders; where the truth is hidden the server has taken out what would give the answer away.
function fileName(item) {
  return (item.name ?? item.path).split("/").pop();
}
