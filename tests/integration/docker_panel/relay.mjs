// A proxy in front of an engine's socket that passes only what a list allows: lines "METHOD /path" where ID is one part of a path and
// NAME any number. A version before the path is left out. Each request is a line of LOG: "METHOD /path 1" or 0 when it was refused.
// Usage: relay.mjs LISTEN ENGINE LIST LOG
import fs from 'node:fs';
import http from 'node:http';

const [listen, engine, list, log] = process.argv.slice(2);
const allowed = fs.readFileSync(list, 'utf8').split('\n').filter((line) => line).map((line) => {
  const [method, path] = line.split(' ');
  const pattern = path.replace(/[.]/g, '\\.').replace('NAME', '.+').replace('ID', '[A-Za-z0-9_.-]+');
  return { method, pattern: new RegExp(`^${pattern}$`) };
});

function passes(request) {
  const path = request.url.split('?')[0].replace(/^\/v[0-9.]+(?=\/)/, '');
  const one = allowed.find(({ method, pattern }) => method === request.method && pattern.test(path));
  fs.appendFileSync(log, `${request.method} ${path} ${one ? 1 : 0}\n`);
  return Boolean(one);
}

const ask = (request) => http.request({ socketPath: engine, method: request.method, path: request.url, headers: request.headers });

const server = http.createServer((request, response) => {
  if (!passes(request)) return response.writeHead(403, { 'content-type': 'text/plain' }).end('refused by the proxy');
  const onward = ask(request);
  onward.on('response', (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    response.flushHeaders();
    answer.pipe(response);
    answer.on('error', () => response.destroy());
  });
  onward.on('error', () => response.destroy());
  response.on('close', () => onward.destroy());
  request.pipe(onward);
});
server.on('upgrade', (request, socket, head) => {
  if (!passes(request)) return socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  const onward = ask(request);
  onward.on('upgrade', (answer, inner, first) => {
    const headers = Object.entries(answer.headers).map(([key, value]) => `${key}: ${value}\r\n`).join('');
    socket.write(`HTTP/1.1 101 UPGRADED\r\n${headers}\r\n`);
    socket.write(first);
    inner.write(head);
    for (const [from, to] of [[inner, socket], [socket, inner]]) {
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
    }
  });
  onward.on('response', (answer) => {
    socket.end(`HTTP/1.1 ${answer.statusCode} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
    answer.resume();
  });
  onward.on('error', () => socket.destroy());
  socket.on('error', () => onward.destroy());
  onward.end();
});
server.listen(listen);
