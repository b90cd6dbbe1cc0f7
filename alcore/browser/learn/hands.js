// Pointer and keys at the playground: a click labels a point or votes for it, keys step and go from point to point.

import { keyDrivesControl, keyIsOurs } from "../shared/keys.js";
import { Brush } from "./brush.js";

/** @import { Learn } from "./learn.js" */

const NEAR = 18; // pixels from a click to its point
/** @type {Record<string, [number, number]>} */
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

export class Hands {
  /** @param {Learn} page */
  constructor(page) {
    this.page = page;
    this.brush = new Brush(() => page.painted());
    page.plane.addEventListener("pointermove", (event) => this.hover(this.near(event)));
    page.plane.addEventListener("pointerleave", () => this.hover(-1));
    page.plane.addEventListener("click", (event) => this.choose(this.near(event)));
    this.brush.attach(page.plane, (event) => this.placeOf(event));
    this.onkey = (/** @type {KeyboardEvent} */ event) => this.key(event);
    window.addEventListener("keydown", this.onkey, true);
  }

  close() {
    window.removeEventListener("keydown", this.onkey, true);
  }

  /** Where the pointer is in the plane. @param {MouseEvent} event @returns {[number, number]} */
  placeOf(event) {
    const box = this.page.plane.getBoundingClientRect();
    const reach = this.page.film?.told.reach ?? 1.25;
    return [((event.clientX - box.left) / box.width) * 2 * reach - reach, reach - ((event.clientY - box.top) / box.height) * 2 * reach];
  }

  /** The unlabeled point at the pointer, or -1. @param {MouseEvent} event */
  near(event) {
    const { film, plane } = this.page;
    if (!film || this.brush.painting) return -1;
    const [x, y] = this.placeOf(event);
    let best = -1;
    let least = (NEAR / plane.clientWidth) * 2 * film.told.reach;
    for (const i of film.told.unlabeled) {
      const far = Math.hypot(film.told.points[i][0] - x, film.told.points[i][1] - y);
      if (far < least) [best, least] = [i, far];
    }
    return best;
  }

  /** @param {number} point */
  hover(point) {
    if (point === this.page.look.pointed) return;
    this.page.look.pointed = point;
    this.page.redraw();
  }

  /** @param {number} point */
  choose(point) {
    if (point < 0) return;
    if (this.page.question.on) this.page.question.vote(point);
    else this.page.label(point);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { player, film, root, plane } = this.page;
    if (!keyIsOurs(event, root) || keyDrivesControl(event, root) || event.ctrlKey || event.metaKey || event.altKey) return;
    const origin = event.composedPath()[0];
    if (origin instanceof HTMLSelectElement || origin instanceof HTMLInputElement) return; // they have keys of their own
    /** @type {Record<string, () => void>} */
    const acts = { " ": () => player.toggle(), ArrowLeft: () => player.go(player.step - 1), ArrowRight: () => player.go(player.step + 1), Home: () => player.go(0), End: () => player.go(film?.told.steps ?? 0) };
    if (origin === plane) {
      acts.Enter = () => this.choose(this.page.look.pointed);
      for (const [name, way] of Object.entries(WAYS)) acts[name] = () => this.hover(this.next(way));
    }
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  /** The nearest unlabeled point that way. @param {[number, number]} way */
  next([dx, dy]) {
    const { film, look } = this.page;
    if (!film) return -1;
    const [x, y] = film.told.points[look.pointed] ?? [0, 0];
    let best = look.pointed;
    let least = Infinity;
    for (const i of film.told.unlabeled) {
      const [right, up] = [film.told.points[i][0] - x, film.told.points[i][1] - y];
      const along = right * dx + up * dy;
      const aside = Math.abs(right * dy) + Math.abs(up * dx);
      if (along > 1e-6 && aside <= 2 * along && along + 2 * aside < least) [best, least] = [i, along + 2 * aside];
    }
    return best < 0 ? (film.told.unlabeled[0] ?? -1) : best;
  }
}
