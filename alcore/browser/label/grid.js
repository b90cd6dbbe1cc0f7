// The grid of the labeler: a page of small pictures, of which some are selected.

import { button, element } from "../shared/dom.js";
import { measure } from "../shared/wait.js";

/** @import { Pictures } from "../shared/pictures.js" */
/** @import { Exposure } from "./exposure.js" */
/** @import { LabelItem } from "./labeler.js" */
/** @import { Queue } from "./queue.js" */
/** @import { Tiles } from "./tiles.js" */
/**
 * What a grid needs of the labeler it is in.
 * @typedef {object} Around
 * @property {Queue<LabelItem>} queue
 * @property {Tiles<LabelItem>} tiles
 * @property {Pictures} pictures
 * @property {Exposure} exposure
 * @property {HTMLElement} root
 * @property {() => void} render
 * @property {() => void} renderPanel
 */

export const PAGE = 48; // cells of one page
const TILE_SIZES = [64, 80, 96, 120, 152, 184];

export class Grid {
  /**
   * @param {Around} around
   * @param {HTMLElement} sizeLabel says how large the pictures are
   */
  constructor(around, sizeLabel) {
    this.around = around;
    this.sizeLabel = sizeLabel;
    this.cells = element("div", { class: "cells", role: "listbox", "aria-multiselectable": "true", "aria-label": "Images to label", tabindex: "0" });
    this.pager = element("div", { class: "pager" });
    /** @type {number | null} place in TILE_SIZES; chosen to fit until a person zooms */
    this.tileSize = null;
    /** @type {HTMLElement[] | undefined} the page that is shown */
    this.shown = undefined;
    this.page = 0;
    /** @type {Set<LabelItem>} */
    this.selected = new Set();
    /** @type {number | null} where a selected range begins */
    this.anchor = null;
    /** @type {LabelItem | null} the item under the pointer */
    this.hovered = null;
    this.opened = performance.now();
  }

  /** Other items are on their way. */
  forget() {
    Object.assign(this, { page: 0, selected: new Set(), anchor: null, hovered: null, opened: performance.now() });
  }

  /** The labeler shows a grid from now on. */
  enter() {
    Object.assign(this, { page: Math.floor(this.around.queue.cursor / PAGE), opened: performance.now(), hovered: null });
  }

  // ---- drawing

  /** @param {Event} [event] */
  render(event) {
    const { queue, root, exposure } = this.around;
    root.dataset.loading = "0";
    this.tileSize ??= this.fittingTile();
    root.style.setProperty("--tile", `${TILE_SIZES[this.tileSize]}px`);
    this.sizeLabel.textContent = `${TILE_SIZES[this.tileSize]} px`;
    const items = this.onPage();
    const tiles = items.map((item) => this.around.tiles.of(item));
    if (tiles.length !== this.cells.children.length || tiles.some((tile, i) => this.cells.children[i] !== tile)) {
      this.cells.replaceChildren(...tiles);
      this.shown = tiles;
      for (const item of items) item.shownAt = performance.now();
      this.measureFirst(items);
      this.cells.scrollTop = 0;
    }
    items.forEach((item, i) => {
      tiles[i].toggleAttribute("data-current", item === queue.current);
      tiles[i].setAttribute("aria-selected", this.selected.has(item) ? "true" : "false");
    });
    const tile = queue.current?.tile;
    this.cells.setAttribute("aria-activedescendant", tile?.id || "");
    if (event && tile) tile.scrollIntoView({ block: "nearest" });
    if (event?.timeStamp) requestAnimationFrame(() => measure("alcore:paint", event.timeStamp));
    if (exposure.visible !== this.shown) exposure.appears(this.shown, Promise.resolve());
    this.renderPager();
  }

  renderPager() {
    const { items, told } = this.around.queue;
    const pages = Math.ceil(items.length / PAGE);
    const all = Math.max(pages, Math.ceil((items.length - this.around.queue.openItems().length + (told?.remaining ?? 0)) / PAGE));
    const n = this.selected.size;
    this.pager.replaceChildren(
      element("span", { class: "chosen", role: "status", text: n ? `${n} selected: a class key labels them` : "Click or Shift+click to select, then press a class key" }),
      button({ class: "tool", text: "Select all open", onclick: () => this.selectOpen() }),
      button({ class: "tool icon", "aria-label": "Previous page", title: "Previous page (PageUp)", text: "‹", disabled: this.page === 0, onclick: () => this.showPage(this.page - 1) }),
      element("span", { class: "page", text: `page ${this.page + 1} of ${all}` }),
      button({ class: "tool icon", "aria-label": "Next page", title: "Next page (PageDown)", text: "›", disabled: this.page + 1 >= pages, onclick: () => this.showPage(this.page + 1) }),
    );
  }

  /**
   * A timing for benchmarks: until all pictures of the page are drawn.
   * @param {LabelItem[]} items
   */
  measureFirst(items) {
    const started = this.opened;
    this.opened = performance.now();
    const drawn = items.map((item) =>
      this.around.pictures
        .load(item.small)
        .then(() => {
          this.around.tiles.fill(item);
          const image = item.tile?.firstChild;
          return image instanceof HTMLImageElement ? image.decode() : undefined;
        })
        .catch(() => {}),
    );
    Promise.all(drawn).then(() => requestAnimationFrame(() => measure("alcore:grid", started)));
  }

  /** The largest tile with which a whole page needs no scrolling; 80 pixels where none does. */
  fittingTile() {
    const { clientWidth: width, clientHeight: height } = this.cells;
    const fits = (/** @type {number} */ side) => {
      const columns = Math.max(1, Math.floor(width / (side + 6)));
      return Math.ceil(PAGE / columns) * (width / columns) <= height;
    };
    return Math.max(1, TILE_SIZES.findLastIndex(fits));
  }

  columns() {
    return Math.max(1, getComputedStyle(this.cells).gridTemplateColumns.split(" ").length);
  }

  /** Larger or smaller pictures. @param {number} step */
  zoomBy(step) {
    this.tileSize = Math.min(Math.max((this.tileSize ?? 1) + Math.sign(step), 0), TILE_SIZES.length - 1);
    this.around.render();
  }

  // ---- pages

  onPage() {
    return this.around.queue.items.slice(this.page * PAGE, (this.page + 1) * PAGE);
  }

  /**
   * Of the open places the first on this page: a page is finished first.
   * @param {number[]} places
   */
  choose(places) {
    return places.find((place) => Math.floor(place / PAGE) === this.page);
  }

  /** To the page the cursor is on. */
  turnPage() {
    const { cursor, items } = this.around.queue;
    this.page = Math.floor(Math.min(cursor, Math.max(items.length - 1, 0)) / PAGE);
  }

  /** @param {number} page */
  showPage(page) {
    const { queue } = this.around;
    if (page < 0 || page * PAGE >= queue.items.length) return;
    this.page = page;
    queue.cursor = page * PAGE;
    this.selected.clear();
    queue.moved();
  }

  // ---- what is selected

  /** What a key is for. */
  targets() {
    const { queue } = this.around;
    if (this.selected.size) return queue.items.filter((item) => this.selected.has(item));
    const one = this.hovered || queue.current;
    return one ? [one] : [];
  }

  /** @param {LabelItem | null} item */
  hover(item) {
    this.hovered = item;
    this.around.renderPanel();
  }

  /**
   * A click on a tile.
   * @param {LabelItem} item
   * @param {MouseEvent} event
   */
  pick(item, event) {
    const { queue } = this.around;
    const place = queue.items.indexOf(item);
    const anchor = this.anchor ?? queue.cursor;
    if (event.shiftKey) {
      if (!event.ctrlKey && !event.metaKey) this.selected.clear();
      for (let i = Math.min(anchor, place); i <= Math.max(anchor, place); i++) this.selected.add(queue.items[i]);
    } else if (event.ctrlKey || event.metaKey) this.toggle(item);
    else if (this.selected.size === 1 && this.selected.has(item)) this.selected.clear();
    else this.selected = new Set([item]);
    if (!event.shiftKey) this.anchor = place;
    queue.cursor = place;
    this.around.render();
  }

  /** @param {LabelItem | undefined} item */
  toggle(item) {
    if (!item) return;
    if (!this.selected.delete(item)) this.selected.add(item);
    this.anchor = this.around.queue.items.indexOf(item);
    this.around.render();
  }

  /** Selects from the cursor on. @param {number} step */
  extend(step) {
    const { cursor, items } = this.around.queue;
    const to = Math.min(Math.max(cursor + step, this.page * PAGE), Math.min((this.page + 1) * PAGE, items.length) - 1);
    for (let i = Math.min(cursor, to); i <= Math.max(cursor, to); i++) this.selected.add(items[i]);
  }

  selectOpen() {
    this.selected = new Set(this.onPage().filter((item) => item.state === "open"));
    this.around.render();
  }
}
