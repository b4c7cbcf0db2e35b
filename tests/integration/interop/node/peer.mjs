// What the five servers share: a listener, connections that remember every frame, waiting on a condition, exact shapes.
// Nothing here knows a protocol.
import fs from 'node:fs';
import http from 'node:http';
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
export const WebSocket = require(fs.existsSync('/usr/share/nodejs/ws') ? '/usr/share/nodejs/ws' : 'ws'); // Debian's place first
const timeout = 50_000; // less than the test's, so that the transcript is told
const transcript = [];

export function tell(what) { // one line to the test that started us
  process.stdout.write(JSON.stringify(what) + '\n');
}
export function note(...what) {
  transcript.push(what.map((w) => (typeof w === 'string' ? w : JSON.stringify(w))).join(' '));
}
export const log = () => transcript.join('\n');

// Resolves when `look` gives something but undefined; looked at whenever anything happens.
const waiting = new Set();
export function happened() {
  for (const w of [...waiting]) w();
}
export function until(what, look) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      waiting.delete(again);
      reject(new Error(`waited in vain for ${what}`));
    }, timeout);
    function again() {
      let found;
      try {
        found = look();
      } catch (e) {
        clearTimeout(timer);
        waiting.delete(again);
        return reject(e);
      }
      if (found === undefined) return;
      clearTimeout(timer);
      waiting.delete(again);
      resolve(found);
    }
    waiting.add(again);
    again();
  });
}

// One connection. `next` takes the first frame not yet taken that `is` likes; `frames` keeps all of them, in order.
export class Peer {
  constructor(ws, request) {
    this.ws = ws;
    this.request = request;
    this.frames = [];
    this.fresh = [];
    this.closed = undefined;
    this.pings = 0;
    ws.on('message', (data, binary) => {
      const text = String(data);
      note('<', text);
      assert.equal(binary, false, 'a binary frame');
      const frame = { text, json: JSON.parse(text), at: Date.now(), number: this.frames.length };
      this.frames.push(frame);
      this.fresh.push(frame);
      happened();
    });
    ws.on('ping', () => { this.pings++; happened(); });
    ws.on('pong', () => { this.pongs = (this.pongs ?? 0) + 1; happened(); });
    ws.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) };
      note('< close', this.closed);
      happened();
    });
    ws.on('error', (e) => note('< error', e.message));
  }
  send(frame) {
    const text = typeof frame === 'string' ? frame : JSON.stringify(frame);
    note('>', text);
    this.ws.send(text);
  }
  next(what, is = () => true) {
    return until(what, () => {
      const at = this.fresh.findIndex((f) => is(f.json, f));
      if (at >= 0) return this.fresh.splice(at, 1)[0];
      if (this.closed) throw new Error(`the agent closed (${JSON.stringify(this.closed)}) before ${what}`);
    });
  }
  end() {
    return until('the end of the connection', () => this.closed);
  }
  // Everything sent before this has been read and answered, as far as the agent answers in order: a ping went and came.
  async settled() {
    const before = this.pongs ?? 0;
    this.ws.ping();
    await until('a pong', () => ((this.pongs ?? 0) > before ? true : undefined));
  }
}

// A server on a port of loopback. `refuse(request)` may answer the upgrade with {status, body} instead; `rest(request, body)` answers
// what is no upgrade with {status, json}; `date()` is the Date header of the upgrade's answer.
export async function listen({ path, refuse, rest, date }) {
  const server = { peers: [], upgrades: [], requests: [], taken: 0, done: 0 };
  const listener = http.createServer((req, res) => {
    let body = '';
    req.on('data', (c) => (body += c));
    req.on('end', () => {
      const request = { method: req.method, url: req.url, headers: req.headers, body };
      if (req.url === '/_done') { // the test has done what we asked for
        server.done++;
        happened();
        return res.end();
      }
      note('< http', request);
      server.requests.push(request);
      happened();
      const answer = rest ? rest(request) : { status: 404, json: {} };
      note('> http', answer);
      const text = JSON.stringify(answer.json);
      res.writeHead(answer.status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
      res.end(text);
    });
  });
  const wss = new WebSocket.Server({ noServer: true, perMessageDeflate: false });
  if (date) wss.on('headers', (headers) => headers.push(`Date: ${new Date(date()).toUTCString()}`));
  listener.on('upgrade', (req, socket, head) => {
    const request = { url: req.url, headers: req.headers };
    note('< upgrade', request);
    server.upgrades.push(request);
    const no = refuse?.(request, server.upgrades.length);
    if (no) {
      note('> refused', no);
      const text = JSON.stringify(no.json ?? {});
      socket.end(`HTTP/1.1 ${no.status} No\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n` +
        `Connection: close\r\n\r\n${text}`);
      happened();
      return;
    }
    wss.handleUpgrade(req, socket, head, (ws) => {
      server.peers.push(new Peer(ws, request));
      happened();
    });
  });
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
  server.port = listener.address().port;
  server.http = `http://127.0.0.1:${server.port}`;
  server.url = `ws://127.0.0.1:${server.port}${path}`;
  // Asks the test to do something to the agent ("restart", ...) and waits until it is done.
  server.ask = (what, more = {}) => {
    const before = server.done;
    tell({ do: what, ...more });
    return until(`the test to ${what}`, () => (server.done > before ? true : undefined));
  };
  // The next connection, each once, in order.
  server.connection = () => until('a connection', () => (server.peers.length > server.taken ? server.peers[server.taken++] : undefined));
  return server;
}

// Exact shapes: the keys of an object pattern are all there, and no others; a key that ends in "?" may be absent. A function checks a
// value, a RegExp a text, an array each of its items; everything else must be equal.
export function shape(value, pattern, where = '$') {
  if (typeof pattern === 'function') {
    const said = pattern(value);
    assert.ok(said === true, `${where}: ${JSON.stringify(value)} is not ${said || pattern.name || pattern}`);
  } else if (pattern instanceof RegExp) {
    assert.equal(typeof value, 'string', `${where}: ${JSON.stringify(value)} is no text`);
    assert.match(value, pattern, where);
  } else if (Array.isArray(pattern)) {
    assert.ok(Array.isArray(value), `${where}: ${JSON.stringify(value)} is no list`);
    assert.equal(value.length, pattern.length, `${where}: ${JSON.stringify(value)}`);
    pattern.forEach((p, i) => shape(value[i], p, `${where}[${i}]`));
  } else if (pattern !== null && typeof pattern === 'object') {
    assert.ok(value !== null && typeof value === 'object' && !Array.isArray(value), `${where}: ${JSON.stringify(value)} is no object`);
    for (const [key, p] of Object.entries(pattern)) {
      const name = key.endsWith('?') ? key.slice(0, -1) : key;
      if (name in value) shape(value[name], p, `${where}.${name}`);
      else assert.ok(key.endsWith('?'), `${where}: no "${name}" in ${JSON.stringify(value)}`);
    }
    for (const key of Object.keys(value))
      assert.ok(key in pattern || `${key}?` in pattern, `${where}: "${key}" is not documented: ${JSON.stringify(value)}`);
  } else {
    assert.deepEqual(value, pattern, where);
  }
  return value;
}
export const text = (v) => typeof v === 'string' && v.length > 0;
export const number = (v) => typeof v === 'number' && Number.isFinite(v);
export const whole = (v) => Number.isInteger(v) && v >= 0;
export const list = (v) => Array.isArray(v);
export const object = (v) => v !== null && typeof v === 'object' && !Array.isArray(v);
export const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
// ISO 8601 in UTC, and now (tests run for less than two minutes).
export const isoNow = (v) => typeof v === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(v) && Math.abs(Date.parse(v) - Date.now()) < 120_000;
export const msNow = (v) => Number.isInteger(v) && Math.abs(v - Date.now()) < 120_000;
export { assert };
