// What a container writes, as it writes it.

import * as api from "../api.js";
import { el } from "../dom.js";

const TAIL = 500;
const LINES_MOST = 5000;

export function show(body, pod, signal) {
  const { initContainers = [], containers, ephemeralContainers = [] } = pod.spec;
  const names = [...containers, ...initContainers, ...ephemeralContainers].map((each) => each.name);
  const container = el("select", { "aria-label": "Container" }, names.map((name) => el("option", {}, name)));
  const previous = el("input", { type: "checkbox" }), times = el("input", { type: "checkbox" });
  const text = el("pre", { class: "log", tabindex: 0 });
  let current = new AbortController();
  signal.addEventListener("abort", () => current.abort());
  const begin = () => {
    current.abort();
    current = new AbortController();
    const query = { container: container.value, tailLines: TAIL, timestamps: times.checked };
    read(text, pod.metadata, previous.checked ? { ...query, previous: true } : { ...query, follow: true },
      current.signal);
  };
  for (const control of [container, previous, times]) control.addEventListener("change", begin);
  body.replaceChildren(el("div", { class: "bar" }, container,
    el("label", {}, previous, " of the container before"), el("label", {}, times, " with times")), text);
  begin();
}

async function read(text, { namespace, name }, query, signal) {
  text.replaceChildren();
  try {
    for await (const line of api.log({ namespace, name }, query, signal)) {
      const below = text.scrollHeight - text.scrollTop - text.clientHeight < 20;
      text.append(`${line}\n`);
      if (text.childNodes.length > LINES_MOST) text.firstChild.remove();
      if (below) text.scrollTop = text.scrollHeight;
    }
  } catch (error) {
    if (!signal.aborted) text.append(el("span", { class: "error" }, error.message));
  }
}
