// Requests as messages to the kernel: a notebook's page may not reach the API, and there need be no port that it stands behind. The other end
// is alcore/widget/line.py. A request has a number of its own; answers come in any order, and what is for others is left to them.

import { newName } from "../shared/names.js";

/** @import { Carry } from "../shared/api.js" */
/**
 * What anywidget hands over of a widget.
 * @typedef {object} Model
 * @property {(name: string) => any} get any: who asks says of which shape it is
 * @property {(name: string, value: unknown) => void} set
 * @property {() => void} save_changes
 * @property {(name: string, does: (...told: any[]) => void) => void} on
 * @property {(name: string, does: (...told: any[]) => void) => void} off
 * @property {(content: object, callbacks?: object, buffers?: ArrayBuffer[]) => void} send
 */
/** @typedef {{kind: string, id: string, status: number, headers: Record<string, string>}} AnswerTold with the body as the first buffer */
/** @typedef {{resolve: (answer: Response) => void, reject: (reason: unknown) => void}} Waits */

const BODILESS = [204, 205, 304]; // a Response of these takes no body

/** @type {WeakMap<Model, Carry>} one for a widget, wherever it is shown: answers on their way outlive the place they were given at */
const carries = new WeakMap();

/**
 * @param {Model} model
 * @returns {Carry}
 */
export function carryOf(model) {
  const known = carries.get(model);
  if (known) return known;
  const made = carryBy(model);
  carries.set(model, made);
  return made;
}

/**
 * @param {Model} model
 * @returns {Carry}
 */
function carryBy(model) {
  const page = newName(); // a page that is loaded again begins to count anew, on the same widget
  let count = 0;
  /** @type {Map<string, Waits>} */
  const waiting = new Map();
  model.on("msg:custom", (/** @type {AnswerTold} */ told, /** @type {DataView<ArrayBuffer>[]} */ buffers = []) => {
    if (told?.kind !== "alcore:answer") return;
    const { id, status, headers } = told;
    const waits = waiting.get(id);
    if (!waits) return; // another page's, or nobody waits any more
    waiting.delete(id);
    waits.resolve(new Response(BODILESS.includes(status) ? null : bytesOf(buffers[0]), { status, headers }));
  });
  return (url, { method = "GET", headers = {}, body, signal }) =>
    new Promise((resolve, reject) => {
      const id = `${page}:${(count += 1)}`;
      waiting.set(id, { resolve, reject });
      signal?.addEventListener("abort", () => {
        if (!waiting.delete(id)) return;
        model.send({ kind: "alcore:drop", id });
        reject(new Error("the kernel does not answer"));
      });
      const asked = { kind: "alcore:ask", id, method, url, headers: Object.fromEntries(new Headers(headers)) };
      try {
        model.send(asked, undefined, body ? [bytesOf(/** @type {string | ArrayBuffer} */ (body))] : []);
      } catch (error) {
        waiting.delete(id);
        reject(error);
      }
    });
}

/**
 * A copy of its own, so that it begins where arrays of any kind may begin.
 * @param {string | ArrayBuffer | ArrayBufferView<ArrayBuffer> | undefined} given
 * @returns {ArrayBuffer}
 */
function bytesOf(given) {
  if (given === undefined) return new ArrayBuffer(0);
  if (typeof given === "string") return new TextEncoder().encode(given).buffer;
  if (given instanceof ArrayBuffer) return given;
  return given.buffer.slice(given.byteOffset, given.byteOffset + given.byteLength);
}
