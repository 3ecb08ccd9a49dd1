// The shell around the pages: addresses, kinds on the left, the namespace, the filter.
//
//   #/                                     the overview
//   #/list/KIND                            a kind's objects: deployments.apps
//   #/object/KIND/NAMESPACE/NAME[/TAB]     one object; `-` for none
//   #/create                               manifests

import * as api from "./api.js";
import { el, many } from "./dom.js";
import * as create from "./pages/create.js";
import * as list from "./pages/list.js";
import * as object from "./pages/object.js";
import * as overview from "./pages/overview.js";

const SECTIONS = {
  Cluster: ["nodes", "namespaces", "events", "persistentvolumes", "storageclasses.storage.k8s.io"],
  Workloads: ["pods", "deployments.apps", "statefulsets.apps", "daemonsets.apps", "replicasets.apps", "jobs.batch",
    "cronjobs.batch", "horizontalpodautoscalers.autoscaling"],
  Network: ["services", "endpointslices.discovery.k8s.io", "ingresses.networking.k8s.io",
    "networkpolicies.networking.k8s.io"],
  "Configuration and storage": ["configmaps", "secrets", "persistentvolumeclaims"],
};

const $ = (id) => document.getElementById(id);
const filter = () => $("filter").value;
let kinds = new Map(), current = new AbortController();

const namespace = () => $("namespace").value;

function navigation() {
  const link = (kind) => el("a", { href: `#/list/${kind.key}`, "data-kind": kind.key }, many(kind));
  const placed = new Set(Object.values(SECTIONS).flat());
  const sections = Object.entries(SECTIONS).map(([name, keys]) => [el("h2", {}, name),
    keys.filter((key) => kinds.has(key)).map((key) => link(kinds.get(key)))]);
  const others = [...kinds.values()].filter((kind) => !placed.has(kind.key) && kind.verbs.includes("get"));
  const builtIn = (kind) => !kind.group.includes(".") || kind.group.endsWith(".k8s.io");
  const byName = (a, b) => a.kind.localeCompare(b.kind);
  const custom = others.filter((kind) => !builtIn(kind)).sort(byName);
  $("navigation").replaceChildren(...sections.flat(2),
    ...(custom.length ? [el("h2", {}, "Custom resources"), ...custom.map(link)] : []),
    el("details", {}, el("summary", {}, "More"), others.filter(builtIn).sort(byName).map(link)));
}

async function namespaces() {
  const chosen = localStorage.getItem("namespace") ?? "default";
  const { rows = [] } = await api.table(kinds.get("namespaces"), "", { includeObject: "Metadata" });
  const names = rows.map((row) => row.object.metadata.name).sort();
  $("namespace").replaceChildren(el("option", { value: "" }, "all"), ...names.map((name) => el("option", {}, name)));
  $("namespace").value = names.includes(chosen) ? chosen : "";
}

async function route() {
  current.abort();
  current = new AbortController();
  const { signal } = current, page = $("page");
  const [what = "", key = "", where = "", name = "", tab = "summary"] = location.hash.slice(2).split("/");
  for (const link of $("navigation").querySelectorAll("a")) {
    link.toggleAttribute("aria-current", link.dataset.kind === key);
  }
  filter.changed = undefined;
  const context = { kinds, kind: kinds.get(key), namespace: namespace(), filter, signal };
  try {
    if (!what) await overview.show(page, context);
    else if (what === "create") create.show(page, context);
    else if (!context.kind) throw new Error(`This server has no ${key}.`);
    else if (what === "list") await list.show(page, context);
    else {
      const place = { namespace: where === "-" ? "" : where, name: decodeURIComponent(name), tab };
      await object.show(page, { ...context, ...place });
    }
  } catch (error) {
    if (!signal.aborted) page.replaceChildren(el("div", { class: "error" }, error.message));
  }
}

async function start() {
  try {
    const { gitVersion } = await api.json("/version");
    kinds = await api.kinds();
    $("connection").textContent = gitVersion;
    navigation();
    await namespaces();
  } catch (error) {
    $("connection").textContent = "";
    $("page").replaceChildren(el("div", { class: "error" }, `The cluster does not answer: ${error.message}`),
      el("button", { onclick: start }, "Try again"));
    return;
  }
  $("namespace").addEventListener("change", () => {
    localStorage.setItem("namespace", namespace());
    route();
  });
  $("filter").addEventListener("input", () => filter.changed?.());
  addEventListener("hashchange", route);
  await route();
}

start();
