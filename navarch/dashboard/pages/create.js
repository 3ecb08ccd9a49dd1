// Manifests to be applied: YAML or JSON, several documents if need be.

import * as api from "../api.js";
import { el } from "../dom.js";
import { linkTo } from "./list.js";

const EXAMPLE = `apiVersion: v1
kind: ConfigMap
metadata:
  name: example
data:
  greeting: hello
`;

export function show(page, { kinds, namespace }) {
  const text = el("textarea", { spellcheck: "false", "aria-label": "Manifests" }), said = el("div", { role: "status" });
  text.value = EXAMPLE;
  const apply = async () => {
    said.replaceChildren();
    for (const document of text.value.split(/^---.*$/m).filter((each) => each.trim())) {
      try {
        said.append(await applied(document, kinds, namespace || "default"));
      } catch (error) {
        said.append(el("div", { class: "error" }, error.message));
      }
    }
  };
  page.replaceChildren(el("h1", {}, "Create"),
    el("div", { class: "bar" }, el("button", { onclick: apply }, "Apply"),
      el("span", { class: "quiet" }, `Into ${namespace || "default"}, where a document names no namespace.`)),
    said, text);
}

async function applied(text, kinds, namespace) {
  const about = headOf(text);
  const slash = about.apiVersion.indexOf("/");
  const group = slash < 0 ? "" : about.apiVersion.slice(0, slash), version = about.apiVersion.slice(slash + 1);
  const kind = [...kinds.values()].find((each) => each.kind === about.kind && each.group === group);
  if (!kind) throw new Error(`no kind "${about.kind}" is served in "${about.apiVersion}"`);
  const place = kind.namespaced ? about.namespace || namespace : "";
  await api.apply(api.pathOf({ ...kind, version }, place, about.name), text);
  return el("div", { class: "done" }, "Applied ", el("a", { href: linkTo(kind, place, about.name) },
    `${about.kind}/${about.name}`));
}

/** What a manifest is about, read without reading all of its YAML; the server does that. */
function headOf(text) {
  let head;
  try {
    const { apiVersion = "", kind = "", metadata = {} } = JSON.parse(text);
    head = { apiVersion, kind, ...metadata };
  } catch {
    const top = (key) => new RegExp(`^${key}:\\s*["']?([^\\s"'#]+)`, "m").exec(text)?.[1] ?? "";
    const metadata = /^metadata:[^\S\n]*\n((?:[^\S\n]+.*\n?|\s*\n)*)/m.exec(text)?.[1] ?? "";
    const indent = /^[^\S\n]+/.exec(metadata)?.[0] ?? "  ";
    const below = (key) => new RegExp(`^${indent}${key}:\\s*["']?([^\\s"'#]+)`, "m").exec(metadata)?.[1] ?? "";
    head = { apiVersion: top("apiVersion"), kind: top("kind"), name: below("name"), namespace: below("namespace") };
  }
  for (const key of ["apiVersion", "kind", "name"]) {
    if (!head[key]) throw new Error(`a document lacks ${key === "name" ? "metadata.name" : key}`);
  }
  return head;
}
