// Dashboards, from the dashboard protocol's document alone (and NOTES.md for what it leaves open).
//   node dashboard_client.mjs URL TOKEN STEPS   STEPS: a JSON list, done one after the other:
//     {"send": type, "payload": {...}}   "$commandId" in the payload: of the newest command:status
//     {"raw": text}  {"repeat": n, "send"...}  {"wait": type, "where": {...}, "count": n}  {"stall": true|false}  {"say": word}  {"close": true}
//     {"plain": true}: offers no compression  {"quiet": true}: does not print what it hears  {"summary": true}
//     {"received": n}: waits until it has n bytes of output
//   node dashboard_client.mjs URL TOKEN many N COMMAND_ID   N dashboards watch one command; says what each got
// Prints what it hears as {"<type>": message}, and {"closed": code}, {"refused": status}.
import fs from 'node:fs';
import crypto from 'node:crypto';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const WebSocket = require(fs.existsSync('/usr/share/nodejs/ws') ? '/usr/share/nodejs/ws' : 'ws');
const say = (what) => fs.writeSync(1, JSON.stringify(what) + '\n');
const [url, token, mode, count] = process.argv.slice(2);
const address = `${url}?token=${encodeURIComponent(token)}`;
const envelope = (type, payload) => JSON.stringify({ version: '1.0.0', type, timestamp: Date.now(), payload });

if (mode === 'many') many(Number(count));
else one(JSON.parse(mode));

function one(steps) {
  const ws = new WebSocket(address, { perMessageDeflate: !steps.some((s) => s.plain) });
  const heard = [];
  let commandId = '', wake = () => {}, quiet = false, received = 0;
  const told = () => new Promise((resolve) => { wake = resolve; });
  ws.on('unexpected-response', (req, res) => {
    let body = '';
    res.on('data', (c) => { body += c; });
    res.on('end', () => { say({ refused: res.statusCode, body: JSON.parse(body) }); process.exit(0); });
  });
  ws.on('error', (e) => say({ error: e.message }));
  ws.on('close', (code, reason) => { say({ closed: code, reason: String(reason) }); process.exit(0); });
  ws.on('message', (data, binary) => {
    if (binary) return say({ broken: 'a binary frame' });
    const message = JSON.parse(String(data));
    for (const key of ['version', 'type', 'timestamp', 'payload'])
      if (!(key in message)) say({ broken: `no ${key} in ${data}` });
    if (message.type === 'command:status') ({ commandId } = message.payload);
    if (message.type === 'terminal:output') received += Buffer.byteLength(message.payload.data);
    heard.push(message);
    if (!quiet) say({ [message.type]: message });
    wake();
  });
  const fits = (message, step) => message.type === step.wait &&
    Object.entries(step.where ?? {}).every(([k, v]) => message.payload[k] === v);
  ws.on('open', async () => {
    say({ extensions: ws.extensions });
    let from = 0;
    for (const step of steps) {
      if (step.send || step.raw !== undefined) {
        for (let i = 0; i < (step.repeat ?? 1); i += 1) {
          if (step.raw !== undefined) ws.send(step.raw.replace('$FILL', 'x'.repeat(step.fill ?? 0)));
          else ws.send(envelope(step.send, JSON.parse(JSON.stringify(step.payload ?? {}).replaceAll('$commandId', commandId))));
        }
      } else if (step.wait) {
        for (let left = step.count ?? 1; left > 0; left -= 1) {
          while (!heard.slice(from).some((m) => fits(m, step))) await told();
          from += heard.slice(from).findIndex((m) => fits(m, step)) + 1;
        }
      } else if (step.stall !== undefined) {
        if (step.stall) ws.pause(); else ws.resume();
      } else if (step.received) {
        while (received < step.received) await told();
      } else if (step.say) say({ step: step.say });
      else if (step.file) while (!fs.existsSync(step.file)) await new Promise((r) => { setTimeout(r, 50); });
      else if (step.quiet) quiet = true;
      else if (step.summary) {
        let bytes = 0, dropped = 0;
        for (const m of heard.filter((x) => x.type === 'terminal:output')) {
          bytes += Buffer.byteLength(m.payload.data);
          dropped += m.payload.dropped ?? 0;
        }
        say({ summary: { bytes, dropped, last: heard[heard.length - 1].type } });
      } else if (step.close) ws.close(1000);
    }
    say({ done: true });
  });
}

function many(n) {
  let open = 0, over = 0;
  const all = [];
  for (let i = 0; i < n; i += 1) {
    const ws = new WebSocket(address, { perMessageDeflate: i % 2 === 0 });
    const mine = { hash: crypto.createHash('sha256'), chunks: 0, dropped: 0, broken: 0, next: 0, statuses: [] };
    all.push(mine);
    ws.on('error', (e) => say({ error: e.message }));
    ws.on('message', (data) => {
      const { type, payload } = JSON.parse(String(data));
      if (type === 'agent:list' && !mine.ready) { mine.ready = true; open += 1; if (open === n) say({ ready: n }); }
      if (type === 'terminal:output') {
        mine.hash.update(payload.data);
        mine.chunks += 1;
        mine.dropped += payload.dropped ?? 0;
        if (mine.next !== 0 && payload.sequence !== mine.next) mine.broken += 1;
        mine.next = payload.sequence + 1;
      }
      if (type === 'command:status') {
        mine.statuses.push(payload.status);
        if (payload.status === 'completed' || payload.status === 'failed') {
          over += 1;
          if (over === n) {
            const kinds = new Set(all.map((m) => `${m.statuses.join(',')} ${m.hash.digest('hex')} ${m.dropped} ${m.broken}`));
            say({ all: [...kinds], chunks: mine.chunks });
          }
        }
      }
    });
  }
}
