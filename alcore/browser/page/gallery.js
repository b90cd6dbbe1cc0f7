// Rows of pictures; see gallery.py.

import { Api } from "../shared/api.js";
import { element } from "../shared/dom.js";
import { Pictures } from "../shared/pictures.js";

/** @import { Told } from "../shared/mount.js" */
/** @import { GalleryData, GalleryRow } from "../shared/types.js" */

/** @type {WeakMap<Element, {api: Api, pictures: Pictures, shown: string}>} */
const galleries = new WeakMap();

/** @param {Told<GalleryData>} told */
export default function ({ data, parentElement }) {
  const host = /** @type {HTMLElement | null} */ (parentElement.querySelector(".alcore-gallery")) || parentElement.appendChild(element("div", { class: "alcore-gallery" }));
  const state = galleries.get(host) ?? started();
  galleries.set(host, state);
  state.api.connect(data.api, data.token);
  const shown = JSON.stringify([data.rows, data.size]);
  if (shown !== state.shown) {
    state.shown = shown;
    host.style.setProperty("--side", `${data.size}px`);
    host.replaceChildren(...data.rows.map((row) => galleryRow(row, data.size, state)));
  }
  return () => {
    if (!host.isConnected) {
      state.pictures.close();
      galleries.delete(host);
    }
  };
}

function started() {
  const api = new Api();
  return { api, pictures: new Pictures(api), shown: "" };
}

/**
 * @param {GalleryRow} row
 * @param {number} side
 * @param {{api: Api, pictures: Pictures}} from
 */
function galleryRow(row, side, { api, pictures }) {
  const strip = element("div", { class: "strip" });
  for (const { image, title } of row.images) {
    const picture = element("img", { alt: title, title });
    strip.append(element("span", { class: "cell" }, picture));
    pictures.load(api.url(image, { size: side * 2 })).then(
      (url) => {
        picture.onload = () => {
          if (Math.max(picture.naturalWidth, picture.naturalHeight) < side / 1.5) picture.classList.add("tiny");
        };
        picture.src = url;
      },
      () => picture.parentElement?.classList.add("gone"),
    );
  }
  const words = element("div", { class: "words" }, element("b", { text: row.title, title: row.title }), element("small", { text: row.text }));
  return element("div", { class: "row" }, words, strip);
}
