// The Kubernetes API as the pages use it: discovery, tables, watches, objects as YAML.

const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io";
const GROUPS = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const MANAGER = "navarch-dashboard";

/** What the server refused: `message` is its own, `code` that of HTTP. */
export class Refused extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

async function request(path, { method = "GET", accept = "application/json", type, body, signal } = {}) {
  const headers = { Accept: accept, ...(type && { "Content-Type": type }) };
  const answer = await fetch(path, { method, headers, body, signal });
  if (answer.ok) return answer;
  const text = await answer.text();
  let message = text || answer.statusText;
  try { message = JSON.parse(text).message || message; } catch { /* not a Status: the text stands */ }
  throw new Refused(answer.status, message);
}

export const json = async (path, options) => (await request(path, options)).json();

/** All kinds that can be listed, the preferred version of each: `key` is `deployments.apps`, or `pods`. */
export async function kinds() {
  const found = new Map();
  for (const root of ["/api", "/apis"]) {
    for (const group of (await json(root, { accept: GROUPS })).items) {
      const name = group.metadata?.name ?? "";
      for (const { version, resources = [] } of group.versions) {
        for (const each of resources) {
          const key = name ? `${each.resource}.${name}` : each.resource;
          if (found.has(key) || !each.verbs.includes("list")) continue;
          found.set(key, {
            key, group: name, version, plural: each.resource, kind: each.responseKind.kind, verbs: each.verbs,
            namespaced: each.scope === "Namespaced",
            subresources: new Set((each.subresources ?? []).map((sub) => sub.subresource)),
          });
        }
      }
    }
  }
  return found;
}

/** The path of a kind's objects, or of one of them. */
export function pathOf(kind, namespace = "", name = "", subresource = "") {
  const parts = [kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`];
  if (kind.namespaced && namespace) parts.push("namespaces", encodeURIComponent(namespace));
  parts.push(kind.plural);
  if (name) parts.push(encodeURIComponent(name));
  if (subresource) parts.push(subresource);
  return parts.join("/");
}

/** One page of a list as a Table. `query` holds selectors, `limit`, `continue`. */
export function table(kind, namespace, query = {}, signal = undefined) {
  return json(`${pathOf(kind, namespace)}?${new URLSearchParams(query)}`, { accept: TABLE, signal });
}

/** The changes after `resourceVersion`, one Table of one row each. Ends when the server ends it. */
export async function* changes(kind, namespace, query, resourceVersion, signal) {
  const asked = new URLSearchParams({ ...query, watch: "true", resourceVersion, allowWatchBookmarks: "true" });
  const answer = await request(`${pathOf(kind, namespace)}?${asked}`, { accept: TABLE, signal });
  for await (const line of lines(answer)) yield JSON.parse(line);
}

/** The lines of an answer as they come. */
export async function* lines(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    yield* parts.filter(Boolean);
  }
  if (rest) yield rest;
}

/** An object to be read and edited: without the record of who set what, which the server keeps when it is left out. */
export async function yaml(path) {
  const text = await (await request(path, { accept: "application/yaml" })).text();
  return text.replace(/^ {2}managedFields:\n(?: {2}- .*\n| {4}.*\n)*/m, "");
}

export const replace = (path, text) => json(path, { method: "PUT", type: "application/yaml", body: text });

export const remove = (path) => json(`${path}?propagationPolicy=Background`, { method: "DELETE" });

export function merge(path, patch) {
  return json(path, { method: "PATCH", type: "application/merge-patch+json", body: JSON.stringify(patch) });
}

/** Server-side apply of one YAML document to the object at `path`. */
export function apply(path, text) {
  const query = new URLSearchParams({ fieldManager: MANAGER, force: "true" });
  return json(`${path}?${query}`, { method: "PATCH", type: "application/apply-patch+yaml", body: text });
}

/** A pod's log as it is written, line by line. */
export async function* log(pod, query, signal) {
  const path = `/api/v1/namespaces/${pod.namespace}/pods/${pod.name}/log?${new URLSearchParams(query)}`;
  yield* lines(await request(path, { accept: "*/*", signal }));
}
