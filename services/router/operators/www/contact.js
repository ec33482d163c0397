// One contact: all that are the same person, who is to be one of them, and who is not.

import { call } from "./api.js";
import { badge, closed, fill, find, make, say, when } from "./dom.js";

const OBJECTIONS = {
  same: "the same already", is_merged: "merged already", is_users: "a user's",
  same_channel: "same channel", same_conversation: "same conversation",
};

const dialog = find("#contact");
const form = find("form", dialog);
const wrong = find(".wrong", dialog);
const preview = find(".preview", dialog);
const { close, merge, other } = form.elements;
let asked = "";
let hasChanged = false;

const path = (name, what = "") => `/contacts/${encodeURIComponent(name)}${what}`;

// Returns when it is closed: whether anything is another now.
export async function openContact(name) {
  asked = name;
  hasChanged = false;
  show(await call("GET", path(name)));
  other.value = "";
  dialog.showModal();
  await closed(dialog);
  return hasChanged;
}

function show(person) {
  find("h2", dialog).textContent = asked;
  const reached = Object.entries(person.addresses).map(([channel, address]) => `${channel} ${address}`);
  find(".reached", dialog).textContent = `Messages go to ${reached.join(", ")}.`;
  fill(find(".person", dialog), ...person.contacts.map(card));
  forget();
}

function card(one) {
  const title = make("h3", {}, one.name, make("span", {}, ` ${one.display_name}`));
  return make("article", {}, make("header", {}, title, mark(one)), make("ul", {}, ...one.identities.map(identity)));
}

// What the platform itself has said is not taken back.
function mark(one) {
  if (!one.merged) return null;
  const { into, by, at } = one.merged;
  if (by === null) return badge(`${into}, as the platform says`, "calm");
  const undo = make("button", { type: "button", "aria-label": `Unmerge ${one.name}`, onclick: trying(() => unmerge(one.name)) }, "Unmerge");
  return make("span", {}, badge(into, "calm"), ` by ${by} `, when(at), " ", undo);
}

function identity(one) {
  const user = one.user ? [", mapped by ", make("b", {}, one.user)] : [];
  return make("li", {}, `${one.kind} `, make("code", {}, one.value), " since ", when(one.since), ...user);
}

// What was shown of another does not hold for this one.
function forget() {
  fill(preview);
  wrong.textContent = "";
  merge.disabled = true;
}

async function look() {
  const wanted = other.value.trim();
  const found = await call("POST", path(asked, "/merge"), JSON.stringify({ other: wanted, preview: true }));
  if (other.value.trim() !== wanted) return;
  const names = found.person.contacts.map((one) => one.name).join(", ");
  const isFree = !found.objections.some((one) => one.blocking);
  const against = found.objections.map((one) =>
    make("li", {}, badge(OBJECTIONS[one.code] ?? one.code, one.blocking ? "bad" : "warn"), ` ${one.detail}`));
  fill(preview, make("p", {}, isFree ? `One person from then on: ${names}.` : "They cannot be merged."),
    make("ul", {}, ...against), ...conversations(found.conversations));
  merge.disabled = !isFree;
}

function conversations(of) {
  if (!of.length) return [];
  const items = of.map((one) => make("li", {}, `${one.type} `, one.title ? make("b", {}, `${one.title} `) : "", one.members.join(", ")));
  return [make("h4", {}, "Their conversations, which stay as they are"), make("ul", {}, ...items)];
}

async function join() {
  const wanted = other.value.trim();
  const done = await call("POST", path(asked, "/merge"), JSON.stringify({ other: wanted }));
  say(`${wanted}: ${done.outcome.replace("_", " ")}`);
  other.value = "";
  await shownAnew();
}

async function unmerge(name) {
  const done = await call("POST", path(name, "/unmerge"), "{}");
  say(`${name}: ${done.outcome.replace("_", " ")}`);
  await shownAnew();
}

async function shownAnew() {
  hasChanged = true;
  show(await call("GET", path(asked)));
  other.focus();
}

function trying(work) {
  return async () => {
    forget();
    try {
      await work();
    } catch (error) {
      wrong.textContent = error.message;
    }
  };
}

other.addEventListener("input", forget);
close.addEventListener("click", () => dialog.close());
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("submit", trying(look));
merge.addEventListener("click", trying(join));
