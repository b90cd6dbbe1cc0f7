// Which classes a part shows: those its page told, then those of the newest answer, where somebody changed them meanwhile.

/** @import { LookTold, Rgb } from "../shared/types.js" */
/** @typedef {Record<string, LookTold>} Looks class -> how it is shown, of those for which somebody chose something */
/** @typedef {(classes: string[], colors?: Rgb[], looks?: Looks) => void} SetClasses */

export class Dress {
  /** @param {{setClasses: SetClasses}} part */
  constructor(part) {
    this.part = part;
    this.shown = "";
  }

  /** @type {SetClasses} */
  wear(classes, colors, looks) {
    const now = JSON.stringify([classes, colors, looks]);
    if (now !== this.shown) this.part.setClasses(classes, colors, looks);
    this.shown = now;
  }
}
