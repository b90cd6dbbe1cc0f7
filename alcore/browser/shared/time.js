// Moments as people read them.

const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** A day and a time, as this browser writes them. @param {number} seconds since 1970 */
export function moment(seconds) {
  return clock.format(1000 * seconds);
}
