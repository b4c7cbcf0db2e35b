// Accepts the upgrade and then writes an HTTP error into the connection, as node's HTTP server does with what it cannot parse. argv: "at once",
// or "later": only after the first bytes of the agent. First line: the port.
const crypto = require('crypto');
const http = require('http');
const [when] = process.argv.slice(2);
const error = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n';
const server = http.createServer();
server.on('upgrade', (request, socket) => {
  const accept = crypto.createHash('sha1').update(request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
  const head = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
  socket.on('error', () => {});
  if (when === 'at once') return socket.end(head + error);
  socket.write(head);
  socket.once('data', () => socket.end(error));
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
