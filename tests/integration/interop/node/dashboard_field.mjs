// A server of the dashboard protocol's field dialect (the agent's leg), from NOTES.md (dashboard, field dialect). A frame that it does not
// know fails the test: the deployed server answers it by an error.
import { listen, shape, text, whole, list, msNow, assert, tell } from './peer.mjs';

const jwt = process.env.INTEROP_JWT;
const known = ['AGENT_CONNECT', 'COMMAND_ACK', 'TERMINAL_OUTPUT', 'COMMAND_COMPLETE', 'PONG'];
let count = 0;
const frame = (type, payload) => ({ type, id: `m-${++count}`, timestamp: Date.now(), payload });
const envelope = (f, type, payload) => shape(f.json, { type, id: text, timestamp: msNow, payload });

async function server(good = () => jwt) {
  const token = (request) => new URL(request.url, 'http://x').searchParams.get('token') ?? request.headers.authorization?.replace(/^Bearer /, '');
  const s = await listen({ path: '/ws/agent', refuse: (request) => (token(request) === good() ? null : { status: 401, json: {} }) });
  tell({ url: s.url, http: s.http });
  return s;
}

// The server assigns another id than the agent has.
async function acked(s, agentId = 'agent-77') {
  const peer = await s.connection();
  const hello = await peer.next('AGENT_CONNECT');
  envelope(hello, 'AGENT_CONNECT', { agentId: 'node-01', name: text, agentType: 'CUSTOM', version: text, hostMachine: text,
    capabilities: { maxTokens: whole, supportsInterrupt: true, supportsTrace: false }, 'platform?': text, 'features?': list });
  assert.ok(!hello.text.includes(jwt), 'the token is only in the upgrade');
  peer.send(frame('ACK', { messageId: hello.json.id, success: true })); // not yet the welcome
  peer.send(frame('ACK', { messageId: hello.json.id, success: true, agentId }));
  return peer;
}
const knowsAll = (peer) => peer.frames.forEach((f) => assert.ok(known.includes(f.json.type), `unknown type: ${f.text}`));

async function run(peer, payload) {
  const commandId = `cmd-${++count}`;
  const from = peer.frames.length;
  peer.send(frame('COMMAND_REQUEST', { commandId, type: 'NATURAL', priority: 0, ...payload }));
  const last = await peer.next('COMMAND_COMPLETE', (f) => f.type === 'COMMAND_COMPLETE' && f.payload.commandId === commandId);
  const mine = peer.frames.slice(from).filter((f) => f.json.payload.commandId === commandId);
  assert.equal(mine.at(-1), last, 'nothing of a command comes after its end');
  knowsAll(peer);
  return { commandId, last, mine };
}
const complete = (done, status, more) => envelope(done.last, 'COMMAND_COMPLETE',
  { commandId: done.commandId, agentId: 'agent-77', status, executionTime: whole, tokensUsed: 0, 'message?': text, 'detail?': text, 'outcome?': text, 'reason?': text, 'code?': text, 'data?': (d) => typeof d === 'object', ...more });

export const scenarios = {
  async command() {
    const peer = await acked(await server());
    const done = await run(peer, { content: 'ls -la', executionConstraints: { timeLimitMs: 60_000 } });
    const acks = done.mine.filter((f) => f.json.type === 'COMMAND_ACK');
    acks.forEach((f) => envelope(f, 'COMMAND_ACK', { commandId: done.commandId, agentId: 'agent-77', status: /^(QUEUED|EXECUTING)$/, 'queuePosition?': whole }));
    assert.equal(acks.map((f) => f.json.payload.status).join(), 'QUEUED,EXECUTING');
    const outputs = done.mine.filter((f) => f.json.type === 'TERMINAL_OUTPUT');
    outputs.forEach((f, i) => envelope(f, 'TERMINAL_OUTPUT', { commandId: done.commandId, agentId: 'agent-77', streamType: /^(STDOUT|STDERR)$/, content: text, sequence: i + 1 }));
    assert.deepEqual(outputs.map((f) => [f.json.payload.streamType, f.json.payload.content]), [['STDOUT', 'out\n'], ['STDERR', 'err\n']]);
    complete(done, 'COMPLETED', { exitCode: 0 });
    // The text is cut between characters.
    const split = await run(peer, { content: 'split' });
    assert.equal(split.mine.filter((f) => f.json.type === 'TERMINAL_OUTPUT').map((f) => f.json.payload.content).join(''), 'a\u00e9z');
    const large = await run(peer, { content: 'large' });
    assert.equal(large.mine.filter((f) => f.json.type === 'TERMINAL_OUTPUT').map((f) => f.json.payload.content).join(''), 'x'.repeat(30_000));
  },

  async failures() {
    const peer = await acked(await server());
    complete(await run(peer, { content: 'fail' }), 'FAILED', { exitCode: 3, error: text });
    complete(await run(peer, { content: 'refused' }), 'FAILED', { exitCode: -1, error: text, code: 'DENIED' });
    // The command's limit ends it.
    complete(await run(peer, { content: 'wait', executionConstraints: { timeLimitMs: 200 } }), 'FAILED', { exitCode: Number.isInteger, error: text });
    // What cannot be read ends its command; another agent's is refused.
    complete(await run(peer, { content: 7 }), 'FAILED', { exitCode: -1, error: text });
    complete(await run(peer, { content: 'ls', agentId: 'somebody-else' }), 'FAILED', { exitCode: -1, error: text });
    complete(await run(peer, { content: 'ls', agentId: 'agent-77' }), 'COMPLETED', { exitCode: 0 });
  },

  async cancel() {
    const peer = await acked(await server());
    const commandId = 'cmd-int';
    peer.send(frame('COMMAND_REQUEST', { commandId, content: 'wait', args: [], priority: 5 }));
    await peer.next('EXECUTING', (f) => f.type === 'COMMAND_ACK' && f.payload.status === 'EXECUTING');
    peer.send(frame('COMMAND_CANCEL', { commandId, reason: 'a person', force: false }));
    const last = await peer.next('COMMAND_COMPLETE', (f) => f.type === 'COMMAND_COMPLETE');
    complete({ commandId, last }, 'CANCELLED', { exitCode: 130, error: text });
    // There is nothing left to cancel, and nobody to tell it.
    peer.send(frame('COMMAND_CANCEL', { commandId, force: true }));
    await peer.settled();
    knowsAll(peer);
    assert.equal(peer.frames.at(-1), last);
  },

  // JSON pings are answered; nothing is sent that was not asked for.
  async quiet() {
    const peer = await acked(await server());
    for (let i = 0; i < 3; i++) {
      const ping = frame('PING', { timestamp: Date.now() - i });
      peer.send(ping);
      envelope(await peer.next('a PONG', (f) => f.type === 'PONG'), 'PONG', { timestamp: ping.payload.timestamp });
    }
    const before = peer.pings;
    for (const type of ['ERROR', 'ACK', 'TOKEN_REFRESH', 'SERVER_HEARTBEAT', 'PONG']) peer.send(frame(type, { code: 'INVALID_MESSAGE', message: 'no', accessToken: jwt, agentId: 'other' }));
    peer.send('{"type":');
    await new Promise((resolve) => setTimeout(resolve, 1000));
    assert.ok(peer.pings > before, 'WebSocket pings in place of heartbeats');
    knowsAll(peer);
    assert.equal(peer.frames.length, 4, 'AGENT_CONNECT and three PONGs');
  },

  // The next connection uses the token that the server has sent. Once the server rejects that token, by an error or by a 401, the
  // configured one is used, without the long delay that follows a rejected credential.
  async token() {
    const next = process.env.INTEROP_SECRET;
    let good = jwt;
    const s = await server(() => good);
    const peer = await acked(s);
    peer.send(frame('TOKEN_REFRESH', { accessToken: next }));
    await peer.settled();
    good = next;
    peer.ws.close(1001, 'restarting');
    const again = await acked(s);
    assert.equal(again.request.headers.authorization, `Bearer ${next}`);
    good = jwt;
    again.send(frame('ERROR', { code: 'UNAUTHORIZED', message: 'expired' }));
    again.ws.close(1008, 'UNAUTHORIZED');
    const third = await acked(s);
    assert.equal(third.request.headers.authorization, `Bearer ${jwt}`);
    third.send(frame('TOKEN_REFRESH', { accessToken: next }));
    await third.settled();
    third.ws.close(1001, 'restarting');
    const last = await acked(s);
    assert.equal(last.request.headers.authorization, `Bearer ${jwt}`);
    assert.equal(s.upgrades.length, 5, 'the fourth was answered with 401');
  },

  async refused() {
    const s = await server();
    const peer = await s.connection();
    await peer.next('AGENT_CONNECT');
    peer.send(frame('ERROR', { code: 'UNAUTHORIZED', message: 'expired' }));
    peer.ws.close(1008, 'UNAUTHORIZED');
    await peer.end();
    await s.ask('see it waiting', { because: 'refused our credential' });
    assert.equal(s.upgrades.length, 1);
  },
};
