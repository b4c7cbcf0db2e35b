// The server's end of the dashboard protocol's agent leg, from its document (envelope, commands, output, errors, limits) and the notes
// beside it (which end says what).
import { listen, shape, text, whole, list, object, msNow, assert, tell } from './peer.mjs';
import { capabilities } from './capabilities.mjs';

const jwt = process.env.INTEROP_JWT;

async function server() {
  const s = await listen({
    path: '/ws/agent',
    refuse: (request) => (new URL(request.url, 'http://x').searchParams.get('token') === jwt ? null : { status: 401, json: { error: { code: 'AUTH_FAILED' } } }),
  });
  tell({ url: s.url, http: s.http });
  return s;
}

// Every frame of the agent is this envelope.
const envelope = (f, type, payload) => shape(f.json, { version: '1.0.0', type, timestamp: msNow, payload });
const frame = (type, payload) => ({ version: '1.0.0', type, timestamp: Date.now(), payload });

async function acked(s) {
  const peer = await s.connection();
  const url = new URL(peer.request.url, 'http://x');
  assert.equal(url.pathname, '/ws/agent');
  const hello = await peer.next('agent:connect');
  envelope(hello, 'agent:connect', { agentId: 'node-01', name: text, version: text, platform: 'linux', capabilities: (c) => list(c) && c.includes('trial') });
  assert.ok(!hello.text.includes(jwt), 'the token stands only in the URL');
  assert.equal(peer.frames.length, 1, 'nothing may come before the ack');
  peer.send(frame('connection:ack', { connectionId: 'conn-123' }));
  return peer;
}

let count = 0;
async function call(peer, type, params) {
  const requestId = `r-${++count}`;
  peer.send(frame(type, { requestId, params }));
  return peer.next(`the response to ${type}`, (f) => f.type === 'response' && f.payload.requestId === requestId);
}
const response = (answer, payload) => envelope(answer, 'response', { requestId: text, ...payload });

// Runs a command until its last status; gives [statuses, outputs], each frame checked.
async function run(peer, payload) {
  const commandId = payload.commandId ?? `cmd-${++count}`;
  const from = peer.frames.length;
  peer.send(frame('command:request', { commandId, priority: 'normal', ...payload }));
  const last = await peer.next('the last command:status', (f) => f.type === 'command:status' && f.payload.commandId === commandId && /completed|failed/.test(f.payload.status));
  const mine = peer.frames.slice(from).filter((f) => f.json.payload.commandId === commandId);
  assert.equal(mine.at(-1), last, 'nothing of a command comes after its last status');
  const outputs = mine.filter((f) => f.json.type === 'terminal:output');
  outputs.forEach((f, i) => {
    envelope(f, 'terminal:output', { commandId, data: text, stream: /^(stdout|stderr)$/, sequence: i + 1, 'dropped?': whole, 'encoding?': 'base64' });
    assert.ok(Buffer.byteLength(f.json.payload.data) <= 10 * 1024, 'terminal output is chunked at 10 KB');
  });
  return { commandId, last, mine, statuses: mine.filter((f) => f.json.type === 'command:status'), outputs };
}

const connect = async () => {
  const peer = await acked(await server());
  return {
    call: (action, params) => call(peer, action, params),
    success: (answer, data, message) => response(answer, { status: 'success', data: message ? { ...data, message } : data }),
    failure: (answer, { code, message, detail }) => response(answer, { status: 'error', code, message, ...(detail ? { detail } : { 'detail?': text }) }),
    told(answer, progress, step, output) {
      const { requestId } = answer.json.payload;
      const before = peer.frames.filter((f) => f.number < answer.number);
      const of = (type) => before.filter((f) => f.json.type === type);
      assert.equal(of('progress').length, 2);
      of('progress').forEach((f, i) => envelope(f, 'progress', { requestId, data: progress[i] }));
      assert.equal(of('event').length, 1);
      envelope(of('event')[0], 'event', { event: 'step', data: step });
      const outputs = of('terminal:output');
      outputs.forEach((f, i) => envelope(f, 'terminal:output', { commandId: requestId, data: text, stream: /^(stdout|stderr)$/, sequence: i + 1 }));
      const all = (stream) => outputs.filter((f) => f.json.payload.stream === stream).map((f) => f.json.payload.data).join('');
      assert.equal(all('stdout'), output[1].join(''));
      assert.equal(all('stderr'), output[2].join(''));
      assert.equal(before.length, peer.frames.length - 1, 'the answer comes last');
    },
  };
};

export const scenarios = {
  ...capabilities(connect),

  // A server of the field dialect answers agent:connect in its own words: its form is in the log, once, and the next attempt is welcome.
  async stranger() {
    const s = await server();
    const peer = await s.connection();
    await peer.next('agent:connect');
    peer.send({ type: 'ACK', id: '1', timestamp: Date.now(), payload: { agentId: 'node-01', accessToken: jwt } });
    await peer.end(); // after ten seconds, in which the answer may still come
    await s.ask('see it once in its log', { text: 'an object with type \"ACK\", id, timestamp, payload' });
    const again = await acked(s);
    response(await call(again, 'host.ping', {}), { status: 'success', 'data?': object });
    await s.ask('see it once in its log', { text: 'not an answer to the handshake' });
  },

  // queued, running, output with a sequence over both streams, completed with its exit code.
  async command() {
    const peer = await acked(await server());
    const { commandId, mine, outputs } = await run(peer, { command: 'ls -la', requestId: 'q1', cwd: '/tmp', env: { A: 'b' }, timeoutMs: 60_000 });
    // Both, though they follow each other at once, and nothing is printed by what does not run.
    const said = mine.filter((f) => f.json.type === 'command:status').map((f) => f.json.payload.status);
    assert.equal(said.join(), 'queued,running,completed');
    const running = mine.findIndex((f) => f.json.payload.status === 'running');
    mine.slice(0, running + 1).forEach((f) => envelope(f, 'command:status', { commandId, status: /^(queued|running)$/, requestId: 'q1' }));
    assert.deepEqual(outputs.map((f) => [f.json.payload.stream, f.json.payload.data]), [['stdout', 'out\n'], ['stderr', 'err\n']]);
    envelope(mine.at(-1), 'command:status', { commandId, status: 'completed', exitCode: 0, requestId: 'q1', 'reason?': 'exit' });
    // A frame without version and timestamp, as in the document's examples.
    peer.send({ type: 'command:request', payload: { commandId: 'bare', command: 'x', priority: 'high' } });
    const bare = await peer.next('its end', (f) => f.type === 'command:status' && f.payload.status === 'completed');
    envelope(bare, 'command:status', { commandId: 'bare', status: 'completed', exitCode: 0, 'reason?': 'exit' });
  },

  // The words for an end that was not good.
  async failures() {
    const peer = await acked(await server());
    const last = async (command, payload) => {
      const done = await run(peer, { command });
      envelope(done.last, 'command:status', { commandId: done.commandId, status: 'failed', ...payload });
    };
    await last('fail', { exitCode: 3, reason: 'exit' });
    await last('refused', { code: 'DENIED', message: text, 'detail?': text });
    // A timeout is also told as an error of its own.
    const late = await run(peer, { command: 'timeout' });
    const end = envelope(late.last, 'command:status', { commandId: late.commandId, status: 'failed', reason: 'timeout', 'code?': text, 'message?': text, 'detail?': text, 'outcome?': text });
    if ('code' in end.payload) assert.equal(end.payload.code, 'COMMAND_TIMEOUT');
  },

  // The command's deadline ends it.
  async deadline() {
    const peer = await acked(await server());
    const late = await run(peer, { command: 'wait', timeoutMs: 200 });
    shape(late.last.json.payload, { commandId: late.commandId, status: 'failed', reason: 'timeout', 'code?': 'COMMAND_TIMEOUT', 'message?': text, 'detail?': text, 'outcome?': text });
  },

  async interrupt() {
    const peer = await acked(await server());
    const commandId = 'cmd-int';
    peer.send(frame('command:request', { commandId, command: 'wait', priority: 'low' }));
    await peer.next('running', (f) => f.type === 'command:status' && f.payload.status === 'running');
    peer.send(frame('command:interrupt', { commandId })); // not answered but by the command's end
    const end = await peer.next('failed', (f) => f.type === 'command:status' && f.payload.status === 'failed');
    envelope(end, 'command:status', { commandId, status: 'failed', exitCode: 130, reason: 'interrupted', 'data?': object });
    // There is nothing left to interrupt: an error of the document's shape.
    peer.send(frame('command:interrupt', { commandId }));
    const error = await peer.next('error', (f) => f.type === 'error');
    envelope(error, 'error', { code: text, message: text, recoverable: true, 'commandId?': commandId, 'detail?': text });
  },

  // terminal:input and terminal:resize reach their actions.
  async terminal() {
    const peer = await acked(await server());
    for (const [type, more] of [['terminal:input', { data: 'y\n' }], ['terminal:resize', { cols: 80, rows: 24 }]]) {
      peer.send(frame(type, { commandId: 'c1', requestId: `t-${type}`, ...more }));
      const answer = await peer.next(`the response to ${type}`, (f) => f.type === 'response');
      envelope(answer, 'response', { requestId: `t-${type}`, status: 'success', data: { params: { commandId: 'c1', ...more }, target: '' } });
    }
  },

  // Output: no chunk splits a character, none is above 10 KB, what is missing is visible.
  async output() {
    const peer = await acked(await server());
    const data = (done) => done.outputs.map((f) => f.json.payload.data);
    const split = await run(peer, { command: 'split' });
    assert.equal(data(split).join(''), 'a\u00e9z');
    assert.ok(data(split).every((d) => !d.includes('\ufffd')));
    const large = await run(peer, { command: 'large' });
    assert.equal(data(large).join(''), 'x'.repeat(30_000));
    const gap = await run(peer, { command: 'gap' });
    assert.equal(data(gap).join('|'), 'before|after');
    assert.equal(gap.outputs[1].json.payload.dropped, 90);
    assert.ok(!('dropped' in gap.outputs[0].json.payload));
  },

  // A heartbeat each interval with a sequence that counts; the server's echo keeps it alive.
  async heartbeat() {
    const peer = await acked(await server());
    for (let sequence = 1; sequence <= 3; sequence++) {
      const beat = await peer.next('a heartbeat', (f) => f.type === 'heartbeat');
      envelope(beat, 'heartbeat', { sequence, 'facts?': object });
      peer.send(frame('heartbeat', { sequence }));
    }
  },

  // Malformed: told, recoverable, and the session stays. A later version is refused. A frame for another agent too.
  async errors() {
    const peer = await acked(await server());
    const told = async (text_) => {
      peer.send(text_);
      const error = await peer.next('an error', (f) => f.type === 'error');
      envelope(error, 'error', { code: 'INVALID_MESSAGE', message: text, recoverable: true, 'commandId?': text, 'requestId?': text, 'detail?': text });
    };
    await told('{"type":');
    await told(frame('command:request', { command: 'x' }));
    await told({ ...frame('command:request', { commandId: 'v', command: 'x' }), version: '2.0.0' });
    await told(frame('command:request', { commandId: 'o', agentId: 'somebody-else', command: 'x' }));
    // In our own name it is fine, and what no plugin knows is an answer.
    response(await call(peer, 'no.such', {}), { status: 'error', code: 'UNKNOWN_ACTION', message: text, 'detail?': text });
    response(await call(peer, 'telemetry.status', {}), { status: 'error', code: 'DENIED', message: text, 'detail?': text });
    await run(peer, { command: 'ls', agentId: 'node-01' });
  },

  // The queue of commands, as a plugin tells it.
  async queue() {
    const peer = await acked(await server());
    const queue = [{ commandId: 'c7', position: 1, priority: 'normal' }];
    response(await call(peer, 'trial.tell', { topic: 'trial.command_queue', data: { queue } }), { status: 'success', 'data?': (d) => d === null || object(d) });
    envelope(await peer.next('command:queue', (f) => f.type === 'command:queue'), 'command:queue', { 'agentId?': 'node-01', queue });
  },

  // A refused JWT (401 at the upgrade), and one refused after it: neither is tried again soon, the reason is told.
  async refused() {
    const s = await server();
    const peer = await s.connection();
    await peer.next('agent:connect');
    peer.send(frame('error', { code: 'AUTH_FAILED', message: 'expired', recoverable: false }));
    peer.ws.close(1008, 'AUTH_FAILED');
    await peer.end();
    await s.ask('see it waiting', { because: 'refused our credential' });
    assert.equal(s.upgrades.length, 1);
  },

  // Immediate retry (spread over a second) after a disconnect.
  async reconnect() {
    const s = await server();
    const first = await acked(s);
    await first.settled();
    const gone = Date.now();
    first.ws.terminate();
    await acked(s);
    assert.ok(Date.now() - gone < 20_000);
  },
};
