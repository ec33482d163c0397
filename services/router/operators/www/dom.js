// Elements out of values. Words always become text, never markup.

export const find = (selector, under = document) => under.querySelector(selector);

export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && typeof value !== "string") made[name] = value;
    else if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

export const fill = (element, ...children) => element.replaceChildren(...children.filter((child) => child !== null));

const SAME_DAY = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const ANOTHER_DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export function clock(at) {
  const time = new Date(at);
  if (Number.isNaN(time.getTime())) return String(at);
  return (time.toDateString() === new Date().toDateString() ? SAME_DAY : ANOTHER_DAY).format(time);
}

export const when = (at) => make("time", { datetime: at, title: at }, clock(at));

export const badge = (words, kind) => make("span", { class: `badge ${kind}` }, words);

// What an event brings about may fail, and is then shown where everything is.
export const told = (work) => (event) =>
  work(event).catch((error) => dispatchEvent(new CustomEvent("trouble", { detail: error })));

const openings = new Map();

// Until the dialog that has just been opened is closed. The event comes a moment later, perhaps when it is open again:
// the first event ends the first opening.
export function closed(dialog) {
  if (!openings.has(dialog)) {
    openings.set(dialog, []);
    dialog.addEventListener("close", () => openings.get(dialog).shift()?.());
  }
  return new Promise((done) => openings.get(dialog).push(done));
}

// Who works by the keyboard goes on where they were.
export function keepingFocus(rows, change) {
  const focused = document.activeElement;
  const id = focused?.closest("[data-id]")?.dataset.id;
  change();
  if (id) find(`[data-id="${CSS.escape(id)}"] ${focused.localName}`, rows)?.focus();
}

let silence;

export function say(words) {
  const line = find("#said");
  line.textContent = words;
  clearTimeout(silence);
  silence = setTimeout(() => (line.textContent = ""), 8000);
}
