/* The list of people, new phones, and one question that waits until anything has changed. */

import { ask, made, say } from "/phones/ask.js";
import { Phone } from "/phones/phone.js";

const AGAIN_MS = 1000;
const MOST_OPEN = 12;
const open = new Map();
const channels = new Map();
const $ = (id) => document.getElementById(id);
const keyOf = (phone) => `${phone.channel}/${phone.address}`;

function drawChannels(found) {
  found.forEach((each) => channels.set(each.channel, each));
  if ($("channels").querySelector("label")) return;
  found.forEach((each, at) => {
    const choice = made("input", "");
    Object.assign(choice, { type: "radio", name: "channel", value: each.channel, checked: at === 0 });
    const label = made("label", "", choice, each.title);
    label.dataset.channel = each.channel;
    $("channels").append(label);
  });
}

async function refresh() {
  const { channels: found, items, count } = await ask(`?named=${encodeURIComponent($("search").value)}`);
  drawChannels(found);
  drawList(items);
  say($("more"), count > items.length ? `${count - items.length} more: find them by name.` : "");
  $("search").hidden = count < 8 && !$("search").value;
  const unread = items.reduce((sum, phone) => sum + phone.unread, 0);
  document.title = unread ? `(${unread}) Phones` : "Phones";
  await Promise.all([...open.values()].map(show));
}

function drawList(items) {
  const looks = JSON.stringify([items, [...open.keys()]]);
  if ($("list").dataset.looks === looks) return;
  $("list").dataset.looks = looks;
  const focused = document.activeElement && document.activeElement.dataset.key;
  $("list").replaceChildren(...items.map(entryOf));
  if (focused) [...$("list").children].find((each) => each.dataset.key === focused)?.focus();
}

function entryOf(phone) {
  const entry = made("button", phone.online ? "" : "off", made("span", "dot"), made("span", "name", phone.name));
  entry.type = "button";
  entry.dataset.key = keyOf(phone);
  entry.dataset.channel = phone.channel;
  entry.setAttribute("aria-pressed", String(open.has(keyOf(phone))));
  entry.append(made("span", "title", channels.get(phone.channel).title));
  if (phone.unread) entry.append(made("span", "unread", String(phone.unread)));
  entry.addEventListener("click", () => toggle(phone));
  return entry;
}

async function show(phone) {
  try {
    await phone.show();
  } catch (error) {
    if (error instanceof TypeError) throw error;
    close(phone);
    say($("trouble"), `The phone of ${phone.name} is no more: the simulator began anew.`);
  }
}

function toggle(phone) {
  const there = open.get(keyOf(phone));
  if (there) close(there);
  else take(phone);
  refresh().catch(failed);
}

function take(phone) {
  if (open.size >= MOST_OPEN) return say($("trouble"), `${MOST_OPEN} phones are open: put one away first.`);
  const made = new Phone(phone, channels.get(phone.channel), () => toggle(phone));
  open.set(keyOf(phone), made);
  $("phones").append(made.element);
  $("empty").hidden = true;
  say($("trouble"), "");
  made.element.scrollIntoView({ block: "nearest", inline: "nearest" });
  made.find(".text").focus();
  remember();
  return undefined;
}

function close(phone) {
  phone.element.remove();
  open.delete(keyOf(phone));
  $("empty").hidden = open.size > 0;
  remember();
}

/* The address of the page names what is open: it survives a reload, and may be passed on. */
function remember() {
  const named = [...open.values()].map((phone) => `${keyOf(phone)}/${encodeURIComponent(phone.name)}`);
  history.replaceState(null, "", named.length ? `#${named.join("&")}` : location.pathname);
}

async function recall() {
  for (const each of location.hash.slice(1).split("&").filter(Boolean)) {
    const [channel, address, name] = each.split("/").map(decodeURIComponent);
    try {
      const { phone } = await ask(`/${channel}/${address}`);
      if (phone.name === name) take(phone);
    } catch (error) {
      say($("trouble"), `The phone of ${name} is no more: the simulator began anew.`);
    }
  }
}

async function add() {
  const name = $("name").value.trim();
  const channel = document.querySelector("#channels input:checked").value;
  const { address } = await ask(`/${channel}`, { name });
  $("name").value = "";
  take({ channel, address, name });
  await refresh();
}

function failed(error) {
  const isAway = error instanceof TypeError;
  say($("trouble"), isAway ? "The simulator does not answer. Is the stack up?" : error.message);
  document.body.classList.toggle("away", isAway);
}

async function follow() {
  for (let version = ""; ; ) {
    try {
      await refresh();
      if (document.body.classList.contains("away")) failed(new Error(""));
      ({ version } = await ask(`/changes?since=${version}`));
    } catch (error) {
      failed(error);
      await new Promise((wake) => setTimeout(wake, AGAIN_MS));
    }
  }
}

$("new").addEventListener("submit", (event) => {
  event.preventDefault();
  add().catch(failed);
});
$("search").addEventListener("input", () => refresh().catch(failed));
document.addEventListener("visibilitychange", () => document.hidden || refresh().catch(failed));

refresh().then(recall).catch(failed).finally(follow);
