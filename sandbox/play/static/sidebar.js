// Servers, channels, members, and who the person at the page is.

import { attempt, useMenu } from "./actions.js";
import { control, play } from "./api.js";
import { avatar, el } from "./dom.js";
import { openMenu } from "./popup.js";
import { channel, colorOf, emit, findUser, guild, localized, offeredCommands, on, state } from "./store.js";

const SIGNS = { text: "#", news: "📣", forum: "💬", media: "🖼", voice: "🔊", stage: "🎙", thread: "↳", private_thread: "🔒", news_thread: "↳" };
const LANGUAGES = { "en-US": "English", de: "Deutsch", fr: "Français", "es-ES": "Español", ja: "日本語", "zh-CN": "简体中文" };
const USER_COMMAND = 2;

export function startSidebar() {
  for (const name of ["world", "channel", "unread", "connected"]) on(name, draw);
}

function draw() {
  if (!state.world) return;
  keepingFocus(() => {
    drawServers();
    drawChannels();
    drawPerson();
    drawHeader();
    drawMembers();
  });
}

/** Redraw without losing the focus: what has it is found again by its `data-key`. */
function keepingFocus(redraw) {
  const key = document.activeElement?.closest("[data-key]")?.dataset.key;
  const lost = document.activeElement?.closest("#servers, #channels, #members, #person");
  redraw();
  if (key && lost) document.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
}

function drawServers() {
  const home = el("button", {
    type: "button", class: "server home", "aria-label": "Direct messages", title: "Direct messages", data: { key: "home", sign: "💬" },
    "aria-current": state.guildId === null ? "page" : null, on: { click: openConversation },
  });
  const servers = state.world.guilds.map((each) => el("button", {
    type: "button", class: "server", "aria-label": each.name, title: each.name, data: { key: `server ${each.id}`, sign: initials(each.name) },
    "aria-current": each.id === state.guildId ? "page" : null,
    on: { click: () => emit("jump", { channelId: firstChannel(each) }) },
  }, each.channels.some((one) => state.unread.has(one.id)) ? el("span", { class: "unread-dot" }) : null));
  document.getElementById("servers").replaceChildren(home, el("hr"), ...servers);
}

const initials = (name) => name.split(/\s+/).map((word) => [...word][0]).slice(0, 3).join("");

/** Return the channel that a server opens with. */
export const firstChannel = (server) => (server.channels.find((each) => each.holds_messages && !each.thread) ?? server.channels[0])?.id;

async function openConversation() {
  const answer = await attempt(() => play("POST", "conversations", { user: state.user }));
  if (answer) emit("open-soon", answer.channel);
}

function drawChannels() {
  const server = guild();
  const title = document.getElementById("server-name");
  title.textContent = server?.name ?? "Direct messages";
  const channels = server ? server.channels : state.world.conversations;
  const top = channels.filter((each) => !each.thread);
  const rows = [];
  const withThreads = (each) => [row(each), ...channels.filter((one) => one.thread && one.parent_id === each.id && !one.thread.archived).map(row)];
  const categories = top.filter((each) => each.kind === "category");
  const inCategory = new Set(categories.map((each) => each.id));
  for (const each of top.filter((one) => one.kind !== "category" && !inCategory.has(one.parent_id))) rows.push(...withThreads(each));
  for (const category of categories) {
    const inner = top.filter((each) => each.parent_id === category.id);
    if (inner.length) rows.push(el("li", { class: "category", text: category.name }), ...inner.flatMap(withThreads));
  }
  document.getElementById("channels").replaceChildren(...rows);
}

function row(each) {
  const isOpen = each.id === state.channelId;
  const isUnread = state.unread.has(each.id) && !isOpen;
  const name = each.name || state.world.bot.name;
  const classes = ["channel", isOpen ? "open" : "", isUnread ? "unread" : "", each.thread ? "thread" : ""].join(" ");
  return el("li", {}, el("button", {
    type: "button", class: classes, "aria-current": isOpen ? "page" : null, data: { key: `channel ${each.id}` },
    on: { click: () => emit("jump", { channelId: each.id }) },
  },
  el("span", { class: "sign", "aria-hidden": "true", text: SIGNS[each.kind] ?? "@" }),
  el("span", { class: "channel-name", text: name }),
  each.nsfw && !each.thread ? el("span", { class: "nsfw", text: "18+", title: "Age-restricted" }) : null,
  isUnread ? el("span", { class: "visually-hidden", text: ", unread" }) : null));
}

function drawHeader() {
  const open = channel();
  const name = open ? open.name || state.world.bot.name : "";
  document.getElementById("channel-title").replaceChildren(
    el("span", { class: "sign", "aria-hidden": "true", text: open ? (SIGNS[open.kind] ?? "@") : "" }), name);
  document.getElementById("topic").textContent = open?.topic ?? "";
  const status = document.getElementById("bot-status");
  const bot = state.world.bot;
  const [text, kind] = !state.connected ? ["sandbox away", "away"] : bot.is_online ? [`${bot.name} is online`, "online"] : [`${bot.name} is offline`, "offline"];
  if (status.textContent !== text) status.textContent = text;
  status.dataset.kind = kind;
  document.title = `${name || "Play"} · ${guild()?.name ?? "Direct messages"}`;
}

function drawPerson() {
  const me = state.world.me;
  const people = el("select", {
    id: "who", "aria-label": "You are", data: { key: "who" }, on: { change: (event) => emit("become", event.target.value) },
  }, state.world.people.map((person) => el("option", { value: person.id, selected: person.id === state.user, text: `${person.name} (${person.part})` })));
  const languages = el("select", {
    id: "language", "aria-label": "Your language in Discord", title: "Your language in Discord", data: { key: "language" },
    on: { change: (event) => attempt(() => control("PATCH", `users/${me.id}`, { locale: event.target.value })) },
  }, Object.entries({ [me.locale]: me.locale, ...LANGUAGES }).map(([code, name]) => el("option", { value: code, selected: code === me.locale, text: name })));
  document.getElementById("person").replaceChildren(avatar(me), el("div", { class: "person-fields" }, people, languages));
}

function drawMembers() {
  const box = document.getElementById("members");
  const server = guild();
  const members = server ? server.members : [findUser(state.user), { ...findUser(state.world.bot.id) }];
  const online = (member) => !member.bot || state.world.bot.is_online;
  box.replaceChildren(el("h3", { text: `Members — ${members.length}` }), el("ul", {}, members.map((member) => el("li", {}, el("button", {
    type: "button", class: online(member) ? "member" : "member offline", data: { key: `member ${member.id}` },
    on: { click: (event) => openMember(event.currentTarget, member) },
  },
  avatar({ ...member, name: member.nick || member.name }, "avatar"),
  el("span", { class: "member-name", text: member.nick || member.name, style: { color: colorOf(member.id) } }),
  member.bot ? el("span", { class: "app-tag", text: "APP" }) : null,
  member.owner ? el("span", { title: "Server owner", text: "👑" }) : null,
  el("span", { class: "member-roles", text: roleNames(member) }))))));
}

const roleNames = (member) =>
  (member.roles ?? []).map((id) => guild().roles.find((role) => role.id === id)?.name).filter((name) => name && name !== state.world.bot.name).join(", ");

async function openMember(anchor, member) {
  const commands = await attempt(offeredCommands) ?? [];
  const menus = commands.filter((command) => command.type === USER_COMMAND);
  const entries = [];
  if (member.id === state.world.bot.id) entries.push({ label: "Message", symbol: "💬", onPick: openConversation });
  else if (member.id !== state.user && !member.bot) entries.push({ label: `Be ${member.name}`, symbol: "👤", onPick: () => emit("become", member.id) });
  if (menus.length) entries.push({ heading: "Apps" });
  for (const command of menus) entries.push({ label: localized(command, "name"), symbol: "🤖", onPick: () => useMenu(command.name, { target: member.id }) });
  if (entries.length) openMenu(anchor, member.name, entries);
}
