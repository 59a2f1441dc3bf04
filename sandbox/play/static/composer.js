// The line at the bottom: messages, replies, files, and the way into slash commands.

import { attempt } from "./actions.js";
import { play, upload } from "./api.js";
import { CommandForm } from "./command_form.js";
import { el, iconButton, notify } from "./dom.js";
import { commandLine, EntryPicker, personLine } from "./entry_picker.js";
import { plainText } from "./markdown.js";
import { openEmoji } from "./popup.js";
import { channel, emit, guild, nameOf, offeredCommands, on, state } from "./store.js";
import { flattenCommands, matchCommands } from "./commands.js";

let box;
let input;
let picker;
let form = null;
let replyTo = null;
let ping = true;
let files = [];

/** Set up the composer. */
export function startComposer() {
  box = document.getElementById("composer");
  input = el("textarea", {
    id: "entry", rows: "1", "aria-label": "Message", autocomplete: "off", role: "combobox", "aria-expanded": "false",
    "aria-controls": "entry-list", "aria-autocomplete": "list",
    on: { keydown: onKey, input: onInput, paste: onPaste },
  });
  picker = new EntryPicker(input);
  document.addEventListener("dragover", onDragOver);
  document.addEventListener("drop", onDrop);
  document.addEventListener("keydown", typeAnywhere);
  on("channel", reset);
  on("reply", startReply);
  on("world", drawWhenStale);
  on("compose-command", openByName);
  draw();
}

/** Let a person who has nothing focused simply begin to type. */
function typeAnywhere(event) {
  const isText = event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey;
  if (isText && document.activeElement === document.body && input.isConnected) input.focus();
}

function reset() {
  replyTo = null;
  files = [];
  form = null;
  input.value = "";
  picker.close();
  draw();
}

let drawnFor = "";

function drawWhenStale() {
  if (picker.isOpen || input.value === "/") onInput();
  const key = JSON.stringify([state.channelId, channel()?.can, channel()?.thread]);
  if (key !== drawnFor && form === null) draw();
}

function draw() {
  drawnFor = JSON.stringify([state.channelId, channel()?.can, channel()?.thread]);
  const open = channel();
  const allowed = open && open.holds_messages && (open.thread ? open.can.send_in_threads : open.can.send);
  if (open?.holds_posts) {
    box.replaceChildren(postForm(open));
    return;
  }
  if (!allowed) {
    box.replaceChildren(el("p", { class: "no-entry", text: open ? "You do not have permission to send messages in this channel." : "Choose a channel." }));
    return;
  }
  const name = open.name ? `#${open.name}` : `@${state.world.bot.name}`;
  input.placeholder = `Message ${name}`;
  const line = form ? form.element : el("div", { class: "entry-line" }, fileButton(), input, iconButton("☺", "Emoji", (event) => openEmoji(event.currentTarget, insert)));
  box.replaceChildren(...[picker.element, form ? null : replyBar(), form ? null : fileBar(), line].filter(Boolean));
  grow();
}

function postForm(forum) {
  const title = el("input", { type: "text", placeholder: "Title", "aria-label": "Title of the post", maxlength: "100", required: true });
  const words = el("textarea", { rows: "2", placeholder: "Write a post", "aria-label": "Text of the post" });
  const tags = forum.tags.map((tag) => el("label", { class: "tag" }, el("input", { type: "checkbox", value: tag }), tag));
  const submit = async (event) => {
    event.preventDefault();
    const chosen = tags.map((tag) => tag.querySelector("input")).filter((each) => each.checked).map((each) => each.value);
    const body = { user: state.user, channel: forum.id, name: title.value, content: words.value, tags: chosen };
    const answer = await attempt(() => play("POST", "threads", body));
    if (answer) emit("jump", { channelId: answer.channel });
  };
  return el("form", { class: "post-form", on: { submit } }, title, words, el("div", { class: "tags" }, tags, el("button", { class: "button primary", text: "Post" })));
}

function fileButton() {
  const chooser = el("input", { type: "file", multiple: true, class: "visually-hidden", tabindex: "-1", "aria-hidden": "true", on: { change: () => addFiles([...chooser.files]) } });
  return el("span", {}, iconButton("＋", "Add files", () => chooser.click(), { class: "icon plus" }), chooser);
}

function replyBar() {
  if (!replyTo) return null;
  const name = nameOf(replyTo.author.id);
  return el("div", { class: "reply-bar" },
    el("span", {}, "Replying to ", el("strong", { text: name })),
    el("button", {
      type: "button", class: ping ? "ping on" : "ping", "aria-pressed": String(ping), "aria-label": `Mention ${name}`,
      text: ping ? "@ ON" : "@ OFF", on: { click: () => { ping = !ping; draw(); box.querySelector(".ping").focus(); } },
    }),
    iconButton("✕", "Cancel reply", () => { replyTo = null; draw(); input.focus(); }));
}

function fileBar() {
  if (!files.length) return null;
  return el("ul", { class: "file-bar", "aria-label": "Files to send" }, files.map((file) => el("li", {},
    preview(file), el("span", { class: "file-name", text: file.name }),
    iconButton("✕", `Remove ${file.name}`, () => { files = files.filter((each) => each !== file); draw(); input.focus(); }))));
}

/** Return a small picture of a chosen file, or a sign for it. */
export function preview(file) {
  if (!file.type.startsWith("image/")) return el("span", { class: "file-sign", "aria-hidden": "true", text: "📄" });
  const address = URL.createObjectURL(file);
  return el("img", { src: address, alt: "", on: { load: () => URL.revokeObjectURL(address) } });
}

function startReply(message) {
  if (form) closeForm();
  replyTo = message;
  ping = true;
  draw();
  input.focus();
  input.setAttribute("aria-label", `Reply to ${nameOf(message.author.id)}: ${plainText(message.content).slice(0, 60)}`);
}

function addFiles(added) {
  if (form && added.length) {
    form.takeFile(added[0]);
    return;
  }
  files = [...files, ...added].slice(0, 10);
  draw();
  input.focus();
}

function onDragOver(event) {
  if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
}

function onDrop(event) {
  if (!event.dataTransfer?.files.length) return;
  event.preventDefault();
  if (document.querySelector("dialog[open]")) return;
  addFiles([...event.dataTransfer.files]);
}

function onPaste(event) {
  if (event.clipboardData?.files.length) addFiles([...event.clipboardData.files]);
}

function insert(text) {
  input.setRangeText(text, input.selectionStart, input.selectionEnd, "end");
  input.focus();
  grow();
}

function grow() {
  input.style.setProperty("height", "auto");
  input.style.setProperty("height", `${Math.min(input.scrollHeight, 220)}px`);
}

async function onInput() {
  grow();
  const mention = /(?:^|\s)@(\w*)$/.exec(input.value.slice(0, input.selectionStart));
  if (mention) {
    offerPeople(mention[1].toLowerCase());
    return;
  }
  if (!input.value.startsWith("/") || input.value.includes("\n")) {
    picker.close();
    return;
  }
  const commands = await attempt(offeredCommands);
  if (!commands || !input.value.startsWith("/")) return;
  const found = matchCommands(flattenCommands(commands), input.value.slice(1));
  picker.show(found, { label: "Commands", render: commandLine, onPick: openForm });
}

function offerPeople(typed) {
  const found = (guild()?.members ?? []).filter((member) =>
    [member.nick, member.name, member.username].some((name) => name?.toLowerCase().startsWith(typed)));
  const onPick = (member) => {
    const end = input.selectionStart;
    input.setRangeText(`@${member.username} `, end - typed.length - 1, end, "end");
    input.focus();
  };
  picker.show(found, { label: "People", render: personLine, onPick });
}

function onKey(event) {
  if (event.isComposing) return;
  if (picker.isOpen && picker.onKey(event)) return;
  if (event.key === "Escape" && replyTo) {
    replyTo = null;
    draw();
    input.focus();
  }
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    sendMessage();
  }
  if (event.key === "ArrowUp" && input.value === "") emit("edit-last");
}

async function sendMessage() {
  const content = input.value;
  if (!content.trim() && !files.length) return;
  const sent = { files, content, replyTo };
  files = [];
  input.value = "";
  const body = { user: state.user, channel: state.channelId, content };
  if (replyTo) Object.assign(body, { reply_to: replyTo.id, ping });
  replyTo = null;
  draw();
  input.setAttribute("aria-label", "Message");
  input.focus();
  const answer = await attempt(async () => {
    body.attachments = await Promise.all(sent.files.map(upload));
    return play("POST", "messages", body);
  });
  if (answer === null && input.value === "") {
    ({ files, replyTo } = sent);
    input.value = sent.content;
    draw();
  }
}

function openForm(command) {
  input.value = "";
  form = new CommandForm(command, { onClose: closeForm, onRefused: reopenForm });
  draw();
  form.focus();
}

function closeForm() {
  form = null;
  draw();
  input.focus();
}

/** Show a refused command again, so that it can be corrected, unless the person went on. */
function reopenForm(refused) {
  if (form !== null || input.value !== "") return;
  form = refused;
  draw();
  form.focus();
}

async function openByName(name) {
  const commands = await attempt(offeredCommands);
  const found = flattenCommands(commands ?? []).find((each) => each.path === name);
  if (found) openForm(found);
  else notify(`/${name} is not offered here.`);
}
