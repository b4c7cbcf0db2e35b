// A panel, from the panel protocol's document: registration over REST, then commands, events and pings over a WebSocket.
import { listen, shape, text, object, isoNow, assert, tell, until } from './peer.mjs';
import { capabilities } from './capabilities.mjs';

const env = process.env;
const agentId = 'agent_5f1c';
const tokens = (n) => ({ token: `${env.INTEROP_JWT}.${n}`, refreshToken: `${env.INTEROP_REFRESH}-${n}` });

// A panel that hands out token 1, 2, ... Only the newest is good, and each refresh token once.
async function panel({ refuseFirst = false, never = false } = {}) {
  const s = { given: 0, registered: 0, refreshed: 0, log: [] };
  Object.assign(s, await listen({
    path: '/ws/agents',
    refuse(request) {
      if (never || (refuseFirst && s.given === 1)) return { status: 401, json: { success: false, error: { code: 'AUTH_FAILED', message: 'expired' } } };
      if (request.headers.authorization !== `Bearer ${tokens(s.given).token}` || request.headers['x-agent-id'] !== agentId)
        return { status: 401, json: { success: false, error: { code: 'AUTH_FAILED', message: 'JWT token invalid or expired' } } };
      return null;
    },
    rest(request) {
      assert.equal(request.method, 'POST');
      assert.match(request.headers['content-type'], /^application\/json/);
      const body = JSON.parse(request.body);
      s.log.push(request.url);
      if (request.url === '/api/agents/register') {
        assert.equal(request.headers.authorization, `Bearer ${env.INTEROP_ADMIN}`);
        s.registration = body;
        s.registered++;
      } else if (request.url === '/api/agents/refresh') {
        if (body.refreshToken !== tokens(s.given).refreshToken || s.revoked)
          return { status: 401, json: { success: false, error: { code: 'AUTH_FAILED', message: 'refresh token is no longer good' } } };
        shape(body, { refreshToken: text });
        s.refreshed++;
      } else {
        return { status: 404, json: {} };
      }
      s.given++;
      const agent = { id: agentId, ...tokens(s.given) };
      if (request.url.endsWith('/register')) agent.websocketUrl = s.url;
      return { status: 200, json: { success: true, agent } };
    },
  }));
  tell({ url: s.url, http: s.http, register: `${s.http}/api/agents/register` });
  return s;
}

let count = 0;
const frame = (more) => ({ id: `msg_${++count}`, timestamp: new Date().toISOString(), ...more });
async function call(peer, action, payload, more = {}) {
  const command = frame({ type: 'command', agentId, action, ...(payload === undefined ? {} : { payload }), ...more });
  peer.send(command);
  const answer = await peer.next(`the response to ${action}`, (f) => f.type === 'response' && f.id === command.id);
  assert.equal(peer.frames.filter((f) => f.json.type === 'response' && f.json.id === command.id).length, 1, 'exactly one response');
  return answer;
}
const base = { id: text, timestamp: isoNow, 'agentId?': agentId, 'serverId?': text };
const success = (answer, more) => shape(answer.json, { ...base, type: 'response', success: true, ...more });
const failure = (answer, error, more) =>
  shape(answer.json, { ...base, type: 'response', success: false, error: { 'detail?': text, ...error }, ...more });
const event = (f, name, data) => shape(f.json, { 'id?': text, type: 'event', timestamp: isoNow, 'agentId?': agentId, 'serverId?': text, event: name, data });

async function connected(s) {
  s ??= await panel();
  return s.connection();
}

const connect = async () => {
  const peer = await connected();
  return {
    call: (action, params) => call(peer, action, params),
    success: (answer, data, message) => success(answer, { data, ...(message ? { message } : {}) }),
    failure: (answer, { code, message, detail }) => failure(answer, { code, message, ...(detail ? { detail } : {}) }),
    told(answer, progress, step) {
      const events = peer.frames.filter((f) => f.json.type === 'event');
      assert.deepEqual(events.map((f) => f.json.event), ['progress', 'step', 'progress']);
      event(events[0], 'progress', { id: answer.json.id, ...progress[0] });
      event(events[1], 'step', step);
      event(events[2], 'progress', { id: answer.json.id, ...progress[1] });
      assert.ok(events[2].number < answer.number, 'what happened on the way comes before the answer');
    },
  };
};

export const scenarios = {
  ...capabilities(connect),

  // POST /api/agents/register as documented, the upgrade's headers, and a second life without another registration.
  async registration() {
    const s = await panel();
    const first = await s.connection();
    shape(s.registration, {
      name: 'node-01', hostname: text, port: 8080,
      capabilities: (c) => object(c) || Array.isArray(c) || 'the capabilities',
    });
    assert.equal(first.request.headers['x-agent-id'], agentId);
    assert.equal(first.request.headers.authorization, `Bearer ${tokens(1).token}`);
    success(await call(first, 'host.ping', {}), { data: object });
    await s.ask('restart');
    const second = await s.connection();
    assert.equal(second.request.headers.authorization, `Bearer ${tokens(1).token}`);
    success(await call(second, 'host.ping', {}), { data: object });
    assert.deepEqual(s.log, ['/api/agents/register'], 'it registers once');
  },

  // Rotation: by the clock (the test configures 1 s in place of 24 h), in the background; the new pair is used by the next connection.
  async rotation() {
    const s = await panel();
    const first = await s.connection();
    await until('a refresh by the clock', () => (s.refreshed >= 1 ? true : undefined));
    assert.equal(first.closed, undefined, 'a refresh does not end the session');
    success(await call(first, 'host.ping', {}), { data: object });
    await s.ask('restart');
    await s.connection();
    assert.equal(s.registered, 1);
  },

  // 401 at the upgrade: refresh, and in again.
  async expired() {
    const s = await panel({ refuseFirst: true });
    await s.connection();
    assert.deepEqual(s.log, ['/api/agents/register', '/api/agents/refresh']);
    assert.equal(s.upgrades[1].headers.authorization, `Bearer ${tokens(2).token}`);
  },

  // Close 1008: refresh, and in again.
  async cut() {
    const s = await panel();
    const first = await s.connection();
    await first.settled();
    first.ws.close(1008, 'AUTH_FAILED');
    await s.connection();
    assert.deepEqual(s.log, ['/api/agents/register', '/api/agents/refresh']);
  },

  // The refresh token is no longer good either: one registration, and in.
  async revoked() {
    const s = await panel();
    const first = await s.connection();
    await first.settled();
    s.revoked = true;
    first.ws.close(1008, 'AUTH_FAILED');
    const second = await s.connection();
    assert.deepEqual(s.log, ['/api/agents/register', '/api/agents/refresh', '/api/agents/register']);
    success(await call(second, 'host.ping', {}), { data: object });
  },

  // Nothing helps: each way once, then a long wait, and a person is told.
  async refused() {
    const s = await panel({ never: true });
    await s.ask('see it waiting', { because: '401' });
    assert.deepEqual(s.log, ['/api/agents/register', '/api/agents/refresh', '/api/agents/register']);
    assert.equal(s.upgrades.length, 3);
  },

  // A greeting that the document does not know is in the log once, by its form; the session goes on.
  async stranger() {
    const s = await panel();
    const peer = await s.connection();
    for (let i = 0; i < 3; i++) peer.send({ kind: 'welcome', node: agentId, refresh: tokens(1).refreshToken });
    success(await call(peer, 'host.ping', {}), { data: object });
    await s.ask('see it once in its log', { text: 'sent a frame that cannot be used' });
    await s.ask('see it once in its log', { text: 'an object with kind, node, refresh' });
  },

  // ping -> pong with the same id, and what the document says of the agent.
  async heartbeat() {
    const peer = await connected();
    peer.send({ id: 'heartbeat_001', type: 'ping', timestamp: '2025-01-23T10:09:00Z' });
    const pong = await peer.next('a pong', (f) => f.type === 'pong');
    shape(pong.json, {
      id: 'heartbeat_001', type: 'pong', timestamp: isoNow, 'agentId?': agentId,
      data: { agentStatus: /^(healthy|degraded)$/, activeServers: 3, systemLoad: { cpu: 25.5, memory: 65.2, disk: 40.1 } },
    });
  },

  // Every command of the document reaches an action with its parameters and its server, wherever the server's id stands.
  async commands() {
    const peer = await connected();
    const asked = async (action, payload, more, params, target) =>
      success(await call(peer, action, payload, more), { data: { params, target } });
    const create = {
      serverId: 'server_123',
      eggConfig: {
        name: 'minecraft-java', image: 'ghcr.io/pterodactyl/yolks:java_17', ports: { 25565: 25565 },
        environment: { SERVER_JARFILE: 'server.jar', MINECRAFT_VERSION: '1.20.4' },
        limits: { memory: '2048m', cpu: '2', disk: '5g' },
        startup: 'java -Xms128M -Xmx{{SERVER_MEMORY}}M -jar {{SERVER_JARFILE}}',
      },
    };
    const server = { serverId: 'server_123' };
    await asked('create_server', create, {}, create, 'server_123');
    await asked('start_server', undefined, server, {}, 'server_123');
    await asked('stop_server', { signal: 'SIGTERM', timeout: 30 }, server, { signal: 'SIGTERM', timeout: 30 }, 'server_123');
    await asked('restart_server', undefined, server, {}, 'server_123');
    await asked('get_status', undefined, server, {}, 'server_123');
    await asked('list_files', { path: '/server' }, server, { path: '/server' }, 'server_123');
    await asked('get_file', { path: '/server/server.properties' }, server, { path: '/server/server.properties' }, 'server_123');
    // Without an agentId it is ours all the same; unknown fields are ignored; nested under data as some panels do.
    peer.send({ ...frame({ type: 'command', action: 'get_status', serverId: 's' }), agentId: undefined, later: [1] });
    success(await peer.next('an answer', (f) => f.type === 'response'), { data: { params: {}, target: 's' } });
    const nested = frame({ type: 'command', data: { action: 'start_server', serverId: 'server_9', payload: { x: 1 } } });
    peer.send(nested);
    success(await peer.next('an answer', (f) => f.id === nested.id), { data: { params: { x: 1 }, target: 'server_9' } });
  },

  // No docker plugin: the document's words are unknown, and say so in the document's shape. So do all other mistakes.
  async errors() {
    const peer = await connected();
    for (const action of ['create_server', 'start_server', 'stop_server', 'restart_server', 'get_status', 'list_files', 'get_file'])
      failure(await call(peer, action, {}, { serverId: 'server_123' }), { code: 'UNKNOWN_ACTION', message: new RegExp(`^Unknown action: ${action}`) });
    failure(await call(peer, 'trial.fail', { code: 'CONTAINER_NOT_FOUND', message: 'Docker container for server_123 not found' }),
      { code: 'CONTAINER_NOT_FOUND', message: 'Docker container for server_123 not found' });
    failure(await call(peer, 'storage.delete', {}), { code: 'INVALID_REQUEST', message: text });
    failure(await call(peer, 'telemetry.status', {}), { code: 'DENIED', message: text }); // not in our allow list
    const other = frame({ type: 'command', agentId: 'somebody-else', action: 'host.ping' });
    peer.send(other);
    failure(await peer.next('an answer', (f) => f.id === other.id), { code: 'INVALID_REQUEST', message: text });
    success(await call(peer, 'host.ping', {}), { data: object });
  },

  // The three events of the document, as a plugin would send them.
  async events() {
    const peer = await connected();
    const events = {
      server_status_changed: { serverId: 'server_123', previousStatus: 'starting', currentStatus: 'running', pid: 1234 },
      server_log: { serverId: 'server_123', logLevel: 'INFO', message: 'player1 joined the game' },
      resource_update: { serverId: 'server_123', cpu: 52.1, memory: { used: '1200m', percentage: 58.5 }, disk: { used: '2.1g', percentage: 42.0 } },
    };
    for (const [name, data] of Object.entries(events)) {
      success(await call(peer, 'trial.tell', { topic: `trial.${name}`, data }), { 'data?': object });
      event(await peer.next(name, (f) => f.type === 'event'), name, data);
    }
  },
};
