// The server's side of all five protocols, as far as an idle agent needs it: greets, acknowledges, pings. Prints its port, then a line a
// session that is up. With an argument it tells every frame on standard error and pings each second instead of every 30.
const http = require('http');
const {WebSocketServer} = require('ws');

const server = http.createServer((request, response) => {
    // panel: registration and refresh
    const agent = {id: 'agent-' + Math.random().toString(36).slice(2), token: 't'.repeat(200), refreshToken: 'r'.repeat(64)};
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({success: true, agent}));
});
const sockets = new WebSocketServer({server});
const now = () => new Date().toISOString();
sockets.on('connection', (socket, request) => {
    const protocol = request.url.split('/')[1].split('?')[0];
    const send = message => socket.send(JSON.stringify(message));
    const up = () => console.log('up ' + request.url.split('?')[0]);
    if (protocol === 'panel') {
        up();
        setInterval(() => send({id: 'ping-' + Date.now(), type: 'ping', timestamp: now()}), process.argv[2] ? 1000 : 30000);
    }
    socket.on('message', (data) => {
        const frame = JSON.parse(data);
        if (process.argv[2]) console.error(protocol, String(data));
        if (protocol === 'storage' && frame.action === 'auth') send({status: 'ok'}), up();
        else if (protocol === 'print' && frame.type === 'register') send({type: 'ack', id: frame.id, payload: {message: 'ok'}}), up();
        else if (protocol === 'print' && frame.type === 'heartbeat') send({type: 'ack', id: frame.id, payload: {message: 'ok'}});
        else if (protocol === 'dashboard' && frame.type === 'agent:connect')
            send({version: '1.0.0', type: 'connection:ack', timestamp: Date.now(), payload: {}}), up();
        else if (protocol === 'signed' && frame.type === 'auth') setTimeout(up, 2500); // its silence is the answer
    });
});
server.listen(0, '127.0.0.1', () => console.log('port ' + server.address().port));
