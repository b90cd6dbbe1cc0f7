// Numbers as people read them.

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 }); // made once: toLocaleString makes one a call

/** @type {(n: number) => string} */
export const whole = (n) => grouped.format(Math.round(n));

/**
 * Three significant digits, thousands grouped, no exponent where a person would not write one.
 * @param {number | null | undefined} n
 */
export function short(n) {
  if (n === null || n === undefined || !Number.isFinite(n)) return "–";
  const size = Math.abs(n);
  if (size >= 1000) return whole(n);
  if (size !== 0 && size < 0.001) return n.toExponential(1);
  return String(Number(n.toPrecision(3)));
}

/** A day, with its time where it has one. @param {number} seconds since 1970, UTC */
export function dayOf(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  const text = new Date(1000 * Math.round(seconds)).toISOString();
  return text.endsWith("T00:00:00.000Z") ? text.slice(0, 10) : `${text.slice(0, 10)} ${text.slice(11, 16)}`;
}

/**
 * What a rank means, 1 being asked for first. Rounded down near 100 %: only the first is more wanted than all others.
 * @param {number} rank
 * @param {number} of
 */
export function wantedness(rank, of) {
  if (of === 1) return "the only one";
  if (rank === 1) return "the most wanted of the pool";
  if (rank === of) return "the least wanted of the pool";
  const share = (100 * (of - rank)) / of;
  if (share < 0.1) return "more wanted than hardly any other";
  const text = share > 99 ? (Math.floor(10 * share) / 10).toFixed(1) : share.toFixed(share < 0.95 ? 1 : 0);
  return `more wanted than ${text} % of the pool`;
}

/** A share in whole percent; what is not all of it is never told as 100. @param {number} share */
export function percent(share) {
  const text = (100 * share).toFixed(0);
  return `${text === "100" && share < 1 ? Math.min(99.9, 100 * share).toFixed(1) : text} %`;
}
