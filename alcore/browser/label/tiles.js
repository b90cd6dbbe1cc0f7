// Small pictures of items: one each, which the strip under the picture and the grid both show.

import { element } from "../shared/dom.js";
import { nameOf } from "../shared/named.js";

/** @import { Pictures } from "../shared/pictures.js" */
/** @import { Item } from "./answers.js" */
/** @import { Queue } from "./queue.js" */
/**
 * What a part says of an item on its tile.
 * @template {Item} I
 * @typedef {(item: I) => {badge: string, name: string}} TileWords
 */
/**
 * What becomes of a pointer over a tile.
 * @template {Item} I
 * @typedef {{click: (item: I, event: MouseEvent) => void, hover: (item: I | null) => void}} TileUse
 */

/** @template {Item} I */
export class Tiles {
  /**
   * @param {Pictures} pictures
   * @param {TileWords<I>} words
   * @param {TileUse<I>} use
   */
  constructor(pictures, words, use) {
    this.pictures = pictures;
    this.words = words;
    this.use = use;
  }

  /** @param {I} item */
  of(item) {
    if (item.tile) return item.tile;
    const image = element("img", { alt: "", draggable: "false" });
    const { click, hover } = this.use;
    item.tile = element(
      "div",
      {
        class: "tile",
        role: "option",
        id: `tile-${item.id}`,
        onclick: (/** @type {MouseEvent} */ event) => click(item, event),
        onmousedown: (/** @type {MouseEvent} */ event) => event.shiftKey && event.preventDefault(),
        onmouseenter: () => hover(item),
        onmouseleave: () => hover(null),
      },
      image,
      element("span", { class: "draft" }),
      element("span", { class: "badge" }),
    );
    this.fill(item);
    return item.tile;
  }

  /** Draws what is new of an item, where it has a tile. @param {I} item */
  fill(item) {
    const { tile } = item;
    if (!tile) return;
    const [image, draft, badge] = /** @type {[HTMLImageElement, HTMLElement, HTMLElement]} */ ([...tile.children]);
    const url = this.pictures.ready(item.small);
    if (url && !image.src) {
      image.src = url;
      image.decode().catch(() => {}).then(() => image.classList.toggle("pixels", image.naturalWidth <= 64));
    }
    tile.dataset.state = item.state;
    tile.toggleAttribute("data-broken", Boolean(item.broken));
    tile.toggleAttribute("data-problem", Boolean(item.problem));
    tile.toggleAttribute("data-disputed", Boolean(item.disputed));
    tellName(draft, item.draft ?? "");
    const words = this.words(item);
    tellName(badge, words.badge);
    badge.title = item.problem || "";
    tile.setAttribute("aria-label", words.name);
  }
}

/**
 * Writes what stands in a corner of a tile, unless it stands there already. @param {HTMLElement} node @param {string} text
 */
function tellName(node, text) {
  if (node.textContent !== text) node.replaceChildren(...(text ? [nameOf(text)] : []));
}

/** The neighbours of the picture on the stage. @template {Item} I */
export class Strip {
  /**
   * @param {Queue<I>} queue
   * @param {Tiles<I>} tiles
   */
  constructor(queue, tiles) {
    this.queue = queue;
    this.tiles = tiles;
    this.node = element("div", { class: "strip", role: "listbox", "aria-label": "Neighbours in the queue" });
    /** @type {number | null} how many tiles there is room for; null: ask */
    this.room = null;
  }

  render() {
    const { items, cursor, current } = this.queue;
    // Asking for the width lays the page out; once a size is enough, a key press must not.
    const room = (this.room ??= Math.max(3, Math.floor(this.node.clientWidth / 60)));
    const first = Math.max(0, Math.min(cursor - Math.floor(room / 3), items.length - room));
    const tiles = items.slice(first, first + room).map((item) => this.tiles.of(item));
    const shown = this.node.children;
    if (tiles.length !== shown.length || tiles.some((tile, i) => shown[i] !== tile)) this.node.replaceChildren(...tiles);
    for (const tile of tiles) {
      const isCurrent = tile === current?.tile;
      tile.toggleAttribute("data-current", isCurrent);
      tile.setAttribute("aria-selected", isCurrent ? "true" : "false");
    }
  }
}
