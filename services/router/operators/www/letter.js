// One letter: why it is there, what it says, and what is sent in its place.

import { call } from "./api.js";
import { badge, closed, fill, find, make, say, when } from "./dom.js";

const dialog = find("#letter");
const dropping = find("#dropping");
const text = find("textarea", dialog);
const wrong = find(".wrong", dialog);
const buttons = find("form", dialog).elements;
let letter = null;

// Returns when it is closed.
export async function openLetter(id) {
  letter = await call("GET", `/dlq/${encodeURIComponent(id)}`);
  show();
  dialog.showModal();
  text.focus();
  text.setSelectionRange(0, 0);
  await closed(dialog);
}

// Why, or null where it was thought better of.
export async function confirmDrop(many) {
  find("h2", dropping).textContent = many === 1 ? "Drop this letter?" : `Drop ${many} letters?`;
  find("input", dropping).value = "";
  dropping.returnValue = "keep";
  dropping.showModal();
  await closed(dropping);
  return dropping.returnValue === "drop" ? find("input", dropping).value : null;
}

function show() {
  find("h2", dialog).textContent = letter.id;
  const facts = {
    state: badge(letter.state, letter.state === "open" ? "warn" : "calm"),
    reason: make("b", {}, letter.reason),
    origin: make("code", {}, letter.origin || "unknown"),
    "given up": letter.attempts === 1 ? "once" : `${letter.attempts} times`,
    first: when(letter.first_at),
    last: when(letter.last_at),
    "settled by": letter.settled_by ? make("span", {}, letter.settled_by, " ", when(letter.settled_at)) : null,
    delivery: letter.delivery ? delivery(letter.delivery) : null,
    ...Object.fromEntries(Object.entries(letter.about).map(([name, value]) => [name, make("code", {}, value)])),
  };
  const told = Object.entries(facts).filter(([, value]) => value !== null);
  fill(find(".facts", dialog), ...told.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
  text.value = letter.text ?? "";
  find("label .hint", dialog).textContent = hint();
  wrong.textContent = "";
  const raw = { key: letter.key, headers: letter.headers, value_base64: letter.value_base64 };
  find("pre", dialog).textContent = JSON.stringify(raw, null, 2);
  const isDone = letter.state === "replayed";
  buttons.replay.disabled = isDone;
  buttons.drop.disabled = letter.state !== "open";
  text.readOnly = isDone;
  showEdited();
}

function hint() {
  if (letter.is_update) return "— the update, as the platform sent it";
  if (letter.body !== null) return "— JSON";
  return letter.text === null ? "— bytes that are no text; see the record below" : "— no JSON";
}

function delivery(of) {
  const steps = of.history.map((step) => step.status).join(" → ");
  return make("span", {}, make("b", {}, of.status), ` after ${of.attempts} attempts (${steps})`, of.error ? ` ${of.error.code}: ${of.error.detail}` : "");
}

function showEdited() {
  const isEdited = text.value !== (letter.text ?? "");
  buttons["replay-edited"].disabled = !isEdited || text.readOnly;
  buttons.replay.classList.toggle("main", !isEdited);
  buttons["replay-edited"].classList.toggle("main", isEdited);
}

async function replay(body) {
  const settled = await call("POST", `/dlq/${encodeURIComponent(letter.id)}/replay`, body);
  if (!["replayed", "already_replayed"].includes(settled.outcome)) {
    wrong.textContent = `${settled.outcome} ${settled.detail ?? ""}`;
    return;
  }
  say(`${letter.id}: ${settled.outcome.replace("_", " ")}`);
  dialog.close();
}

async function replayEdited() {
  JSON.parse(text.value);
  await replay(`{"body": ${text.value}}`);
}

async function drop() {
  const note = await confirmDrop(1);
  if (note === null) return;
  await call("POST", "/dlq/drop", JSON.stringify({ ids: [letter.id], note }));
  say(`${letter.id}: dropped`);
  dialog.close();
}

const trying = (work) => async () => {
  wrong.textContent = "";
  try {
    await work();
  } catch (error) {
    wrong.textContent = error instanceof SyntaxError ? `This is no JSON: ${error.message}` : error.message;
  }
};

text.addEventListener("input", showEdited);
buttons.replay.addEventListener("click", trying(() => replay("{}")));
buttons["replay-edited"].addEventListener("click", trying(replayEdited));
buttons.drop.addEventListener("click", trying(drop));
