// Any capability over any protocol: the same five calls, each protocol's own words for what comes back.
//
// A protocol gives `call(action, params)`: what came back for it, as `{answer}` (checked to be the answer to this call, and signed where
// that is so), and what the document wants of it: `success(answer, data)`, `failure(answer, {code, message, detail})`, `said(...)`.
import { text, whole, list, number } from './peer.mjs';

// The data of storage.info; what else it tells is its own matter.
const info = (d) => text(d.version) && whole(d.uptime) && whole(d.free_bytes) && list(d.capabilities) && 'quota_bytes' in d &&
  text(d.agent_id) && d.files === 0 && d.bytes === 0;
const ping = { pong: true, agent_id: 'node-01', version: text, time: number };

export const capabilities = (connect) => ({
  async ping() {
    const p = await connect();
    await p.success(await p.call('host.ping', {}), ping);
  },
  async info() {
    const p = await connect();
    await p.success(await p.call('storage.info', {}), info);
  },
  // Progress, an event, output; then the answer, after all of them.
  async work() {
    const p = await connect();
    const answer = await p.call('trial.work', {});
    await p.success(answer, { steps: 2 }, 'worked');
    await p.told(answer, [{ done: 1, total: 2 }, { done: 2, total: 2 }], { step: 1 }, { 1: ['first\n', 'second\n'], 2: ['careful\n'] });
  },
  async failing() {
    const p = await connect();
    const params = { code: 'TRIAL_FAILED', message: 'the trial failed', detail: 'ask it for something else' };
    await p.failure(await p.call('trial.fail', params), params);
  },
  async unknown() {
    const p = await connect();
    await p.failure(await p.call('no.such', {}), { code: 'UNKNOWN_ACTION', message: /^Unknown action: no\.such/, detail: undefined }, true);
  },
});
