// How high a part is on the page.

const NARROW = 560; // pixels of width up to which everything stands below one another
const LEAST_HEIGHT = 460;

/**
 * As high as the mount says, or else as the window allows below the page's heading, so that a large screen shows a large image; a narrow one
 * scrolls instead.
 * @param {HTMLElement} root
 */
export function fitHeight(root) {
  const page = document.querySelector("[data-testid=stMain]");
  const top = root.getBoundingClientRect().top + (page?.scrollTop || 0);
  const narrow = root.clientWidth <= NARROW;
  root.toggleAttribute("data-narrow", narrow);
  const given = root.parentElement?.dataset.height;
  if (given && !narrow) root.style.height = `${given}px`;
  else root.style.height = narrow ? "auto" : `${Math.max(LEAST_HEIGHT, Math.floor(window.innerHeight - Math.min(top, 300) - 20))}px`;
}
