// A dashboard agent of the field dialect, from NOTES.md (dashboard, field dialect) alone: it sends no COMMAND_ACK and ignores COMMAND_CANCEL.
//   node field_dashboard.mjs URL TOKEN AGENT_ID [HOW]
// HOW: "query" (the token in the URL instead of a Bearer header), "beats" (sends an AGENT_HEARTBEAT, which the server rejects).
// `false` exits with 1, `sleep` never ends, any other command prints and completes. Writes one JSON line for each event.
import fs from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const WebSocket = require(fs.existsSync('/usr/share/nodejs/ws') ? '/usr/share/nodejs/ws' : 'ws');
const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');
const [url, token, name, how] = process.argv.slice(2);
const ws = how === 'query' ? new WebSocket(`${url}?token=${encodeURIComponent(token)}`, { perMessageDeflate: false })
  : new WebSocket(url, { perMessageDeflate: false, headers: { Authorization: `Bearer ${token}` } });
let agentId = name, count = 0;
const send = (type, payload) => ws.send(JSON.stringify({ type, id: `m-${++count}`, timestamp: Date.now(), payload }));

ws.on('open', () => send('AGENT_CONNECT', { agentId: name, name: 'field desk', agentType: 'CUSTOM', version: '1.2.3', hostMachine: 'vm',
  capabilities: { maxTokens: 0, supportsInterrupt: true, supportsTrace: false } }));
ws.on('unexpected-response', (req, res) => { say({ refused: res.statusCode }); process.exit(0); });
ws.on('error', (e) => say({ error: e.message }));
ws.on('close', (code, reason) => { say({ closed: code, reason: String(reason) }); process.exit(0); });
ws.on('message', (text) => {
  const message = JSON.parse(String(text));
  const { type, payload } = message;
  for (const [key, is] of [['type', 'string'], ['id', 'string'], ['timestamp', 'number'], ['payload', 'object']])
    if (typeof message[key] !== is) say({ wrong: key, message });
  say({ [type]: message });
  if (type === 'ACK' && payload.agentId) {
    agentId = payload.agentId;
    if (how === 'beats') send('AGENT_HEARTBEAT', { agentId });
  }
  if (type === 'PING') send('PONG', { timestamp: payload.timestamp });
  if (type !== 'COMMAND_REQUEST') return;
  const { commandId, content, args } = payload;
  if (content === 'sleep') return;
  const printed = [content, ...args].join(' ');
  send('TERMINAL_OUTPUT', { commandId, agentId, streamType: 'STDOUT', content: `${printed}\n`, sequence: 1 });
  send('COMMAND_COMPLETE', content === 'false'
    ? { commandId, agentId, status: 'FAILED', error: 'exit code 1', executionTime: 3, tokensUsed: 0, exitCode: 1 }
    : { commandId, agentId, status: 'COMPLETED', executionTime: 3, tokensUsed: 0, exitCode: 0 });
});
