// A panel agent, from the panel protocol's document alone.
//   node panel.mjs URL AGENT_ID TOKEN            URL: ws://.../ws/agents
//   node panel.mjs register HTTP_BASE BEARER NAME
//   node panel.mjs refresh HTTP_BASE REFRESH_TOKEN
// Writes one JSON line for everything that happens. start_server succeeds, stop_server has no container; after start_server it sends the
// event server_status_changed.
import fs from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const WebSocket = require(fs.existsSync('/usr/share/nodejs/ws') ? '/usr/share/nodejs/ws' : 'ws');
const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');
const [first, ...rest] = process.argv.slice(2);
const now = () => new Date().toISOString();

if (first === 'register' || first === 'refresh') {
  const [base, credential, name] = rest;
  const body = first === 'register'
    ? { name, hostname: '192.168.1.100', port: 8080, capabilities: { maxMemory: '16GB', maxCpuCores: 8, dockerVersion: '24.0.0', supportedArchitectures: ['amd64'] } }
    : { refreshToken: credential };
  const headers = { 'Content-Type': 'application/json', ...(first === 'register' ? { Authorization: `Bearer ${credential}` } : {}) };
  const res = await fetch(`${base}/api/agents/${first}`, { method: 'POST', headers, body: JSON.stringify(body) });
  say({ status: res.status, body: await res.json() });
} else {
  const [id, token] = rest;
  const ws = new WebSocket(first, { perMessageDeflate: false, headers: { Authorization: `Bearer ${token}`, 'X-Agent-ID': id } });
  const send = (message) => ws.send(JSON.stringify({ timestamp: now(), ...message }));
  ws.on('open', () => say({ open: true }));
  ws.on('error', (e) => say({ error: e.message }));
  ws.on('unexpected-response', (req, res) => {
    let body = '';
    res.on('data', (c) => { body += c; });
    res.on('end', () => { say({ refused: res.statusCode, body: JSON.parse(body) }); process.exit(0); });
  });
  ws.on('close', (code, reason) => { say({ closed: code, reason: String(reason) }); process.exit(0); });
  ws.on('message', (data) => {
    const message = JSON.parse(String(data));
    // The document has no such action: the hub asks for it because the registration names an engine.
    if (message.action === 'list_servers' || message.action === 'docker.list_servers')
      return send({ id: message.id, type: 'response', success: false, error: { code: 'UNKNOWN_ACTION', message: 'Unknown action' } });
    say({ [message.type]: message });
    if (message.type === 'ping') {
      return send({ id: message.id, type: 'pong', data: { agentStatus: 'healthy', activeServers: 3, systemLoad: { cpu: 25.5, memory: 65.2, disk: 40.1 } } });
    }
    if (message.type !== 'command') return;
    const serverId = message.serverId ?? message.payload?.serverId;
    if (message.action === 'start_server') {
      send({ id: message.id, type: 'response', success: true, message: 'Server start command received', data: { serverId, status: 'starting' } });
      send({ type: 'event', event: 'server_status_changed', data: { serverId, previousStatus: 'starting', currentStatus: 'running', pid: 1234 } });
    } else if (message.action === 'stop_server') {
      send({ id: message.id, type: 'response', success: false, error: { code: 'CONTAINER_NOT_FOUND', message: `Docker container for ${serverId} not found` } });
    }
  });
}
