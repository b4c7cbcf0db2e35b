// A server of the signed protocol on node's ws, as deployed ones are: no Date in the 101, no answer to auth, a timestamp ahead of its clock
// is refused. argv: what a plain GET answers ("date", "no-date" or "nothing"), ms by which its clock is behind. First line: the port;
// then a line of JSON for each auth.
const http = require('http');
const crypto = require('crypto');
const { WebSocketServer } = require('ws');
const [get, behind] = process.argv.slice(2);
const secret = 'hmac-secret';
const now = () => Date.now() - Number(behind);

const server = http.createServer((request, response) => {
  if (get === 'nothing') return; // it never answers
  response.sendDate = false;
  if (get === 'date') response.setHeader('Date', new Date(now()).toUTCString());
  response.statusCode = 404;
  response.end('not here');
});
const sockets = new WebSocketServer({ server });
sockets.on('connection', (socket) => {
  socket.on('message', (data) => {
    const frame = JSON.parse(data);
    if (frame.type !== 'auth') return;
    const { type, agentId, ts, nonce, payload } = frame;
    const right = crypto.createHmac('sha256', secret).update(JSON.stringify({ type, agentId, ts, nonce, payload })).digest('hex');
    const at = now();
    const reason = frame.signature !== right ? 'invalid_signature' : ts > at || at - ts > 300000 ? 'invalid_timestamp' : '';
    console.log(JSON.stringify({ ahead: ts - at, reason }));
    if (reason) socket.close(1008, reason);
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
