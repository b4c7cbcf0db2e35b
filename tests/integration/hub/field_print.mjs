// A print agent as deployed ones are (the print protocol's document, and NOTES.md: what was seen on the hub's side): of an older version, without
// a journal, so a task that comes again is printed again.
//   node field_print.mjs URL SHOP SECRET SETTINGS [MODE...]
// SETTINGS: its settings, as JSON. MODE: nested: the fields of register are in `payload`; merges: it has the capability config-sync, so all of
// the payload of task_config becomes part of its settings (without it: `updates` of the payload); headerless: the upgrade says nothing of
// the shop; cut: its connection breaks while it prints; mute: it prints and never answers.
// Writes one JSON line for everything that happens.
import fs from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const WebSocket = require(fs.existsSync('/usr/share/nodejs/ws') ? '/usr/share/nodejs/ws' : 'ws');
const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');
const [url, shopId, secret, stored, ...modes] = process.argv.slice(2);
const is = (mode) => modes.includes(mode);
let settings = JSON.parse(stored);

const headers = is('headerless') ? {} : { 'X-Shop-Id': shopId, 'X-Agent-Version': '0.1.4', Authorization: `Bearer ${secret}` };
const ws = new WebSocket(url, { perMessageDeflate: false, headers });
const send = (frame) => ws.send(JSON.stringify(frame));
const beat = (more) => send({ type: 'heartbeat', payload: { shopId, uptime: 12, devices: [], telemetry: { logs: [], status: 'online' }, ...more } });
const result = (id, more) => send({ type: 'task_result', id, payload: { id, ...more } });

ws.on('open', () => {
  const fields = { shopId, version: '0.1.4', platform: 'win32', arch: 'x64', hostname: 'TILL-3', udpPort: 41234,
    capabilities: ['usb', 'remote-test', ...(is('merges') ? ['config-sync'] : [])] };
  send(is('nested') ? { type: 'register', payload: fields } : { type: 'register', ...fields });
});
ws.on('unexpected-response', (req, res) => { say({ refused: res.statusCode }); process.exit(0); });
ws.on('error', (e) => say({ error: e.message }));
ws.on('close', (code, reason) => { say({ closed: code, reason: String(reason) }); process.exit(0); });
ws.on('message', (data) => {
  const message = JSON.parse(String(data));
  say({ [message.type]: message });
  const { id } = message; // many correlate by the envelope's id only
  switch (message.type) {
    case 'task_print':
      say({ printed: Buffer.from(message.payload.data, 'base64').toString('hex') });
      if (is('cut')) return ws.terminate();
      if (is('mute')) return undefined;
      return result(id, { status: 'success', message: 'Printed', meta: { bytesSent: 2 } });
    case 'task_config':
      settings = { ...settings, ...(is('merges') ? message.payload : message.payload.updates) };
      say({ settings });
      result(id, { status: 'success', message: 'saved' });
      return beat({ config_push_at: new Date().toISOString() });
    case 'task_ping':
      return result(id, { status: 'pong', message: 'pong' });
    default:
      return undefined;
  }
});
