// One agent's WebSocket as the panel sees it: sends commands and pings, keeps what arrives, checks each frame's shape,
// and matches answers by id.

import { randomUUID } from 'node:crypto';
import { acknowledgment, answer, events, faults, pong, refusal } from './shapes.mjs';

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export class Agent {
    constructor(ws, agentId, report) {
        this.ws = ws;
        this.agentId = agentId;
        this.report = report;
        this.frames = []; // all that arrived, in order
        this.watchers = new Set();
        this.closed = new Promise((done) => { ws.on('close', (code) => done(code)); });
        ws.on('error', () => {});
        ws.on('message', (data, binary) => this.#arrived(data, binary));
    }

    #arrived(data, binary) {
        if (binary) return this.report.fault('a binary frame arrived');
        let frame;
        try { frame = JSON.parse(data.toString()); } catch { return this.report.fault(`no JSON: ${data.toString().slice(0, 80)}`); }
        if (frame.type === 'event') {
            if (events[frame.event]) this.report.shape(faults(events[frame.event], frame), `event ${frame.event}`);
            else this.report.fault(`event "${frame.event}" is not in the document: ${data.toString().slice(0, 200)}`);
        } else if (frame.type === 'pong') {
            this.report.shape(faults(pong, frame), 'pong');
        } else if (frame.type !== 'response') {
            this.report.fault(`message type "${frame.type}" is not in the document: ${data.toString().slice(0, 200)}`);
        }
        if (frame.agentId !== undefined) this.report.check(frame.agentId === this.agentId, `agentId is ${frame.agentId}`);
        this.frames.push(frame);
        for (const watcher of [...this.watchers]) watcher();
        return undefined;
    }

    // The first frame at or after `from` that fits, or undefined after `ms`.
    async find(fits, ms = 30e3, from = 0) {
        const deadline = Date.now() + ms;
        for (;;) {
            const frame = this.frames.slice(from).find(fits);
            if (frame || Date.now() >= deadline) return frame;
            let wake;
            const woken = new Promise((done) => { wake = done; });
            this.watchers.add(wake);
            await Promise.race([woken, pause(deadline - Date.now())]);
            this.watchers.delete(wake);
        }
    }

    send(frame) {
        this.ws.send(JSON.stringify(frame));
        return frame.id;
    }

    command(action, serverId, payload, more = {}) {
        return { id: `msg-${randomUUID()}`, type: 'command', timestamp: new Date().toISOString(), agentId: this.agentId,
            ...(serverId === undefined ? {} : { serverId }), action, ...(payload === undefined ? {} : { payload }), ...more };
    }

    // Sends a command and returns its answer, with the frame's own shape not yet checked.
    async ask(frame, ms = 30e3) {
        this.send(frame);
        const reply = await this.find((f) => f.type === 'response' && f.id === frame.id, ms);
        if (!reply) this.report.fault(`${frame.action} was not answered within ${ms / 1000} s`);
        return reply;
    }

    // An acknowledgment has the word of what has begun, or the state of a server with which there is nothing to do.
    async acknowledged(action, serverId, status, payload) {
        const reply = await this.ask(this.command(action, serverId, payload));
        if (!reply) return undefined;
        if (reply.success === false) {
            this.report.fault(`${action}: refused with ${reply.error?.code}: ${reply.error?.message}`);
            return reply;
        }
        this.report.shape(faults(acknowledgment, reply), `answer to ${action}`);
        this.report.check(reply.data?.serverId === serverId, `${action}: data.serverId is ${reply.data?.serverId}`);
        this.report.check(reply.data?.status === status, `${action}: status is "${reply.data?.status}", expected "${status}"`);
        return reply;
    }

    async create(serverId, eggConfig) {
        const reply = await this.ask(this.command('create_server', undefined, { serverId, eggConfig }));
        if (!reply) return undefined;
        if (!this.report.check(reply.success, `create_server: refused with ${JSON.stringify(reply.error)}`)) return reply;
        this.report.shape(faults(acknowledgment, reply), 'answer to create_server');
        this.report.check(reply.data?.serverId === serverId && reply.data?.status === 'installing',
            `create_server: data is ${JSON.stringify(reply.data)}`);
        return reply;
    }

    async query(action, serverId, shape, payload) {
        const reply = await this.ask(this.command(action, serverId, payload));
        if (!reply) return undefined;
        if (!this.report.check(reply.success, `${action}: refused with ${JSON.stringify(reply.error)}`)) return undefined;
        this.report.shape(faults(answer(shape), reply), `answer to ${action}`);
        return reply.data;
    }

    async refused(frame, ...codes) {
        const reply = await this.ask(frame);
        if (!reply) return undefined;
        const name = `${frame.action} ${JSON.stringify(frame.payload ?? {}).slice(0, 150)}`;
        if (!this.report.check(reply.success === false, `${name}: accepted, expected ${codes.join(' or ')}`)) return reply;
        this.report.shape(faults(refusal, reply), `refusal of ${frame.action}`);
        this.report.check(codes.includes(reply.error?.code),
            `${name}: code is ${reply.error?.code} (${reply.error?.message}), expected ${codes.join(' or ')}`);
        return reply;
    }

    changes(serverId, from = 0) {
        return this.frames.slice(from)
            .filter((f) => f.event === 'server_status_changed' && f.data?.serverId === serverId).map((f) => f.data);
    }

    // Waits until a server's events say that it has reached a state. The events form a chain: each starts where the
    // one before it ended.
    async reaches(serverId, status, from = 0, ms = 30e3) {
        const frame = await this.find((f) => f.event === 'server_status_changed' && f.data?.serverId === serverId
            && f.data.currentStatus === status, ms, from);
        const seen = this.changes(serverId);
        this.report.check(frame, `no event says that ${serverId} is ${status}; seen: ${JSON.stringify(seen)}`);
        seen.forEach((change, i) => {
            if (i > 0) {
                this.report.check(change.previousStatus === seen[i - 1].currentStatus,
                    `after "${seen[i - 1].currentStatus}" an event has previousStatus "${change.previousStatus}"`);
            }
            this.report.check(change.currentStatus !== 'running' || change.pid > 0, 'the event of a running server has no pid');
        });
        return frame?.data;
    }

    log(serverId, part, ms = 20e3, from = 0) {
        return this.find((f) => f.event === 'server_log' && f.data?.serverId === serverId && f.data.message.includes(part), ms, from);
    }

    async ping() {
        const id = this.send({ id: `heartbeat-${randomUUID()}`, type: 'ping', timestamp: new Date().toISOString() });
        const frame = await this.find((f) => f.type === 'pong' && f.id === id, 15e3);
        this.report.check(frame, 'a ping was not answered within 15 s');
        return frame?.data;
    }

    // "Unique message ID for request/response matching": each id has exactly one answer.
    answeredOnce() {
        const times = new Map();
        for (const f of this.frames) if (f.type === 'response') times.set(f.id, (times.get(f.id) ?? 0) + 1);
        for (const [id, n] of times) this.report.check(n === 1, `${id} was answered ${n} times`);
    }
}
