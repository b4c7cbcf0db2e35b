// A panel, written from the panel document alone: it registers an agent over REST, hands out a JWT, accepts the agent's
// WebSocket, and checks each frame that arrives against the document. It knows nothing of agenthost.

import { createHmac, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';
import { Agent } from './agent.mjs';
import { faults, registration } from './shapes.mjs';

const require = createRequire(import.meta.url);
const { WebSocketServer } = require((() => {
    try { return require.resolve('ws'); } catch { return '/usr/share/nodejs/ws'; } // Debian's node-ws
})());

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

export class Panel {
    constructor({ adminToken, report, cert, key }) {
        this.adminToken = adminToken;
        this.report = report;
        this.secret = randomUUID();
        this.agentId = `agent-${randomUUID()}`;
        this.registrations = []; // bodies of POST /api/agents/register
        this.refreshes = []; // whether each POST /api/agents/refresh was granted
        this.upgrades = []; // {time, status} of each attempt to connect
        this.refreshToken = undefined;
        this.accepts = (claims) => claims.exp > Date.now() / 1000; // replaced by the rows on tokens
        this.refusesRefresh = false;
        this.registered = registration; // the shape
        this.waiting = [];
        const served = (request, reply) => this.#rest(request, reply);
        this.server = cert ? https.createServer({ cert: readFileSync(cert), key: readFileSync(key) }, served)
                           : http.createServer(served);
        this.secure = Boolean(cert);
        this.sockets = new WebSocketServer({ noServer: true });
        this.server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    }

    listen() {
        return new Promise((done) => {
            this.server.listen(0, '127.0.0.1', () => {
                this.port = this.server.address().port;
                done(this.port);
            });
        });
    }

    // The next agent that connects from now on.
    connection(ms = 30e3) {
        return new Promise((done, failed) => {
            const timer = setTimeout(() => failed(new Error(`no agent connected within ${ms / 1000} s`)), ms);
            this.waiting.push((agent) => {
                clearTimeout(timer);
                done(agent);
            });
        });
    }

    #token() {
        this.issued = randomUUID();
        const seconds = Math.floor(Date.now() / 1000);
        const signed = `${encoded({ alg: 'HS256', typ: 'JWT' })}.${encoded({ sub: this.agentId, iat: seconds,
            exp: seconds + 86400, jti: this.issued })}`;
        return `${signed}.${createHmac('sha256', this.secret).update(signed).digest('base64url')}`;
    }

    #claims(header) {
        const [head, body, signature] = (/^Bearer (\S+)$/.exec(header ?? '')?.[1] ?? '').split('.');
        if (!signature || createHmac('sha256', this.secret).update(`${head}.${body}`).digest('base64url') !== signature) {
            return undefined;
        }
        return JSON.parse(Buffer.from(body, 'base64url').toString());
    }

    #credentials() {
        this.refreshToken = randomUUID();
        return { id: this.agentId, token: this.#token(), refreshToken: this.refreshToken };
    }

    async #rest(request, reply) {
        const send = (status, body) => {
            reply.writeHead(status, { 'Content-Type': 'application/json' });
            reply.end(JSON.stringify(body));
        };
        let raw = '';
        for await (const part of request) raw += part;
        const known = { '/api/agents/register': '#register', '/api/agents/refresh': '#refresh' }[request.url];
        if (!known) return send(404, { success: false, error: { code: 'NOT_FOUND', message: request.url } });
        this.report.check(request.method === 'POST', `${request.url} is called with ${request.method}, expected POST`);
        this.report.check(/^application\/json\b/.test(request.headers['content-type'] ?? ''),
            `${request.url} has Content-Type ${request.headers['content-type']}`);
        let body;
        try { body = JSON.parse(raw); } catch { return send(400, { success: false }); }
        return known === '#register' ? this.#register(request, body, send) : this.#refresh(body, send);
    }

    #register(request, body, send) {
        this.registrations.push(body);
        if (request.headers.authorization !== `Bearer ${this.adminToken}`) {
            this.report.fault(`the registration has Authorization ${request.headers.authorization}`);
            return send(401, { success: false, error: { code: 'AUTH_FAILED', message: 'panel_admin_token is wrong' } });
        }
        this.report.shape(faults(this.registered, body), 'registration');
        return send(200, { success: true, agent: { ...this.#credentials(),
            websocketUrl: `${this.secure ? 'wss' : 'ws'}://127.0.0.1:${this.port}/ws/agents` } });
    }

    #refresh(body, send) {
        const granted = body.refreshToken === this.refreshToken && !this.refusesRefresh;
        this.refreshes.push(granted);
        if (!granted) return send(401, { success: false, error: { code: 'AUTH_FAILED', message: 'refresh token refused' } });
        return send(200, { success: true, agent: this.#credentials() });
    }

    #upgrade(request, socket, head) {
        const claims = this.#claims(request.headers.authorization);
        const path = request.url.split('?')[0];
        const refused = path !== '/ws/agents' ? 404
            : !claims || !this.accepts(claims) || request.headers['x-agent-id'] !== claims.sub ? 401 : 0;
        this.upgrades.push({ time: Date.now(), status: refused || 101, agentId: request.headers['x-agent-id'] });
        if (refused) {
            const body = JSON.stringify({ success: false, error: { code: 'AUTH_FAILED', message: 'JWT token invalid or expired' } });
            socket.end(`HTTP/1.1 ${refused} Refused\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n`
                + `Connection: close\r\n\r\n${body}`);
            return;
        }
        this.sockets.handleUpgrade(request, socket, head, (ws) => {
            const agent = new Agent(ws, this.agentId, this.report);
            this.waiting.splice(0).forEach((done) => done(agent));
        });
    }
}
