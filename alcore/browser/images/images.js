// The Images page: every image of a project as a grid, filtered and sorted, many answered at once.

import { Api, wordsOf } from "../shared/api.js";
import { button, element, targetOf } from "../shared/dom.js";
import { keyIsOurs, keyName } from "../shared/keys.js";
import { mounted } from "../shared/mount.js";
import { Actions } from "./actions.js";
import { Chosen } from "./chosen.js";
import { Details } from "./details.js";
import { Doings, told } from "./doings.js";
import { Filters } from "./filters.js";
import { Grid } from "./grid.js";
import { Leaving, PATIENCE } from "./leaving.js";
import { MOVES } from "./moves.js";
import { Overlays } from "./overlays.js";
import { Listing } from "./pages.js";
import { Thumbnails } from "./thumbnails.js";
import { Views } from "./views.js";

/** @import { Told } from "../shared/mount.js" */
/** @import { ImagesData } from "../shared/types.js" */

const SIDES = { small: 84, medium: 128, large: 200 };
const SLOW = 400; // ms until it is said that one waits: labels to be doubted or masks to be compared take some seconds the first time
const NARROW = 520; // px of a window that begins with small pictures
const SIMILAR = 50; // images at most whose middle others are compared with

export class Images {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.disposed = false;
    this.api = new Api();
    /** @type {ImagesData} */
    this.data = { project: "", token: "", api: "", annotator: "", role: "owner", identity: "", dense: false, view: "" };
    /** @type {(name: string, value: unknown) => void} */
    this.report = () => {};
    this.view = new URLSearchParams();
    /** @type {Listing | null} */
    this.listing = null;
    this.turn = 0; // answers of an older one are dropped
    this.chosen = new Chosen(() => this.changed());
    this.thumbnails = new Thumbnails(this.api, (id) => this.grid.came(id));
    this.doings = new Doings(this.api, () => this.tellUndo());
    this.details = new Details(this.api, { close: () => this.closeDetails(), similar: (id) => this.likeness([id]), alike: (id) => this.look(new URLSearchParams({ group: String(id) })), paint: async (id) => this.tell(await this.doings.paintNext(id)) });
    this.overlays = new Overlays(this.api, () => this.grid.refresh(), (id) => this.grid.came(id));
    this.grid = new Grid(this.chosen, this.thumbnails, this.overlays, {
      pick: (place, event) => this.pick(place, event),
      open: (place) => this.open(place),
      framed: (places, add) => this.framed(places, add),
    });
    this.filters = new Filters((view) => this.look(view));
    this.views = new Views(this.api, { look: (view) => this.look(view), changed: () => this.load(false), failed: (error) => this.tell(`${wordsOf(error)}.`) });
    this.actions = new Actions({ give: (kind, value) => this.give(kind, value), split: (name) => this.split(name), clear: () => this.chosen.clear(), link: () => this.leaving.only(), map: () => this.leaving.map(), similar: () => this.likeness(this.picked()) });
    this.count = element("output", { class: "count" });
    this.note = element("p", { class: "note", role: "status", hidden: true });
    this.nothing = element("p", { class: "empty", hidden: true });
    this.undoButton = button({ class: "labels", text: "Undo", title: "Take the last answer back (Z)", "aria-keyshortcuts": "Z", onclick: () => this.turnBack("undo") });
    this.redoButton = button({ class: "labels", text: "Redo", title: "Give it again (Shift Z)", "aria-keyshortcuts": "Shift+Z", onclick: () => this.turnBack("redo") });
    this.sizes = element("select", { "aria-label": "Size of the pictures", onchange: () => this.resize() }, ...Object.keys(SIDES).map((name) => element("option", { value: name, text: `${name[0].toUpperCase()}${name.slice(1)} pictures` })));
    this.leaving = new Leaving(this);
    this.root = element("div", { class: "images" });
    this.build(parent);
    this.onKey = (/** @type {KeyboardEvent} */ event) => this.key(event);
    this.onPress = (/** @type {PointerEvent} */ event) => this.fold(event);
    document.addEventListener("keydown", this.onKey, true);
    document.addEventListener("pointerdown", this.onPress, true);
  }

  /** @param {HTMLElement} parent */
  build(parent) {
    this.sizes.value = innerWidth < NARROW ? "small" : "medium";
    this.grid.resize(SIDES[/** @type {keyof typeof SIDES} */ (this.sizes.value)]);
    this.root.append(
      element("div", { class: "top" }, this.filters.root, element("span", { class: "tools" }, this.undoButton, this.redoButton, this.overlays.root, this.sizes, this.leaving.saving, this.views.root)),
      element("div", { class: "told" }, this.count, this.note),
      element("div", { class: "body" }, element("div", { class: "shelf" }, this.grid.root, this.nothing), this.details.root),
      this.actions.root,
    );
    parent.append(this.root);
    this.tellUndo();
  }

  dispose() {
    this.disposed = true;
    this.turn += 1;
    document.removeEventListener("keydown", this.onKey, true);
    document.removeEventListener("pointerdown", this.onPress, true);
    this.grid.close();
    this.details.dispose();
    this.doings.dispose();
    this.thumbnails.clear();
    this.overlays.clear();
    this.root.remove();
  }

  /** @param {Told<ImagesData>} told */
  update({ data, setStateValue }) {
    const other = data.project !== this.data.project || data.identity !== this.data.identity;
    this.data = data;
    this.root.dataset.role = data.role;
    this.report = setStateValue;
    this.api.connect(data.api, data.token);
    this.thumbnails.of(data.project, this.size);
    this.overlays.of(data.dense, data.project, this.size);
    this.doings.of(data.project, data.identity, data.annotator);
    this.views.project = data.project;
    this.tellUndo();
    if (!other) return;
    this.view = new URLSearchParams(data.view);
    this.chosen.clear();
    this.closeDetails();
    this.load(true);
  }

  /** The size thumbnails are asked in: enough for the screen's own pixels. */
  get size() {
    return this.grid.side * devicePixelRatio > 130 ? 256 : 128;
  }

  resize() {
    this.grid.resize(SIDES[/** @type {keyof typeof SIDES} */ (this.sizes.value)]);
    this.thumbnails.of(this.data.project, this.size);
    this.overlays.of(this.data.dense, this.data.project, this.size);
    this.grid.refresh();
  }

  // ---- views

  /** Shows another view. @param {URLSearchParams} view */
  look(view) {
    this.view = this.filters.view = view; // what is changed next is changed from here, though its images are still on their way
    this.chosen.clear(); // now, not when the view is there: what is chosen meanwhile stays
    this.report("view", view.toString());
    this.load(true);
  }

  /** @param {boolean} top begin at the top, not where one was */
  async load(top) {
    const turn = (this.turn += 1);
    this.root.setAttribute("aria-busy", "true");
    const slow = setTimeout(() => turn === this.turn && (this.count.textContent = "Looking …"), SLOW);
    try {
      const { body } = await this.api.request(`${this.api.url(["projects", this.data.project, "images"])}?${this.view}`, {}, PATIENCE);
      if (turn !== this.turn) return;
      this.shown(new Listing(body), top);
    } catch (error) {
      if (turn === this.turn) this.problem(error);
    } finally {
      clearTimeout(slow);
      if (turn === this.turn) this.root.removeAttribute("aria-busy");
    }
  }

  /**
   * @param {Listing} listing
   * @param {boolean} top
   */
  shown(listing, top) {
    this.listing = listing;
    this.overlays.since(listing.head.event);
    this.filters.show(this.view, listing.head);
    this.views.show(this.view, listing.head.views);
    this.actions.of(listing.head.classes, this.data.dense);
    this.grid.show(listing, top);
    this.count.textContent = this.grid.words;
    this.nothing.hidden = listing.count > 0;
    this.nothing.textContent = listing.head.of ? "No image is like that. Take a filter away." : "There are no images in this project.";
    this.actions.past = this.view.has("then"); // nothing is answered in the past
    this.changed();
    this.actions.right.hidden = !listing.likelier;
    this.actions.similar.hidden = this.details.alike.hidden = !listing.head.features;
    this.details.paint.hidden = !this.data.dense;
    this.chosen.within(listing);
    this.root.dataset.view = this.view.toString();
    this.root.dataset.event = String(listing.head.event);
  }

  /** @param {unknown} error */
  problem(error) {
    this.nothing.hidden = false;
    this.count.textContent = this.grid.words; // what is shown is still what was
    const again = button({ text: "Try again", onclick: () => this.load(true) });
    const all = button({ text: "Show all images", onclick: () => this.look(new URLSearchParams()) });
    this.nothing.replaceChildren(`${wordsOf(error)}. `, again, ...(this.view.size ? [" ", all] : []));
  }

  /** @param {number[]} ids */
  likeness(ids) {
    const view = new URLSearchParams(ids.slice(0, SIMILAR).map((id) => ["like", String(id)]));
    view.set("order", "similar");
    this.look(view);
  }

  // ---- choosing

  changed() {
    const { chosen, listing } = this;
    this.actions.chosen(chosen.size, listing !== null && chosen.size > 0 && [...chosen.ids].every((id) => listing.isHeld(id)));
    this.grid.refresh();
  }

  /** The chosen images, in the view's order. */
  picked() {
    return this.listing ? this.chosen.inOrder(this.listing) : [...this.chosen.ids];
  }

  /**
   * @param {number} place
   * @param {MouseEvent | KeyboardEvent} event
   */
  pick(place, event) {
    if (!this.listing) return;
    this.chosen.click(this.listing, place, { toggle: event.ctrlKey || event.metaKey, range: event.shiftKey });
    if (this.details.open) this.open(place);
  }

  /**
   * @param {number[]} places
   * @param {boolean} add
   */
  framed(places, add) {
    const { listing } = this;
    if (!listing) return;
    const ids = places.map((place) => listing.ids[place]);
    this.chosen.set(add ? [...this.chosen.ids, ...ids] : ids);
  }

  /** @param {number} place */
  open(place) {
    const id = this.listing?.ids[place];
    if (id === undefined) return;
    this.root.toggleAttribute("data-open", true);
    this.details.show(this.data.project, id);
  }

  closeDetails() {
    this.details.close();
    this.root.removeAttribute("data-open");
    this.grid.layout();
  }

  // ---- answering

  /**
   * One answer for all that are chosen, or for the image that has the keyboard.
   * @param {string} kind
   * @param {string | null} value
   */
  async give(kind, value) {
    const { listing } = this;
    if (!listing?.count) return;
    if (this.view.has("then")) return this.tell("This is how it was: take that filter away to answer.");
    const ids = this.chosen.size ? this.picked() : [listing.ids[this.grid.at]];
    const saw = ids.map((id) => {
      const place = listing.placeOf(id);
      return place < 0 ? -1 : listing.labels[place];
    });
    const words = { label: `${value}: `, skip: "Skipped: ", flag: "Flagged: ", ask: "At the head of the queue: ", hold: "Held out: ", back: "Put back: ", sure: "Found right: " }[kind];
    await this.doing(() => this.doings.give({ kind, value, ids, saw, classes: listing.head.classes }), (done) => `${words}${told(done)}`);
  }

  /** Makes the chosen images a class of their own. @param {string} name */
  async split(name) {
    const { listing } = this;
    try {
      if (!listing?.head.classes.includes(name)) await this.api.post(this.api.url(["projects", this.data.project, "classes"]), { do: "add", name });
    } catch (error) {
      this.tell(`Not stored: ${wordsOf(error)}.`);
      return;
    }
    await this.give("label", name);
  }

  /** @param {"undo" | "redo"} way */
  async turnBack(way) {
    await this.doing(() => this.doings[way](), (found) => (found ? `${way === "undo" ? "Taken back" : "Given again"}: ${told(found.told)}` : `There is nothing to ${way}.`));
  }

  /**
   * @template T
   * @param {() => Promise<T>} act
   * @param {(done: T) => string} words
   */
  async doing(act, words) {
    this.root.setAttribute("aria-busy", "true");
    try {
      this.tell(words(await act()));
      await this.load(false);
      if (this.details.open) this.details.show(this.data.project, this.details.id);
    } catch (error) {
      this.root.removeAttribute("aria-busy");
      this.tell(`Not stored: ${wordsOf(error)}.`);
    }
    this.tellUndo();
  }

  /** @param {string} text */
  tell(text) {
    this.note.textContent = text;
    this.note.hidden = !text;
  }

  tellUndo() {
    this.undoButton.disabled = !this.doings.done.length;
    this.redoButton.disabled = !this.doings.undone.length;
  }

  // ---- keys

  /** A press elsewhere, or Escape, closes the menus that are open. @param {Event} event */
  fold(event) {
    for (const menu of [this.filters.menu, this.views.root]) if (menu.open && (event.type === "keydown" || !event.composedPath().includes(menu))) menu.open = false;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const target = targetOf(event);
    const menu = target?.closest("details");
    if (menu?.open && event.key === "Escape" && this.root.contains(menu)) {
      this.fold(event);
      menu.querySelector("summary")?.focus();
      event.stopPropagation();
    }
    if (!this.listing || event.defaultPrevented || !keyIsOurs(event, this.root) || target?.closest("input, select, textarea, summary, details")) return;
    const name = keyName(event);
    if (target?.closest("button, a[href]") && ["Enter", " "].includes(name)) return;
    if (this.act(name, event)) {
      event.preventDefault();
      event.stopPropagation();
    }
  }

  /**
   * @param {string} name
   * @param {KeyboardEvent} event
   * @returns {boolean} whether the key means something here
   */
  act(name, event) {
    const { listing, grid, chosen } = this;
    const command = event.ctrlKey || event.metaKey;
    if (!listing) return false;
    if (name === "z" && this.data.role !== "viewer") this.turnBack(event.shiftKey ? "redo" : "undo");
    else if (command && name === "a") chosen.set(listing.ids);
    else if (name in MOVES) this.move(MOVES[/** @type {keyof typeof MOVES} */ (name)](grid), event);
    else if (name === " ") this.pick(grid.at, new MouseEvent("click", { ctrlKey: true, shiftKey: event.shiftKey }));
    else if (command || event.altKey || event.repeat) return false;
    else if (name === "Enter") this.open(grid.at);
    else if (name === "Escape") this.details.open ? this.closeDetails() : chosen.clear();
    else if (name === "/") this.actions.find.hidden || !chosen.size ? this.filters.text.focus() : this.actions.find.focus();
    else if (this.data.role === "viewer") return false; // the others answer something
    else if (name === "s") this.give("skip", null);
    else if (name === "f") this.give("flag", null);
    else if (name === "n") this.give("ask", null);
    else if (name === "y" && listing.likelier) this.give("sure", null);
    else if (this.actions.classByKey.has(name)) this.give("label", this.actions.classByKey.get(name) ?? null);
    else return false;
    return true;
  }

  /**
   * @param {number} place
   * @param {KeyboardEvent} event
   */
  move(place, event) {
    const { grid, listing, chosen } = this;
    if (!listing?.count) return;
    if (!event.shiftKey) chosen.anchor = Math.max(0, Math.min(place, listing.count - 1));
    grid.reveal(place);
    if (event.shiftKey) chosen.click(listing, grid.at, { range: true });
    if (this.details.open) this.open(grid.at);
  }
}

export default mounted(Images);
