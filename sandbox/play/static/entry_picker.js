// The list above the message field while a person types "/" or "@": commands, or people.

import { avatar, el } from "./dom.js";
import { state } from "./store.js";

export class EntryPicker {
  constructor(input) {
    this.input = input;
    this.shown = [];
    this.at = 0;
    this.list = el("div", { id: "entry-list", role: "listbox" });
    this.element = el("div", { class: "picker", hidden: true }, this.list);
  }

  get isOpen() {
    return !this.element.hidden;
  }

  /** Show items, each drawn by `render`, under the name `label`; none closes the list. */
  show(items, { label, render, onPick }) {
    if (!items.length) {
      this.close();
      return;
    }
    this.shown = items;
    this.onPick = onPick;
    this.at = 0;
    this.element.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.list.setAttribute("aria-label", label);
    this.list.replaceChildren(...items.map((item, index) => el("div", {
      role: "option", id: `entry-option-${index}`,
      on: { pointerdown: (event) => { event.preventDefault(); this.pick(index); } },
    }, render(item))));
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
    } else if (event.key === "Enter" || event.key === "Tab") this.pick(this.at);
    else if (event.key === "Escape") this.close();
    else return false;
    event.preventDefault();
    return true;
  }

  pick(index) {
    const item = this.shown[index];
    this.close();
    this.onPick(item);
  }

  mark() {
    [...this.list.children].forEach((option, index) => {
      option.setAttribute("aria-selected", String(index === this.at));
      if (index === this.at) option.scrollIntoView({ block: "nearest" });
    });
    this.input.setAttribute("aria-activedescendant", `entry-option-${this.at}`);
  }
}

/** Return the line of a command: its name, required options, description and bot. */
export function commandLine(command) {
  const bot = state.world.bot;
  return [
    avatar({ ...bot, bot: true }, "avatar medium"),
    el("span", { class: "picker-text" },
      el("span", { class: "picker-name" }, `/${command.shown}`,
        command.options.filter((option) => option.required).map((option) => el("span", { class: "picker-option", text: option.name }))),
      el("span", { class: "picker-description", text: command.description })),
    el("span", { class: "picker-bot", text: bot.name }),
  ];
}

/** Return the line of a person. */
export function personLine(person) {
  return [
    avatar(person, "avatar medium"),
    el("span", { class: "picker-text" }, el("span", { class: "picker-name", text: person.nick || person.name })),
    el("span", { class: "picker-bot", text: person.username }),
  ];
}
