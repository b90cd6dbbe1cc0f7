// How keys are read, by the labeler and the mask editor alike: which class a key gives, whose a key press is, what a key is called.

// Class -> key. Ten digits, then letters; a set whose names are all single digits keeps each name as its own key.
function keysOf(classes, letters) {
  if (classes.every((name) => /^[0-9]$/.test(name))) return new Map(classes.map((name) => [name, name]));
  const keys = [..."1234567890", ...letters];
  return new Map(classes.slice(0, keys.length).map((name, i) => [name, keys[i]]));
}

// True when a key press is for the part at `root`: it can be seen, and nothing else on the page takes the key.
function keyIsOurs(event, root) {
  return root.isConnected && !event.isComposing && root.getClientRects().length > 0 && !keysBelongElsewhere(event, root);
}

// What a key is called. Digits go by their place, so that keyboards with shifted digits work, unless the key writes something with AltGr or
// the number pad moves instead (NumLock is off). Letters of other scripts go by their place too: Я is the Z of a Latin keyboard.
function keyName(event, written = false) {
  const { key, code } = event;
  const digit = /^(Digit|Numpad)([0-9])$/.exec(code);
  if (digit && !written && (digit[1] === "Numpad" ? key === digit[2] : !(event.shiftKey && !/^[0-9]$/.test(key)))) return digit[2];
  const letter = /^Key([A-Z])$/.exec(code);
  if (letter && key.length === 1 && key.charCodeAt(0) > 127 && !written) return letter[1].toLowerCase();
  return key.length === 1 ? key.toLowerCase() : key;
}

// How class names are compared with what somebody types: without case, marks and separators.
function plain(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[\s_\-./]+/g, " ").trim();
}
