// The grid: as many tiles as fit on the screen, moved along while one scrolls, whatever the number of images.

import { element } from "../shared/dom.js";
import { nameOf } from "../shared/named.js";
import { percent, whole } from "../shared/numbers.js";
import { DISPUTED, FLAGGED, LABELED, SKIPPED } from "./pages.js";

/** @import { Chosen } from "./chosen.js" */
/** @import { Overlays } from "./overlays.js" */
/** @import { Listing } from "./pages.js" */
/** @import { Thumbnails } from "./thumbnails.js" */

const CAPTION = 24, GAP = 8;
const TALLEST = 12_000_000; // px: browsers cut taller elements off, so a longer list scrolls faster than the wheel

/**
 * Who hears what is done with the tiles.
 * @typedef {object} Hands
 * @property {(place: number, event: MouseEvent | KeyboardEvent) => void} pick
 * @property {(place: number) => void} open
 * @property {(places: number[], add: boolean) => void} framed a rectangle was drawn around these
 */

export class Grid {
  /**
   * @param {Chosen} chosen
   * @param {Thumbnails} thumbnails
   * @param {Overlays} overlays
   * @param {Hands} hands
   */
  constructor(chosen, thumbnails, overlays, hands) {
    this.chosen = chosen;
    this.thumbnails = thumbnails;
    this.overlays = overlays;
    this.hands = hands;
    this.least = 128; // px of a picture at least
    this.side = 128; // px of a picture: what fills the row
    this.at = 0; // the place that has the keyboard
    /** @type {Listing | null} */
    this.listing = null;
    /** @type {Map<number, HTMLElement>} place -> its tile */
    this.tiles = new Map();
    /** @type {HTMLElement[]} */
    this.spare = [];
    this.columns = 1;
    this.drawn = 0; // the drawing that is on its way
    this.floor = element("div", { class: "floor" });
    this.frame = element("div", { class: "frame", hidden: true });
    this.floor.append(this.frame);
    this.root = element("div", {
      class: "grid", tabindex: "0", role: "listbox", "aria-label": "Images", "aria-multiselectable": "true",
      onscroll: () => this.draw(),
      onpointerdown: (/** @type {PointerEvent} */ event) => this.press(event),
      ondblclick: (/** @type {MouseEvent} */ event) => {
        const place = this.placeAt(event);
        if (place >= 0) this.hands.open(place);
      },
    }, this.floor);
    this.resized = new ResizeObserver(() => this.layout());
    this.resized.observe(this.root);
  }

  close() {
    this.resized.disconnect();
    cancelAnimationFrame(this.drawn);
  }

  get step() {
    return this.side + CAPTION + GAP;
  }

  get rows() {
    return Math.ceil((this.listing?.count ?? 0) / this.columns);
  }

  /**
   * @param {Listing} listing
   * @param {boolean} top begin at the top, not where one was
   */
  show(listing, top) {
    this.listing = listing;
    this.at = top ? 0 : Math.max(0, Math.min(this.at, listing.count - 1));
    this.recycle();
    this.layout();
    if (top) this.root.scrollTop = 0;
  }

  /** @param {number} least px of a picture */
  resize(least) {
    this.least = least;
    this.recycle();
    this.layout();
    this.reveal(this.at);
  }

  recycle() {
    for (const tile of this.tiles.values()) {
      tile.hidden = true;
      this.spare.push(tile);
    }
    this.tiles.clear();
  }

  layout() {
    const width = this.root.clientWidth - GAP;
    const columns = Math.max(1, Math.floor(width / (this.least + GAP)));
    if (columns !== this.columns) this.recycle();
    this.columns = columns;
    this.side = Math.max(40, Math.floor(width / columns) - GAP);
    this.root.style.setProperty("--side", `${this.side}px`);
    this.floor.style.height = `${Math.min(TALLEST, this.rows * this.step + GAP)}px`;
    this.draw();
  }

  /** Rows above the window, and how far the first of those in it is pushed out of it. */
  get scrolled() {
    const { root } = this;
    const height = this.rows * this.step + GAP;
    if (height <= TALLEST) return root.scrollTop;
    return (root.scrollTop / Math.max(1, TALLEST - root.clientHeight)) * (height - root.clientHeight);
  }

  draw() {
    cancelAnimationFrame(this.drawn);
    this.drawn = requestAnimationFrame(() => this.drawNow());
  }

  drawNow() {
    const { listing, root, columns, step } = this;
    if (!listing) return;
    const scrolled = this.scrolled;
    const shift = root.scrollTop - scrolled; // where the long list is squeezed, tiles stand off their own place
    const first = Math.max(0, (Math.floor(scrolled / step) - 1) * columns);
    const last = Math.min(listing.count, (Math.ceil((scrolled + root.clientHeight) / step) + 1) * columns);
    for (const [place, tile] of this.tiles) {
      if (place >= first && place < last) continue;
      this.tiles.delete(place);
      tile.hidden = true;
      this.spare.push(tile);
    }
    const wide = this.side + GAP;
    const seen = [];
    for (let place = first; place < last; place++) {
      let tile = this.tiles.get(place);
      if (!tile) {
        tile = this.spare.pop() ?? this.tile();
        this.tiles.set(place, tile);
        this.fill(tile, place);
        tile.hidden = false;
      }
      const row = Math.floor(place / columns);
      tile.style.transform = `translate(${GAP + (place - row * columns) * wide}px, ${GAP + row * step + shift}px)`;
      seen.push(listing.ids[place]);
    }
    this.thumbnails.want(seen);
    this.overlays.want(seen);
    this.root.setAttribute("aria-activedescendant", this.tiles.has(this.at) ? `tile-${this.at}` : "");
  }

  /** @returns {HTMLElement} */
  tile() {
    const tile = element("div", { class: "tile", role: "option" }, element("span", { class: "picture" }, element("img", { alt: "", draggable: "false" })), element("span", { class: "caption" }), element("span", { class: "marks", "aria-hidden": "true" }));
    this.floor.append(tile);
    return tile;
  }

  /**
   * @param {HTMLElement} tile
   * @param {number} place
   */
  fill(tile, place) {
    const { listing } = this;
    if (!listing) return;
    const id = listing.ids[place], state = listing.states[place];
    const label = listing.label(place), sure = listing.confidence[place];
    const other = listing.likelierOf(place);
    const guess = other || listing.guess(place);
    tile.id = `tile-${place}`;
    tile.dataset.id = String(id);
    tile.setAttribute("aria-selected", String(this.chosen.has(id)));
    tile.toggleAttribute("data-at", place === this.at);
    tile.setAttribute("aria-setsize", String(listing.count));
    tile.setAttribute("aria-posinset", String(place + 1));
    const [picture, caption, marks] = /** @type {HTMLElement[]} */ ([...tile.children]);
    const guessed = guess ? `${guess}${!other && Number.isFinite(sure) ? ` · ${percent(sure)}` : ""}` : "";
    /** @type {string[]} */
    const words = [];
    if (label) {
      caption.replaceChildren(element("b", {}, nameOf(label)), guess && guess !== label ? element("i", {}, " ≠ ", nameOf(guess)) : "");
      words.push(`labeled ${label}`);
    } else if (state & LABELED) {
      caption.replaceChildren(element("b", { text: "painted" }));
      words.push("painted");
    } else caption.replaceChildren(guess ? element("i", {}, nameOf(guess), guessed.slice(guess.length)) : "");
    if (guess && guess !== label) words.push(other ? `the other labels say ${other}` : `guessed ${guessed}`);
    const told = [];
    if (state & SKIPPED) told.push(["S", "skipped"]);
    if (state & FLAGGED) told.push(["F", "flagged"]);
    if (state & DISPUTED) told.push(["!", "two different answers"]);
    if (listing.head.splits[listing.splits[place]] !== "pool") told.push(["T", "a test image"]);
    marks.replaceChildren(...told.map(([sign, title]) => element("em", { "data-sign": sign, title })));
    // the name begins with what stands below the picture, for those who speak to the page
    const said = [caption.textContent, `image ${id}`, ...words, ...told.map(([, title]) => title)].filter(Boolean).join(", ");
    tile.setAttribute("aria-label", said);
    tile.title = said;
    this.paint(tile, picture, id);
  }

  /**
   * @param {HTMLElement} tile
   * @param {HTMLElement} picture
   * @param {number} id
   */
  paint(tile, picture, id) {
    const image = /** @type {HTMLImageElement} */ (picture.firstElementChild);
    const url = this.thumbnails.ready(id);
    tile.toggleAttribute("data-gone", url === "");
    if (url) {
      if (image.src !== url) image.src = url;
      image.onload = () => image.classList.toggle("pixels", image.naturalWidth <= 64 && image.naturalWidth < this.side);
    } else image.removeAttribute("src");
    this.overlays.lay(picture, /** @type {HTMLElement} */ (tile.children[1]), id);
  }

  /** A picture came. @param {number} id */
  came(id) {
    const place = this.listing?.placeOf(id) ?? -1;
    const tile = this.tiles.get(place);
    if (!tile) return;
    if (this.thumbnails.ready(id) === undefined) this.draw(); // it did not: it is asked for again
    this.paint(tile, /** @type {HTMLElement} */ (tile.firstElementChild), id);
  }

  /** What is chosen, or said of images, changed. */
  refresh() {
    for (const [place, tile] of this.tiles) this.fill(tile, place);
    this.draw();
  }

  /** Moves the keyboard's place. @param {number} place */
  reveal(place) {
    const { listing, root, step } = this;
    if (!listing?.count) return;
    this.at = Math.max(0, Math.min(place, listing.count - 1));
    const row = Math.floor(this.at / this.columns);
    const height = this.rows * step + GAP;
    const squeeze = height <= TALLEST ? 1 : (TALLEST - root.clientHeight) / (height - root.clientHeight);
    if (row * step < this.scrolled) root.scrollTop = row * step * squeeze;
    else if ((row + 1) * step + GAP > this.scrolled + root.clientHeight) root.scrollTop = ((row + 1) * step + GAP - root.clientHeight) * squeeze;
    this.refresh();
  }

  /** The place under a pointer, -1 between tiles. @param {MouseEvent} event */
  placeAt(event) {
    for (const node of event.composedPath()) if (node instanceof HTMLElement && node.classList.contains("tile")) return Number(node.id.slice(5));
    return -1;
  }

  /**
   * A press begins a click or, once it moves, a rectangle around images.
   * @param {PointerEvent} down
   */
  press(down) {
    if (down.button !== 0 || down.offsetX > this.root.clientWidth) return;
    const place = this.placeAt(down);
    const box = this.floor.getBoundingClientRect();
    const from = { x: down.clientX - box.left, y: down.clientY - box.top };
    let moved = false;
    const touch = down.pointerType === "touch"; // a finger that moves scrolls
    const corner = (/** @type {PointerEvent} */ event) => {
      const now = this.floor.getBoundingClientRect();
      return { x: event.clientX - now.left, y: event.clientY - now.top };
    };
    const move = (/** @type {PointerEvent} */ event) => {
      const to = corner(event);
      if (!moved && Math.hypot(to.x - from.x, to.y - from.y) < 6) return;
      moved = true;
      if (touch) return;
      this.frame.hidden = false;
      this.frame.style.transform = `translate(${Math.min(from.x, to.x)}px, ${Math.min(from.y, to.y)}px)`;
      this.frame.style.width = `${Math.abs(to.x - from.x)}px`;
      this.frame.style.height = `${Math.abs(to.y - from.y)}px`;
    };
    const up = (/** @type {PointerEvent} */ event) => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", up);
      window.removeEventListener("pointercancel", up);
      this.frame.hidden = true;
      if (event.type === "pointercancel") return;
      if (!moved) {
        if (place >= 0) {
          this.at = place;
          this.hands.pick(place, touch ? new MouseEvent("click", { ctrlKey: true }) : down);
        }
      } else if (!touch) this.hands.framed(this.inside(from, corner(event)), down.shiftKey || down.ctrlKey || down.metaKey);
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", up);
    window.addEventListener("pointercancel", up);
  }

  /**
   * The places of the tiles that a rectangle touches.
   * @param {{x: number, y: number}} a
   * @param {{x: number, y: number}} b
   */
  inside(a, b) {
    const [left, right, top, bottom] = [Math.min(a.x, b.x), Math.max(a.x, b.x), Math.min(a.y, b.y), Math.max(a.y, b.y)];
    const box = this.floor.getBoundingClientRect();
    const places = [];
    for (const [place, tile] of this.tiles) {
      const of = tile.getBoundingClientRect();
      const [x, y] = [of.left - box.left, of.top - box.top];
      if (x < right && x + of.width > left && y < bottom && y + of.height > top) places.push(place);
    }
    return places.sort((p, q) => p - q);
  }

  /** How many are shown, in words. */
  get words() {
    const { listing } = this;
    if (!listing) return "";
    const { count, of } = listing.head;
    return count === of ? `${whole(of)} images` : `${whole(count)} of ${whole(of)} images`;
  }
}
