// What this person's client knows. Parts of the page listen for the name of what has changed.

import { play } from "./api.js";

const listeners = new Map();

export const state = {
  user: null,
  world: null,
  guildId: null,
  channelId: null,
  messages: new Map(),
  unread: new Map(),
  typing: new Map(),
  dismissed: new Set(),
  commands: new Map(),
  requests: new Map(),
  connected: false,
};

/** Call `listener` whenever `name` is emitted. */
export function on(name, listener) {
  if (!listeners.has(name)) listeners.set(name, []);
  listeners.get(name).push(listener);
}

export function emit(name, detail) {
  for (const listener of listeners.get(name) ?? []) listener(detail);
}

/** Return the unix time in seconds by the sandbox's clock. */
export const now = () => Date.now() / 1000 + (state.world?.clock_ahead_s ?? 0);

export const guild = () => state.world?.guilds.find((each) => each.id === state.guildId) ?? null;

export function allChannels() {
  if (!state.world) return [];
  return [...state.world.guilds.flatMap((each) => each.channels), ...state.world.conversations];
}

export const findChannel = (id) => allChannels().find((each) => each.id === id) ?? null;
export const channel = () => findChannel(state.channelId);
export const findUser = (id) => state.world?.users.find((each) => each.id === id) ?? null;
export const memberOf = (id) => guild()?.members.find((each) => each.id === id) ?? null;

/** Return the name that a user has in the open server. */
export function nameOf(id) {
  const member = memberOf(id);
  return member?.nick || member?.name || findUser(id)?.name || "unknown-user";
}

/** Return the color of a member's highest colored role, or null. */
export function colorOf(id) {
  const roles = memberOf(id)?.roles ?? [];
  const colored = (guild()?.roles ?? []).filter((role) => roles.includes(role.id) && role.color);
  colored.sort((one, other) => other.position - one.position);
  return colored.length ? `#${colored[0].color.toString(16).padStart(6, "0")}` : null;
}

/** Return a text in the person's language, if a command has one. */
export const localized = (thing, field) =>
  thing[`${field}_localizations`]?.[state.world.me.locale] ?? thing[field];

/** Return the commands that are offered in the open channel. Age-restricted ones are not offered everywhere. */
export async function offeredCommands() {
  const age = `${channel()?.nsfw ?? false}/${state.world.me.allows_age_restricted}`;
  const key = `${state.user}/${state.channelId}/${state.world.commands_version}/${age}`;
  if (!state.commands.has(key)) {
    const loading = play("GET", `channels/${state.channelId}/commands?user=${state.user}`);
    state.commands.set(key, loading);
    loading.catch(() => state.commands.delete(key));
  }
  return state.commands.get(key);
}

export const shownMessages = () =>
  [...(state.messages.get(state.channelId)?.values() ?? [])]
    .filter((message) => !state.dismissed.has(message.id))
    .sort((one, other) => (BigInt(one.id) < BigInt(other.id) ? -1 : 1));
