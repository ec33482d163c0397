// The calls of operators, with the tokens of a session that lives as long as this tab.

const KEPT = "parley.operator";
const DEADLINE_MS = 60_000;

export class Problem extends Error {
  constructor(status, document) {
    super(document.detail ?? `The router answers ${status}.`);
    this.status = status;
    this.code = document.code ?? "";
  }
}

let session = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
let renewal = null;

export const who = () => session?.username ?? null;

export async function logIn(username, password) {
  const tokens = await exchange("/operators/session", { username, password });
  keep({ username, ...tokens });
  try {
    await call("GET", "/dlq/counts");
  } catch (error) {
    if (error.status === 403) await logOut();
    throw error;
  }
}

export async function logOut() {
  const token = session?.refresh_token;
  keep(null);
  if (token) await exchange("/operators/session/end", { token });
}

export async function call(method, path, body) {
  try {
    return await request(method, path, body);
  } catch (error) {
    if (error.status !== 401 || !session) throw error;
    await renewed();
    return request(method, path, body);
  }
}

// `body` is JSON as text: numbers are passed on as they were written, however long they are.
async function request(method, path, body) {
  const headers = { Authorization: `Bearer ${session?.access_token}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  return answered(await reach(`/v1/operators${path}`, { method, headers, body }));
}

async function exchange(path, said) {
  const headers = { "Content-Type": "application/json" };
  return answered(await reach(path, { method: "POST", headers, body: JSON.stringify(said) }));
}

async function reach(path, options) {
  try {
    return await fetch(path, { ...options, signal: AbortSignal.timeout(DEADLINE_MS), cache: "no-store" });
  } catch {
    throw new Problem(0, { detail: "The router does not answer.", code: "unreachable" });
  }
}

async function answered(answer) {
  const text = await answer.text();
  let document = {};
  try {
    document = text ? JSON.parse(text) : {};
  } catch {
    // what is no JSON has nothing to say
  }
  if (!answer.ok) throw new Problem(answer.status, document);
  return document;
}

function renewed() {
  renewal ??= renew().finally(() => (renewal = null));
  return renewal;
}

async function renew() {
  const { username, refresh_token } = session;
  try {
    keep({ username, ...(await exchange("/operators/session", { refresh_token })) });
  } catch (error) {
    if (error.status === 400 || error.status === 401) {
      keep(null);
      dispatchEvent(new Event("session-ended"));
    }
    throw error;
  }
}

function keep(found) {
  session = found;
  if (found) sessionStorage.setItem(KEPT, JSON.stringify(found));
  else sessionStorage.removeItem(KEPT);
}
