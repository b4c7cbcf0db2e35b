// Many dashboards that subscribe to events.   node feed_dashboards.mjs URL TOKEN N STALLED AGENT_ID EVENTS N
// dashboards subscribe to server_log of the agent; the first STALLED of them stop reading until SIGUSR2. Says
// {"ready": N}, {"done": {...}} when each of the others knows of EVENTS events, received or dropped, and
// {"all": {...}} when each has.
import fs from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const WebSocket = require(fs.existsSync('/usr/share/nodejs/ws') ? '/usr/share/nodejs/ws' : 'ws');
const say = (what) => fs.writeSync(1, JSON.stringify(what) + '\n');
const [url, token, count, stall, agentId, events] = process.argv.slice(2);
const n = Number(count), stalled = Number(stall), wanted = Number(events);
const desks = [];
let ready = 0, said = {};

function summary(of) {
  return { got: Math.min(...of.map((d) => d.got)), most: Math.max(...of.map((d) => d.got)), dropped: Math.max(...of.map((d) => d.dropped)), disorder: of.reduce((s, d) => s + d.disorder, 0), exact: of.every((d) => d.got + d.dropped === wanted) };
}
function check() {
  const heard = (of) => of.every((d) => d.got + d.dropped >= wanted);
  for (const [word, of] of [['done', desks.slice(stalled)], ['all', desks]]) {
    if (said[word] || of.length === 0 || !heard(of)) continue;
    said[word] = true;
    say({ [word]: summary(of) });
  }
}
for (let i = 0; i < n; i += 1) {
  const ws = new WebSocket(`${url}?token=${encodeURIComponent(token)}`, { perMessageDeflate: false });
  const desk = { got: 0, dropped: 0, disorder: 0, last: -1, ws };
  desks.push(desk);
  ws.on('error', (e) => say({ error: e.message }));
  ws.on('close', (code) => say({ closed: code }));
  ws.on('open', () => ws.send(JSON.stringify({ type: 'subscribe', payload: { agentId, topics: ['server_log'], requestId: 'r' } })));
  ws.on('message', (data) => {
    const { type, payload } = JSON.parse(String(data));
    if (type === 'response') {
      if (payload.status !== 'success') say({ refused: payload });
      ready += 1;
      if (ready === n) {
        for (const other of desks.slice(0, stalled)) other.ws.pause();
        say({ ready: n });
      }
    }
    if (type === 'event:dropped') { desk.dropped += payload.dropped; check(); }
    if (type === 'event' && payload.event === 'server_log') {
      desk.got += 1;
      if (payload.data.position <= desk.last) desk.disorder += 1;
      desk.last = payload.data.position;
      check();
    }
  });
}
process.on('SIGUSR2', () => desks.slice(0, stalled).forEach((d) => d.ws.resume()));
