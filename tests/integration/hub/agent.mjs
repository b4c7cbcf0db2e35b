// A storage agent as the protocol's document describes it, in another language and with another WebSocket library than ours.
//   node agent.mjs URL ID TOKEN [MODE]
// Writes one JSON line for everything that happens. MODE: resume (fetches a download in two parts, by Range); hold (does nothing about a
// command until test.release comes, then answers all of them with success); slow (sends a file in pieces over some seconds, and takes four
// seconds to store one).
// Beside the document's commands: test.echo answers its params, test.silent never answers, test.die ends the process.
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const WebSocket = require(fs.existsSync('/usr/share/nodejs/ws') ? '/usr/share/nodejs/ws' : 'ws'); // Debian's place first
const [url, id, token, mode = ''] = process.argv.slice(2);
const files = new Map();
const held = [];
const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');

function request(method, target, headers, body) {
  return new Promise((resolve, reject) => {
    const req = http.request(target, { method, headers }, (res) => {
      const chunks = [];
      res.on('data', (c) => chunks.push(c));
      res.on('end', () => resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(chunks) }));
      res.on('error', reject);
    });
    req.on('error', reject);
    req.end(body);
  });
}

async function fetchFile(target) {
  if (mode !== 'resume') return request('GET', target, {});
  const head = await request('GET', target, { Range: 'bytes=0-9' });
  const rest = await request('GET', target, { Range: 'bytes=10-', 'If-Range': head.headers.etag });
  say({ resumed: [head.status, rest.status, rest.headers['content-range']] });
  return { status: rest.status === 206 ? 200 : 0, body: Buffer.concat([head.body, rest.body]) };
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function sendSlowly(target, content) {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Length': content.length, 'X-Content-SHA256': crypto.createHash('sha256').update(content).digest('hex') };
    const req = http.request(target, { method: 'PUT', headers }, (res) => { res.resume(); res.on('end', () => resolve({ status: res.statusCode })); });
    req.on('error', reject);
    (async () => {
      for (let at = 0; at < content.length; at += 128 << 10) {
        req.write(content.subarray(at, at + (128 << 10)));
        await pause(400);
      }
      req.end();
    })();
  });
}

async function serve(command) {
  const { action, request_id, ...params } = command;
  const info = params.file_info;
  switch (action) {
    case 'info':
      return { status: 'success', data: { agent_id: id, files: files.size } };
    case 'upload': {
      if (mode === 'slow') await pause(4000);
      const got = await fetchFile(params.download_url);
      if (got.status !== 200 || got.body.length !== info.size) return { status: 'error', message: 'Network error' };
      files.set(info.id, got.body);
      return { status: 'success', data: { sha256: crypto.createHash('sha256').update(got.body).digest('hex'), name: info.name, owner: info.owner_id } };
    }
    case 'download': {
      const content = files.get(params.file_id);
      if (!content) return { status: 'error', message: 'File not found' };
      if (mode === 'slow') return (await sendSlowly(params.upload_url, content)).status === 200 ? { status: 'success' } : { status: 'error', message: 'Network error' };
      const put = await request(params.method === 'PUT' ? 'PUT' : 'POST', params.upload_url, { 'Content-Length': content.length }, content);
      return put.status === 200 ? { status: 'success' } : { status: 'error', message: 'Network error', detail: String(put.status) };
    }
    case 'delete':
      return files.delete(params.file_id) ? { status: 'success', data: { files: files.size } } : { status: 'error', message: 'File not found' };
    case 'test.echo':
      return { status: 'success', data: params };
    case 'test.release':
      for (const request_id of held.splice(0)) ws.send(JSON.stringify({ action: 'response', request_id, status: 'success' }));
      return { status: 'success' };
    case 'test.silent':
      return null;
    case 'test.die':
      process.exit(9);
    default:
      return { status: 'error', message: `Unknown action: ${action}` };
  }
}

const ws = new WebSocket(url, { perMessageDeflate: false });
let welcomed = false;
ws.on('open', () => ws.send(JSON.stringify({ action: 'auth', token, agent_id: id })));
ws.on('ping', () => say({ ping: true }));
ws.on('error', (e) => say({ error: e.message }));
ws.on('close', (code, reason) => { say({ closed: code, reason: String(reason) }); process.exit(0); });
ws.on('message', async (data) => {
  const message = JSON.parse(String(data));
  if (!welcomed) {
    welcomed = true;
    return say({ welcome: message });
  }
  say({ command: message });
  if (mode === 'hold' && message.action !== 'test.release') return held.push(message.request_id);
  const answer = await serve(message).catch((e) => ({ status: 'error', message: 'Network error', detail: e.message }));
  if (answer) ws.send(JSON.stringify({ action: 'response', request_id: message.request_id, ...answer }));
});
