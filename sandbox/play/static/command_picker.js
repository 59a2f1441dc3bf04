// The list of commands above the composer while a person types "/".

import { avatar, el } from "./dom.js";
import { matchCommands } from "./commands.js";
import { state } from "./store.js";

export class CommandPicker {
  /** `onPick` is called with the chosen command. */
  constructor(input, onPick) {
    this.input = input;
    this.onPick = onPick;
    this.shown = [];
    this.at = 0;
    this.element = el("div", { class: "picker", hidden: true },
      el("div", { id: "command-list", role: "listbox", "aria-label": "Commands" }));
  }

  get isOpen() {
    return !this.element.hidden;
  }

  show(commands, typed) {
    this.shown = matchCommands(commands, typed);
    this.at = 0;
    if (!this.shown.length) {
      this.close();
      return;
    }
    this.element.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.element.firstChild.replaceChildren(...this.shown.map((command, index) => this.option(command, index)));
    this.mark();
  }

  close() {
    this.element.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  /** Handle a key and return whether it was one of the list's. */
  onKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      this.at = (this.at + step + this.shown.length) % this.shown.length;
      this.mark();
    } else if (event.key === "Enter" || event.key === "Tab") this.onPick(this.shown[this.at]);
    else if (event.key === "Escape") this.close();
    else return false;
    event.preventDefault();
    return true;
  }

  option(command, index) {
    const bot = state.world.bot;
    return el("div", {
      role: "option", id: `command-${index}`,
      on: { pointerdown: (event) => { event.preventDefault(); this.onPick(command); } },
    },
    avatar({ ...bot, bot: true }, "avatar medium"),
    el("span", { class: "picker-text" },
      el("span", { class: "picker-name" }, `/${command.shown}`,
        command.options.filter((option) => option.required).map((option) => el("span", { class: "picker-option", text: option.name }))),
      el("span", { class: "picker-description", text: command.description })),
    el("span", { class: "picker-bot", text: bot.name }));
  }

  mark() {
    [...this.element.firstChild.children].forEach((option, index) => {
      option.setAttribute("aria-selected", String(index === this.at));
      if (index === this.at) option.scrollIntoView({ block: "nearest" });
    });
    this.input.setAttribute("aria-activedescendant", `command-${this.at}`);
  }
}
