// The slash commands of a bot as a person picks them: one entry for each sub-command.

import { localized } from "./store.js";

const CHAT_INPUT = 1;
const SUB_COMMAND = 1;
const SUB_COMMAND_GROUP = 2;

/** Return {path, shown, description, options} for each command that can be used. */
export function flattenCommands(commands) {
  return commands.filter((command) => command.type === CHAT_INPUT).flatMap((command) => flatten(command, [], []));
}

function flatten(command, path, shown) {
  const names = [...path, command.name];
  const localNames = [...shown, localized(command, "name")];
  const inner = (command.options ?? []).filter((option) => option.type === SUB_COMMAND || option.type === SUB_COMMAND_GROUP);
  if (inner.length) return inner.flatMap((option) => flatten(option, names, localNames));
  return [{
    path: names.join(" "),
    shown: localNames.join(" "),
    description: localized(command, "description"),
    options: command.options ?? [],
  }];
}

/** Return the commands that match what was typed, those whose name begins with it first. */
export function matchCommands(commands, typed) {
  const words = typed.toLowerCase().trim();
  const rank = (command) => {
    const name = command.shown.toLowerCase();
    if (name.startsWith(words)) return 0;
    if (name.includes(words) || command.path.includes(words)) return 1;
    return command.description.toLowerCase().includes(words) && words.length > 2 ? 2 : 3;
  };
  return commands.map((command) => [rank(command), command]).filter(([place]) => place < 3)
    .sort(([one], [other]) => one - other).map(([, command]) => command);
}
