// A node `ws` client that sends back every message. echo.js URL [CA]; with "idle" as third word it only stays connected.
const WebSocket = require('ws');
const fs = require('fs');
const [url, ca] = process.argv.slice(2);
const ws = new WebSocket(url, { ca: ca ? fs.readFileSync(ca) : undefined, perMessageDeflate: false });
ws.on('message', (data, binary) => ws.send(data, { binary }));
ws.on('close', () => process.exit(0));
ws.on('error', (e) => { console.error(String(e)); process.exit(1); });
