// A file that the page has, handed to the browser to be saved.

import { element } from "./dom.js";

/**
 * @param {Blob} content
 * @param {string} name
 */
export function handOver(content, name) {
  const url = URL.createObjectURL(content);
  const link = element("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser may still be reading it
}
