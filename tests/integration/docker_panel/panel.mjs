// A panel for tests: what the agent sends goes into the file frames, a line each; the lines of the file commands go to the agent.
// A command waits while no agent is connected. Usage: panel.mjs FOLDER
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { WebSocketServer } = require(fs.existsSync('/usr/share/nodejs/ws') ? '/usr/share/nodejs/ws' : 'ws');
const folder = process.argv[2];
const frames = fs.openSync(`${folder}/frames`, 'a');
fs.writeFileSync(`${folder}/commands`, '', { flag: 'a' });

let agent, read = 0, rest = '', waiting = [];
const server = http.createServer((request, response) => response.writeHead(404).end());
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
