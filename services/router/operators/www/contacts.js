// The people on platforms, by channel and address. Each look is audited, so none is taken unasked.

import { call, who } from "./api.js";
import { openContact } from "./contact.js";
import { fill, find, keepingFocus, make, told, when } from "./dom.js";

const PAGE = 50;

const section = find("#contacts");
const filter = find("form", section);
const { channel, address } = filter.elements;
const body = find("tbody", section);
const more = find(".more", section);
let shownTo = null;
let turns = 0;

export async function refresh() {
  if (shownTo === who()) return;
  const { items } = await call("GET", "/channels");
  const options = [...new Set(items.map((one) => one.channel))].map((name) => make("option", { value: name }, name));
  fill(channel, make("option", { value: "" }, "any"), ...options);
  await look();
  shownTo = who();
}

// What was asked for before, and comes later, is not shown.
async function look() {
  const turn = ++turns;
  const wanted = address.value.trim().replace(/^\+/, "");
  const page = wanted ? await named(wanted) : await pageAfter(null);
  if (turn !== turns) return;
  const none = make("td", { colspan: "7", class: "empty" }, wanted ? "Nobody has this address." : "Nobody has written yet.");
  keepingFocus(body, () => fill(body, ...(page.items.length ? page.items.map(row) : [make("tr", {}, none)])));
  follow(page);
}

// By an address, or by one with its channel: telegram:42. Whoever is the same person comes with them.
async function named(wanted) {
  const channels = channel.value ? [channel.value] : [...channel.options].map((one) => one.value).filter(Boolean);
  const names = wanted.includes(":") ? [wanted] : channels.map((name) => `${name}:${wanted}`);
  const found = new Map();
  for (const one of (await Promise.all(names.map(contactsOf))).flat()) found.set(one.name, one);
  return { items: [...found.values()], next_cursor: null };
}

async function contactsOf(name) {
  try {
    return (await call("GET", `/contacts/${encodeURIComponent(name)}`)).contacts;
  } catch (error) {
    if (error.status === 404) return [];
    throw error;
  }
}

async function pageAfter(last) {
  const query = new URLSearchParams({ limit: PAGE });
  if (channel.value) query.set("channel", channel.value);
  if (last) query.set("cursor", last);
  return call("GET", `/contacts?${query}`);
}

function follow(page) {
  more.hidden = !page.next_cursor;
  more.dataset.cursor = page.next_cursor ?? "";
}

function row(one) {
  const open = make("button", { class: "quiet", "aria-label": `Look at ${one.name}`, onclick: told(() => inspect(one.name)) }, "Look");
  const users = new Set(one.identities.map((identity) => identity.user).filter(Boolean));
  const addresses = one.identities.map((identity) => `${identity.kind} ${identity.value}`).join(", ");
  const same = one.merged ? make("code", {}, one.merged.into) : "";
  const cells = [make("code", {}, one.name), one.display_name, addresses, same, [...users].join(", "), when(one.since), open];
  return make("tr", { "data-id": one.name }, ...cells.map((cell) => make("td", {}, cell)));
}

async function inspect(name) {
  if (await openContact(name)) await look();
}

filter.addEventListener("submit", (event) => event.preventDefault());
filter.addEventListener("submit", told(look));
channel.addEventListener("change", told(look));
more.addEventListener("click", told(async () => {
  const page = await pageAfter(more.dataset.cursor);
  body.append(...page.items.map(row));
  follow(page);
}));
