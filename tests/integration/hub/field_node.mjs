// A panel agent of the field dialect, from NOTES.md (panel, field dialect) alone: it sends X-Node-Id, reads commands only under `data`, answers
// first with status "processing" and later with the result, and sends heartbeats. It does not know pings.
//   node field_node.mjs URL TOKEN NODE_ID
// start_server succeeds, stop_server fails, restart_server starts and never ends. Writes one JSON line for each event.
import fs from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const WebSocket = require(fs.existsSync('/usr/share/nodejs/ws') ? '/usr/share/nodejs/ws' : 'ws');
const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');
const [url, token, nodeId] = process.argv.slice(2);
const ws = new WebSocket(url, { perMessageDeflate: false, headers: { Authorization: `Bearer ${token}`, 'X-Node-Id': nodeId } });
const send = (message) => ws.send(JSON.stringify({ timestamp: new Date().toISOString(), ...message }));
const systemInfo = () => send({ type: 'system_info', data: { nodeId, os: 'linux', arch: 'amd64', capabilities: ['docker'] } });
const heartbeat = () => send({ type: 'heartbeat', data: { nodeId, timestamp: new Date().toISOString(), status: 'online' } });

ws.on('open', () => {
  say({ open: true });
  systemInfo();
  setInterval(heartbeat, 200);
});
ws.on('unexpected-response', (req, res) => { say({ refused: res.statusCode }); process.exit(0); });
ws.on('error', (e) => say({ error: e.message }));
ws.on('close', (code, reason) => { say({ closed: code, reason: String(reason) }); process.exit(0); });
ws.on('message', (text) => {
  const message = JSON.parse(String(text));
  say({ [message.type]: message });
  if (message.type === 'system_info_request') return systemInfo();
  if (message.type !== 'command') return;
  const command = message.data ?? {};
  const { serverId } = command.payload?.serverId ? command.payload : command;
  const response = (more) => send({ id: command.id, type: 'response', ...more });
  response({ status: 'processing', success: true, message: 'Command received', data: { serverId, status: 'processing' } });
  const ends = {
    start_server() {
      send({ type: 'server_status', data: { serverId, status: 'running' } });
      response({ success: true, message: 'Server started', data: { serverId, status: 'running' } });
    },
    stop_server: () => response({ success: false, error: { code: 'CONTAINER_NOT_FOUND', message: `Docker container for ${serverId} not found` } }),
  };
  if (ends[command.action]) setTimeout(ends[command.action], 300);
});
