// What a person does with a message. A refusal is shown as a notice.

import { play, Refused } from "./api.js";
import { notify } from "./dom.js";
import { emit, state } from "./store.js";

/** Run an action and show why it was refused, if it was. Return its result, or null. */
export async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    notify(error.message);
    return null;
  }
}

/** Send an interaction and deal with the answer: a modal, choices, or none in time. */
export async function interact(path, body) {
  const answer = await attempt(() => play("POST", path, { user: state.user, ...body }));
  if (answer === null) return null;
  const interaction = answer.interaction;
  if (interaction.modal) emit("modal", interaction);
  if (interaction.state === "failed") notify(`${state.world.bot.name} did not respond in time.`);
  return interaction;
}

export const pressComponent = (message, customId, values) =>
  interact("components", { message: message.id, custom_id: customId, values });

export const useMenu = (name, target) =>
  interact("context-menus", { channel: state.channelId, command: name, ...target });

export const react = (message, emoji, remove) =>
  attempt(() => play("POST", "reactions", { user: state.user, message: message.id, emoji, remove }));

export const deleteMessage = (message) =>
  attempt(() => play("DELETE", `messages/${message.id}`, { user: state.user }));

export const editMessage = (message, content) =>
  attempt(() => play("PATCH", `messages/${message.id}`, { user: state.user, content }));

/** Return an emoji as the API names it. */
export const emojiKey = (emoji) => (emoji.id ? `${emoji.name}:${emoji.id}` : emoji.name);
