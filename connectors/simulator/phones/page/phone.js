/* One phone: what stands on it is asked for anew whenever something has changed, and only what is another is drawn. */

import { ask, copy, say, upload } from "/phones/ask.js";
import { bubbleOf, words } from "/phones/bubble.js";

const NEAR_PX = 80;
const MARKS_ONE = new Set(["messenger", "instagram"]);

export class Phone {
  constructor(phone, channel, closed) {
    this.channel = phone.channel;
    this.path = `/${phone.channel}/${phone.address}`;
    this.name = phone.name;
    this.address = phone.address;
    this.can = new Set(channel.abilities);
    this.drawn = new Map();
    this.context = null;
    this.element = document.getElementById("phone").content.firstElementChild.cloneNode(true);
    this.find = (selector) => this.element.querySelector(selector);
    this.describe(channel);
    this.listen(closed);
  }

  describe(channel) {
    const { element, find, address } = this;
    element.dataset.channel = this.channel;
    element.dataset.address = address;
    element.setAttribute("aria-label", `${this.name} on ${channel.title}`);
    find(".owner").textContent = `${this.name} · ${channel.title}`;
    find(".address").textContent = address;
    find(".partner").textContent = channel.account || "nobody";
    find(".avatar").textContent = (channel.account || "?").slice(0, 1);
    find(".attach").hidden = !this.can.has("file");
    find(".pin").hidden = !this.can.has("place");
    const hours = channel.window_h;
    say(find(".window"), hours ? `Say something here before that: people on ${channel.title} may be written to for ${hours} hours after they wrote.` : "");
    const map = `./parley map ${this.channel} ${address} --as mia`;
    find(".lines").textContent = `${map}\n./parley send mia "Hello" --channel ${this.channel} --as leo`;
  }

  listen(closed) {
    const { find } = this;
    const text = find(".text");
    find(".close").addEventListener("click", closed);
    find(".address").addEventListener("click", () => copy(this.address, (told) => this.flash(".address", told)));
    find(".copy").addEventListener("click", () => copy(find(".lines").textContent, (told) => this.flash(".copy", told)));
    find(".on").addEventListener("change", (event) => this.attempt(() => ask(`${this.path}/switch`, { online: event.target.checked })));
    find(".reads").addEventListener("change", () => this.look());
    find(".context button").addEventListener("click", () => this.about(null));
    find(".newest").addEventListener("click", () => this.toEnd());
    find(".bubbles").addEventListener("scroll", () => this.isAtEnd() && (find(".newest").hidden = true));
    find(".attach input").addEventListener("change", (event) => this.attempt(() => this.send(event.target)));
    find(".pin").addEventListener("click", () => this.askPlace());
    find(".place").addEventListener("submit", (event) => this.submit(event, () => this.sendPlace()));
    find(".write").addEventListener("submit", (event) => this.submit(event, () => this.write()));
    text.addEventListener("input", () => this.grow());
    text.addEventListener("keydown", (event) => this.key(event));
    find(".bubbles").addEventListener("keydown", (event) => this.walk(event));
    this.element.addEventListener("paste", (event) => this.paste(event));
  }

  submit(event, act) {
    event.preventDefault();
    this.attempt(act);
  }

  async attempt(act) {
    try {
      await act();
      say(this.find(".trouble"), "");
      await this.show();
    } catch (error) {
      say(this.find(".trouble"), error.message);
    }
  }

  flash(selector, told) {
    const element = this.find(selector);
    element.dataset.told = told;
    setTimeout(() => delete element.dataset.told, 1200);
  }

  async write() {
    const field = this.find(".text");
    const text = field.value.trim();
    if (!text) return;
    const context = this.context;
    field.value = "";
    this.about(null);
    try {
      if (context && context.isEdit) await ask(`${this.path}/edit`, { message: context.bubble.id, text });
      else await ask(`${this.path}/say`, context ? { text, reply_to: context.bubble.id } : { text });
    } catch (error) {
      if (context) this.about(context.bubble, context.isEdit);
      field.value = text;
      throw error;
    } finally {
      this.grow();
    }
    this.toEnd();
  }

  async send(input) {
    const file = input.files[0];
    input.value = "";
    if (file) await upload(`${this.path}/file`, file, this.find(".text").value.trim());
    if (file) this.find(".text").value = "";
  }

  paste(event) {
    const file = event.clipboardData.files[0];
    if (!file || !this.can.has("file")) return;
    event.preventDefault();
    this.attempt(() => upload(`${this.path}/file`, file));
  }

  askPlace() {
    const form = this.find(".place");
    form.hidden = !form.hidden;
    if (!form.hidden) this.find(".where").select();
  }

  async sendPlace() {
    const [latitude, longitude] = this.find(".where").value.split(",").map(Number);
    await ask(`${this.path}/place`, { latitude, longitude });
    this.find(".place").hidden = true;
    this.find(".text").focus();
  }

  about(bubble, isEdit = false) {
    const wasEdit = this.context && this.context.isEdit;
    this.context = bubble && { bubble, isEdit };
    const bar = this.find(".context");
    bar.hidden = !bubble;
    bar.firstElementChild.textContent = bubble ? `${isEdit ? "Edit" : "Reply to"}: ${words(bubble)}` : "";
    const field = this.find(".text");
    if (isEdit) field.value = bubble.text;
    else if (wasEdit) field.value = "";
    this.grow();
    if (bubble) field.focus();
  }

  grow() {
    const field = this.find(".text");
    field.rows = Math.min(5, field.value.split("\n").length);
  }

  key(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) this.submit(event, () => this.write());
    if (event.key === "Escape") this.about(null);
    if (event.key === "ArrowUp" && !event.target.value) {
      event.preventDefault();
      const last = this.find(".bubbles").lastElementChild;
      if (last) last.focus();
    }
  }

  walk(event) {
    const item = event.target.closest("li");
    if (event.key === "Escape") return this.find(".text").focus();
    if (!item || !["ArrowUp", "ArrowDown"].includes(event.key)) return undefined;
    event.preventDefault();
    const next = event.key === "ArrowUp" ? item.previousElementSibling : item.nextElementSibling;
    return (next || (event.key === "ArrowDown" ? this.find(".text") : item)).focus();
  }

  isAtEnd() {
    const list = this.find(".bubbles");
    return list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_PX;
  }

  toEnd() {
    const list = this.find(".bubbles");
    list.scrollTop = list.scrollHeight;
    this.find(".newest").hidden = true;
  }

  async show() {
    const { phone, items } = await ask(this.path);
    this.unread = phone.unread;
    this.find(".on").checked = phone.online;
    this.element.classList.toggle("off", !phone.online);
    for (const part of this.element.querySelectorAll(".write button, .write input, .text")) part.disabled = !phone.online;
    this.find(".text").placeholder = phone.online ? "Message" : "The phone is off";
    this.find(".state").textContent = phone.online ? "online" : "off: what is sent waits";
    this.find(".hint").hidden = items.length > 0;
    const wasAtEnd = this.isAtEnd();
    const isNew = this.draw(items);
    if (wasAtEnd) this.toEnd();
    else if (isNew) this.find(".newest").hidden = false;
    await this.look();
  }

  /* Who has a message in focus or plays a video keeps it: only what looks another is made anew. True where one is new. */
  draw(items) {
    const byId = new Map(items.map((bubble) => [bubble.id, bubble]));
    const marks = MARKS_ONE.has(this.channel) ? marksOf(items) : null;
    const before = this.drawn;
    this.drawn = new Map();
    for (const bubble of items) {
      const answered = byId.get(bubble.reply_to);
      const mark = marks ? marks.get(bubble.id) || "" : undefined;
      const looks = JSON.stringify([bubble, mark, answered && words(answered)]);
      const old = before.get(bubble.id);
      const item = old && old.looks === looks ? old.item : bubbleOf(this.channel, bubble, answered, mark, this.does, this.can);
      this.drawn.set(bubble.id, { looks, item });
    }
    const list = this.find(".bubbles");
    const wanted = [...this.drawn.values()].map((each) => each.item);
    for (const item of [...list.children]) if (!wanted.includes(item)) item.remove();
    wanted.forEach((item, at) => list.children[at] !== item && list.insertBefore(item, list.children[at] || null));
    return items.some((bubble) => !before.has(bubble.id));
  }

  get does() {
    const change = (what, bubble, more) => this.attempt(() => ask(`${this.path}/${what}`, { message: bubble.id, ...more }));
    return {
      press: (bubble, data) => change("press", bubble, { data }),
      react: (bubble, emoji) => change("react", bubble, { emoji: (bubble.reactions || []).includes(emoji) ? null : emoji }),
      unsend: (bubble) => change("unsend", bubble, {}),
      answer: (bubble) => this.about(bubble),
      edit: (bubble) => this.about(bubble, true),
    };
  }

  async look() {
    if (document.hidden || !this.unread || !this.find(".reads").checked) return;
    this.unread = 0;
    await ask(`${this.path}/look`, {});
  }
}

/* The newest of ours that was seen, and the newest of all where it was not. */
function marksOf(items) {
  const marks = new Map();
  const mine = items.filter((bubble) => bubble.mine && bubble.tick && !bubble.gone);
  const seen = mine.filter((bubble) => bubble.tick === "read").at(-1);
  const last = mine.at(-1);
  if (seen) marks.set(seen.id, "read");
  if (last && last !== seen) marks.set(last.id, last.tick);
  return marks;
}
