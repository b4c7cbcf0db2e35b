// A panel agent with game servers that exist only in memory, from the panel protocol's document (and NOTES.md for what it leaves open).
//   node servers.mjs URL AGENT_ID TOKEN [OPTIONS]   OPTIONS, JSON: {"memory": "8g", "cores": 4, "images": [...], "busyPorts": [22],
//     "journal": true (an agenthost: repeats of an id are answered, not run), "silent": ["create_server"] (never answered)}
// Writes one JSON line for everything that happens. A server whose id is "err-CODE" answers everything with that code. Lines of the console:
// "flood N" prints N lines, "crash" ends it, "drop" closes the session without an answer and connects again after half a second.
import fs from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const WebSocket = require(fs.existsSync('/usr/share/nodejs/ws') ? '/usr/share/nodejs/ws' : 'ws');
const say = (what) => fs.writeSync(1, JSON.stringify(what) + '\n');
const [url, agentId, token, given] = process.argv.slice(2);
const options = { memory: '8g', cores: 4, busyPorts: [], silent: [], ...JSON.parse(given ?? '{}') };
const servers = new Map(); // id -> {id, config, status, log: [], first, files: Map}
const answers = new Map(); // the journal: id -> response
const counts = {};
let ws;

const mega = (text) => { const m = /^(\d+)([mg])/i.exec(String(text ?? '0m')); return m ? Number(m[1]) * (m[2].toLowerCase() === 'g' ? 1024 : 1) : 0; };
const send = (message) => { if (ws.readyState === WebSocket.OPEN) ws.send(JSON.stringify({ timestamp: new Date().toISOString(), ...message })); };
const event = (name, data) => send({ type: 'event', event: name, data });
const refuse = (code, message) => { throw Object.assign(new Error(message ?? `refused with ${code}`), { code }); };
const change = (server, status, error) => {
  if (!servers.has(server.id)) return; // deleted meanwhile
  const previousStatus = server.status;
  server.status = status;
  event('server_status_changed', { serverId: server.id, previousStatus, currentStatus: status, ...(error ? { error } : {}) });
};
const print = (server, text) => {
  if (!servers.has(server.id)) return;
  server.log.push(text);
  event('server_log', { serverId: server.id, logLevel: 'INFO', message: text, position: server.log.length - 1, entries: 1 });
};
const status = (server) => ({
  serverId: server.id, status: server.status, containerId: `c-${server.id}`, uptime: 1,
  resources: { cpu: 12.5, memory: { used: '100m', available: server.config.limits?.memory ?? '1024m' }, network: { tx: 10, rx: 20 } },
  players: { online: 1, max: 20, list: ['p'] },
});
const entry = (server) => ({
  serverId: server.id, name: server.config.name, image: server.config.image, status: server.status, limits: server.config.limits, ports: server.config.ports,
});
const pathOf = (payload) => '/' + String(payload.path ?? '/').replace(/^\/+/, '').replace(/^server\/?/, '');
const fileOf = (server, path) => server.files.get(path) ?? refuse('FILE_NOT_FOUND', `${path}: no such file`);

const actions = {
  create_server(_, { serverId, eggConfig, start }, id) {
    if (servers.has(serverId)) refuse('CONFIG_INVALID', `server ${serverId} exists`);
    if (!eggConfig?.image) refuse('CONFIG_INVALID', 'eggConfig.image is missing');
    for (const port of Object.values(eggConfig.ports ?? {})) {
      if (options.busyPorts.includes(port)) refuse('PORT_CONFLICT', `port ${port} is used by sshd`);
    }
    const used = [...servers.values()].reduce((sum, s) => sum + mega(s.config.limits?.memory), 0);
    if (used + mega(eggConfig.limits?.memory) > mega(options.memory)) refuse('INSUFFICIENT_RESOURCES', 'not enough memory');
    const server = { id: serverId, config: eggConfig, status: 'installing', log: [], files: new Map([['/server.properties', Buffer.from('motd=hi\n')]]) };
    servers.set(serverId, server);
    setTimeout(() => {
      event('progress', { id, layer: 1, of: 2 });
      change(server, 'offline');
      if (start) actions.start_server(server);
    }, 20);
    return { serverId, status: 'installing' };
  },
  delete_server(server) { servers.delete(server.id); return { serverId: server.id }; },
  start_server(server) {
    change(server, 'starting');
    setTimeout(() => { print(server, 'Done'); change(server, 'running'); event('resource_update', { serverId: server.id, cpu: 52.1, memory: { used: '120m', percentage: 58.5 }, disk: { used: '2.1g', percentage: 42 } }); }, 20);
    return { serverId: server.id, status: 'starting' };
  },
  stop_server(server) {
    change(server, 'stopping');
    setTimeout(() => change(server, 'offline'), 20);
    return { serverId: server.id, status: 'stopping' };
  },
  restart_server(server) { change(server, 'stopping'); setTimeout(() => actions.start_server(server), 20); return { serverId: server.id, status: 'stopping' }; },
  kill_server(server) { change(server, 'offline'); return { serverId: server.id, status: 'offline' }; },
  reinstall_server(server) { change(server, 'installing'); setTimeout(() => change(server, 'offline'), 20); return { serverId: server.id, status: 'installing' }; },
  list_servers(_, { limit = 500, after = '' }) {
    const all = [...servers.values()].filter((s) => s.id > after).sort((a, b) => (a.id < b.id ? -1 : 1));
    const page = all.slice(0, limit);
    return {
      servers: page.map(entry), next: all.length > limit ? page[page.length - 1].id : null,
      node: { maxMemory: options.memory, maxCpuCores: options.cores, usedPorts: [], ...(options.images ? { images: options.images } : {}) },
    };
  },
  get_status: (server) => status(server),
  send_command(server, { command }) {
    if (server.status !== 'running') refuse('CONTAINER_NOT_FOUND', `Docker container for ${server.id} not found`);
    const [word, n] = command.split(' ');
    if (word === 'drop') { ws.terminate(); return undefined; }
    print(server, `> ${command}`);
    if (word === 'flood') for (let i = 0; i < Number(n); i += 1) print(server, `line ${i}`);
    if (word === 'crash') change(server, 'crashed', { code: 'DOCKER_ERROR', message: 'exit code 1' });
    return { serverId: server.id };
  },
  get_logs(server, { tail, offset, limit = 500 }) {
    const from = offset ?? Math.max(0, server.log.length - (tail ?? 100));
    const lines = server.log.slice(from, from + limit).map((message, i) => ({ position: from + i, stream: 'stdout', message }));
    return { lines, first: 0, next: from + lines.length, end: server.log.length };
  },
  list_files(server, { after = '', limit = 1000 }) {
    const names = [...server.files.keys()].map((p) => p.slice(1)).sort().filter((n) => n > after);
    const page = names.slice(0, limit);
    return {
      path: '/', next: names.length > limit ? page[page.length - 1] : null,
      files: page.map((name) => ({ name, type: 'file', size: server.files.get('/' + name).length, modified: '2025-01-23T10:00:00Z' })),
    };
  },
  get_file(server, payload) {
    const bytes = fileOf(server, pathOf(payload));
    const offset = payload.offset ?? 0;
    const part = bytes.subarray(offset, offset + Math.min(payload.length ?? 524288, 524288));
    return { path: payload.path, size: bytes.length, offset, encoding: 'base64', content: part.toString('base64') };
  },
  write_file(server, payload) {
    server.files.set(pathOf(payload), Buffer.from(payload.content, payload.encoding ?? 'utf8'));
    return { path: payload.path, size: server.files.get(pathOf(payload)).length };
  },
  delete_file(server, payload) { fileOf(server, pathOf(payload)); server.files.delete(pathOf(payload)); return {}; },
  rename_file(server, { from, to }) { server.files.set(pathOf({ path: to }), fileOf(server, pathOf({ path: from }))); server.files.delete(pathOf({ path: from })); return {}; },
  copy_file(server, { from, to }) { server.files.set(pathOf({ path: to }), fileOf(server, pathOf({ path: from }))); return {}; },
  make_directory: () => ({}),
  chmod_file(server, payload) { fileOf(server, pathOf(payload)); return { mode: payload.mode }; },
  archive_files(server, { files, target }) { server.files.set(pathOf({ path: target }), Buffer.from(files.join('\n'))); return { entries: files.length }; },
  extract_archive(server, payload) { fileOf(server, pathOf(payload)); return { entries: 1 }; },
};

function respond(message) {
  const { id, action, payload = {} } = message;
  if (options.journal && answers.has(id)) return send(answers.get(id));
  counts[id] = (counts[id] ?? 0) + 1;
  if (counts[id] > 1) say({ twice: id });
  if (options.silent.includes(action)) return undefined;
  const serverId = message.serverId ?? payload.serverId;
  let answer;
  try {
    if (!actions[action]) refuse('UNKNOWN_ACTION', `Unknown action: ${action}`);
    if (serverId?.startsWith('err-')) refuse(serverId.slice(4), 'as asked for');
    const general = action === 'create_server' || action === 'list_servers';
    const server = servers.get(serverId) ?? (general ? null : refuse('SERVER_NOT_FOUND', `Server ${serverId} does not exist`));
    const data = actions[action](server, payload, id);
    answer = { id, type: 'response', success: true, data: data ?? {} };
    answers.set(id, answer);
    if (data === undefined) return undefined; // the session is gone; the journal has it
  } catch (e) {
    if (!e.code) throw e;
    answer = { id, type: 'response', success: false, error: { code: e.code, message: e.message } };
    answers.set(id, answer);
  }
  return send(answer);
}

function connect() {
  const headers = { Authorization: `Bearer ${token}`, 'X-Agent-ID': agentId, ...(options.journal ? { 'User-Agent': 'agenthost/0.1.0' } : {}) };
  ws = new WebSocket(url, { perMessageDeflate: false, headers });
  ws.on('open', () => say({ open: true }));
  ws.on('error', (e) => say({ error: e.message }));
  ws.on('close', (code) => { say({ closed: code }); setTimeout(connect, 500); });
  ws.on('message', (data) => {
    const message = JSON.parse(String(data));
    if (message.type === 'ping') {
      return send({ id: message.id, type: 'pong', data: { agentStatus: 'healthy', activeServers: servers.size, systemLoad: { cpu: 1, memory: 1, disk: 1 } } });
    }
    if (message.type !== 'command') return undefined;
    say({ command: message });
    return respond(message);
  });
}
connect();
