// A panel for tests: what the agent sends goes into the file frames, a line each; the lines of the file commands go to the agent.
// A command waits while no agent is connected. Files below FOLDER/www are served and taken (PUT) at /files/NAME; each such request is a
// line of the file served: "GET /files/NAME CN", where CN is the common name of the client's certificate, or -.
// Usage: panel.mjs FOLDER [CERTIFICATE KEY [CLIENT_CA]]; with CLIENT_CA, every client needs a certificate of it.
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { WebSocketServer } = require(fs.existsSync('/usr/share/nodejs/ws') ? '/usr/share/nodejs/ws' : 'ws');
const [folder, certificate, key, clientCa] = process.argv.slice(2);
const frames = fs.openSync(`${folder}/frames`, 'a');
fs.writeFileSync(`${folder}/commands`, '', { flag: 'a' });

let agent, read = 0, rest = '', waiting = [];
function files(request, response) {
  const name = request.url.startsWith('/files/') && `${folder}/www/${path.basename(request.url)}`;
  if (!name) return response.writeHead(404).end();
  const subject = request.socket.getPeerCertificate?.().subject?.CN ?? '-';
  fs.appendFileSync(`${folder}/served`, `${request.method} ${request.url} ${subject}\n`);
  if (request.method === 'PUT') {
    request.pipe(fs.createWriteStream(name)).on('finish', () => response.writeHead(201).end());
  } else if (fs.existsSync(name)) {
    response.writeHead(200, { 'content-length': fs.statSync(name).size });
    fs.createReadStream(name).pipe(response);
  } else response.writeHead(404).end();
}
const tls = certificate && {
  cert: fs.readFileSync(certificate), key: fs.readFileSync(key),
  ...(clientCa && { ca: fs.readFileSync(clientCa), requestCert: true, rejectUnauthorized: true }),
};
fs.mkdirSync(`${folder}/www`, { recursive: true });
const server = tls ? https.createServer(tls, files) : http.createServer(files);
const sockets = new WebSocketServer({ server, path: '/ws/agents' });
sockets.on('connection', (socket) => {
  agent = socket;
  socket.on('message', (data) => fs.writeSync(frames, `${data}\n`));
  socket.on('close', () => { if (agent === socket) agent = undefined; });
  socket.on('error', () => {});
});
const commands = fs.openSync(`${folder}/commands`, 'r');
setInterval(() => {
  const part = Buffer.alloc(1 << 20);
  const size = fs.readSync(commands, part, 0, part.length, read);
  read += size;
  const lines = (rest + part.toString('utf8', 0, size)).split('\n');
  rest = lines.pop();
  waiting.push(...lines.filter((line) => line));
  while (agent?.readyState === 1 && waiting.length) agent.send(waiting.shift());
}, 5);
server.listen(0, '127.0.0.1', () => {
  fs.writeFileSync(`${folder}/port.part`, String(server.address().port));
  fs.renameSync(`${folder}/port.part`, `${folder}/port`);
});
