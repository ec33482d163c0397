/* What the page asks of the simulator, and small things that all of it needs. */

export const API = "/_sim/phones";

export async function ask(path, body) {
  const how = body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  return told(await fetch(API + path, how));
}

export async function upload(path, file, text) {
  const type = file.type || "application/octet-stream";
  const query = new URLSearchParams({ filename: file.name, ...(text ? { text } : {}) });
  return told(await fetch(`${API}${path}?${query}`, { method: "POST", headers: { "content-type": type }, body: file }));
}

async function told(answer) {
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(typeof said.detail === "string" ? said.detail : "That is not possible.");
  return said;
}

/* Words are always text, never markup. */
export function made(tag, name, ...content) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...content);
  return element;
}

export function button(label, title, does, name = "") {
  const element = made("button", name, label);
  element.type = "button";
  element.title = title;
  element.setAttribute("aria-label", title);
  element.addEventListener("click", does);
  return element;
}

export function say(element, words) {
  element.textContent = words;
  element.hidden = !words;
}

export function copy(words, told) {
  if (navigator.clipboard) navigator.clipboard.writeText(words).then(() => told("Copied"), () => told("Not copied"));
}
