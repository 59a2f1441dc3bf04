// Renders one message: who it replies to, its author, its parts, reactions and tools.

import { attempt, deleteMessage, editMessage, emojiKey, react, useMenu } from "./actions.js";
import { play } from "./api.js";
import { renderComponents } from "./components/index.js";
import { avatar, el, iconButton } from "./dom.js";
import { renderEmbed } from "./embed.js";
import { markdown, plainText } from "./markdown.js";
import { openEmoji, openMenu } from "./popup.js";
import { renderAttachments, renderForward, renderPoll, renderSticker } from "./rich_parts.js";
import { channel, colorOf, emit, findUser, localized, nameOf, offeredCommands, state } from "./store.js";

const LOADING = 1 << 7;
const COMPONENTS_V2 = 1 << 15;
const PINNED = 6;
const THREAD_CREATED = 18;
const REPLY = 19;
const SLASH_RESPONSE = 20;
const THREAD_STARTER = 21;
const MENU_RESPONSE = 23;
const MENU_COMMAND = 3;
const SAME_AUTHOR_MS = 7 * 60 * 1000;

/** Whether a message is shown without its author, below the one before it. */
export function continuesFrom(before, message) {
  return Boolean(
    before && before.author.id === message.author.id && [0].includes(message.type) && before.type !== THREAD_CREATED
    && !message.interaction_metadata && !message.message_reference && before.is_ephemeral === message.is_ephemeral
    && Date.parse(message.timestamp) - Date.parse(before.timestamp) < SAME_AUTHOR_MS,
  );
}

/** Return the list item of a message. */
export function renderMessage(message, { compact }) {
  const item = el("li", {
    class: ["message", compact ? "compact" : "", message.is_ephemeral ? "ephemeral" : "", mentionsMe(message) ? "mentioned" : ""].join(" ").trim(),
    tabindex: "-1",
    "aria-label": describe(message),
    data: { id: message.id },
    on: { contextmenu: (event) => openTools(event, item, message) },
  });
  if ([PINNED, THREAD_CREATED].includes(message.type)) {
    item.classList.add("system");
    item.append(systemLine(message));
    return item;
  }
  const reference = referenceLine(message);
  if (reference) item.append(reference);
  if (compact) item.append(el("time", { class: "side-time", text: clockTime(message.timestamp), "aria-hidden": "true" }));
  else item.append(avatar({ id: message.author.id, name: nameOf(message.author.id), bot: message.author.bot }));
  const body = el("div", { class: "message-body" }, compact ? null : header(message), parts(message));
  item.append(body);
  if (!(message.flags & LOADING)) item.append(toolbar(message, item));
  return item;
}

const mentionsMe = (message) => message.mention_everyone || message.mentions.some((user) => user.id === state.user);

const clockTime = (timestamp) => new Date(timestamp).toLocaleTimeString("en-US", { timeStyle: "short" });

function dayTime(timestamp) {
  const date = new Date(timestamp);
  const today = date.toDateString() === new Date().toDateString();
  return today ? `Today at ${clockTime(timestamp)}` : date.toLocaleString("en-US", { dateStyle: "short", timeStyle: "short" });
}

/** Return a message in one line, for a screen reader. */
export function describe(message) {
  const texts = [message.content, message.poll?.question.text, ...(message.sticker_items ?? []).map((each) => each.name), ...collectTexts(message.components ?? []), ...message.embeds.map((embed) => [embed.title, embed.description].filter(Boolean).join(". "))];
  const media = countMedia(message);
  const words = message.flags & LOADING ? "is thinking" : plainText(texts.filter(Boolean).join("\n")).slice(0, 300);
  return [nameOf(message.author.id), clockTime(message.timestamp), words, media ? `${media} file${media > 1 ? "s" : ""}` : "", message.is_ephemeral ? "only you can see this" : ""].filter(Boolean).join(", ");
}

function collectTexts(components) {
  return components.flatMap((each) => [
    ...(each.type === 10 ? [each.content] : []),
    ...collectTexts(each.components ?? []),
    ...(each.accessory ? collectTexts([each.accessory]) : []),
  ]);
}

function countMedia(message) {
  const inside = (components) => components.reduce((sum, each) => sum + (each.items?.length ?? 0) + inside(each.components ?? []), 0);
  return message.attachments.length + inside(message.components ?? []);
}

function header(message) {
  const author = message.author;
  return el("div", { class: "message-header" },
    el("span", { class: "author", text: nameOf(author.id), style: { color: colorOf(author.id) } }),
    author.bot ? el("span", { class: "app-tag", text: "APP" }) : null,
    el("time", { class: "when", datetime: message.timestamp, text: dayTime(message.timestamp) }));
}

function systemLine(message) {
  const who = el("strong", { text: nameOf(message.author.id) });
  const when = el("time", { class: "when", text: dayTime(message.timestamp) });
  if (message.type === PINNED) return el("div", { class: "system-line" }, "📌 ", who, " pinned a message to this channel. ", when);
  const open = el("button", {
    type: "button", class: "text-link", text: message.content,
    on: { click: () => emit("jump", { channelId: message.message_reference?.channel_id }) },
  });
  return el("div", { class: "system-line" }, "🧵 ", who, " started a thread: ", open, " ", when);
}

function referenceLine(message) {
  const origin = message.interaction_metadata;
  if (message.interaction && origin && [SLASH_RESPONSE, MENU_RESPONSE].includes(message.type)) {
    const user = findUser(message.interaction.user.id) ?? message.interaction.user;
    const slash = message.type === SLASH_RESPONSE ? "/" : "";
    return el("div", { class: "reference" }, avatar({ ...user, name: nameOf(user.id) }, "avatar tiny"),
      el("span", { class: "mention-name", text: nameOf(user.id) }), " used ",
      el("span", { class: "used-command", text: `${slash}${message.interaction.name}` }));
  }
  if (message.type !== REPLY && message.type !== THREAD_STARTER) return null;
  const original = message.referenced_message;
  if (!original) return el("div", { class: "reference" }, el("em", { text: "Original message was deleted" }));
  const name = nameOf(original.author.id);
  const pings = message.mentions.some((user) => user.id === original.author.id);
  const preview = previewOf(original);
  return el("div", { class: "reference" },
    avatar({ id: original.author.id, name, bot: original.author.bot }, "avatar tiny"),
    original.author.bot ? el("span", { class: "app-tag", text: "APP" }) : null,
    el("span", { class: "mention-name", text: pings ? `@${name}` : name }),
    el("button", {
      type: "button", class: "reference-text", text: preview, "aria-label": `Reply to ${name}: ${preview}. Go to it.`,
      on: { click: () => emit("jump", { channelId: original.channel_id, messageId: original.id }) },
    }));
}

function previewOf(message) {
  const text = [message.content, ...collectTexts(message.components ?? [])].filter(Boolean).join("\n");
  if (text) return plainText(text).slice(0, 120);
  if (message.poll) return `📊 ${message.poll.question.text}`;
  if (message.attachments.length) return "Click to see attachment 🖼";
  return "Click to see message";
}

function parts(message) {
  if (message.flags & LOADING) {
    return el("div", { class: "thinking" }, dots(), el("span", { text: `${nameOf(message.author.id)} is thinking…` }), message.is_ephemeral ? ephemeralLine(message) : null);
  }
  const v2 = Boolean(message.flags & COMPONENTS_V2);
  const edited = message.edited_timestamp ? el("span", { class: "edited", text: "(edited)", title: new Date(message.edited_timestamp).toLocaleString() }) : null;
  return [
    message.content ? el("div", { class: "text content" }, markdown(message.content), edited) : null,
    renderForward(message),
    renderPoll(message.poll),
    (message.sticker_items ?? []).map(renderSticker),
    v2 ? null : renderAttachments(message.attachments),
    message.embeds.map(renderEmbed),
    message.components?.length ? el("div", { class: v2 ? "layout" : "rows" }, renderComponents(message.components, message)) : null,
    !message.content && edited && v2 ? el("div", { class: "edited-line" }, edited) : null,
    thread(message.thread),
    reactions(message),
    message.is_ephemeral ? ephemeralLine(message) : null,
  ];
}

export const dots = () => el("span", { class: "dots", "aria-hidden": "true" }, el("i"), el("i"), el("i"));

function thread(opened) {
  if (!opened) return null;
  return el("button", { type: "button", class: "thread-card", on: { click: () => emit("jump", { channelId: opened.id }) } },
    el("strong", { text: opened.name }), el("span", { text: `${opened.message_count} messages ›` }));
}

function reactions(message) {
  if (!message.reactions?.length) return null;
  return el("div", { class: "reactions" },
    message.reactions.map((reaction) => {
      const key = emojiKey(reaction.emoji);
      const shown = reaction.emoji.id ? `:${reaction.emoji.name}:` : reaction.emoji.name;
      return el("button", {
        type: "button", class: reaction.me ? "reaction mine" : "reaction", "aria-pressed": String(reaction.me),
        "aria-label": `${shown}, ${reaction.count}: ${reaction.names.join(", ")}`, title: reaction.names.join(", "),
        data: { key: `reaction ${key}` },
        on: { click: () => react(message, key, reaction.me) },
      }, el("span", { text: shown }), el("span", { class: "count", text: String(reaction.count) }));
    }),
    iconButton("☺+", "Add reaction", (event) => openEmoji(event.currentTarget, (emoji) => react(message, emoji, false)), { class: "reaction add" }));
}

function ephemeralLine(message) {
  return el("div", { class: "ephemeral-line" },
    el("span", { "aria-hidden": "true", text: "👁 " }), "Only you can see this • ",
    el("button", {
      type: "button", class: "text-link", text: "Dismiss message",
      on: { click: () => { state.dismissed.add(message.id); emit("messages"); } },
    }));
}

function toolbar(message, item) {
  const tools = [];
  const can = channel()?.can ?? {};
  if (!message.is_ephemeral) {
    tools.push(iconButton("☺", "Add reaction", (event) => openEmoji(event.currentTarget, (emoji) => react(message, emoji, false))));
    if (can.send || can.send_in_threads) tools.push(iconButton("↩", "Reply", () => emit("reply", message)));
  }
  if (message.author.id === state.user) tools.push(iconButton("✎", "Edit", () => startEdit(message, item)));
  tools.push(iconButton("⋯", "More", (event) => openTools(event, event.currentTarget, message)));
  return el("div", { class: "toolbar", role: "group", "aria-label": "Message actions" }, tools);
}

async function openTools(event, anchor, message) {
  if (event.target.closest?.("a, video, input, textarea")) return;
  event.preventDefault();
  const target = event.currentTarget?.matches?.("button") ? event.currentTarget : anchor;
  const point = event.type === "contextmenu" && event.clientX ? { x: event.clientX, y: event.clientY } : undefined;
  const commands = await attempt(offeredCommands) ?? [];
  const can = channel()?.can ?? {};
  const mine = message.author.id === state.user;
  const entries = [];
  if (!message.is_ephemeral) {
    entries.push({ label: "Add reaction", symbol: "☺", onPick: () => openEmoji(target, (emoji) => react(message, emoji, false)) });
    entries.push({ label: "Reply", symbol: "↩", onPick: () => emit("reply", message) });
    if (can.open_threads && !message.thread && !channel()?.thread) entries.push({ label: "Create thread", symbol: "🧵", onPick: () => openThread(message) });
  }
  if (mine) entries.push({ label: "Edit message", symbol: "✎", onPick: () => startEdit(message, document.querySelector(`.message[data-id="${message.id}"]`)) });
  const menus = message.is_ephemeral ? [] : commands.filter((command) => command.type === MENU_COMMAND);
  if (menus.length) entries.push({ heading: "Apps" });
  for (const command of menus) {
    entries.push({ label: localized(command, "name"), symbol: "🤖", onPick: () => useMenu(command.name, { message: message.id }) });
  }
  if (!message.is_ephemeral && (mine || can.manage_messages)) {
    entries.push({ heading: "" });
    entries.push({ label: "Delete message", symbol: "🗑", danger: true, onPick: () => deleteMessage(message) });
  }
  if (entries.length) openMenu(target, "Message", entries, { point });
}

async function openThread(message) {
  const name = plainText(message.content || nameOf(message.author.id)).slice(0, 60) || "New thread";
  const answer = await attempt(() => play("POST", "threads", { user: state.user, message: message.id, name }));
  if (answer) emit("jump", { channelId: answer.channel });
}

function startEdit(message, item) {
  const content = item?.querySelector(".content") ?? item?.querySelector(".message-body");
  if (!content) return;
  const input = el("textarea", { value: message.content, "aria-label": "Edit message. Enter to save, Escape to cancel", class: "edit-input", rows: "2" });
  const restore = () => emit("message", message);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") restore();
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      editMessage(message, input.value).then(restore);
    }
  });
  content.replaceChildren(input, el("p", { class: "small", text: "Escape to cancel • Enter to save" }));
  input.focus();
}
