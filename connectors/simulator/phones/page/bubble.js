/* One message as its platform shows it. `does` is what one may do with it: press, react, answer, edit, unsend. */

import { API, button, made } from "/phones/ask.js";

const TICKS = { sent: "✓", delivered: "✓✓", read: "✓✓" };
const SAID = { sent: "Sent", delivered: "Delivered", read: "Seen" };
const EMOJI = {
  telegram: ["👍", "❤", "🔥", "😁", "😢", "🎉"],
  whatsapp: ["👍", "❤️", "😂", "😮", "😢", "🙏"],
  messenger: ["❤️", "😆", "😮", "😢", "😠", "👍"],
  instagram: ["❤️", "😂", "😮", "😢", "😡", "👍"],
};
const LINK = /\bhttps?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]]/g;

export function words(bubble) {
  if (bubble.gone) return "Message unsent";
  const other = bubble.file ? bubble.file.name : bubble.place ? bubble.place.name || "Location" : bubble.link || bubble.what;
  return bubble.text || other || "";
}

/* Where the platform marks one message alone, `mark` is the mark of this one. */
export function bubbleOf(channel, bubble, answered, mark, does, can) {
  const item = made("li", bubble.mine ? "mine" : "theirs");
  item.dataset.id = bubble.id;
  item.tabIndex = -1;
  const body = made("div", "body");
  if (answered) body.append(made("div", "quote", words(answered)));
  body.append(...contentOf(channel, bubble), footOf(bubble, mark === undefined ? bubble.tick : ""));
  item.append(body);
  if (bubble.buttons) item.append(buttonsOf(bubble, does));
  if (bubble.reactions) item.append(reactionsOf(bubble, does));
  if (mark) item.append(markOf(mark));
  if (!bubble.gone) item.append(actsOf(channel, bubble, does, can));
  return item;
}

function contentOf(channel, bubble) {
  if (bubble.gone) return [made("i", "gone", "Message unsent")];
  const parts = [];
  if (bubble.file) parts.push(fileOf(channel, bubble.file));
  if (bubble.link) parts.push(linkTo(bubble.link, `↓ ${bubble.what || "file"}`, "file"));
  if (bubble.place) parts.push(linkTo(bubble.place.map, `${placeName(bubble.place)}`, "map"));
  const text = bubble.text || (parts.length ? "" : bubble.what);
  if (text) parts.push(made("span", "said", ...linked(text)));
  return parts;
}

function placeName(place) {
  return place.name || `${place.latitude.toFixed(4)}, ${place.longitude.toFixed(4)}`;
}

function linked(text) {
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(LINK)) {
    parts.push(text.slice(end, found.index), linkTo(found[0], found[0]));
    end = found.index + found[0].length;
  }
  return [...parts, text.slice(end)];
}

function linkTo(url, label, name = "") {
  if (!/^https?:/.test(url)) return made("span", name, label);
  const link = made("a", name, label);
  Object.assign(link, { href: url, target: "_blank", rel: "noopener noreferrer" });
  return link;
}

function fileOf(channel, file) {
  const link = made("a", "file");
  link.href = `${API}/${channel}/files/${encodeURIComponent(file.id)}`;
  link.download = file.name;
  const kind = file.type.split("/")[0];
  if (kind === "image") {
    const image = made("img", "picture");
    Object.assign(image, { src: link.href, alt: file.name, loading: "lazy" });
    image.addEventListener("error", () => image.replaceWith(`↓ ${file.name} (${sizeOf(file.size)})`));
    link.append(image);
  } else link.append(`↓ ${file.name} (${sizeOf(file.size)})`);
  if (kind !== "audio" && kind !== "video") return link;
  const player = made(kind, "player");
  Object.assign(player, { src: link.href, controls: true, preload: "none" });
  return made("div", "", player, link);
}

function sizeOf(bytes) {
  if (bytes < 1e3) return `${bytes} B`;
  return bytes < 1e6 ? `${Math.round(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function footOf(bubble, tick) {
  const at = new Date(bubble.at * 1000);
  const time = made("time", "", at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  time.dateTime = at.toISOString();
  time.title = at.toLocaleString();
  const foot = made("span", "foot", bubble.edited ? "edited " : "", time);
  if (tick) {
    const mark = made("span", `tick ${tick}`, TICKS[tick]);
    mark.setAttribute("aria-label", SAID[tick]);
    mark.title = SAID[tick];
    foot.append(mark);
  }
  return foot;
}

function markOf(tick) {
  const mark = made("div", `mark ${tick}`, SAID[tick]);
  mark.title = SAID[tick];
  return mark;
}

function buttonsOf(bubble, does) {
  return made("div", "buttons", ...bubble.buttons.map((each) => button(each.title, each.title, () => does.press(bubble, each.data))));
}

function reactionsOf(bubble, does) {
  const row = made("div", "reactions");
  for (const emoji of bubble.reactions) {
    row.append(bubble.mine ? made("span", "", emoji) : button(emoji, `Take ${emoji} back`, () => does.react(bubble, null)));
  }
  return row;
}

function actsOf(channel, bubble, does, can) {
  const row = made("div", "acts");
  row.setAttribute("role", "toolbar");
  if (can.has("react") && !bubble.mine) {
    row.append(...EMOJI[channel].map((emoji) => button(emoji, `React with ${emoji}`, () => does.react(bubble, emoji))));
  }
  if (can.has("reply")) row.append(button("Reply", "Reply", () => does.answer(bubble), "word"));
  if (bubble.mine && can.has("edit") && bubble.text) row.append(button("Edit", "Edit", () => does.edit(bubble), "word"));
  if (bubble.mine && can.has("unsend")) row.append(button("Unsend", "Unsend", () => does.unsend(bubble), "word"));
  return row;
}
