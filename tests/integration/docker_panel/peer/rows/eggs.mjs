// Egg configurations of small servers that busybox can run.

import net from 'node:net';

export function freePort() {
    return new Promise((done) => {
        const server = net.createServer().listen(0, () => {
            const { port } = server.address();
            server.close(() => done(port));
        });
    });
}

// `script` holds no single quote: the startup line is given to a shell of the container.
export async function egg(image, script, more = {}) {
    const port = await freePort();
    return { name: 'panel-peer', image, ports: { [port]: port }, environment: {},
        limits: { memory: '64m', cpu: '1', disk: '100m' }, startup: `sh -c '${script}'`, ...more };
}

export const waits = 'trap "echo got TERM; exit 0" TERM; trap "echo got INT; exit 0" INT; echo ready; while :; do sleep 0.1; done';

// Creates a server and starts it; returns when the events say that it runs.
export async function running(context, serverId, config) {
    const { agent } = context;
    await agent.create(serverId, config);
    await agent.reaches(serverId, 'offline');
    await agent.acknowledged('start_server', serverId, 'starting');
    return agent.reaches(serverId, 'running');
}
