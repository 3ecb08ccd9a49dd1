// A kind's objects in the server's own columns, kept up to date by a watch.

import * as api from "../api.js";
import { age, el, many, mood } from "../dom.js";

const PAGE = 500;
const PAUSE_MS = 1000;
const GONE = 410;

/** Rows by uid, in the order in which they came. Filled by `follow`, drawn by `draw`. */
export class Rows {
  constructor(kind, namespace, query = {}) {
    Object.assign(this, { kind, namespace, query });
    this.columns = [];
    this.rows = new Map();
    this.next = "";
    this.left = 0;
  }

  /** List, then take in changes until `signal` ends it. `changed` is called after each step. */
  async follow(signal, changed) {
    let version = "";
    while (!signal.aborted) {
      try {
        if (!version) {
          version = await this.load(signal);
          changed();
        }
        version = await this.watch(version, signal, changed);
      } catch (error) {
        if (signal.aborted) return;
        if (error.code === GONE) version = "";
        else if (error.code) throw error;
        else version = await pause(PAUSE_MS).then(() => "");
      }
    }
  }

  async load(signal, token = "") {
    const query = { ...this.query, limit: PAGE, ...(token && { continue: token }) };
    const page = await api.table(this.kind, this.namespace, query, signal);
    if (!token) this.rows.clear();
    this.columns = page.columnDefinitions;
    for (const row of page.rows ?? []) this.rows.set(row.object.metadata.uid, row);
    this.next = page.metadata.continue ?? "";
    this.left = page.metadata.remainingItemCount ?? 0;
    return page.metadata.resourceVersion;
  }

  async watch(version, signal, changed) {
    let drawn = true;
    for await (const { type, object } of api.changes(this.kind, this.namespace, this.query, version, signal)) {
      if (type === "ERROR") throw new api.Refused(object.code, object.message);
      for (const row of object.rows ?? []) {
        const { uid, resourceVersion } = row.object.metadata;
        version = resourceVersion || version;
        if (type === "DELETED") this.rows.delete(uid);
        else if (type !== "BOOKMARK") this.rows.set(uid, row);
      }
      // Many changes at once are drawn once.
      if (drawn) {
        drawn = false;
        setTimeout(() => { drawn = true; if (!signal.aborted) changed(); }, 50);
      }
    }
    return version;
  }
}

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** The rows as a table. `order` is `{column, down}`, changed by a click on a heading. */
export function draw(rows, { namespaces, text = "", order, redraw }) {
  const columns = rows.columns.map((column, at) => ({ ...column, at })).filter((column) => !column.priority);
  const wanted = text.toLowerCase();
  const shown = [...rows.rows.values()]
    .filter((row) => !wanted || cells(row, columns).join(" ").toLowerCase().includes(wanted))
    .sort(comparison(order, columns));
  const heading = (name, title) => el("th", { scope: "col" }, el("button", { title, onclick: () => {
    Object.assign(order, { down: order.column === name && !order.down, column: name });
    redraw();
  } }, name, order.column === name ? (order.down ? " ▾" : " ▴") : ""));
  return el("table", {},
    el("thead", {}, el("tr", {}, namespaces && heading("Namespace", ""),
      columns.map((column) => heading(column.name, column.description)))),
    el("tbody", {}, shown.map((row) => line(rows.kind, row, columns, namespaces))));
}

function line(kind, row, columns, namespaces) {
  const { name, namespace, deletionTimestamp } = row.object.metadata;
  return el("tr", { class: deletionTimestamp ? "ending" : "" },
    namespaces && el("td", {}, namespace),
    cells(row, columns).map((text, at) => (at === 0
      ? el("td", {}, el("a", { href: linkTo(kind, namespace, name) }, text))
      : el("td", { class: /status|ready|phase|reason|type/i.test(columns[at].name) ? mood(text) : "" }, text))));
}

export const linkTo = (kind, namespace, name) => `#/object/${kind.key}/${namespace || "-"}/${encodeURIComponent(name)}`;

function cells(row, columns) {
  const { creationTimestamp } = row.object.metadata;
  return columns.map(({ name, at }) => (name === "Age" ? age(creationTimestamp) : String(row.cells[at] ?? "")));
}

function comparison({ column, down }, columns) {
  const at = columns.find((each) => each.name === column)?.at;
  const of = (row) => {
    if (column === "Namespace") return row.object.metadata.namespace ?? "";
    return column === "Age" ? row.object.metadata.creationTimestamp : row.cells[at] ?? "";
  };
  const side = (down ? -1 : 1) * (column === "Age" ? -1 : 1);
  return (a, b) => side * String(of(a)).localeCompare(String(of(b)), undefined, { numeric: true });
}

/** The page of a kind. */
export async function show(page, { kind, namespace, filter, signal }) {
  const rows = new Rows(kind, kind.namespaced ? namespace : "");
  const order = { column: "Name", down: false };
  const place = el("div"), more = el("div", { class: "bar" }), count = el("span", { class: "quiet" });
  const redraw = () => {
    place.replaceChildren(draw(rows, { namespaces: kind.namespaced && !namespace, text: filter(), order, redraw }));
    count.textContent = ` ${rows.rows.size + rows.left}`;
    more.replaceChildren(...(rows.next ? [el("button", { onclick: async () => {
      await rows.load(signal, rows.next);
      redraw();
    } }, `Load more (${rows.left} left)`)] : []));
  };
  page.replaceChildren(el("h1", {}, many(kind), count), place, more);
  filter.changed = redraw;
  await rows.follow(signal, redraw);
}
