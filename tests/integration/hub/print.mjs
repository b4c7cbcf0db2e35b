// A print agent, from the print protocol's document alone.
//   node print.mjs URL SHOP_ID [TOKEN]      TOKEN "-": no X-Shop-Id header either, as the document's first agents
import fs from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const WebSocket = require(fs.existsSync('/usr/share/nodejs/ws') ? '/usr/share/nodejs/ws' : 'ws');
const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');
const [url, shopId, token = ''] = process.argv.slice(2);
const headers = token === '-' ? {} : { 'X-Shop-Id': shopId, 'X-Agent-Version': '0.2.0', ...(token ? { Authorization: `Bearer ${token}` } : {}) };
const ws = new WebSocket(url, { perMessageDeflate: false, headers });
const send = (type, payload, id) => ws.send(JSON.stringify({ type, ...(id ? { id } : {}), payload }));

ws.on('open', () => {
  send('register', { shopId, version: '0.2.0', platform: 'darwin', arch: 'arm64', hostname: 'MacMini.local', udpPort: null, capabilities: ['usb', 'remote-test'] }, 'reg-1');
  send('heartbeat', { shopId, uptime: 1234, devices: [{ vendorId: 0x1234, productId: 0x5678, alias: 'Kitchen', role: 'Kitchen', isDefault: true }], telemetry: { logs: ['started'], status: 'online' } }, 'beat-1');
});
ws.on('error', (e) => say({ error: e.message }));
ws.on('unexpected-response', (req, res) => { say({ refused: res.statusCode }); process.exit(0); });
ws.on('close', (code, reason) => { say({ closed: code, reason: String(reason) }); process.exit(0); });
ws.on('message', (data) => {
  const message = JSON.parse(String(data));
  say({ [message.type]: message });
  const id = message.payload?.id ?? message.id;
  if (message.type === 'task_print') {
    const bytes = Buffer.from(message.payload.data, 'base64');
    send('task_result', { id, status: 'success', message: 'Printed', meta: { bytesSent: bytes.length } }, message.id);
  } else if (message.type === 'task_ping') {
    send('task_result', { id, status: 'pong', message: 'pong' }, message.id);
  } else if (message.type.startsWith('task_')) {
    send('task_result', { id, status: 'error', message: 'No such printer' }, message.id);
  }
});
