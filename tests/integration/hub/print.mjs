// A print agent, from the print protocol's document alone.
//   node print.mjs URL SHOP_ID [TOKEN] [MODE]      TOKEN "-": no X-Shop-Id header either, as the document's first agents
// MODE: binary takes jobs in binary frames, as PROTOCOL.md has them; and it draws receipts and prints copies.
import fs from 'node:fs';
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const WebSocket = require(fs.existsSync('/usr/share/nodejs/ws') ? '/usr/share/nodejs/ws' : 'ws');
const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');
const [url, shopId, token = '', mode = ''] = process.argv.slice(2);
const announced = new Map(); // of jobs whose bytes follow
const png = Buffer.from('89504e470d0a1a0a', 'hex');
const headers = token === '-' ? {} : { 'X-Shop-Id': shopId, 'X-Agent-Version': '0.2.0', ...(token ? { Authorization: `Bearer ${token}` } : {}) };
const ws = new WebSocket(url, { perMessageDeflate: false, headers });
const send = (type, payload, id) => ws.send(JSON.stringify({ type, ...(id ? { id } : {}), payload }));

ws.on('open', () => {
  send('register', { shopId, version: '0.2.0', platform: 'darwin', arch: 'arm64', hostname: 'MacMini.local', udpPort: null, capabilities: ['usb', 'remote-test', ...(mode === 'binary' ? ['binary'] : [])] }, 'reg-1');
  send('heartbeat', { shopId, uptime: 1234, devices: [{ vendorId: 0x1234, productId: 0x5678, alias: 'Kitchen', role: 'Kitchen', isDefault: true,
    lastTest: { status: 'success', timestamp: '2025-11-09T21:23:54.000Z' }, lastError: { code: 'PAPER_OUT', message: 'no paper' } }], telemetry: { logs: ['started'], status: 'online' } }, 'beat-1');
});
ws.on('error', (e) => say({ error: e.message }));
ws.on('unexpected-response', (req, res) => { say({ refused: res.statusCode }); process.exit(0); });
ws.on('close', (code, reason) => { say({ closed: code, reason: String(reason) }); process.exit(0); });
function print(id, envelope, bytes) {
  const text = bytes.toString('latin1');
  if (text.includes('jam')) // the device went away in the middle
    return send('task_result', { id, status: 'error', message: 'gone', code: 'INTERNAL', meta: { outcome: 'unknown' } }, envelope);
  const meta = { bytesSent: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  send('task_result', { id, status: 'success', message: 'Printed', meta: mode === 'binary' ? { ...meta, outcome: 'printed' } : meta }, envelope);
}
ws.on('message', (data, binary) => {
  if (binary) {
    const id = String(data.subarray(2, 2 + data[1])), bytes = data.subarray(2 + data[1]);
    const { length, sha256 } = announced.get(id);
    say({ binary: { version: data[0], id, as_announced: length === bytes.length && sha256 === createHash('sha256').update(bytes).digest('hex') } });
    return print(id, id, bytes);
  }
  const message = JSON.parse(String(data));
  say({ [message.type]: message });
  const id = message.payload?.id ?? message.id;
  if (message.type === 'task_print' && message.payload.encoding === 'binary') {
    announced.set(id, message.payload);
  } else if (message.type === 'task_print') {
    print(id, message.id, Buffer.from(message.payload.data, message.payload.encoding === 'text' ? 'utf8' : 'base64'));
  } else if (message.type === 'task_ping') {
    send('task_result', { id, status: 'pong', message: 'pong' }, message.id);
  } else if (mode === 'binary' && message.type === 'task_render') {
    send('task_result', { id, status: 'success', message: 'ok', meta: { png: Buffer.concat([png, Buffer.from(message.payload.task)]).toString('base64'), text: 'Total 7,50 €', width: 576, height: 90 } }, message.id);
  } else if (mode === 'binary' && message.type === 'task_reprint') {
    send('task_result', { id, status: 'success', message: `COPY of ${message.payload.task}`, meta: { outcome: 'printed' } }, message.id);
  } else if (message.type === 'task_render' || message.type === 'task_reprint') { // not in the document
    send('task_result', { id, status: 'error', message: `Unknown action: ${message.type}`, code: 'UNKNOWN_ACTION' }, message.id);
  } else if (message.type.startsWith('task_')) {
    send('task_result', { id, status: 'error', message: 'No such printer' }, message.id);
  } else if (message.type.includes('.')) {
    send('task_result', { id, status: 'error', message: `Unknown action: ${message.type}`, code: 'UNKNOWN_ACTION' }, message.id);
  }
});
