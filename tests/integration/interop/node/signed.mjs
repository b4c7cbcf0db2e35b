// A server of the signed protocol, from its document: verifies every frame of the agent, signs every command.
import crypto from 'node:crypto';
import { listen, shape, text, number, object, msNow, uuid, assert, tell, until } from './peer.mjs';
import { capabilities } from './capabilities.mjs';
import { signature as sign } from './sign.mjs';

const secret = process.env.INTEROP_SECRET, agentId = 'node-01';
const signature = (frame, key = secret) => sign(frame, key);

// `behind`: how many ms the server's clock is behind ours. It tells its time in the Date header, as deployed servers do.
async function server({ behind = 0 } = {}) {
  const s = await listen({ path: '/agent', date: () => Date.now() - behind });
  s.now = () => Date.now() - behind;
  s.nonces = new Set();
  tell({ url: s.url, http: s.http });
  return s;
}

// What a deployed server checks of each frame; what it sees twice, or before its own time, it refuses.
function verified(s, f) {
  shape(f.json, { type: text, agentId, ts: Number.isInteger, nonce: uuid, payload: object, signature: /^[0-9a-f]{64}$/ });
  assert.deepEqual(Object.keys(f.json), ['type', 'agentId', 'ts', 'nonce', 'payload', 'signature'], 'the order that is signed');
  assert.equal(f.json.signature, signature(f.json), `signature of ${f.text}`);
  assert.ok(f.json.ts <= s.now(), `a timestamp ahead of the server's by ${f.json.ts - s.now()} ms`);
  assert.ok(s.now() - f.json.ts < 300_000, 'a timestamp of five minutes ago');
  if (!f.checked) assert.ok(!s.nonces.has(f.json.nonce), 'a nonce twice');
  f.checked = true;
  s.nonces.add(f.json.nonce);
  return f;
}
const payload = (f, type, pattern) => {
  assert.equal(f.json.type, type);
  return shape(f.json.payload, pattern);
};

async function authenticated(s) {
  const peer = await s.connection();
  const auth = await peer.next('auth');
  verified(s, auth);
  assert.equal(auth.number, 0);
  payload(auth, 'auth', { hostname: text, version: text });
  assert.ok(!auth.text.includes(secret));
  return peer; // deployed servers answer nothing: no close within 2 s means yes
}

function frame(s, type, body, more = {}) {
  const f = { type, agentId, ts: s.now(), nonce: crypto.randomUUID(), payload: body, ...more };
  return { ...f, signature: signature(f) };
}
let count = 0;
async function call(s, peer, command, args) {
  const requestId = `req-${++count}`;
  peer.send(frame(s, 'command', { command, args, requestId }));
  const answer = await peer.next(`the result of ${command}`, (f) => f.type === 'command_result' && f.payload.requestId === requestId);
  peer.frames.forEach((f) => verified(s, f));
  return answer;
}
const result = (answer, pattern) => payload(answer, 'command_result', { command: text, 'requestId?': text, ...pattern });

const connect = async () => {
  const s = await server();
  const peer = await authenticated(s);
  return {
    call: (action, params) => call(s, peer, action, params),
    success: (answer, data, message) => result(answer, { result: message ?? text, data: message ? { ...data, message } : data }),
    failure: (answer, { code, message, detail }, unknown) => result(answer, {
      result: unknown ? 'unknown_command' : (r) => r === null, error: message, code, ...(detail ? { detail } : { 'detail?': text }) }),
    told(answer, progress, step) {
      const logs = peer.frames.filter((f) => f.json.type === 'log');
      assert.equal(logs.length, 1, 'signed has no words for progress and output');
      payload(logs[0], 'log', { level: 'info', message: /^trial\.step/, source: 'trial', 'event?': 'trial.step', 'data?': step, 'timestamp?': msNow });
      assert.ok(logs[0].number < answer.number);
    },
  };
};

export const scenarios = {
  ...capabilities(connect),

  // auth, then heartbeats and metrics at their intervals, all signed.
  async frames() {
    const s = await server();
    const peer = await authenticated(s);
    for (let i = 0; i < 2; i++) payload(verified(s, await peer.next('a heartbeat', (f) => f.type === 'heartbeat')), 'heartbeat', { status: 'alive' });
    for (let i = 0; i < 2; i++)
      payload(verified(s, await peer.next('metrics', (f) => f.type === 'metrics')), 'metrics', {
        cpuPercent: 25.5, memPercent: 65, diskUsage: 40.1, networkIn: 1200, networkOut: 900, loadAverage: [0.5, 0.4, 0.3] });
    await call(s, peer, 'trial.tell', { topic: 'trial.server_log', data: { a: 'é"\\\u0001\u2028', b: [1e21, 1e-7, 25.0, -0, 0.1] } });
    payload(verified(s, await peer.next('log', (f) => f.type === 'log')), 'log',
      { level: /^(trace|debug|info|warn|error)$/, message: text, source: 'trial', 'event?': text, 'data?': object, 'timestamp?': number });
  },

  // The document's commands: ping, and those that telemetry answers; without a requestId as deployed servers send them.
  async commands() {
    const s = await server();
    const peer = await authenticated(s);
    for (const command of ['ping', 'run_health_check', 'get_version', 'get_machine_id', 'get_status']) {
      peer.send(frame(s, 'command', { command, args: {} }));
      const answer = await peer.next(`the result of ${command}`, (f) => f.type === 'command_result');
      verified(s, answer);
      shape(answer.json.payload, command === 'ping' ? { command, result: 'pong' } : { command, result: text, data: object });
    }
    // Any other name is an action; numbers, letters and order of the args survive the way there and back.
    const args = { z: 25.5, text: 'é"\\\n\u2028 \u{1f600}', list: [1, null, true, 1e21, 1e-7], a: { b: {} } };
    result(await call(s, peer, 'trial.echo', args), { result: text, data: { params: args, target: '' } });
    peer.send(frame(s, 'command', { command: 'ping' })); // without args
    await peer.next('its result', (f) => f.type === 'command_result');
  },

  // What is not signed by our server is not run, not answered, and does not end the session.
  async forged() {
    const s = await server();
    const peer = await authenticated(s);
    const ask = (more = {}) => frame(s, 'command', { command: 'trial.hold', args: {}, requestId: `f-${++count}` }, more);
    const bad = ask();
    peer.send({ ...bad, signature: undefined });
    peer.send({ ...bad, signature: signature(bad, 'another') });
    peer.send({ ...bad, signature: `${bad.signature.slice(0, -1)}${bad.signature.endsWith('0') ? '1' : '0'}` });
    peer.send({ ...bad, payload: { ...bad.payload, args: { more: 1 } } });
    peer.send({ ...bad, ts: bad.ts + 1 });
    peer.send(ask({ ts: s.now() - 301_000 })); // well signed, but old,
    peer.send(ask({ ts: s.now() + 360_000 })); // or of the future
    peer.send('{"type":"command"}');
    const good = frame(s, 'command', { command: 'trial.runs', args: {}, requestId: 'runs' });
    peer.send(good);
    result(await peer.next('the answer to the good one', (f) => f.type === 'command_result'), { result: 'runs: 0', data: { runs: 0 } });
    peer.send(good); // its nonce has been seen
    result(await call(s, peer, 'trial.runs', {}), { result: 'runs: 0', data: { runs: 0 } });
    assert.equal(peer.frames.filter((f) => f.json.type === 'command_result').length, 2, 'nothing of all that was answered');
    // A captured command does not run after a restart of the agent either.
    await s.ask('restart');
    const again = await authenticated(s);
    await until('two seconds of acceptance', () => (again.fresh.some((f) => f.json.type === 'heartbeat') ? true : undefined));
    again.send(good);
    result(await call(s, again, 'trial.runs', {}), { result: 'runs: 0', data: { runs: 0 } });
    assert.equal(again.frames.filter((f) => f.json.type === 'command_result').length, 1, 'the replay was not answered');
  },

  // A greeting without a signature, before the agent is accepted: in the log once, by its form; the session goes on.
  async stranger() {
    const s = await server();
    const peer = await authenticated(s);
    for (let i = 0; i < 3; i++) peer.send({ type: 'welcome', agentId, motd: secret });
    result(await call(s, peer, 'ping', {}), { result: 'pong' });
    await s.ask('see it once in its log', { text: 'sent a frame that cannot be used' });
    await s.ask('see it once in its log', { text: 'an object with type \"welcome\", agentId, motd' });
  },

  // A server whose clock is an hour behind: the agent takes its time, and never signs ahead of it.
  async skewed() {
    const s = await server({ behind: 3_600_000 });
    const peer = await s.connection();
    verified(s, await peer.next('auth'));
    result(await call(s, peer, 'ping', {}), { result: 'pong' });
    await s.ask('see in its status', { text: 'clock' });
  },

  // One that refuses the timestamp closes with 1008 invalid_timestamp: a clock problem, not a bad secret.
  async clock() {
    const s = await server();
    const peer = await s.connection();
    await peer.next('auth');
    peer.ws.close(1008, 'invalid_timestamp');
    await peer.end();
    await s.ask('see in its status', { text: 'timestamp' });
  },

  async refused() {
    const s = await server();
    const peer = await s.connection();
    await peer.next('auth');
    peer.ws.close(1008, 'invalid_signature');
    await peer.end();
    await s.ask('see it waiting', { because: 'invalid_signature' });
    assert.equal(s.upgrades.length, 1);
  },
};
