// Pointers on the map: moving, zooming and the lasso.

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
    return [event.clientX - box.left, event.clientY - box.top];
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
      if (this.tool === "lasso" || event.shiftKey) this.lasso(event);
      else this.pan(event);
    });
  }

  /**
   * Follows the pointer until it is let go.
   * @param {(at: Place) => void} move
   * @param {() => void} end
   */
  follow(move, end) {
    const { plot } = this;
    this.dragging = true;
    const moved = (/** @type {PointerEvent} */ event) => {
      move(this.place(event));
      this.board.draw();
    };
    const ended = () => {
      this.dragging = false;
      plot.removeEventListener("pointerup", ended);
      plot.removeEventListener("pointercancel", ended);
      plot.removeEventListener("pointermove", moved);
      end();
    };
    plot.addEventListener("pointermove", moved);
    plot.addEventListener("pointerup", ended);
    plot.addEventListener("pointercancel", ended);
  }

  /** @param {PointerEvent} start */
  pan(start) {
    const from = this.place(start);
    const { board } = this;
    const view = { ...board.view };
    this.follow(
      (at) => Object.assign(board.view, { cx: view.cx - (at[0] - from[0]) / view.scale, cy: view.cy + (at[1] - from[1]) / view.scale }),
      () => {},
    );
  }

  /** @param {PointerEvent} start */
  lasso(start) {
    const { board } = this;
    const path = [this.place(start)];
    board.path = path;
    this.follow(
      (at) => {
        const last = path[path.length - 1];
        if (Math.hypot(at[0] - last[0], at[1] - last[1]) >= 2) path.push(at);
      },
      () => {
        const polygon = path.map(([px, py]) => board.toData(px, py));
        board.path = null;
        const { pool } = board;
        this.use.choose(polygon.length > 2 && pool ? insidePolygon(pool.x, pool.y, polygon) : []);
        board.draw();
      },
    );
  }
}
