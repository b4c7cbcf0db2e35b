// A signed agent, from the signed protocol's document and NOTES.md alone.
//   node signed.mjs URL AGENT_ID SECRET [MODE]
// MODE: replay SAVED: sends the auth frame stored in the file SAVED, captured earlier; save SAVED: stores its own; skew MS: signs that many
// ms off; forged: changes the payload after signing; plain: speaks without auth; silent: says nothing. Else it authenticates, sends
// metrics and a log, and answers commands, verifying their signatures.
import crypto from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const WebSocket = require(fs.existsSync('/usr/share/nodejs/ws') ? '/usr/share/nodejs/ws' : 'ws');
const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');
const [url, agentId, secret, mode = '', argument = ''] = process.argv.slice(2);
const mac = ({ type, agentId, ts, nonce, payload }) =>
  crypto.createHmac('sha256', secret).update(JSON.stringify({ type, agentId, ts, nonce, payload })).digest('hex');
const skew = mode === 'skew' ? Number(argument) : 0;

function frame(type, payload) {
  const message = { type, agentId, ts: Date.now() + skew, nonce: crypto.randomUUID(), payload };
  message.signature = mac(message);
  if (mode === 'forged') message.payload = { ...payload, hostname: 'another' };
  return JSON.stringify(message);
}

const ws = new WebSocket(url, { perMessageDeflate: false });
ws.on('upgrade', (res) => say({ date: res.headers.date }));
ws.on('error', (e) => say({ error: e.message }));
ws.on('close', (code, reason) => { say({ closed: code, reason: String(reason) }); process.exit(0); });
ws.on('open', () => {
  if (mode === 'silent') return;
  if (mode === 'plain') return ws.send(frame('heartbeat', { status: 'alive' }));
  const auth = mode === 'replay' ? fs.readFileSync(argument, 'utf8') : frame('auth', { hostname: 'test-server', version: '1.0.0' });
  if (mode === 'save') fs.writeFileSync(argument, auth);
  ws.send(auth);
  if (mode === 'replay') return;
  ws.send(frame('heartbeat', { status: 'alive' }));
  ws.send(frame('metrics', { cpuPercent: 12.5, memPercent: 40, diskUsage: 70.25, networkIn: 1000, networkOut: 2000, loadAverage: [0.5, 0.25, 0.125] }));
  ws.send(frame('log', { level: 'info', message: 'signed agent up', source: 'test' }));
});
ws.on('message', (data) => {
  const message = JSON.parse(String(data));
  if (message.type !== 'command') return say({ other: message });
  const genuine = message.signature === mac(message) && Math.abs(Date.now() - message.ts) < 300000 && message.agentId === agentId;
  say({ command: message, genuine });
  const { command, args, requestId } = message.payload;
  const known = command === 'ping' || command === 'get_version';
  ws.send(frame('command_result', { command, result: known ? (command === 'ping' ? 'pong' : { version: '1.0.0', args }) : 'unknown_command', ...(known ? {} : { error: `unknown command ${command}` }), ...(requestId ? { requestId } : {}) }));
});
