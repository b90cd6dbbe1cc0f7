// Keeps the annotator's name in this browser, in a cookie that the page's next visit brings along.

const YEAR = 31_536_000; // seconds

export default function ({ parentElement, data }) {
  const { name, value } = data;
  parentElement.host?.closest?.("[data-testid=stElementContainer]")?.style.setProperty("display", "none"); // nothing to see, no gap either
  const kept = value ? `${name}=${encodeURIComponent(value)}; max-age=${YEAR}` : `${name}=; max-age=0`;
  document.cookie = `${kept}; path=/; SameSite=Strict`;
}
