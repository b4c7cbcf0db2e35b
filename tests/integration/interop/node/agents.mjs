// node agents.mjs PROTOCOL HUB SCENARIO: an agent of that protocol, from its document, with our hub (http://127.0.0.1:PORT).
//   serve   comes in, checks every frame the hub sends, does test.echo and test.fail, and whatever else is unknown to it; until it is ended
//   wrong   tries what a hub must refuse, and passes when it does
// Secrets come in the environment: INTEROP_CREDENTIAL (what the hub minted for node-01), INTEROP_ENROLL.
import crypto from 'node:crypto';
import http from 'node:http';
import { Peer, WebSocket, assert, happened, isoNow, log, msNow, note, object, shape, tell, text, until, uuid, whole } from './peer.mjs';
import { signature } from './sign.mjs';

const [protocol, hub, scenario] = process.argv.slice(2);
const credential = process.env.INTEROP_CREDENTIAL, enroll = process.env.INTEROP_ENROLL;
const id = 'node-01';

function open(path, headers = {}) {
  const ws = new WebSocket(`ws${hub.slice(4)}${path}`, { headers, perMessageDeflate: false });
  const peer = new Peer(ws, {});
  peer.refused = undefined;
  ws.on('unexpected-response', (_, res) => {
    let body = '';
    res.on('data', (c) => (body += c));
    res.on('end', () => {
      peer.refused = { status: res.statusCode, body };
      note('< refused', peer.refused);
      ws.terminate();
      happened();
    });
  });
  peer.opened = until('the upgrade', () => (peer.refused || peer.closed ? peer : ws.readyState === WebSocket.OPEN ? peer : undefined));
  ws.on('open', happened);
  return peer;
}

function post(path, body, token) {
  return new Promise((resolve, reject) => {
    const payload = JSON.stringify(body);
    const req = http.request(hub + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(payload), ...(token ? { Authorization: `Bearer ${token}` } : {}) },
    }, (res) => {
      let all = '';
      res.on('data', (c) => (all += c));
      res.on('end', () => { note('< http', res.statusCode, all); resolve({ status: res.statusCode, json: JSON.parse(all) }); });
    });
    req.on('error', reject);
    req.end(payload);
  });
}

// What this agent can do: the answer to an action, or an error {code, message}.
function work(action, params) {
  if (action === 'test.echo') return { data: { params } };
  if (action === 'test.fail') return { error: { code: 'DISK_FULL', message: 'Disk full' } };
  return { error: { code: 'UNKNOWN_ACTION', message: `Unknown action: ${action}` } };
}

// Serves for ever: `answer(frame)` checks a frame and gives what to send back, or nothing.
async function serve(peer, answer) {
  tell({ ready: true });
  for (;;) {
    const frame = await peer.next('a frame of the hub');
    for (const reply of [answer(frame.json)].flat()) if (reply) peer.send(reply);
  }
}

const protocols = {
  storage: {
    async enter(token = credential) {
      const peer = await open('/ws/storage').opened;
      peer.send({ action: 'auth', token, agent_id: id });
      peer.welcome = await peer.next('the answer to auth');
      return peer;
    },
    async serve() {
      const peer = await this.enter();
      shape(peer.welcome.json, { status: 'ok' });
      await serve(peer, (f) => {
        const { action, request_id, ...params } = f;
        assert.ok(text(action) && text(request_id), JSON.stringify(f));
        const { data, error } = work(action, params);
        return data ? { action: 'response', request_id, status: 'success', data } : { action: 'response', request_id, status: 'error', ...error };
      });
    },
    async wrong() {
      const peer = await this.enter('not-the-token-of-anybody');
      shape(peer.welcome.json, { status: 'error', message: text });
      await peer.end();
    },
  },

  panel: {
    async register() {
      const said = await post('/api/agents/register', {
        name: id, hostname: '192.168.1.100', port: 8080,
        capabilities: { maxMemory: '16GB', maxCpuCores: 8, dockerVersion: '24.0.0', supportedArchitectures: ['amd64', 'arm64'] },
      }, enroll);
      assert.ok(said.status === 200 || said.status === 201, said.status);
      return shape(said.json, { success: true, agent: { id: text, token: text, refreshToken: text, websocketUrl: /^ws:\/\/.*\/ws\/agents$/ } }).agent;
    },
    enter: (agent) => open('/ws/agents', { Authorization: `Bearer ${agent.token}`, 'X-Agent-ID': agent.id }).opened,
    async serve() {
      const agent = await this.register();
      tell({ id: agent.id });
      const peer = await this.enter(agent);
      assert.equal(peer.refused, undefined);
      const now = () => new Date().toISOString();
      await serve(peer, (f) => {
        const base = { id: text, timestamp: isoNow, 'agentId?': agent.id };
        if (f.type === 'ping') {
          shape(f, { ...base, type: 'ping' });
          tell({ ping: true });
          return { id: f.id, type: 'pong', timestamp: now(), data: { agentStatus: 'healthy', activeServers: 3, systemLoad: { cpu: 25.5, memory: 65.2, disk: 40.1 } } };
        }
        shape(f, { ...base, type: 'command', 'serverId?': text, action: text, 'payload?': object, 'timeout?': whole });
        const { data, error } = work(f.action, f.payload ?? {});
        const head = { id: f.id, type: 'response', timestamp: now() };
        const event = { type: 'event', timestamp: now(), event: 'server_status_changed', data: { serverId: 'server_123', previousStatus: 'starting', currentStatus: 'running', pid: 1234 } };
        return [event, data ? { ...head, success: true, data } : { ...head, success: false, error }];
      });
    },
    async wrong() {
      const failed = (said) => {
        assert.equal(said.status, 401);
        assert.ok(JSON.stringify(said.json).includes('AUTH_FAILED'), JSON.stringify(said.json));
      };
      failed(await post('/api/agents/register', { name: id }, 'not-the-enroll-token'));
      const agent = await this.register();
      for (const no of [{ ...agent, token: `${agent.token.slice(0, -3)}abc` }, { ...agent, id: 'somebody-else' }]) {
        const peer = await this.enter(no);
        assert.equal(peer.refused?.status, 401);
        assert.ok(peer.refused.body.includes('AUTH_FAILED'));
      }
      // Rotation: a refresh token serves once; the new pair works.
      const renewed = await post('/api/agents/refresh', { refreshToken: agent.refreshToken });
      assert.equal(renewed.status, 200);
      shape(renewed.json, { success: true, agent: { id: agent.id, token: text, refreshToken: text, 'websocketUrl?': text } });
      assert.notEqual(renewed.json.agent.refreshToken, agent.refreshToken);
      const peer = await this.enter(renewed.json.agent);
      assert.equal(peer.refused, undefined);
      failed(await post('/api/agents/refresh', { refreshToken: agent.refreshToken }));
    },
  },

  print: {
    enter: (token = credential) => open('/print-agent', { 'X-Shop-Id': id, 'X-Agent-Version': '0.2.0', ...(token ? { Authorization: `Bearer ${token}` } : {}) }).opened,
    register: { type: 'register', id: 'r-1', payload: { shopId: id, version: '0.2.0', platform: 'darwin', arch: 'arm64', hostname: 'MacMini.local', udpPort: null, capabilities: ['usb', 'remote-test'] } },
    async serve() {
      const peer = await this.enter();
      const acked = async (frame) => {
        peer.send(frame);
        shape((await peer.next('ack', (f) => f.type === 'ack')).json, { type: 'ack', 'id?': frame.id, payload: { message: 'ok' } });
      };
      await acked(this.register);
      await acked({ type: 'heartbeat', id: 'h-1', payload: { shopId: id, uptime: 1234,
        devices: [{ vendorId: 0x1234, productId: 0x5678, alias: 'Kitchen', role: 'Kitchen', isDefault: true, lastTest: { status: 'success', timestamp: '2025-11-09T21:23:54.000Z' } }],
        telemetry: { logs: ['...'], status: 'online' } } });
      peer.send({ type: 'log_event', payload: { level: 'warn', message: 'USB reconnect', timestamp: new Date().toISOString() } });
      await serve(peer, (f) => {
        if (f.type === 'ack') return null;
        assert.ok(text(f.type), JSON.stringify(f));
        shape(f, { type: text, id: text, payload: object });
        const { id: task, ...payload } = f.payload;
        assert.ok(task === undefined || task === f.id);
        const result = (more) => ({ type: 'task_result', id: f.id, payload: { id: f.id, ...more } });
        if (f.type === 'task_ping') return result({ status: 'pong', message: 'pong' });
        if (f.type === 'task_print') {
          assert.equal(task, f.id, 'the payload of task_print has its id');
          shape(payload, { shopId: id, printer: { vendorId: 4070, productId: 33054 }, data: 'G0A=', encoding: 'base64', reason: 'remote-test' });
          return result({ status: 'success', message: 'Printed', meta: { bytesSent: 2 } });
        }
        if (f.type === 'task_config') {
          shape(payload, { updates: object, 'shopId?': id });
          return [result({ status: 'success', message: 'saved' }),
            { type: 'heartbeat', id: 'h-2', payload: { shopId: id, uptime: 1235, devices: [], telemetry: { status: 'online', logs: [] }, config_push_at: new Date().toISOString() } }];
        }
        const { data, error } = work(f.type, payload);
        return result(data ? { status: 'success', message: 'ok', meta: data } : { status: 'error', ...error });
      });
    },
    async wrong() {
      for (const token of ['not-the-token', '']) assert.equal((await this.enter(token)).refused?.status, 401);
      const none = await open('/print-agent').opened; // who names its shop only in the frame has no token for it
      none.send(this.register);
      assert.equal((await none.end()).code, 1008);
      const peer = await this.enter();
      peer.send({ ...this.register, payload: { ...this.register.payload, shopId: 'another' } });
      assert.equal((await peer.end()).code, 1008);
    },
  },

  dashboard: {
    enter: (token = credential) => open(`/ws/agent?token=${encodeURIComponent(token)}`).opened,
    frame: (type, payload) => ({ version: '1.0.0', type, timestamp: Date.now(), payload }),
    hello(agentId = id) {
      return this.frame('agent:connect', { agentId, name: 'other', version: '2.1.0', platform: 'plan9', capabilities: ['terminal'] });
    },
    async serve() {
      const peer = await this.enter();
      const envelope = (f, type, payload) => shape(f, { version: '1.0.0', type, timestamp: msNow, payload });
      peer.send(this.hello());
      envelope((await peer.next('connection:ack')).json, 'connection:ack', { connectionId: text, 'encoding?': /^base64$/ });
      peer.send(this.frame('heartbeat', { sequence: 1 }));
      envelope((await peer.next('the echo')).json, 'heartbeat', { sequence: 1 });
      await serve(peer, (f) => {
        if (f.type === 'command:request') {
          envelope(f, 'command:request', { commandId: text, command: text, priority: /^(low|normal|high|urgent)$/, 'agentId?': id, 'requestId?': text, 'cwd?': text, 'env?': object, 'timeoutMs?': whole, 'pty?': () => true, 'encoding?': /^base64$/ });
          const { commandId } = f.payload;
          return [this.frame('command:status', { commandId, status: 'queued' }), this.frame('command:status', { commandId, status: 'running' }),
            this.frame('terminal:output', { commandId, data: 'total 24\n', stream: 'stdout', sequence: 1 }),
            this.frame('command:status', f.payload.command === 'false' ? { commandId, status: 'failed', exitCode: 1, reason: 'exit' } : { commandId, status: 'completed', exitCode: 0 })];
        }
        if (f.type === 'heartbeat' || f.type === 'error') throw new Error(`nobody asked for ${JSON.stringify(f)}`);
        envelope(f, f.type, { requestId: text, 'agentId?': id, 'params?': object, 'timeoutMs?': whole, 'target?': text });
        const { data, error } = work(f.type, f.payload.params ?? {});
        return this.frame('response', { requestId: f.payload.requestId, ...(data ? { status: 'success', data } : { status: 'error', ...error }) });
      });
    },
    async wrong() {
      assert.equal((await this.enter('eyJhbGciOiJub25lIn0.e30.')).refused?.status, 401);
      assert.equal((await this.enter('')).refused?.status, 401);
      const peer = await this.enter();
      peer.send(this.hello('somebody-else'));
      assert.equal((await peer.end()).code, 1008);
      // What is malformed does not end the session, nor what follows it.
      const again = await this.enter();
      again.send(this.hello());
      await again.next('connection:ack', (f) => f.type === 'connection:ack');
      again.send('{"type":');
      again.send({ ...this.frame('heartbeat', { sequence: 8 }), version: '2.0.0' });
      again.send(this.frame('heartbeat', { sequence: 9 }));
      await again.next('the echo', (f) => f.type === 'heartbeat' && f.payload.sequence === 9);
      assert.ok(!again.frames.some((f) => f.json.type === 'heartbeat' && f.json.payload.sequence === 8), 'another major version');
      for (const f of again.frames.filter((one) => one.json.type === 'error'))
        shape(f.json, { version: '1.0.0', type: 'error', timestamp: msNow, payload: { code: 'INVALID_MESSAGE', message: text, recoverable: true, 'detail?': text } });
    },
  },

  signed: {
    enter: () => open('/agent').opened,
    frame(type, payload, more = {}, key = credential) {
      const f = { type, agentId: id, ts: Date.now(), nonce: crypto.randomUUID(), payload, ...more };
      return { ...f, signature: signature(f, key) };
    },
    async serve() {
      const peer = await this.enter();
      peer.send(this.frame('auth', { hostname: 'test-server', version: '1.0.0' }));
      peer.send(this.frame('heartbeat', { status: 'alive' }));
      peer.send(this.frame('metrics', { cpuPercent: 25.5, memPercent: 65, diskUsage: 40.1, networkIn: 1200, networkOut: 900, loadAverage: [0.5, 0.4, 0.3] }));
      peer.send(this.frame('log', { level: 'warn', message: 'é"\\ \u2028', source: 'kernel' }));
      const nonces = new Set();
      await serve(peer, (f) => {
        shape(f, { type: 'command', agentId: id, ts: msNow, nonce: uuid, payload: { command: text, 'args?': object, 'requestId?': text, 'timeoutMs?': whole, 'target?': text }, signature: /^[0-9a-f]{64}$/ });
        assert.equal(f.signature, signature(f, credential), 'the signature of a command');
        assert.ok(!nonces.has(f.nonce), 'a nonce twice');
        nonces.add(f.nonce);
        const { command, args, requestId } = f.payload;
        const { data, error } = work(command, args ?? {});
        const unknown = error?.code === 'UNKNOWN_ACTION';
        return this.frame('command_result', { command, result: data ?? (unknown ? 'unknown_command' : null), ...(error ? { error: error.message, code: error.code } : {}), ...(requestId ? { requestId } : {}) });
      });
    },
    async wrong() {
      const ends = async (reason, code, ...frames) => {
        const peer = await this.enter();
        for (const f of frames) peer.send(f);
        const closed = await peer.end();
        assert.deepEqual(closed, { code, reason });
      };
      const auth = (more, key) => this.frame('auth', { hostname: 'h', version: '1' }, more, key);
      const bad = auth();
      await ends('invalid_signature', 1008, { ...bad, payload: { hostname: 'x', version: '1' } });
      await ends('invalid_signature', 1008, auth({}, 'another-secret'));
      await ends('invalid_signature', 1008, { ...bad, signature: undefined });
      await ends('invalid_timestamp', 1008, auth({ ts: Date.now() - 301_000 }));
      await ends('unknown_agent', 1008, auth({ agentId: 'nobody' }));
      await ends('invalid_json', 1003, '{"type":');
      const used = auth();
      await ends('invalid_nonce', 1008, used, used);
      await ends('invalid_nonce', 1008, used); // in another session too
    },
  },
};

try {
  await protocols[protocol][scenario]();
  tell({ passed: true });
  process.exit(0);
} catch (e) {
  process.stderr.write(`${e.stack}\n--- what was said ---\n${log()}\n`);
  process.exit(1);
}
