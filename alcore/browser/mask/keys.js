// Keys of the mask editor: which key means what, and when a key belongs to something else on the page.

import { targetOf } from "../shared/dom.js";
import { keyDrivesControl, keyIsOurs, keyName } from "../shared/keys.js";

/** @import { ClassList } from "../label/classes.js" */
/**
 * What keys are for.
 * @typedef {object} KeysOf
 * @property {HTMLElement} root
 * @property {ClassList} list of classes, with the field that finds one
 * @property {Map<string, number>} valueByKey the class that a key gives
 * @property {boolean} working an image is on the stage
 * @property {boolean} hasRegions its mask is on the stage, and only parts of it are asked for
 * @property {boolean} pointed the pointer is over the picture
 * @property {(value: number) => void} setValue
 * @property {(way: "undo" | "redo") => void} step of the strokes
 * @property {(held: boolean) => void} holdSpace
 * @property {(step: number) => void} showRegion
 * @property {(event: KeyboardEvent) => boolean} clickKey true for a key that clicks, where that is the tool at hand
 */
/** @typedef {Record<string, (event: KeyboardEvent) => unknown>} Actions by key */

export class MaskKeys {
  /**
   * @param {KeysOf} editor
   * @param {Actions} again those that go on while the key is held
   * @param {Actions} once
   */
  constructor(editor, again, once) {
    this.editor = editor;
    this.again = again;
    this.once = once;
  }

  /** @param {KeyboardEvent} event */
  down(event) {
    const { root, list } = this.editor;
    if (!keyIsOurs(event, root)) return;
    const target = targetOf(event);
    if (target === list.find) return list.key(event);
    if (target?.matches("input[type=range]") && /^(Arrow|Page|Home|End)/.test(event.key)) return;
    const written = event.getModifierState?.("AltGraph"); // brackets on many keyboards
    const command = (event.ctrlKey || event.metaKey) && !written;
    if (command ? !this.command(event) : !this.plain(event, written)) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // Streamlit's own shortcuts (C, R) must not fire while masks are painted
  }

  /** @param {KeyboardEvent} event */
  up(event) {
    if (event.key === " ") this.editor.holdSpace(false);
    if (event.key === "Alt" && this.editor.pointed) event.preventDefault();
  }

  /** @param {KeyboardEvent} event */
  command(event) {
    const key = event.key.toLowerCase();
    if (event.altKey || !["z", "y"].includes(key) || (key === "y" && event.shiftKey)) return false;
    if (this.editor.working) this.editor.step(key === "y" || event.shiftKey ? "redo" : "undo");
    return true;
  }

  /**
   * @param {KeyboardEvent} event
   * @param {boolean} written AltGr is held
   */
  plain(event, written) {
    if (event.key === "Alt") return this.editor.pointed; // else the browser's menu takes the focus from painting
    if ((event.altKey && !written) || keyDrivesControl(event, this.editor.root)) return false;
    if (event.key === "Tab") return this.tab(event);
    if (this.editor.clickKey(event)) return true;
    const key = keyName(event, written);
    return this.act(key, event) || /^[a-z0-9]$/.test(key);
  }

  /**
   * Acts on a key; true when it means something here.
   * @param {string} key
   * @param {KeyboardEvent} event
   */
  act(key, event) {
    if (Object.hasOwn(this.again, key)) {
      this.again[key](event);
      return true;
    }
    const value = this.editor.valueByKey.get(key);
    if (value === undefined && !Object.hasOwn(this.once, key)) return false;
    if (event.repeat) return true; // a held key is one key press
    if (value === undefined) this.once[key](event);
    else this.editor.setValue(value);
    return true;
  }

  /**
   * The way to the next region; where a button or field has the focus, Tab stays what it is.
   * @param {KeyboardEvent} event
   */
  tab(event) {
    if (!this.editor.hasRegions || targetOf(event)?.closest("button, a[href], input, [tabindex]")) return false;
    this.editor.showRegion(event.shiftKey ? -1 : 1);
    return true;
  }
}
