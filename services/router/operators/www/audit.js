// What operators did.

import { call } from "./api.js";
import { badge, fill, find, make, told, when } from "./dom.js";

const GOOD = new Set(["replayed", "dropped", "shown", "merged", "unmerged"]);

const section = find("#audit");
const body = find("tbody", section);
const more = find(".more", section);
let hasMore = false;
let shown = "";

export async function refresh() {
  if (hasMore) return;
  const page = await call("GET", "/audit?limit=50");
  const said = JSON.stringify(page.items);
  if (said === shown) return;
  shown = said;
  const none = make("td", { colspan: "6", class: "empty" }, "Nobody has done anything yet.");
  fill(body, ...(page.items.length ? page.items.map(row) : [make("tr", {}, none)]));
  follow(page);
}

function row(one) {
  const details = Object.entries(one.details).filter(([, value]) => value !== "").map(([name, value]) => `${name}: ${value}`).join(", ");
  const kind = GOOD.has(one.outcome) ? "good" : one.outcome.startsWith("already") ? "calm" : "warn";
  const cells = [when(one.at), one.who, make("b", {}, one.action), make("code", {}, one.on), badge(one.outcome, kind), details];
  return make("tr", {}, ...cells.map((cell) => make("td", {}, cell)));
}

function follow(page) {
  more.hidden = !page.next_cursor;
  more.dataset.cursor = page.next_cursor ?? "";
}

more.addEventListener("click", told(async () => {
  const page = await call("GET", `/audit?limit=50&cursor=${encodeURIComponent(more.dataset.cursor)}`);
  hasMore = true;
  body.append(...page.items.map(row));
  follow(page);
}));
