// A signed agent as deployed ones are (the signed protocol's document and NOTES.md): its results repeat no requestId, it reads only arguments that
// are strings, and a command it does not know is not answered, or late: "reboot" is answered after the command that follows it.
//   node field_signed.mjs URL AGENT_ID SECRET
// Writes one JSON line for everything that happens.
import crypto from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const WebSocket = require(fs.existsSync('/usr/share/nodejs/ws') ? '/usr/share/nodejs/ws' : 'ws');
const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');
const [url, agentId, secret] = process.argv.slice(2);
const mac = ({ type, agentId, ts, nonce, payload }) =>
  crypto.createHmac('sha256', secret).update(JSON.stringify({ type, agentId, ts, nonce, payload })).digest('hex');
const ws = new WebSocket(url, { perMessageDeflate: false });
const send = (type, payload) => {
  const message = { type, agentId, ts: Date.now(), nonce: crypto.randomUUID(), payload };
  ws.send(JSON.stringify({ ...message, signature: mac(message) }));
};
const late = [];

ws.on('open', () => {
  send('auth', { hostname: 'test-server', version: '1.0.0' });
  send('heartbeat', { status: 'alive' });
});
ws.on('error', (e) => say({ error: e.message }));
ws.on('close', (code, reason) => { say({ closed: code, reason: String(reason) }); process.exit(0); });
ws.on('message', (data) => {
  const message = JSON.parse(String(data));
  if (message.type !== 'command' || message.signature !== mac(message) || message.agentId !== agentId) return say({ unexpected: message });
  const { command, args = {} } = message.payload;
  say({ command, args });
  const strings = Object.fromEntries(Object.entries(args).filter(([, value]) => typeof value === 'string'));
  if (command === 'reboot') return late.push({ command, result: 'rebooted after all' });
  if (command === 'ping') send('command_result', { command, result: 'pong' });
  if (command === 'get_version') send('command_result', { command, result: { version: '1.0.0', args: strings } }); // an object, as older agents write it
  for (const one of late.splice(0)) send('command_result', one);
});
