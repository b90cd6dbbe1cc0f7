// Pointers on the map: moving, zooming, also with two fingers, and the lasso.

import { insidePolygon } from "./geometry.js";

/** @import { Board } from "./board.js" */
/** @import { Place } from "./geometry.js" */
/**
 * What a pointer does on the map.
 * @typedef {object} PointerUse
 * @property {() => boolean} ready the points are there
 * @property {(at: Place | null) => void} hover
 * @property {(members: number[]) => void} choose
 */

export class Pointer {
  /**
   * @param {HTMLElement} plot
   * @param {Board} board
   * @param {PointerUse} use
   */
  constructor(plot, board, use) {
    this.plot = plot;
    this.board = board;
    this.use = use;
    /** @type {"pan" | "lasso"} */
    this.tool = "pan";
    this.dragging = false;
    /** @type {Map<number, Place>} the fingers on the map, by pointer, and where they are */
    this.down = new Map();
    /** @type {(() => void) | null} gives up what one pointer does */
    this.abandon = null;
    this.listen();
  }

  /** @param {MouseEvent} event */
  onMap({ target }) {
    return this.use.ready() && (target === this.board.canvas || target === this.board.overlay || target === this.plot);
  }

  /**
   * @param {MouseEvent} event
   * @returns {Place}
   */
  place(event) {
    const box = this.plot.getBoundingClientRect();
    return [event.clientX - box.left - this.plot.clientLeft, event.clientY - box.top - this.plot.clientTop]; // inside its border, as the canvases are
  }

  listen() {
    const { plot, board, use } = this;
    plot.addEventListener("wheel", (event) => {
      if (!this.onMap(event)) return;
      event.preventDefault();
      board.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), this.place(event));
    }, { passive: false });
    plot.addEventListener("dblclick", (event) => this.onMap(event) && board.fit());
    plot.addEventListener("pointerleave", () => use.hover(null));
    plot.addEventListener("pointermove", (event) => !this.dragging && use.hover(this.onMap(event) ? this.place(event) : null));
    plot.addEventListener("pointerdown", (event) => {
      if (!this.onMap(event) || event.button) return;
      event.preventDefault();
      plot.dataset.pointed = ""; // a ring around the whole map is for those who came by keyboard
      board.canvas.focus({ preventScroll: true });
      plot.setPointerCapture(event.pointerId);
      use.hover(null);
      this.down.set(event.pointerId, this.place(event));
      if (this.down.size === 2) this.pinch();
      else if (this.down.size > 2) return;
      else if (this.tool === "lasso" || event.shiftKey) this.lasso(event);
      else this.pan(event);
    });
    for (const ended of ["pointerup", "pointercancel"]) plot.addEventListener(ended, (event) => event instanceof PointerEvent && this.down.delete(event.pointerId));
  }

  /** Two fingers: what lies between them stays there, and grows as they part. */
  pinch() {
    this.abandon?.();
    const { plot, board } = this;
    const seen = () => {
      const [a, b] = [...this.down.values()];
      return { at: /** @type {Place} */ ([(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]), far: Math.hypot(a[0] - b[0], a[1] - b[1]) || 1 };
    };
    let before = seen();
    this.dragging = true;
    const moved = (/** @type {PointerEvent} */ event) => {
      if (!this.down.has(event.pointerId)) return;
      this.down.set(event.pointerId, this.place(event));
      const now = seen();
      board.view.cx -= (now.at[0] - before.at[0]) / board.view.scale;
      board.view.cy += (now.at[1] - before.at[1]) / board.view.scale;
      board.zoom(now.far / before.far, now.at);
      before = now;
    };
    const ended = (/** @type {PointerEvent} */ event) => {
      if (!this.down.has(event.pointerId)) return;
      this.down.clear(); // the finger that is left moves nothing until it comes anew
      this.dragging = false;
      plot.removeEventListener("pointerup", ended, true);
      plot.removeEventListener("pointercancel", ended, true);
      plot.removeEventListener("pointermove", moved);
    };
    plot.addEventListener("pointermove", moved);
    plot.addEventListener("pointerup", ended, true);
    plot.addEventListener("pointercancel", ended, true);
  }

  /**
   * Follows a pointer until it is let go, or until a second one makes something else of it.
   * @param {PointerEvent} start
   * @param {(at: Place) => void} move
   * @param {(gone: boolean) => void} end
   */
  follow({ pointerId }, move, end) {
    const { plot } = this;
    this.dragging = true;
    const moved = (/** @type {PointerEvent} */ event) => {
      if (event.pointerId !== pointerId) return;
      move(this.place(event));
      this.board.draw();
    };
    const over = (/** @type {boolean} */ gone) => {
      this.dragging = false;
      this.abandon = null;
      plot.removeEventListener("pointerup", ended);
      plot.removeEventListener("pointercancel", ended);
      plot.removeEventListener("pointermove", moved);
      end(gone);
    };
    const ended = (/** @type {PointerEvent} */ event) => event.pointerId === pointerId && over(event.type === "pointercancel");
    this.abandon = () => over(true);
    plot.addEventListener("pointermove", moved);
    plot.addEventListener("pointerup", ended);
    plot.addEventListener("pointercancel", ended);
  }

  /** @param {PointerEvent} start */
  pan(start) {
    const from = this.place(start);
    const { board } = this;
    const view = { ...board.view };
    let still = true;
    this.follow(
      start,
      (at) => {
        still &&= Math.hypot(at[0] - from[0], at[1] - from[1]) < 4;
        Object.assign(board.view, { cx: view.cx - (at[0] - from[0]) / view.scale, cy: view.cy + (at[1] - from[1]) / view.scale });
      },
      (gone) => !gone && still && start.pointerType === "touch" && this.use.hover(from), // a finger cannot hover: it taps
    );
  }

  /** @param {PointerEvent} start */
  lasso(start) {
    const { board } = this;
    const path = [this.place(start)];
    board.path = path;
    this.follow(
      start,
      (at) => {
        const last = path[path.length - 1];
        if (Math.hypot(at[0] - last[0], at[1] - last[1]) >= 2) path.push(at);
      },
      (gone) => {
        const polygon = path.map(([px, py]) => board.toData(px, py));
        board.path = null;
        board.draw();
        const { pool } = board;
        if (!gone) this.use.choose(polygon.length > 2 && pool ? insidePolygon(pool.x, pool.y, polygon, board.shown) : []);
      },
    );
  }
}
