// A panel agent as deployed ones are (the panel protocol's document and NOTES.md): the upgrade has no X-Agent-ID, and a command is answered
// twice, with status "processing" when it begins and with the result when it ends.
//   node field_panel.mjs URL TOKEN NAMED FORM
// NAMED: how the upgrade names the agent: "none", "node=ID" (X-Node-Id), "agent=ID" (X-Agent-ID); FORM: where "processing" is written: "envelope"
// or "data". A command ends with the second ping after it: start_server runs, stop_server fails; restart_server begins and never ends.
// Writes one JSON line for everything that happens.
import fs from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const WebSocket = require(fs.existsSync('/usr/share/nodejs/ws') ? '/usr/share/nodejs/ws' : 'ws');
const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');
const [url, token, named, form] = process.argv.slice(2);
const [how, id] = named.split('=');
const headers = { Authorization: `Bearer ${token}`, ...(how === 'node' ? { 'X-Node-Id': id } : how === 'agent' ? { 'X-Agent-ID': id } : {}) };
const ws = new WebSocket(url, { perMessageDeflate: false, headers });
const send = (message) => ws.send(JSON.stringify({ timestamp: new Date().toISOString(), ...message }));
const work = [];

ws.on('upgrade', (res) => say({ server: res.headers.server ?? '' }));
ws.on('open', () => say({ open: true }));
ws.on('unexpected-response', (req, res) => { say({ refused: res.statusCode }); process.exit(0); });
ws.on('error', (e) => say({ error: e.message }));
ws.on('close', (code, reason) => { say({ closed: code, reason: String(reason) }); process.exit(0); });
ws.on('message', (data) => {
  const message = JSON.parse(String(data));
  say({ [message.type]: message });
  if (message.type === 'ping') {
    send({ id: message.id, type: 'pong', data: { agentStatus: 'healthy', activeServers: 1 } });
    for (const one of work) if (++one.pings === 2) one.end();
    return;
  }
  if (message.type !== 'command') return;
  const serverId = message.serverId ?? message.payload?.serverId;
  const response = (more) => send({ id: message.id, type: 'response', ...more });
  response(form === 'envelope' ? { status: 'processing', message: 'Command received', data: { serverId } }
    : { success: true, message: 'Command received', data: { serverId, status: 'processing' } });
  const ends = {
    start_server: () => response({ success: true, message: 'Server started', data: { serverId, status: 'running' } }),
    stop_server: () => response({ success: false, error: { code: 'CONTAINER_NOT_FOUND', message: `Docker container for ${serverId} not found` } }),
  };
  if (ends[message.action]) work.push({ pings: 0, end: ends[message.action] });
});
