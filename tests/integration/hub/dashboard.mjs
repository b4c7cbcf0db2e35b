// A dashboard agent (the agent's leg), from the dashboard protocol's document and NOTES.md alone.
//   node dashboard.mjs URL TOKEN AGENT_ID
import fs from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const WebSocket = require(fs.existsSync('/usr/share/nodejs/ws') ? '/usr/share/nodejs/ws' : 'ws');
const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');
const [url, token, agentId] = process.argv.slice(2);
const ws = new WebSocket(`${url}?token=${encodeURIComponent(token)}`, { perMessageDeflate: false });
const send = (type, payload) => ws.send(JSON.stringify({ version: '1.0.0', type, timestamp: Date.now(), payload }));

ws.on('open', () => {
  send('agent:connect', { agentId, name: 'desk agent', version: '1.0.0', platform: 'linux', capabilities: ['terminal'] });
});
ws.on('error', (e) => say({ error: e.message }));
ws.on('unexpected-response', (req, res) => {
  let body = '';
  res.on('data', (c) => { body += c; });
  res.on('end', () => { say({ refused: res.statusCode, body: JSON.parse(body) }); process.exit(0); });
});
ws.on('close', (code, reason) => { say({ closed: code, reason: String(reason) }); process.exit(0); });
ws.on('message', (data) => {
  const message = JSON.parse(String(data));
  say({ [message.type]: message });
  const payload = message.payload ?? {};
  switch (message.type) {
    case 'connection:ack':
      return send('heartbeat', { sequence: 1 });
    case 'command:request':
      send('command:status', { commandId: payload.commandId, status: 'queued' });
      send('command:status', { commandId: payload.commandId, status: 'running' });
      send('terminal:output', { commandId: payload.commandId, data: 'total 24\n', stream: 'stdout', sequence: 1 });
      return send('command:status', payload.command === 'false'
        ? { commandId: payload.commandId, status: 'failed', exitCode: 1, reason: 'exit' }
        : { commandId: payload.commandId, status: 'completed', exitCode: 0, reason: 'exit' });
    default:
      if (payload.requestId) send('response', { requestId: payload.requestId, status: 'error', code: 'UNKNOWN_ACTION', message: `Unknown action: ${message.type}` });
  }
});
