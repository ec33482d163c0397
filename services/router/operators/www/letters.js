// The table of dead letters: filtered, selected, replayed, dropped.

import { call } from "./api.js";
import { badge, fill, find, keepingFocus, make, say, told, when } from "./dom.js";
import { confirmDrop, openLetter } from "./letter.js";

const PAGE = 50;
const KINDS = { open: "warn", replaying: "warn", replayed: "good", dropped: "calm" };
const DONE = new Set(["replayed", "dropped", "already_replayed", "already_dropped"]);

const section = find("#letters");
const filter = find("form", section);
const body = find("tbody", section);
const every = find("[name=every]", section);
const more = find(".more", section);
const chosen = new Set();
let cursor = null;
let shown = "";
let turns = 0;

export async function refresh() {
  await count();
  if (!isAtRest()) return;
  const turn = turns;
  const page = await pageAfter(null);
  if (turn === turns && isAtRest()) list(page);
}

// Nobody has begun anything that a list made anew would take away.
const isAtRest = () => !chosen.size && !document.querySelector("dialog[open]") && cursor === null;

export async function count() {
  const { items } = await call("GET", "/dlq/counts");
  offer(filter.elements.topic, items, "topic");
  offer(filter.elements.reason, items, "reason");
  const open = items.reduce((sum, one) => sum + one.count, 0);
  const counter = find("#open-letters");
  counter.textContent = String(open);
  counter.hidden = !open;
}

function offer(select, counted, name) {
  const sums = new Map();
  for (const one of counted) sums.set(one[name], (sums.get(one[name]) ?? 0) + one.count);
  if (select.value && !sums.has(select.value)) sums.set(select.value, 0);
  const before = select.value;
  const options = [...sums].sort().map(([value, sum]) => make("option", { value }, `${value} (${sum})`));
  fill(select, make("option", { value: "" }, "any"), ...options);
  select.value = before;
}

// What was asked for before, and comes later, is not shown.
async function reload() {
  const turn = ++turns;
  const page = await pageAfter(null);
  if (turn === turns) list(page);
}

function list(page) {
  const said = JSON.stringify(page.items);
  const isAsShown = said === shown && cursor === null && !chosen.size;
  shown = said;
  if (isAsShown) return;
  chosen.clear();
  const none = make("td", { colspan: "8", class: "empty" }, "There is nothing here.");
  keepingFocus(body, () => fill(body, ...(page.items.length ? page.items.map(row) : [make("tr", {}, none)])));
  follow(page, null);
}

async function pageAfter(last) {
  const query = new URLSearchParams({ limit: PAGE, state: filter.elements.state.value });
  for (const name of ["topic", "reason"]) if (filter.elements[name].value) query.set(name, filter.elements[name].value);
  if (last) query.set("cursor", last);
  return call("GET", `/dlq?${query}`);
}

// While more than the first page is shown the list stays as it is: what is read does not move.
function follow(page, last) {
  more.hidden = !page.next_cursor;
  more.dataset.cursor = page.next_cursor ?? "";
  cursor = last;
  showChosen();
}

function row(one) {
  const box = make("input", { type: "checkbox", "aria-label": `Select ${one.id}`, onchange: () => choose(one.id, box.checked) });
  const open = make("button", { class: "quiet", "aria-label": `Inspect ${one.id}`, onclick: told(() => inspect(one.id)) }, "Inspect");
  const cells = [box, when(one.at), one.topic, make("b", {}, one.reason), String(one.attempts), about(one.about)];
  return make("tr", { "data-id": one.id }, ...cells.map((cell, place) => make("td", place === 4 ? { class: "number" } : {}, cell)),
    make("td", {}, badge(one.state, KINDS[one.state] ?? "calm")), make("td", {}, open));
}

function about(said) {
  const where = [said.channel, said.account, said.address].filter(Boolean).join("/");
  const words = [where, said.message_id ?? said.file_id ?? ""].filter(Boolean).join(" ");
  return make("code", { title: words }, words);
}

function choose(id, isChosen) {
  if (isChosen) chosen.add(id);
  else chosen.delete(id);
  showChosen();
}

function showChosen() {
  find(".chosen", filter).textContent = chosen.size ? `${chosen.size} selected` : "Nothing is selected";
  for (const name of ["replay", "drop"]) filter.elements[name].disabled = !chosen.size;
  const boxes = [...body.querySelectorAll("input")];
  every.checked = boxes.length > 0 && boxes.every((box) => box.checked);
  every.indeterminate = !every.checked && chosen.size > 0;
}

async function inspect(id) {
  await openLetter(id);
  await refreshAll();
}

async function settle(path, ids, extra = {}) {
  const outcomes = [];
  for (let start = 0; start < ids.length; start += 100) {
    const part = { ids: ids.slice(start, start + 100), ...extra };
    outcomes.push(...(await call("POST", path, JSON.stringify(part))).items);
  }
  const failed = outcomes.filter((one) => !DONE.has(one.outcome));
  const why = failed.length ? `; ${failed.length} not: ${failed[0].outcome} ${failed[0].detail ?? ""}` : "";
  await refreshAll();
  say(`${outcomes.length - failed.length} of ${outcomes.length} settled${why}`);
}

async function refreshAll() {
  await count();
  await reload();
}

filter.addEventListener("submit", (event) => event.preventDefault());
for (const name of ["topic", "reason", "state"]) filter.elements[name].addEventListener("change", told(reload));
filter.elements.replay.addEventListener("click", told(() => settle("/dlq/replay", [...chosen])));
filter.elements.drop.addEventListener("click", told(async () => {
  const note = await confirmDrop(chosen.size);
  if (note !== null) await settle("/dlq/drop", [...chosen], { note });
}));
every.addEventListener("change", () => {
  for (const box of body.querySelectorAll("input")) {
    box.checked = every.checked;
    choose(box.closest("tr").dataset.id, box.checked);
  }
});
more.addEventListener("click", told(async () => {
  const page = await pageAfter(more.dataset.cursor);
  body.append(...page.items.map(row));
  follow(page, more.dataset.cursor);
}));
