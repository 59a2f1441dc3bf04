// The options of a select or command option: its own, or the people, roles and channels there are.

import { allChannels, findChannel, findUser, guild, nameOf, state } from "../store.js";

/** Return {value, label, description?, emoji?, default?} for each option of a select. */
export function entityOptions(select) {
  if (select.options) return select.options;
  const preset = new Set((select.default_values ?? []).map((value) => value.id));
  const found = [];
  if (select.type === 5 || select.type === 7) found.push(...userOptions());
  if (select.type === 6 || select.type === 7) found.push(...roleOptions());
  if (select.type === 8) found.push(...channelOptions(select.channel_types));
  return found.map((option) => ({ ...option, default: preset.has(option.value) }));
}

export function userOptions() {
  const ids = guild() ? guild().members.map((member) => member.id) : [state.user, state.world.bot.id];
  return ids.map((id) => ({ value: id, label: nameOf(id), description: findUser(id)?.username }));
}

export const roleOptions = () =>
  (guild()?.roles ?? []).filter((role) => !role.is_everyone).map((role) => ({ value: role.id, label: `@${role.name}` }));

export function channelOptions(types) {
  const offered = guild()?.channels ?? allChannels();
  return offered
    .filter((channel) => !types?.length || types.includes(channel.type))
    .map((channel) => ({
      value: channel.id,
      label: `#${channel.name}`,
      description: findChannel(channel.parent_id)?.name,
    }));
}
