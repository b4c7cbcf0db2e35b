// "Error Codes". AGENT_OFFLINE and AUTH_FAILED are the panel's to send: see connection.mjs for the latter.

import net from 'node:net';
import { egg, running, waits } from './eggs.mjs';

const actions = [['start_server'], ['stop_server', { signal: 'SIGTERM', timeout: 5 }], ['restart_server'], ['get_status'],
    ['list_files', { path: '/server' }], ['get_file', { path: '/server/server.properties' }]];

async function invalidEggs(context) {
    const { agent, row, image, name } = context;
    const wrong = { 'no image': { image: undefined }, 'an empty image': { image: '' }, 'an image that is a number': { image: 5 },
        'a port that is no number': { ports: { abc: 1 } }, 'a port above 65535': { ports: { 25565: 70000 } },
        'a protocol that does not exist': { ports: { '25565/smoke': 25565 } }, 'memory that is no size': { limits: { memory: 'lots' } },
        'negative memory': { limits: { memory: '-5m' } }, 'cpu that is no number': { limits: { cpu: 'fast' } },
        'disk that is no size': { limits: { disk: 'wide' } }, 'environment that is a list': { environment: ['A=1'] },
        'a name in startup that nothing defines': { startup: 'run {{NOBODY_KNOWS}}' } };
    for (const [what, change] of Object.entries(wrong)) {
        await row(`CONFIG_INVALID: ${what}`, async () => agent.refused(agent.command('create_server', undefined,
            { serverId: name('wrong'), eggConfig: { ...await egg(image, waits), ...change } }), 'CONFIG_INVALID'));
    }
    await row('CONFIG_INVALID: no egg configuration', () =>
        agent.refused(agent.command('create_server', undefined, { serverId: name('wrong') }), 'CONFIG_INVALID', 'INVALID_REQUEST'));
}

async function conflicts(context) {
    const { agent, report, row, image, name } = context;
    await row('PORT_CONFLICT: a port that another server has', async () => {
        const config = await egg(image, waits);
        await running(context, name('first'), config);
        await agent.refused(agent.command('create_server', undefined, { serverId: name('second'), eggConfig: config }), 'PORT_CONFLICT');
    });
    await row('PORT_CONFLICT: a port that another program has', async () => {
        const other = net.createServer();
        await new Promise((done) => { other.listen(0, '0.0.0.0', done); });
        const { port } = other.address();
        const eggConfig = await egg(image, waits, { ports: { [port]: port } });
        const serverId = name('server');
        await agent.refused(agent.command('create_server', undefined, { serverId, eggConfig }), 'PORT_CONFLICT');
        await new Promise((done) => { other.close(done); });
        await agent.create(serverId, eggConfig);
        await agent.reaches(serverId, 'offline');
        const again = net.createServer();
        await new Promise((done) => { again.listen(port, '0.0.0.0', done); });
        await agent.refused(agent.command('start_server', serverId), 'PORT_CONFLICT');
        again.close();
    });
    await row('INSUFFICIENT_RESOURCES: more memory, cpu or disk than the machine has', async () => {
        for (const limits of [{ memory: '900000g', cpu: '1', disk: '10m' }, { memory: '64m', cpu: '512', disk: '10m' },
            { memory: '64m', cpu: '1', disk: '900000g' }]) {
            await refusedSomewhere(context, name('huge'), await egg(image, waits, { limits }), 'INSUFFICIENT_RESOURCES');
        }
    });
    await row('DOCKER_ERROR: an image that does not exist, told by an event after the acknowledgment', async () => {
        const serverId = name('server');
        await agent.create(serverId, await egg('localhost:1/no/such:image', waits));
        await agent.reaches(serverId, 'offline');
        const from = agent.frames.length;
        await agent.acknowledged('start_server', serverId, 'starting');
        const change = await agent.reaches(serverId, 'offline', from, 60e3);
        report.check(change?.error?.code === 'DOCKER_ERROR', `the event is ${JSON.stringify(change)}`);
    });
    report.check((await agent.ping())?.activeServers === 1, 'a refused server counts as active');
}

// An error is told in the answer to create_server or start_server, or, where it shows later, in a status event.
async function refusedSomewhere({ agent, report }, serverId, eggConfig, code) {
    const what = JSON.stringify(eggConfig.limits);
    const failed = (f) => f.event === 'server_status_changed' && f.data.serverId === serverId && f.data.error;
    const settled = (f) => f.event === 'server_status_changed' && f.data.serverId === serverId
        && (f.data.error || ['offline', 'running', 'crashed'].includes(f.data.currentStatus));
    for (const frame of [agent.command('create_server', undefined, { serverId, eggConfig }), agent.command('start_server', serverId)]) {
        const from = agent.frames.length;
        const reply = await agent.ask(frame);
        let error = reply?.error;
        if (reply?.success) {
            await agent.find(settled, 60e3, from);
            error = agent.frames.slice(from).find(failed)?.data.error;
        }
        if (error) {
            report.check(error.code === code, `${frame.action}: code is ${error.code} (${error.message}), expected ${code}`);
            return;
        }
    }
    report.fault(`limits ${what}, image ${eggConfig.image}: created and started without an error, expected ${code}`);
}

// Console input needs a container that runs. The document's own commands do not: the agent makes the container that
// start_server needs, and without one there is nothing left to stop.
async function removed(context) {
    const { agent, report, row, image, engine, name } = context;
    const serverId = name('server');
    await row('CONTAINER_NOT_FOUND: console input for a server without a container', async () => {
        await agent.create(serverId, await egg(image, waits));
        await agent.refused(agent.command('send_command', serverId, { command: 'say hello' }), 'CONTAINER_NOT_FOUND');
    });
    await row('a container that was removed by someone else is noticed, and the server can still be stopped', async () => {
        await agent.acknowledged('start_server', serverId, 'starting');
        await agent.reaches(serverId, 'running');
        const state = await agent.ask(agent.command('get_status', serverId));
        const from = agent.frames.length;
        await engine.remove(state.data.containerId);
        const event = await agent.find((f) => f.event === 'server_status_changed' && f.data.serverId === serverId, 10e3, from);
        report.check(event, 'no event tells of it');
        // It has no container now, or has been started again meanwhile: an agent may do either.
        const reply = await agent.ask(agent.command('stop_server', serverId, { signal: 'SIGTERM', timeout: 30 }));
        report.check(['offline', 'stopping'].includes(reply?.data?.status), `stop_server: ${JSON.stringify(reply)}`);
        if (reply?.data?.status === 'stopping') await agent.reaches(serverId, 'offline', from);
        const after = await agent.ask(agent.command('get_status', serverId));
        report.check(after?.data?.status === 'offline', `status is ${after?.data?.status}`);
    });
}

export async function errors(context) {
    const { agent, report, row, name } = context;
    for (const [action, payload] of actions) {
        await row(`SERVER_NOT_FOUND: ${action}`, () => agent.refused(agent.command(action, name('absent'), payload), 'SERVER_NOT_FOUND'));
    }
    await removed(context);
    await invalidEggs(context);
    await conflicts(context);
    await row('every error left the agent connected', async () => report.check(await agent.ping(), 'no pong'));
    agent.answeredOnce();
}

// Run with an engine that is not there.
export async function dockerless(context) {
    await withoutEngine(context, 'DOCKER_ERROR');
}
dockerless.withoutEngine = true;

// Run with an engine whose socket the agent may not open.
export async function denied(context) {
    await withoutEngine(context, 'PERMISSION_DENIED');
}
denied.withoutEngine = true;

async function withoutEngine(context, code) {
    const { agent, report, row, image, name, pause } = context;
    await row(`${code}: create_server`, async () => {
        await refusedSomewhere(context, name('server'), await egg(image, waits), code);
    });
    await row(`${code}: the agent is degraded`, async () => {
        let data;
        for (let i = 0; i < 60 && data?.agentStatus !== 'degraded'; i += 1) {
            data = await agent.ping(); // the document does not say how soon
            await pause(500);
        }
        report.check(data?.agentStatus === 'degraded', `agentStatus is ${data?.agentStatus}`);
    });
}
