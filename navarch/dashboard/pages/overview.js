// The cluster on one page: what there is, how it is, and what went wrong last.

import * as api from "../api.js";
import { age, el, many, mood } from "../dom.js";
import { linkTo } from "./list.js";

const WARNINGS = 30;
const REFRESH_MS = 5000;
/** Kind, and the column that tells how its objects are. */
const CARDS = [
  ["nodes", "Status"], ["pods", "Status"], ["deployments.apps", "Ready"], ["statefulsets.apps", "Ready"],
  ["daemonsets.apps", "Ready"], ["jobs.batch", "Status"], ["persistentvolumeclaims", "Status"], ["services", "Type"],
];

export async function show(page, { kinds, namespace, signal }) {
  const cards = el("div", { class: "cards" }), warnings = el("div");
  page.replaceChildren(el("h1", {}, "Overview"), cards, el("h2", {}, "Warnings"), warnings);
  while (!signal.aborted) {
    const found = await Promise.all(CARDS.filter(([key]) => kinds.has(key))
      .map(([key, column]) => card(kinds.get(key), column, namespace, signal)));
    cards.replaceChildren(...found);
    warnings.replaceChildren(await recent(kinds, namespace, signal));
    await new Promise((resolve) => { setTimeout(resolve, REFRESH_MS); });
  }
}

async function card(kind, column, namespace, signal) {
  const scope = kind.namespaced ? namespace : "";
  const link = el("a", { href: `#/list/${kind.key}` }, many(kind));
  try {
    const page = await api.table(kind, scope, { limit: 500, includeObject: "None" }, signal);
    const rows = page.rows ?? [], at = page.columnDefinitions.findIndex((each) => each.name === column);
    const states = new Map();
    for (const row of rows) states.set(state(row.cells[at]), (states.get(state(row.cells[at])) ?? 0) + 1);
    return el("div", { class: "card" }, link,
      el("strong", {}, String(rows.length + (page.metadata.remainingItemCount ?? 0))),
      [...states].map(([text, count]) => el("div", { class: mood(text) }, `${count} ${text}`)));
  } catch (error) {
    if (signal.aborted) throw error;
    return el("div", { class: "card" }, link, el("div", { class: "quiet" }, error.message));
  }
}

/** `3/3` and daemon sets' plain numbers say ready or not. */
function state(cell) {
  const parts = /^(\d+)\/(\d+)$/.exec(cell);
  if (parts) return parts[1] === parts[2] ? "ready" : "not ready";
  return typeof cell === "number" ? "ready" : String(cell ?? "");
}

async function recent(kinds, namespace, signal) {
  const events = kinds.get("events");
  const query = new URLSearchParams({ fieldSelector: "type=Warning", limit: "500" });
  const { items } = await api.json(`${api.pathOf(events, namespace)}?${query}`, { signal });
  if (!items.length) return el("p", { class: "quiet" }, "None.");
  return eventTable(items, kinds).cut(WARNINGS);
}

const when = (event) => event.lastTimestamp || event.eventTime || event.metadata.creationTimestamp;

/** Events, the last first. */
export function eventTable(items, kinds) {
  const sorted = [...items].sort((a, b) => when(b).localeCompare(when(a)));
  const byKind = new Map([...kinds.values()].map((kind) => [`${kind.kind}.${kind.group}`, kind]));
  const about = ({ kind, namespace, name, apiVersion = "" }) => {
    const group = apiVersion.includes("/") ? apiVersion.split("/")[0] : "";
    const known = byKind.get(`${kind}.${group}`);
    const text = `${kind}/${name}`;
    return known ? el("a", { href: linkTo(known, namespace, name) }, text) : text;
  };
  const made = el("table", {},
    el("thead", {}, el("tr", {}, ["Last seen", "Type", "Reason", "Object", "Message", "Count"]
      .map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, sorted.map((event) => el("tr", {},
      el("td", {}, age(when(event))),
      el("td", { class: event.type === "Warning" ? "bad" : "" }, event.type),
      el("td", {}, event.reason),
      el("td", {}, about(event.involvedObject)),
      el("td", {}, event.message),
      el("td", {}, String(event.series?.count ?? event.count ?? 1))))));
  made.cut = (most) => {
    [...made.tBodies[0].rows].slice(most).forEach((row) => row.remove());
    return made;
  };
  return made;
}
