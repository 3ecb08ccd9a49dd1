// Elements from plain values. Text never becomes markup.

/** `attributes` whose values are functions are listeners (`onclick`); false and undefined ones are left out. */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  return made;
}

/** How long ago a time of the API was, the way kubectl writes it. */
export function age(time, now = Date.now()) {
  const seconds = Math.max(0, Math.floor((now - Date.parse(time)) / 1000));
  if (Number.isNaN(seconds)) return "<unknown>";
  const minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60), days = Math.floor(hours / 24);
  if (seconds < 120) return `${seconds}s`;
  if (minutes < 10) return seconds % 60 ? `${minutes}m${seconds % 60}s` : `${minutes}m`;
  if (minutes < 180) return `${minutes}m`;
  if (hours < 8) return minutes % 60 ? `${hours}h${minutes % 60}m` : `${hours}h`;
  if (hours < 48) return `${hours}h`;
  if (days < 8) return hours % 24 ? `${days}d${hours % 24}h` : `${days}d`;
  if (days < 730) return `${days}d`;
  return `${Math.floor(days / 365)}y${Math.floor((days % 365))}d`;
}

const BAD = /err|fail|backoff|oom|evicted|lost|invalid|deadline|notready|false/i;
const WAITING = /pending|not ready|creating|terminating|init:|waiting|unknown|suspend|progressing|schedulingdisabled/i;
const GOOD = /^(running|ready|active|bound|available|complete|completed|succeeded|true|approved.*)$/i;

/** The class for what a cell says of a state; empty for what says nothing of one. */
export function mood(text) {
  if (GOOD.test(text)) return "good";
  if (WAITING.test(text)) return "waiting";
  return BAD.test(text) ? "bad" : "";
}

/** What many objects of a kind are called: its own name in the plural of its path. */
export function many({ kind, plural }) {
  const lower = kind.toLowerCase();
  if (plural.startsWith(lower)) return kind + plural.slice(lower.length);
  return kind.endsWith("y") && plural.endsWith("ies") ? `${kind.slice(0, -1)}ies` : kind;
}

/** Ask before something is done. Resolves to what the form holds, null if it was called off. */
export function ask(question, label, inputs = [], danger = false) {
  return new Promise((resolve) => {
    const form = el("form", { method: "dialog" }, el("p", {}, question), inputs,
      el("div", { class: "bar" },
        el("button", { value: "" }, "Cancel"),
        el("button", { value: "yes", class: danger ? "danger" : "" }, label)));
    const dialog = el("dialog", { onclose: () => {
      resolve(dialog.returnValue === "yes" ? new FormData(form) : null);
      dialog.remove();
    } }, form);
    document.body.append(dialog);
    dialog.showModal();
  });
}
