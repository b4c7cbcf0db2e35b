// A panel of the field dialect, from NOTES.md (panel, field dialect): it wants ?nodeId=, marks a node offline without heartbeats, asks for
// system_info, and sends requests as types, answered by server_status, server_output and file_content.
import { listen, shape, text, number, list, object, isoNow, assert, tell } from './peer.mjs';

const nodeId = 'node-01';

async function connected() {
  const s = await listen({
    path: '/',
    refuse: (request) => (request.headers.authorization === `Bearer ${process.env.INTEROP_SECRET}` && new URL(request.url, 'http://x').searchParams.get('nodeId') === nodeId
      ? null : { status: 401, json: { success: false } }),
  });
  tell({ url: s.url, http: s.http });
  const peer = await s.connection();
  assert.equal(peer.request.headers['x-node-id'], nodeId, 'X-Node-Id in place of X-Agent-ID');
  assert.ok(!('x-agent-id' in peer.request.headers));
  info(await peer.next('system_info', (f) => f.type === 'system_info'));
  return peer;
}
const info = (f) => shape(f.json, { type: 'system_info', timestamp: isoNow, data: { nodeId, 'hostname?': text, os: 'linux', arch: text, version: text, capabilities: (c) => list(c) && c.includes('trial') } });
const send = (peer, type, data, more = {}) => peer.send({ type, data, timestamp: new Date().toISOString(), ...more });
const answer = (peer, type, serverId) => peer.next(`${type} of ${serverId}`, (f) => f.type === type && f.data?.serverId === serverId);
const shaped = (f, type, data, more = {}) => shape(f.json, { type, timestamp: isoNow, ...more, data: { timestamp: isoNow, ...data } });

export const scenarios = {
  async presence() {
    const peer = await connected();
    for (let i = 0; i < 3; i++) {
      const beat = await peer.next('a heartbeat', (f) => f.type === 'heartbeat');
      shape(beat.json, { type: 'heartbeat', timestamp: isoNow, data: { nodeId, timestamp: isoNow, status: 'online', 'facts?': object } });
    }
    peer.send({ type: 'system_info_request' });
    info(await peer.next('system_info', (f) => f.type === 'system_info'));
    // The document's ping as well.
    peer.send({ id: 'p1', type: 'ping', timestamp: new Date().toISOString() });
    const pong = await peer.next('a pong', (f) => f.type === 'pong');
    shape(pong.json, { id: 'p1', type: 'pong', timestamp: isoNow, data: { agentStatus: /^(healthy|degraded)$/, activeServers: 3, systemLoad: object } });
  },

  // Each type, its parameters, and what answers it. trial.echo tells what it was given.
  async requests() {
    const peer = await connected();
    const echo = (params, target) => ({ params, target });
    for (const word of ['start', 'restart', 'delete']) {
      send(peer, `server_${word}`, { serverId: `s-${word}` });
      shaped(await answer(peer, 'server_status', `s-${word}`), 'server_status', { serverId: `s-${word}`, ...echo({ serverId: `s-${word}` }, `s-${word}`) });
    }
    send(peer, 'server_power', { serverId: 's2', action: 'kill' });
    shaped(await answer(peer, 'server_status', 's2'), 'server_status', { serverId: 's2', ...echo({ serverId: 's2' }, 's2') });
    const egg = { image: 'img', startup: 'run', environment: { A: '1' }, limits: { memory: 1024, swap: 0, disk: 1, io: 500, cpu: 100 } };
    send(peer, 'server_create', { serverId: 's3', ...egg });
    shaped(await answer(peer, 'server_status', 's3'), 'server_status', { serverId: 's3', ...echo({ serverId: 's3', eggConfig: egg }, 's3') });
    send(peer, 'server_command', { serverId: 's4', command: 'say hi' });
    shaped(await answer(peer, 'server_output', 's4'), 'server_output', { serverId: 's4', output: '', stream: 'stdout', ...echo({ serverId: 's4', command: 'say hi' }, 's4') });
    send(peer, 'file_read', { serverId: 's5', path: '/a.txt' });
    shaped(await answer(peer, 'file_content', 's5'), 'file_content', { serverId: 's5', path: '/a.txt', success: true, ...echo({ serverId: 's5', path: '/a.txt' }, 's5') });
    send(peer, 'file_write', { serverId: 's6', path: '/a.txt', content: 'x' });
    shaped(await answer(peer, 'file_content', 's6'), 'file_content', { serverId: 's6', path: '/a.txt', success: true, ...echo({ serverId: 's6', path: '/a.txt', content: 'x' }, 's6') });
    // A messageId comes back.
    send(peer, 'server_start', { serverId: 's7' }, { messageId: 'm7' });
    shaped(await answer(peer, 'server_status', 's7'), 'server_status', { serverId: 's7', ...echo({ serverId: 's7' }, 's7') }, { messageId: 'm7' });
  },

  // Commands of the document, at the top level and under `data`.
  async commands() {
    const peer = await connected();
    const command = { id: 'c1', type: 'command', agentId: nodeId, action: 'host.ping' };
    for (const [id, frame] of [['c1', command], ['c2', { type: 'command', data: { ...command, id: 'c2' } }]]) {
      peer.send({ timestamp: new Date().toISOString(), ...frame });
      const response = await peer.next(`the response ${id}`, (f) => f.type === 'response' && f.id === id);
      shape(response.json, { id, type: 'response', timestamp: isoNow, success: true, data: { pong: true, agent_id: nodeId, version: text, time: number } });
    }
    peer.send({ type: 'command', data: { id: 'c3', action: 'trial.work' } });
    const done = await peer.next('the response c3', (f) => f.type === 'response' && f.id === 'c3' && f.status !== 'processing');
    shape(done.json, { id: 'c3', type: 'response', timestamp: isoNow, success: true, message: 'worked', data: { steps: 2 } });
    const begun = peer.frames.filter((f) => f.json.id === 'c3' && f.json.status === 'processing');
    begun.forEach((f, i) => shape(f.json, { id: 'c3', type: 'response', timestamp: isoNow, status: 'processing', success: true, data: { done: i + 1, total: 2 } }));
    assert.equal(begun.length, 2);
  },

  async errors() {
    const peer = await connected();
    send(peer, 'server_stop', { serverId: 's1', code: 'CONTAINER_NOT_FOUND', message: 'no container' });
    shaped(await answer(peer, 'server_status', 's1'), 'server_status', { serverId: 's1', status: 'error', error: 'no container', code: 'CONTAINER_NOT_FOUND', 'detail?': text });
    send(peer, 'server_reinstall', { serverId: 's2' }); // no plugin knows it
    shaped(await answer(peer, 'server_status', 's2'), 'server_status', { serverId: 's2', status: 'error', error: text, code: 'UNKNOWN_ACTION', 'detail?': text });
    for (const wrong of [{ type: 'server_start', data: [] }, { type: 'server_start', nodeId: 'node-02', data: { serverId: 's3' } }, { type: 'server_power', data: { serverId: 's4', action: 'explode' } }]) {
      peer.send(wrong);
      const error = await peer.next('an error', (f) => f.type === 'error');
      shape(error.json, { type: 'error', timestamp: isoNow, data: { code: 'INVALID_REQUEST', message: text, 'details?': text } });
    }
    await peer.settled();
    assert.ok(!peer.frames.some((f) => f.json.type === 'server_status' && f.json.data.serverId === 's3'));
  },

  async events() {
    const peer = await connected();
    const tell_ = async (id, topic, data) => {
      peer.send({ type: 'command', data: { id, action: 'trial.tell', payload: { topic, data } } });
      await peer.next(`the response ${id}`, (f) => f.type === 'response' && f.id === id);
    };
    await tell_('c1', 'trial.server_status_changed', { serverId: 's1', previousStatus: 'starting', currentStatus: 'running' });
    shape((await answer(peer, 'server_status', 's1')).json, { type: 'server_status', timestamp: isoNow, data: { serverId: 's1', status: 'running', previousStatus: 'starting', currentStatus: 'running' } });
    await tell_('c2', 'trial.server_log', { serverId: 's1', logLevel: 'INFO', message: 'joined' });
    shape((await answer(peer, 'server_output', 's1')).json, { type: 'server_output', timestamp: isoNow, data: { serverId: 's1', output: 'joined', logLevel: 'INFO', message: 'joined' } });
  },
};
