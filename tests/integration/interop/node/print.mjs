// A print agent server, from the print protocol's document.
import { listen, shape, text, whole, object, isoNow, assert, tell } from './peer.mjs';
import { createHash } from 'node:crypto';
import { capabilities } from './capabilities.mjs';

const shopId = 'testclient', token = process.env.INTEROP_SECRET;

async function server() {
  const s = await listen({ path: '/print-agent' });
  tell({ url: s.url, http: s.http });
  return s;
}

const device = { vendorId: 0x0fe6, productId: 0x811e, alias: 'Kitchen', role: 'Kitchen', isDefault: true,
  lastTest: { status: 'success', timestamp: '2025-11-09T21:23:54.000Z' } };

function heartbeat(f, more = {}) {
  return shape(f.json, {
    type: 'heartbeat', 'id?': text,
    payload: { shopId, uptime: whole, devices: [device], telemetry: (t) => object(t) && t.status === 'online' && Array.isArray(t.logs), ...more },
  });
}

// Headers, register, ack; a heartbeat at once.
async function registered(s) {
  const peer = await s.connection();
  const { headers } = peer.request;
  assert.equal(headers['x-shop-id'], shopId);
  assert.ok(text(headers['x-agent-version']));
  assert.equal(headers.authorization, token ? `Bearer ${token}` : undefined);
  const register = await peer.next('register');
  shape(register.json, {
    type: 'register', 'id?': text,
    payload: { shopId, version: headers['x-agent-version'], platform: 'linux', arch: /^(x64|arm64)$/, hostname: text, udpPort: null,
      capabilities: (c) => Array.isArray(c) && c.includes('trial') && c.includes('binary') && c.every((one) => typeof one === 'string') },
  });
  assert.equal(register.number, 0);
  peer.send({ type: 'ack', id: register.json.id, payload: { message: 'ok' } });
  const beat = await peer.next('the first heartbeat', (f) => f.type === 'heartbeat');
  peer.send({ type: 'ack', id: beat.json.id, payload: { message: 'ok' } });
  peer.beat = beat;
  return peer;
}

let count = 0;
// The id stands in the envelope, as server requests do; answers carry it there and in their payload.
async function call(peer, type, payload, at = 'both') {
  const id = `task-${++count}`;
  peer.send({ type, ...(at === 'payload' ? {} : { id }), payload: at === 'envelope' ? payload : { id, ...payload } });
  const answer = await peer.next(`the result of ${type}`, (f) => f.type === 'task_result' && f.payload.id === id);
  assert.equal(answer.json.id, id, 'the correlation id stands at the top level too');
  return answer;
}
const result = (answer, payload) => shape(answer.json, { type: 'task_result', id: text, payload: { id: answer.json.id, ...payload } });

const connect = async () => {
  const peer = await registered(await server());
  return {
    call: (action, params) => call(peer, action, params, 'envelope'),
    success: (answer, data, message) => result(answer, { status: 'success', message: message ?? text, meta: data }),
    failure: (answer, { code, message, detail }) =>
      result(answer, { status: 'error', message, code, ...(detail ? { detail } : { 'detail?': text }) }),
    told(answer, progress, step) {
      const events = peer.frames.filter((f) => f.json.type === 'log_event');
      assert.equal(events.length, 1, 'print has no words for progress and output');
      shape(events[0].json, { type: 'log_event', 'id?': text,
        payload: { level: 'info', message: text, timestamp: isoNow, event: 'trial.step', data: step } });
      assert.ok(events[0].number < answer.number);
    },
  };
};

export const scenarios = {
  ...capabilities(connect),

  // Registration, the heartbeat at once and then at its interval, acks that never come.
  async registration() {
    const s = await server();
    const peer = await registered(s);
    heartbeat(peer.beat);
    const next = await peer.next('the second heartbeat', (f) => f.type === 'heartbeat'); // the first had an ack, this one gets none
    heartbeat(next);
    heartbeat(await peer.next('the third', (f) => f.type === 'heartbeat'));
    peer.ws.close(1001);
    await registered(s); // registers again after a reconnect
  },

  // What cannot be read is in the log once a connection, by its form; the session goes on.
  async stranger() {
    const s = await server();
    const peer = await s.connection();
    await peer.next('register');
    for (let i = 0; i < 3; i++) peer.send(`HELLO ${token}`);
    result(await call(peer, 'task_ping', {}), { status: 'pong', message: 'pong', 'meta?': object });
    await s.ask('see it once in its log', { text: 'sent a frame that cannot be used' });
    await s.ask('see it once in its log', { text: `${6 + token.length} bytes, not JSON` });
  },

  async task_ping() {
    const peer = await registered(await server());
    for (const at of ['both', 'payload', 'envelope'])
      result(await call(peer, 'task_ping', {}, at), { status: 'pong', message: 'pong', 'meta?': object });
  },

  // task_print as documented: its parameters reach the plugin; what the plugin says becomes status, message and meta.
  async printing() {
    const peer = await registered(await server());
    const order = { printer: { vendorId: 0xfe6, productId: 0x811e }, data: 'G0A=', encoding: 'base64', reason: 'remote-test' };
    const echoed = (answer, params) => result(answer, { status: 'success', message: text, meta: { params, target: '' } });
    echoed(await call(peer, 'task_print', { shopId, ...order }), order);
    echoed(await call(peer, 'task_print', { shopId, ...order, printer: { vendorId: '0x0fe6', productId: '0x811e' } }, 'payload'),
      { ...order, printer: { vendorId: 0x0fe6, productId: 0x811e } });
    // Of another shop: refused.
    result(await call(peer, 'task_print', { shopId: 'another', ...order }), { status: 'error', message: text, 'code?': text, 'detail?': text });
    // An old dialect: flat, and answered flat.
    peer.send({ type: 'print', taskId: 'flat-1', printerIP: '192.0.2.7', port: 9100, data: 'G0A=', encoding: 'base64' });
    const flat = await peer.next('print_result', (f) => f.type === 'print_result');
    shape(flat.json, { type: 'print_result', taskId: 'flat-1', success: true, 'bytesSent?': whole });
  },

  // The document's roadmap, as PROTOCOL.md has it: the agent announces `binary`, and a job's bytes follow their frame.
  async binary() {
    const s = await server();
    const peer = await registered(s);
    const { capabilities: announced } = peer.frames[0].json.payload;
    assert.ok(announced.includes('binary'));
    const job = Buffer.alloc(700_000, '\x1b@receipt\n');
    const announce = (id, bytes) => peer.send({ type: 'task_print', id, payload: { id, shopId, name: 'big', data: '', encoding: 'binary',
      length: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') } });
    const frame = (id, bytes) => peer.ws.send(Buffer.concat([Buffer.from([1, id.length]), Buffer.from(id), bytes]));
    const answer = (id) => peer.next(`the result of ${id}`, (f) => f.type === 'task_result' && f.payload.id === id);
    announce('bin-1', job);
    result(await call(peer, 'task_ping', {}), { status: 'pong', message: 'pong', 'meta?': object });
    frame('bin-1', job);
    result(await answer('bin-1'), { status: 'success', message: text,
      meta: { params: { name: 'big', data: job.toString('base64'), encoding: 'base64' }, target: '' } });
    announce('bin-2', job);
    frame('bin-2', job.subarray(1));
    result(await answer('bin-2'), { status: 'error', message: text, code: 'INVALID_REQUEST', 'detail?': text });
    frame('bin-3', job); // not announced
    assert.equal((await peer.end()).code, 1003);
  },

  // task_config, wrapped and flat: answered, confirmed by config_push_at in a heartbeat at once, which alone carries it; and its interval counts.
  async configuration() {
    const peer = await registered(await server());
    for (const [payload, updates] of [
      [{ updates: { defaultPrinter: { vendorId: 0xfe6, productId: 0x811e }, telemetry: { intervalSeconds: 1 } } }, undefined],
      [{ telemetry: { intervalSeconds: 1 } }, { telemetry: { intervalSeconds: 1 } }],
    ]) {
      const answer = await call(peer, 'task_config', payload);
      result(answer, { status: 'success', message: text, meta: { params: { updates: updates ?? payload.updates }, target: '' } });
      const beat = await peer.next('the heartbeat of the configuration', (f, frame) => f.type === 'heartbeat' && 'config_push_at' in f.payload);
      heartbeat(beat, { config_push_at: isoNow });
    }
    peer.fresh.length = 0;
    const first = await peer.next('a heartbeat', (f) => f.type === 'heartbeat');
    const second = await peer.next('one a second later', (f) => f.type === 'heartbeat');
    heartbeat(second);
    assert.ok(second.at - first.at < 20_000, 'its default would be 30 s');
  },

  // What cannot be done is a task_result with status error and words.
  async errors() {
    const peer = await registered(await server());
    const wrong = (answer, more) => result(answer, { status: 'error', message: text, 'detail?': text, ...more });
    wrong(await call(peer, 'task_dance', {}), { code: 'UNKNOWN_ACTION' });
    wrong(await call(peer, 'trial.fail', { code: 'PAPER_OUT', message: 'no paper' }, 'envelope'), { message: 'no paper', code: 'PAPER_OUT' });
    // Part may be on the paper: said, and never done again on its own.
    const half = { code: 'PRINTER_GONE', message: 'gone in the middle', unknown: true };
    wrong(await call(peer, 'trial.fail', half, 'envelope'), { message: half.message, code: half.code, meta: { outcome: 'unknown' } });
    wrong(await call(peer, 'telemetry.status', {}, 'envelope'), { code: 'DENIED' });
    result(await call(peer, 'task_ping', {}), { status: 'pong', message: 'pong', 'meta?': object });
  },

  // log_event: level, message, timestamp, as the plugin says them.
  async logs() {
    const peer = await registered(await server());
    await call(peer, 'trial.tell', { topic: 'trial.server_log', data: { level: 'warn', message: 'USB reconnect', port: 3 } }, 'envelope');
    const f = await peer.next('log_event', (j) => j.type === 'log_event');
    shape(f.json, { type: 'log_event', 'id?': text, payload: (p) => p.level === 'warn' && p.message === 'USB reconnect' && isoNow(p.timestamp) });
  },
};
