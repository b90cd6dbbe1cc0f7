// Names that nobody else has.

/** A new one, of letters, digits and dashes. */
export function newName() {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // plain http on a LAN address has no randomUUID
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}
