// A server of the storage protocol, from its document.
import { listen, shape, text, object, assert, tell } from './peer.mjs';
import { capabilities } from './capabilities.mjs';

const token = process.env.INTEROP_SECRET;

async function server() {
  const s = await listen({ path: '/agent' });
  tell({ url: s.url, http: s.http });
  return s;
}

// The agent's first frame is `auth`; the answer has a status and no action.
async function welcomed(s) {
  const peer = await s.connection();
  const hello = await peer.next('auth');
  shape(hello.json, { action: 'auth', token, agent_id: 'node-01' });
  assert.equal(peer.frames.length, 1, 'nothing may come before the answer to auth');
  peer.send({ status: 'ok' });
  return peer;
}

let count = 0;
async function call(peer, action, params) {
  const request_id = `req_${++count}`;
  peer.send({ action, request_id, ...params });
  return peer.next(`the answer to ${action}`, (f) => f.action === 'response' && f.request_id === request_id);
}
const success = (answer, data) => shape(answer.json, { action: 'response', request_id: text, status: 'success', ...data });
const failure = (answer, more) => shape(answer.json, { action: 'response', request_id: text, status: 'error', ...more });

const connect = async () => {
  const peer = await welcomed(await server());
  return {
    call: (action, params) => call(peer, action, params),
    success: (answer, data, message) => success(answer, { data: message ? { ...data, message } : data }),
    failure: (answer, { code, message, detail }) => failure(answer, { code, message, ...(detail ? { detail } : { 'detail?': text }) }),
    told: (answer) => assert.deepEqual(peer.frames.length, 2, 'storage has no words for progress, events and output'),
  };
};

export const scenarios = {
  ...capabilities(connect),

  // Every command of the document: save, send back, status, delete; and its three error messages.
  async document() {
    const crypto = await import('node:crypto');
    const content = crypto.randomBytes(100_000);
    const sha256 = crypto.createHash('sha256').update(content).digest('hex');
    const http = await import('node:http');
    const got = [];
    const files = http.createServer((req, res) => {
      const chunks = [];
      req.on('data', (c) => chunks.push(c));
      req.on('end', () => {
        got.push({ method: req.method, url: req.url, headers: req.headers, body: Buffer.concat(chunks) });
        if (req.method === 'GET' && req.url.startsWith('/api/temp/download/')) return res.end(content);
        res.writeHead(req.url.startsWith('/api/temp/upload/') ? 200 : 404);
        res.end();
      });
    });
    await new Promise((r) => files.listen(0, '127.0.0.1', r));
    const base = `http://127.0.0.1:${files.address().port}/api/temp`;
    const once = process.env.INTEROP_URL_TOKEN;

    const peer = await welcomed(await server());
    const up = await call(peer, 'upload', {
      file_info: { id: 'file_555', name: 'document.pdf', owner_id: 'user_1', size: content.length }, download_url: `${base}/download/${once}1`,
    });
    success(up, { data: (d) => d.sha256 === sha256 && d.size === content.length && Number.isInteger(d.free_bytes) });
    const info = await call(peer, 'info', {});
    success(info, { data: (d) => d.agent_id === 'node-01' && d.files === 1 && d.bytes === content.length });

    success(await call(peer, 'download', { file_id: 'file_555', upload_url: `${base}/upload/${once}2` }), { 'data?': object });
    success(await call(peer, 'download', { file_id: 'file_555', upload_url: `${base}/upload/${once}3`, method: 'PUT' }), { 'data?': object });
    const [post, put] = got.filter((r) => r.url.includes('/upload/'));
    for (const [sent, method] of [[post, 'POST'], [put, 'PUT']]) {
      assert.equal(sent.method, method);
      assert.ok(sent.body.equals(content));
      assert.equal(sent.headers['content-length'], String(content.length));
      assert.equal(sent.headers['x-content-sha256'], sha256);
    }
    failure(await call(peer, 'download', { file_id: 'nobody', upload_url: `${base}/upload/${once}4` }),
      { message: 'File not found', code: 'FILE_NOT_FOUND', 'detail?': text });
    failure(await call(peer, 'upload', { file_info: { id: 'f2' }, download_url: `${base}/gone/${once}5` }),
      { message: 'Network error', code: 'NETWORK_ERROR', 'detail?': text });
    success(await call(peer, 'delete', { file_id: 'file_555' }), { 'data?': object });
    failure(await call(peer, 'delete', { file_id: 'file_555' }), { message: 'File not found', code: 'FILE_NOT_FOUND', 'detail?': text });
    failure(await call(peer, 'upload', { file_info: {}, download_url: base }), { message: text, code: 'INVALID_REQUEST', 'detail?': text });
    failure(await call(peer, 'wipe', {}), { message: 'Unknown action: wipe', code: 'UNKNOWN_ACTION', 'detail?': text });
  },

  // "error" as the answer to auth: no second frame, no second attempt soon.
  async refused() {
    const s = await server();
    const peer = await s.connection();
    await peer.next('auth');
    peer.send({ status: 'error', message: 'who are you' });
    await peer.end();
    assert.equal(peer.frames.length, 1);
    await s.ask('see it waiting', { because: 'refused our credential' });
    assert.equal(s.upgrades.length, 1, 'a refused credential is not tried again at once');
  },

  // A reader ignores unknown fields; frames that are wrong are not answered by silence on the next right one.
  async unreadable() {
    const peer = await welcomed(await server());
    success(await call(peer, 'info', { later: { field: [1] } }), { data: object });
    peer.send('{"action":"info","request_id":7}');
    peer.send('{"action":"info"}');
    success(await call(peer, 'info', {}), { data: object });
  },

  // A first frame that is not the answer to auth: its form is in the log, once, and none of its values; the next attempt is welcome.
  async stranger() {
    const s = await server();
    const peer = await s.connection();
    await peer.next('auth');
    peer.send({ event: 'welcome', sid: token });
    await peer.end();
    await s.ask('see it once in its log', { text: 'did not answer our hello but sent' });
    success(await call(await welcomed(s), 'info', {}), { data: object });
    await s.ask('see it once in its log', { text: 'an object with event \"welcome\", sid' });
  },

  // Bytes where text is due: said so.
  async binary() {
    const s = await server();
    const peer = await s.connection();
    await peer.next('auth');
    peer.ws.send(Buffer.from('{"status":"ok"}'));
    assert.equal((await peer.end()).code, 1003);
    await s.ask('see it once in its log', { text: 'the server sent a binary frame of 15 bytes' });
    success(await call(await welcomed(s), 'info', {}), { data: object });
  },

  // An action with effects runs once for an id, however often it is asked; the same id with other content is an error.
  async once() {
    const peer = await welcomed(await server());
    const ask = (params) => peer.send({ action: 'trial.hold', request_id: 'one', ...params });
    ask({ n: 1 });
    ask({ n: 1 });
    failure(await (ask({ n: 2 }), peer.next('a refusal', (f) => f.request_id === 'one')), { message: text, code: 'ID_REUSED', 'detail?': text });
    while ((await call(peer, 'trial.runs', {})).json.data.runs === 0) // it is journalled before it runs
      await new Promise((r) => setTimeout(r, 30)); // 100 messages a second are the limit
    success(await call(peer, 'trial.release', {}), { data: { released: 1 } });
    success(await peer.next('the answer', (f) => f.request_id === 'one'), { data: { released: true } });
    ask({ n: 1 });
    success(await peer.next('the answer again', (f) => f.request_id === 'one' && f.status === 'success'), { data: { released: true } });
    success(await call(peer, 'trial.runs', {}), { data: { runs: 1 } });
  },
};
