// The field beside the page that says who labels.

import { targetOf } from "../shared/dom.js";

const FIELD = "[data-testid=stSidebar] input[aria-label='Labeling as']";
const NAMELESS = "me"; // who labels where nobody gave a name
const TAKES = 3000; // milliseconds in which the page gives the token for a new name

export class NameField {
  /** @param {() => string} me the name that answers are given under now */
  constructor(me) {
    this.me = me;
    /** @type {{name: string, until: number} | null} */
    this.renamed = null;
  }

  /**
   * After Enter in a field beside the page keys are for the picture again: digits meant as labels became part of the annotator's name.
   * @param {KeyboardEvent} event
   */
  key(event) {
    const field = targetOf(event);
    if (event.key === "Enter" && field instanceof HTMLElement && field.matches("[data-testid=stSidebar] input[type=text]")) setTimeout(() => field.blur());
  }

  /**
   * A new name counts once the page has given the token for it: until then nothing is answered under the old one.
   * @param {Event} event
   */
  left(event) {
    const field = targetOf(event);
    if (!(field instanceof HTMLInputElement) || !field.matches(FIELD)) return;
    const name = field.value.trim() || NAMELESS;
    this.renamed = name === this.me() ? null : { name, until: performance.now() + TAKES };
  }

  /** The name that was typed and is not in use yet. */
  get awaited() {
    const { renamed } = this;
    return renamed && renamed.name !== this.me() && performance.now() < renamed.until ? renamed.name : null;
  }
}
