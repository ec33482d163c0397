// Who is here, which view is shown, and when it is asked for anew.

import { logIn, logOut, who } from "./api.js";
import * as audit from "./audit.js";
import * as channels from "./channels.js";
import * as contacts from "./contacts.js";
import { find } from "./dom.js";
import * as letters from "./letters.js";

const VIEWS = { channels, letters, contacts, audit };
const EVERY_MS = { channels: 2000, letters: 5000, contacts: 5000, audit: 5000 };

const door = find("#door");
const desk = find("#desk");
const form = find("#login");
const trouble = find("#trouble");
let next;

const view = () => (location.hash.slice(1) in VIEWS ? location.hash.slice(1) : "channels");

function enter() {
  const isIn = who() !== null;
  door.hidden = isIn;
  desk.hidden = !isIn;
  clearTimeout(next);
  if (isIn) {
    find("#who").textContent = who();
    look();
  } else {
    for (const open of document.querySelectorAll("dialog[open]")) open.close();
    form.elements.username.focus();
  }
}

function look() {
  for (const name of Object.keys(VIEWS)) {
    find(`#${name}`).hidden = name !== view();
    const link = find(`nav a[href="#${name}"]`);
    if (name === view()) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  refresh();
}

async function refresh() {
  clearTimeout(next);
  const name = view();
  try {
    if (!document.hidden) {
      await VIEWS[name].refresh();
      if (name !== "letters") await letters.count();
    }
    complain(null);
  } catch (error) {
    complain(error);
  }
  if (who() !== null && name === view()) next = setTimeout(refresh, EVERY_MS[name]);
}

function complain(error) {
  trouble.hidden = !error;
  trouble.textContent = error ? error.message : "";
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { username, password } = form.elements;
  const wrong = find(".wrong", form);
  const button = find("button", form);
  wrong.textContent = "";
  button.disabled = true;
  try {
    await logIn(username.value, password.value);
    form.reset();
    enter();
  } catch (error) {
    wrong.textContent = error.message;
    password.select();
  } finally {
    button.disabled = false;
  }
});

find("#logout").addEventListener("click", () => {
  logOut().catch(() => {});
  enter();
});

addEventListener("hashchange", () => who() && look());
addEventListener("visibilitychange", () => who() && !document.hidden && refresh());
addEventListener("trouble", (event) => complain(event.detail));
addEventListener("session-ended", () => {
  enter();
  find(".wrong", form).textContent = "The session has ended: log in again.";
});

enter();
