// Where the chosen points came from: their places in the rounds up to the one that is shown.

/** @import { Api } from "../shared/api.js" */
/** @import { TrailsTold } from "../shared/types.js" */
/** @import { Board } from "./board.js" */
/** @import { Place } from "./geometry.js" */

export const MOST_TRAILS = 200; // points that have one
const MOVED = 1e-3; // of the map's larger side: less is no way

export class Trails {
  /**
   * @param {Api} api
   * @param {() => void} came they can be drawn
   */
  constructor(api, came) {
    this.api = api;
    this.came = came;
    this.on = true;
    this.asked = "";
    /** @type {{ids: number[], told: TrailsTold} | null} */
    this.known = null;
  }

  clear() {
    this.asked = "";
    this.known = null;
  }

  /**
   * Fetches those of some points, unless they are there.
   * @param {string} project
   * @param {number[]} ids at most MOST_TRAILS
   */
  async want(project, ids) {
    const asked = `${project} ${ids.join()}`;
    if (!this.on || !ids.length || asked === this.asked) return;
    this.asked = asked;
    this.known = null;
    try {
      const told = /** @type {TrailsTold} */ (await this.api.json(this.api.url(["projects", project, "trails"], { ids: ids.join() })));
      if (asked !== this.asked) return;
      this.known = { ids, told };
      this.came();
    } catch (error) {
      console.warn("the trails are not drawn:", error); // the map is whole without them; the next change of the selection or the round asks again
      if (asked === this.asked) this.asked = "";
    }
  }

  /**
   * The way of each point, in data units, its place of now last; of those that have come some way.
   * @param {Board} board
   * @param {number} round
   * @returns {Place[][]}
   */
  ways({ pool, shown }, round) {
    const { known } = this;
    if (!this.on || !known || !pool) return [];
    const { ids, told } = known;
    const least = MOVED * Math.max(pool.box.right - pool.box.left, pool.box.high - pool.box.low);
    const now = pool.places(ids);
    /** @type {Place[][]} */
    const found = [];
    ids.forEach((_, k) => {
      if (now[k] < 0 || shown?.[now[k]] === 0) return;
      /** @type {Place[]} */
      const way = [];
      told.rounds.forEach((number, r) => {
        const [x, y] = [told.x[r][k], told.y[r][k]];
        const last = way[way.length - 1];
        if (number < round && x !== null && y !== null && !(last && Math.hypot(x - last[0], y - last[1]) < least)) way.push([x, y]);
      });
      const end = /** @type {Place} */ ([pool.x[now[k]], pool.y[now[k]]]);
      const last = way[way.length - 1];
      if (last && Math.hypot(end[0] - last[0], end[1] - last[1]) < least) way.pop();
      if (way.length) found.push([...way, end]);
    });
    return found;
  }
}
