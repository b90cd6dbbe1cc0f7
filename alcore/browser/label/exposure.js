// Whether what a key answers had been on the screen. A picture counts as seen once it has been there for a moment: the frame that shows it is
// drawn after the callback for that frame, and what runs after the callback runs later than the picture. Where frames come late because the
// machine is busy, a picture that has been decoded and in its place for LONG is seen too.

import { measure } from "../shared/wait.js";

const EXPOSED = 14; // milliseconds a picture has to be on the screen before a key is an answer to it: the rest of a double press comes sooner
const LONG = 60; // milliseconds after which a decoded picture in its place counts as seen, though the frame is late

export class Exposure {
  /**
   * @param {() => unknown} staging what is on the stage: an item or a page of the grid
   * @param {() => void} changed
   */
  constructor(staging, changed) {
    this.staging = staging;
    this.changed = changed;
    /** @type {unknown} what was on the screen, and from when on it counts as seen */
    this.visible = null;
    this.visibleFrom = 0;
    /** @type {unknown} what is in its place, and since when */
    this.placed = null;
    this.placedAt = 0;
  }

  /** Whatever is on the stage has to be seen anew, also when it comes back. */
  forget() {
    this.visible = this.placed = null;
  }

  /**
   * @param {unknown} what
   * @param {Promise<unknown>} drawn
   * @param {number | null} [started] the key press that asked for it, for the benchmark
   */
  appears(what, drawn, started) {
    drawn.then(() => {
      if (this.staging() === what && this.placed !== what) Object.assign(this, { placed: what, placedAt: performance.now() });
      requestAnimationFrame(() => {
        if (started) measure("alcore:paint", started);
        setTimeout(() => {
          if (this.staging() !== what || this.visible === what) return;
          Object.assign(this, { visible: what, visibleFrom: performance.now() + EXPOSED });
          setTimeout(this.changed, EXPOSED);
        });
      });
    });
  }

  /**
   * True when what was pressed at `time` was for a picture that had been on the screen.
   * @param {number} time
   */
  seenAt(time) {
    const what = this.staging();
    if (!what) return false;
    return (this.visible === what && time >= this.visibleFrom) || (this.placed === what && time >= this.placedAt + LONG);
  }
}
