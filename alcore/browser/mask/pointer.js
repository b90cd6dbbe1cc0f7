// Pointers on the stage: painting, moving and zooming, and which tool gets them.

/** @import { MaskCanvas } from "./canvas.js" */
/** @import { Place } from "./raster.js" */
/** @import { Settings } from "./settings.js" */
/** @import { Tool, Tools } from "./tools.js" */
/**
 * What the pointer needs of the editor.
 * @typedef {object} PointerOf
 * @property {MaskCanvas} canvas
 * @property {Settings} settings
 * @property {boolean} ready a mask is on the stage
 * @property {boolean} spaceHeld the picture is moved, whatever the tool
 * @property {Place | null} place under the pointer, in picture pixels
 * @property {(place: Place) => void} pick takes the class that is there
 * @property {() => void} beforeStroke
 * @property {() => void} strokeEnded
 * @property {() => void} placeChanged
 */

export class MaskPointer {
  /**
   * @param {PointerOf} editor
   * @param {Tools} tools
   */
  constructor(editor, tools) {
    this.editor = editor;
    this.tools = tools;
    /** @type {number | undefined} the pointer that is down */
    this.holds = undefined;
    /** @type {Place | null} of the window, where it last was while it moves the picture */
    this.pans = null;
    this.draws = false;
    const { panes } = editor.canvas;
    panes.addEventListener("pointerdown", (event) => this.down(event));
    panes.addEventListener("pointermove", (event) => this.move(event));
    panes.addEventListener("pointerup", (event) => this.up(event, true));
    panes.addEventListener("pointercancel", (event) => this.up(event, false));
    panes.addEventListener("contextmenu", (event) => this.tool.takesAway && event.preventDefault());
    panes.addEventListener("pointerleave", () => this.leave());
    panes.addEventListener("dblclick", () => this.tool === tools.polygon && tools.polygon.finish());
    panes.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  /** @returns {Tool} */
  get tool() {
    return this.tools[this.editor.settings.tool];
  }

  /** The other picture comes, or another tool: what is begun is dropped. */
  dropAll() {
    for (const tool of /** @type {Tool[]} */ (Object.values(this.tools))) {
      tool.cancel?.();
      tool.leave?.();
    }
  }

  /** @param {MouseEvent} event */
  place(event) {
    return this.editor.canvas.at(event.clientX, event.clientY, paneOf(event));
  }

  /** @param {PointerEvent} event */
  down(event) {
    const { editor } = this;
    const { canvas } = editor;
    if (!editor.ready || this.holds !== undefined) return;
    const middle = event.button === 1;
    const other = event.button === 2 && this.tool.takesAway;
    if (event.button && !middle && !other) return;
    const onMain = event.target instanceof Element && event.target.closest(".main");
    const pans = middle || editor.spaceHeld || this.tool === this.tools.pan || !onMain;
    this.holds = event.pointerId;
    canvas.panes.setPointerCapture(event.pointerId);
    if (pans) {
      this.pans = [event.clientX, event.clientY];
      canvas.panes.classList.add("moving");
      return;
    }
    const place = this.capturedPlace(event);
    editor.place = place;
    if (event.altKey) return editor.pick(place);
    this.draws = true;
    editor.beforeStroke();
    this.tool.down?.(place, { away: other || event.shiftKey || event.ctrlKey, touch: event.pointerType === "touch" });
    canvas.stroked(event);
  }

  /**
   * With the pointer captured every event names the stage itself, so places are measured from the main pane.
   * @param {MouseEvent} event
   */
  capturedPlace(event) {
    return this.editor.canvas.at(event.clientX, event.clientY);
  }

  /** @param {PointerEvent} event */
  move(event) {
    const { editor } = this;
    const { canvas } = editor;
    if (this.holds !== undefined && event.pointerId !== this.holds) return;
    if (this.pans) {
      canvas.pan(event.clientX - this.pans[0], event.clientY - this.pans[1]);
      this.pans = [event.clientX, event.clientY];
      return;
    }
    if (!editor.ready) return;
    const place = this.draws ? this.capturedPlace(event) : this.place(event);
    editor.place = place;
    if (this.draws && this.tool.move) {
      const told = event.getCoalescedEvents?.() || [];
      this.tool.move((told.length ? told : [event]).map((one) => this.capturedPlace(one)));
      canvas.stroked(event); // the words under the picture follow when the stroke ends: laying them out costs as much as painting
    } else {
      this.tool.hover?.(place);
      canvas.want();
      editor.placeChanged();
    }
  }

  /**
   * @param {PointerEvent} event
   * @param {boolean} done by the person
   */
  up(event, done) {
    if (event.pointerId === this.holds) this.letGo(done);
  }

  /** Ends what the pointer does, for example because another picture comes. */
  letGo(done = false) {
    const { editor } = this;
    if (this.holds === undefined) return;
    this.holds = undefined;
    this.pans = null;
    editor.canvas.panes.classList.remove("moving");
    if (!this.draws) return;
    this.draws = false;
    this.tool.up?.(done);
    editor.strokeEnded();
  }

  leave() {
    if (this.holds !== undefined) return;
    this.editor.place = null;
    this.tool.leave?.();
    this.editor.canvas.want();
    this.editor.placeChanged();
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    const { canvas, settings, ready } = this.editor;
    const asked = event.ctrlKey || event.altKey;
    if (!ready || !(settings.wheelZooms || asked)) return;
    event.preventDefault();
    const box = (paneOf(event) || canvas.base).getBoundingClientRect();
    const turned = Math.max(-100, Math.min(100, event.deltaY * (event.deltaMode ? 30 : 1)));
    const pinch = event.ctrlKey && Math.abs(turned) < 50; // two fingers on a touchpad come as small turns with Ctrl
    canvas.zoom(Math.exp(-turned / (pinch ? 100 : 350)), event.clientX - box.left, event.clientY - box.top);
  }
}

/** @param {Event} event */
function paneOf({ target }) {
  return (target instanceof Element && target.closest("canvas")) || undefined;
}
