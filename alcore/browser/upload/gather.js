// What was dropped or chosen, as a list of files with their paths; what systems leave in folders is passed over.

/** @typedef {{path: string, file: File}} Found */
/** @typedef {{name: string, found: Found[], left: number}} Gathered `name` for the whole, `left` files that were passed over */

const LEFTOVERS = new Set(["__MACOSX", "Thumbs.db", "thumbs.db", "desktop.ini", "Desktop.ini", "@eaDir"]);
const SEVERAL = "photos"; // what files without a folder in common are called

/**
 * Of a drop. What lies in it must be asked for at once: afterwards the browser has forgotten it.
 * @param {DataTransfer} transfer
 */
export async function dropped(transfer) {
  const items = [...transfer.items].filter(({ kind }) => kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  /** @type {Found[]} */
  const all = [];
  for (const entry of entries) {
    if (entry instanceof File) all.push({ path: entry.name, file: entry });
    else if (entry) await walk(entry, "", all);
  }
  return gathered(all);
}

/**
 * Of a field for files or for a folder.
 * @param {FileList} files
 */
export function picked(files) {
  return gathered([...files].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
}

/**
 * @param {FileSystemEntry} entry
 * @param {string} above
 * @param {Found[]} all
 */
async function walk(entry, above, all) {
  const path = above + entry.name;
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject)).catch(() => null);
    if (!file) throw new Error(`${path} cannot be read: this browser gives no access to it`);
    all.push({ path, file });
    return;
  }
  if (isLeftover(entry.name)) return;
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  for (;;) {
    // a hundred at a time, until there are none
    const inside = /** @type {FileSystemEntry[]} */ (await new Promise((resolve, reject) => reader.readEntries(resolve, reject)).catch(() => null));
    if (!inside) throw new Error(`the folder ${path} cannot be read: this browser gives no access to it`);
    if (!inside.length) return;
    for (const each of inside) await walk(each, `${path}/`, all);
  }
}

/** @param {string} name */
function isLeftover(name) {
  return name.startsWith(".") || LEFTOVERS.has(name);
}

/**
 * @param {Found[]} all
 * @returns {Gathered}
 */
function gathered(all) {
  const kept = new Map(all.filter(({ path }) => !path.split("/").some(isLeftover)).map((each) => [each.path, each]));
  const found = [...kept.values()];
  const tops = new Set(found.map(({ path }) => path.slice(0, path.indexOf("/") + 1)));
  const [top = ""] = tops;
  if (tops.size === 1 && top) return { name: top.slice(0, -1), found: found.map(({ path, file }) => ({ path: path.slice(top.length), file })), left: all.length - found.length };
  const name = found.length === 1 ? found[0].path.replace(/\.[^.]*$/, "") : SEVERAL;
  return { name, found, left: all.length - found.length };
}

/**
 * A text that is the same for the same files in any order: what an interrupted upload is known by.
 * @param {Found[]} found
 */
export function printOf(found) {
  const lines = found.map(({ path, file }) => `${path}\0${file.size}\0${timeOf(file)}`).sort();
  return `${hash(lines, 1)}${hash(lines, 2)}-${found.length}`;
}

/** When a file was changed last, in ms since 1970. @param {File} file */
export function timeOf(file) {
  return Math.max(0, Math.round(file.lastModified));
}

/**
 * 53 bits of texts, one after the other (cyrb53, public domain): to know files again, not to keep anybody out.
 * @param {string[]} texts
 * @param {number} seed
 */
function hash(texts, seed) {
  let a = 0xdeadbeef ^ seed;
  let b = 0x41c6ce57 ^ seed;
  for (const text of texts) {
    for (let at = 0; at <= text.length; at += 1) {
      const code = at < text.length ? text.charCodeAt(at) : 10;
      a = Math.imul(a ^ code, 2654435761);
      b = Math.imul(b ^ code, 1597334677);
    }
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return (4294967296 * (2097151 & b) + (a >>> 0)).toString(36);
}
