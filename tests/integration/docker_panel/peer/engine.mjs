// Looks at the container engine past the agent's back: what a container really got, and what happens when someone
// else removes it.

import http from 'node:http';

export class Engine {
    constructor(socketPath) { this.socketPath = socketPath; }

    call(method, path) {
        return new Promise((done, failed) => {
            const request = http.request({ socketPath: this.socketPath, method, path }, (reply) => {
                let body = '';
                reply.on('data', (part) => { body += part; });
                reply.on('end', () => done({ status: reply.statusCode, body: body ? JSON.parse(body) : undefined }));
            });
            request.on('error', failed);
            request.end();
        });
    }

    async inspect(id) { return (await this.call('GET', `/containers/${id}/json`)).body; }
    remove(id) { return this.call('DELETE', `/containers/${id}?force=true`); }
    containers() { return this.call('GET', '/containers/json?all=true').then((r) => r.body); }
}
