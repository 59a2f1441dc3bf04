// Starts the page: finds out who the person is, listens to the sandbox, and opens a channel.

import { attempt } from "./actions.js";
import { openSocket, play } from "./api.js";
import { startComposer } from "./composer.js";
import { startConditions } from "./conditions.js";
import { notify } from "./dom.js";
import { refreshTimes } from "./markdown.js";
import { startModals } from "./modal.js";
import { drawRequests, startRequests } from "./requests.js";
import { firstChannel, startSidebar } from "./sidebar.js";
import { channel, emit, findChannel, on, state } from "./store.js";
import { showMessage, startTimeline } from "./timeline.js";

const MAX_REQUESTS = 500;
let closeSocket = () => {};
let wanted = null;
let startedFor = null;

async function start() {
  startSidebar();
  startTimeline();
  startComposer();
  startModals();
  startRequests();
  startConditions();
  startPanels();
  startTheme();
  on("jump", jump);
  on("become", become);
  on("open-soon", (id) => { wanted = id; openWanted(); });
  setInterval(refreshTimes, 1000);
  const people = await attempt(() => play("GET", "people"));
  if (!people?.length) {
    notify("Nobody is in any server of this sandbox.");
    return;
  }
  const asked = sessionStorage.getItem("user");
  become(people.some((person) => person.id === asked) ? asked : people[0].id);
}

function become(user) {
  closeSocket();
  sessionStorage.setItem("user", user);
  Object.assign(state, { user, messages: new Map(), typing: new Map(), commands: new Map(), unread: new Map() });
  closeSocket = openSocket(user, onFrame, (connected) => {
    state.connected = connected;
    if (connected) state.messages = new Map();
    emit("connected");
    if (connected && startedFor === user) loadMessages();
  });
}

function onFrame(frame) {
  if (frame.type === "world") onWorld(frame.world);
  if (frame.type === "message") onMessage(frame.message);
  if (frame.type === "deleted") onDeleted(frame);
  if (frame.type === "typing") onTyping(frame);
  if (frame.type === "requests") onRequests(frame.requests);
}

function onWorld(world) {
  if (world.me.id !== state.user) return;
  const isNewPerson = startedFor !== state.user;
  state.world = world;
  startedFor = state.user;
  if (wanted && findChannel(wanted)) {
    openWanted();
  } else if (!channel()) {
    const first = world.guilds[0];
    openChannel(first ? firstChannel(first) : (world.conversations[0]?.id ?? null));
  } else if (isNewPerson) {
    openChannel(state.channelId);
  }
  emit("world");
}

function onMessage(message) {
  const messages = state.messages.get(message.channel_id);
  const isKnown = messages?.has(message.id);
  messages?.set(message.id, message);
  if (!message.author.bot || !isKnown) state.typing.get(message.channel_id)?.delete(message.author.id);
  if (message.channel_id === state.channelId) emit("message", message);
  else if (!isKnown && message.author.id !== state.user) {
    state.unread.set(message.channel_id, true);
    emit("unread");
  }
  emit("typing");
}

function onDeleted({ id, channel_id: channelId }) {
  if (state.messages.get(channelId)?.delete(id) && channelId === state.channelId) emit("messages");
}

function onTyping({ channel_id: channelId, user_id: userId }) {
  if (!state.typing.has(channelId)) state.typing.set(channelId, new Map());
  state.typing.get(channelId).set(userId, Date.now());
  emit("typing");
}

function onRequests(requests) {
  for (const entry of requests) state.requests.set(entry.n, entry);
  while (state.requests.size > MAX_REQUESTS) state.requests.delete(state.requests.keys().next().value);
  emit("requests");
}

function openWanted() {
  if (wanted && findChannel(wanted)) {
    const id = wanted;
    wanted = null;
    openChannel(id);
  }
}

async function openChannel(id) {
  state.channelId = id;
  const open = findChannel(id);
  if (open) state.guildId = open.guild_id;
  state.unread.delete(id);
  document.body.classList.remove("show-channels");
  emit("channel");
  await loadMessages();
}

async function loadMessages() {
  const { user, channelId } = state;
  if (!channelId || !findChannel(channelId)?.holds_messages || state.messages.has(channelId)) return;
  const loading = new Map();
  state.messages.set(channelId, loading);
  const found = await attempt(() => play("GET", `channels/${channelId}/messages?user=${user}`));
  if (state.user !== user || state.messages.get(channelId) !== loading) return;
  for (const message of found ?? []) if (!loading.has(message.id)) loading.set(message.id, message);
  if (state.channelId === channelId) emit("messages");
}

async function jump({ channelId, messageId }) {
  if (!channelId) return;
  if (!findChannel(channelId)) {
    wanted = channelId; // a thread that was just opened comes with the next frame
    return;
  }
  if (channelId !== state.channelId) await openChannel(channelId);
  if (messageId) showMessage(messageId);
}

function startPanels() {
  const tabs = [...document.querySelectorAll("#panel [role=tab]")];
  const select = (tab) => {
    for (const each of tabs) {
      const isChosen = each === tab;
      each.setAttribute("aria-selected", String(isChosen));
      each.tabIndex = isChosen ? 0 : -1;
      document.getElementById(each.getAttribute("aria-controls")).hidden = !isChosen;
    }
    drawRequests();
  };
  for (const tab of tabs) {
    tab.addEventListener("click", () => select(tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
      select(next);
      next.focus();
    });
  }
  const toggle = (button, name, isShownWide) => {
    const wide = matchMedia("(min-width: 1100px)");
    const update = () => button.setAttribute("aria-expanded", String(document.body.classList.contains(`show-${name}`)));
    if (isShownWide && wide.matches) document.body.classList.add(`show-${name}`);
    button.addEventListener("click", () => { document.body.classList.toggle(`show-${name}`); update(); });
    update();
  };
  toggle(document.getElementById("toggle-panel"), "panel", true);
  toggle(document.getElementById("toggle-channels"), "channels", false);
  document.getElementById("scroller").addEventListener("pointerdown", () => {
    if (matchMedia("(max-width: 760px)").matches) document.body.classList.remove("show-channels");
  });
}

function startTheme() {
  const choice = document.getElementById("theme");
  const apply = (theme) => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    localStorage.setItem("theme", theme);
  };
  choice.value = localStorage.getItem("theme") ?? "auto";
  apply(choice.value);
  choice.addEventListener("change", () => apply(choice.value));
}

start();
