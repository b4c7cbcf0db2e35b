// An agent whose first frame is not the one that its protocol begins with.
//   node first_frame.mjs URL FRAME [HEADER=VALUE...]
// Sends FRAME ("binary": two bytes in a binary frame) and tells how the hub closed, as one JSON line.
import fs from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const WebSocket = require(fs.existsSync('/usr/share/nodejs/ws') ? '/usr/share/nodejs/ws' : 'ws');
const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');
const [url, frame, ...more] = process.argv.slice(2);
const headers = Object.fromEntries(more.map((one) => one.split(/=(.*)/s).slice(0, 2)));
const ws = new WebSocket(url, { perMessageDeflate: false, headers });
ws.on('open', () => ws.send(frame === 'binary' ? Buffer.from([0x1b, 0x40]) : frame));
ws.on('unexpected-response', (req, res) => { say({ refused: res.statusCode }); process.exit(0); });
ws.on('error', (e) => say({ error: e.message }));
ws.on('message', (data) => say({ message: String(data) }));
ws.on('close', (code, reason) => { say({ closed: code, reason: String(reason) }); process.exit(0); });
