// A storage server by node's ws, for independence from Beast: answers auth, asks `count` times, tells what came as one JSON line.
// argv: count [cert key]. First line of output: the port.
const { WebSocketServer } = require('ws');
const [count, cert, key] = process.argv.slice(2);
const fs = require('fs');
const http = cert
  ? require('https').createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) })
  : require('http').createServer();
const server = new WebSocketServer({ server: http, maxPayload: 8 << 20 });
const seen = { hello: null, answers: 0, wrong: [], pings: 0, pongs: 0, code: 0 };

server.on('connection', (socket) => {
  socket.on('ping', () => seen.pings++);
  socket.on('pong', () => seen.pongs++);
  socket.on('close', (code) => {
    seen.code = code;
    console.log(JSON.stringify(seen));
    process.exit(0);
  });
  socket.on('message', (data, binary) => {
    const message = JSON.parse(data);
    if (!seen.hello) {
      seen.hello = message;
      socket.send('{"status":"ok"}');
      socket.ping('still there?');
      for (let i = 0; i < count; i++) {
        const text = { text: `№ ${i} ` + 'é'.repeat(i % 50 === 7 ? 200000 : 20) };
        // Every fifth in three fragments: what a peer may do and Beast's own servers do not.
        const frame = JSON.stringify({ action: 'echo.say', request_id: `r${i}`, ...text });
        if (i % 5 !== 0) socket.send(frame);
        else {
          const bytes = Buffer.from(frame); // cuts may fall inside a character
          socket.send(bytes.subarray(0, 41), { fin: false, binary: false });
          socket.send(bytes.subarray(41, 60), { fin: false, binary: false });
          socket.send(bytes.subarray(60), { fin: true, binary: false });
        }
      }
      return;
    }
    const i = seen.answers++;
    const good = !binary && message.request_id === `r${i}` && message.status === 'success' && message.data.text.startsWith(`№ ${i} é`);
    if (!good) seen.wrong.push(String(data).slice(0, 200));
    if (seen.answers === Number(count)) socket.close(1000);
  });
});
http.listen(0, '127.0.0.1', () => console.log(http.address().port));
