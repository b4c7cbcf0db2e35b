// A CONNECT proxy: node connect_proxy.js [USER:PASSWORD]. The first line of its output is its port, each further one a CONNECT:
// "open HOST:PORT" or "refused HOST:PORT" (407). Names are resolved to loopback.
const http = require('http');
const net = require('net');
const wanted = process.argv[2] && 'Basic ' + Buffer.from(process.argv[2]).toString('base64');
const proxy = http.createServer((request, response) => {
  response.writeHead(405);
  response.end();
});
proxy.on('connect', (request, client, head) => {
  client.on('error', () => {});
  if (wanted && request.headers['proxy-authorization'] !== wanted) {
    console.log('refused ' + request.url);
    client.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n');
    return;
  }
  console.log('open ' + request.url);
  const server = net.connect(Number(request.url.split(':').pop()), '127.0.0.1', () => {
    client.write('HTTP/1.1 200 Connection established\r\n\r\n');
    server.write(head);
    server.pipe(client);
    client.pipe(server);
  });
  server.on('error', () => client.destroy());
  client.on('close', () => server.destroy());
});
proxy.listen(0, '127.0.0.1', () => console.log(proxy.address().port));
