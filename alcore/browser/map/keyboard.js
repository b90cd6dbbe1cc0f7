// The keys of the map.

import { rootOf } from "../shared/dom.js";
import { keyDrivesControl, keysBelongElsewhere } from "../shared/keys.js";

/** @import { Board } from "./board.js" */
/** @import { Pointer } from "./pointer.js" */
/**
 * @typedef {object} Keyed
 * @property {boolean} ready the points are there
 * @property {HTMLElement} root
 * @property {HTMLElement} plot
 * @property {Board} board
 * @property {Pointer} pointer
 * @property {(name: "pan" | "lasso") => void} setTool
 * @property {() => void} selectView
 * @property {(members: number[]) => void} choose
 */

/**
 * What to do with a key press anywhere on the page: the map has the keys while the pointer is over it or the focus in it.
 * @param {Keyed} map
 * @returns {(event: KeyboardEvent) => void}
 */
export function keyed(map) {
  const { board, root, plot } = map;
  const move = (/** @type {number} */ x, /** @type {number} */ y) => () => board.move(x / 8, y / 8);
  /** @type {Record<string, () => void>} */
  const arrows = { ArrowLeft: move(-1, 0), ArrowRight: move(1, 0), ArrowUp: move(0, 1), ArrowDown: move(0, -1) };
  /** @type {Record<string, () => void>} */
  const actions = {
    l: () => map.setTool(map.pointer.tool === "lasso" ? "pan" : "lasso"),
    v: () => map.selectView(),
    "+": () => board.zoom(1.5),
    "=": () => board.zoom(1.5),
    "-": () => board.zoom(1 / 1.5),
    Escape: () => map.choose([]),
  };
  return (event) => {
    if (!map.ready || event.ctrlKey || event.metaKey || event.altKey || keysBelongElsewhere(event, root)) return;
    const focused = rootOf(root).activeElement;
    const mine = root.matches(":hover") || root.contains(focused);
    if (!mine || keyDrivesControl(event, root)) return;
    if (event.key === "Tab" || event.key.startsWith("Arrow")) delete plot.dataset.pointed;
    const act = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key] ?? (focused === board.canvas ? arrows[event.key] : undefined);
    if (!act) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    act();
  };
}
