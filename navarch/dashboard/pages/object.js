// One object: what it is, its text to be edited, its events, its pods, their logs, and what can be done with it.

import * as api from "../api.js";
import { age, ask, el, mood } from "../dom.js";
import { Rows, draw, linkTo } from "./list.js";
import { show as showLog } from "./log.js";
import { eventTable } from "./overview.js";

const RESTARTED = "kubectl.kubernetes.io/restartedAt";
const RESTARTABLE = ["deployments.apps", "statefulsets.apps", "daemonsets.apps"];

export async function show(page, context) {
  const { kind, name, namespace, tab, kinds } = context;
  const path = api.pathOf(kind, namespace, name);
  const object = await api.json(path, { signal: context.signal });
  const tabs = { summary: summary, yaml: edit, events: events };
  if (podsOf(kind, object)) tabs.pods = pods;
  if (kind.key === "pods") tabs.log = log;
  const body = el("div"), said = el("div", { role: "status" });
  page.replaceChildren(
    el("h1", {}, `${kind.kind} `, namespace && el("span", { class: "quiet" }, `${namespace}/`), name),
    el("div", { class: "bar" }, actions(kind, path, object, said)), said,
    el("div", { class: "tabs" }, Object.keys(tabs).map((each) => el("a",
      { href: `${linkTo(kind, namespace, name)}/${each}`, "aria-current": each === tab && "page" }, each))),
    body);
  await (tabs[tab] ?? summary)(body, { ...context, path, object, kinds });
}

function actions(kind, path, object, said) {
  const act = (label, work, danger = false) => el("button", { class: danger ? "danger" : "", onclick: async () => {
    try {
      const done = await work();
      if (done) said.replaceChildren(el("div", { class: "done" }, done));
    } catch (error) {
      said.replaceChildren(el("div", { class: "error" }, error.message));
    }
  } }, label);
  const found = [];
  if (kind.subresources.has("scale")) {
    found.push(act("Scale", async () => {
      const count = el("input", { type: "number", name: "count", min: 0, value: object.spec.replicas ?? 1 });
      const given = await ask(`How many replicas of ${object.metadata.name}?`, "Scale", [count]);
      if (!given) return "";
      await api.merge(`${path}/scale`, { spec: { replicas: Number(given.get("count")) } });
      return `Scaled to ${given.get("count")}.`;
    }));
  }
  if (RESTARTABLE.includes(kind.key)) {
    found.push(act("Restart", async () => {
      const annotations = { [RESTARTED]: new Date().toISOString() };
      await api.merge(path, { spec: { template: { metadata: { annotations } } } });
      return "Its pods are replaced one after the other.";
    }));
  }
  if (kind.key === "nodes") {
    const closed = Boolean(object.spec.unschedulable);
    found.push(act(closed ? "Uncordon" : "Cordon", async () => {
      await api.merge(path, { spec: { unschedulable: closed ? null : true } });
      return closed ? "It takes pods again." : "It takes no new pods.";
    }));
  }
  if (kind.verbs.includes("delete")) {
    found.push(act("Delete", async () => {
      const sure = await ask(`Delete ${kind.kind} ${object.metadata.name}, and what it owns?`, "Delete", [], true);
      if (!sure) return "";
      await api.remove(path);
      return "It is being deleted.";
    }, true));
  }
  return found;
}

function summary(body, { object, kinds, kind }) {
  const { metadata, status = {} } = object;
  const tags = (map) => Object.entries(map ?? {})
    .map(([key, value]) => el("span", { class: "tag" }, value.length > 80 ? key : `${key}: ${value}`));
  const owners = (metadata.ownerReferences ?? []).map((owner) => {
    const group = owner.apiVersion.includes("/") ? owner.apiVersion.split("/")[0] : "";
    const of = [...kinds.values()].find((each) => each.kind === owner.kind && each.group === group);
    const text = `${owner.kind}/${owner.name}`;
    return of ? el("a", { href: linkTo(of, of.namespaced ? metadata.namespace : "", owner.name) }, text) : text;
  });
  const rows = {
    "Created": `${metadata.creationTimestamp} (${age(metadata.creationTimestamp)} ago)`,
    "Being deleted": metadata.deletionTimestamp,
    "Owned by": owners.length ? owners : undefined,
    "Labels": metadata.labels && tags(metadata.labels),
    "Annotations": metadata.annotations && tags(metadata.annotations),
    "Phase": status.phase && el("span", { class: mood(status.phase) }, status.phase),
    "Node": object.spec?.nodeName && el("a", { href: linkTo(kinds.get("nodes"), "", object.spec.nodeName) },
      object.spec.nodeName),
    "Address": status.podIP ?? object.spec?.clusterIP,
    "Replicas": kind.subresources.has("scale") ? `${status.readyReplicas ?? 0} of ${object.spec.replicas} ready`
      : undefined,
  };
  body.replaceChildren(
    el("dl", {}, Object.entries(rows).filter(([, value]) => value !== undefined && value !== "")
      .map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])),
    ...containers(object), ...conditions(status.conditions ?? []));
}

function containers({ spec = {}, status = {} }) {
  if (!spec.containers) return [];
  const known = new Map([...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]
    .map((each) => [each.name, each]));
  const row = (container) => {
    const { state = {}, restartCount = 0 } = known.get(container.name) ?? {};
    const [[word, detail] = ["waiting", {}]] = Object.entries(state);
    const text = detail.reason ?? word;
    return el("tr", {}, el("td", {}, container.name), el("td", {}, container.image),
      el("td", { class: mood(text) }, text), el("td", {}, String(restartCount)), el("td", {}, detail.message ?? ""));
  };
  return [el("h2", {}, "Containers"), tableOf(["Name", "Image", "State", "Restarts", "Message"],
    [...(spec.initContainers ?? []), ...spec.containers].map(row))];
}

function conditions(found) {
  if (!found.length) return [];
  return [el("h2", {}, "Conditions"), tableOf(["Type", "Status", "Reason", "Message", "Since"], found.map((each) =>
    el("tr", {}, el("td", {}, each.type), el("td", {}, each.status), el("td", {}, each.reason ?? ""),
      el("td", {}, each.message ?? ""), el("td", {}, each.lastTransitionTime ? age(each.lastTransitionTime) : ""))))];
}

function tableOf(names, rows) {
  return el("table", {}, el("thead", {}, el("tr", {}, names.map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, rows));
}

async function edit(body, { path }) {
  const text = el("textarea", { spellcheck: "false", "aria-label": "YAML" }), said = el("div", { role: "status" });
  text.value = await api.yaml(path);
  const save = el("button", { onclick: async () => {
    try {
      await api.replace(path, text.value);
      text.value = await api.yaml(path);
      said.replaceChildren(el("div", { class: "done" }, "Saved."));
    } catch (error) {
      said.replaceChildren(el("div", { class: "error" }, error.message));
    }
  } }, "Save");
  body.replaceChildren(el("div", { class: "bar" }, save), said, text);
}

async function events(body, { object, kinds, namespace, signal }) {
  const query = new URLSearchParams({ fieldSelector: `involvedObject.uid=${object.metadata.uid}` });
  const { items } = await api.json(`${api.pathOf(kinds.get("events"), namespace)}?${query}`, { signal });
  body.replaceChildren(items.length ? eventTable(items, kinds) : el("p", { class: "quiet" }, "None."));
}

/** The selectors of the pods that belong to an object; undefined if it has none of its own. */
function podsOf(kind, object) {
  if (kind.key === "nodes") return { fieldSelector: `spec.nodeName=${object.metadata.name}` };
  const labels = kind.key === "services" ? object.spec.selector : object.spec?.selector?.matchLabels;
  if (!labels || typeof labels !== "object") return undefined;
  return { labelSelector: Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(",") };
}

async function pods(body, { kind, object, kinds, namespace, signal, filter }) {
  const rows = new Rows(kinds.get("pods"), namespace, podsOf(kind, object));
  const order = { column: "Name", down: false };
  const redraw = () => {
    body.replaceChildren(draw(rows, { namespaces: !namespace, text: filter(), order, redraw }));
  };
  filter.changed = redraw;
  await rows.follow(signal, redraw);
}

const log = (body, { object, signal }) => showLog(body, object, signal);
