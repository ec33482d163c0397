// A card for each account on a platform.

import { call } from "./api.js";
import { badge, clock, fill, find, make, when } from "./dom.js";

const BREAKERS = { closed: ["breaker closed", "good"], half_open: ["breaker half open", "warn"], open: ["breaker open", "bad"] };
const SHOWN = 5;

let shown = "";

export async function refresh() {
  const { items } = await call("GET", "/channels");
  const said = JSON.stringify(items);
  if (said === shown) return;
  shown = said;
  const none = make("p", { class: "empty" }, "No account is configured.");
  fill(find("#channels .cards"), ...(items.length ? items.map(card) : [none]));
}

function card(one) {
  const title = make("h3", {}, one.channel, make("span", {}, ` / ${one.account}`));
  const head = make("header", {}, title, state(one));
  if (one.status === "off") return make("article", { class: "panel card off" }, head, make("p", {}, one.off));
  return make("article", { class: `panel card ${one.breaker ?? "silent"}` }, head, counts(one), ...outcomes(one.outcomes),
    one.webhook && make("p", { class: "hint" }, `Webhook: ${one.webhook}`),
    ...list("Asked to wait", one.waits.map(wait)), ...list("Last errors", one.errors.map(error)));
}

function state(one) {
  if (one.status === "off") return badge("off", "calm");
  if (!one.breaker) return badge("no router says", "bad");
  const [words, kind] = BREAKERS[one.breaker];
  return badge(one.tried_again_at ? `${words} until ${clock(one.tried_again_at)}` : words, kind);
}

function counts(one) {
  const values = { waiting: one.waiting, "in flight": one.in_flight, parked: one.parked, inbound: one.inbound.updates, lanes: one.lanes, routers: one.routers };
  const cells = Object.entries(values).map(([name, value]) => make("div", {}, make("dd", {}, String(value)), make("dt", {}, name)));
  return make("dl", { class: "counts" }, ...cells);
}

function outcomes(of) {
  const rate = of.error_rate ?? 0;
  const words = of.error_rate === null ? "nothing was sent" : `${(rate * 100).toFixed(1)} % went wrong`;
  const told = `${of.sent} sent · ${of.failed} failed · ${of.refused} refused · ${of.asked_to_wait} asked to wait`;
  const meter = make("meter", { min: "0", max: "1", low: "0.05", high: "0.3", optimum: "0", value: String(rate), "aria-label": words });
  return [make("p", { class: "rate" }, meter, make("b", {}, words)), make("p", { class: "hint" }, told)];
}

function list(title, items) {
  if (!items.length) return [];
  return [make("h4", {}, title), make("ul", {}, ...items.slice(0, SHOWN))];
}

const wait = (one) => make("li", {}, make("code", {}, one.address), " until ", when(one.until));

const error = (one) =>
  make("li", {}, when(one.at), " ", make("code", {}, one.address), " ", make("b", {}, one.code), ` ${one.detail}`);
