// "Server Control Commands": start, stop with a signal and a timeout, restart.

import { egg, running, waits } from './eggs.mjs';

async function stopped(context, serverId, payload) {
    const { agent } = context;
    const from = agent.frames.length;
    const started = Date.now();
    await agent.acknowledged('stop_server', serverId, 'stopping', payload);
    await agent.reaches(serverId, 'offline', from);
    return { from, seconds: (Date.now() - started) / 1000 };
}

async function started(context, serverId) {
    const { agent } = context;
    const from = agent.frames.length;
    await agent.acknowledged('start_server', serverId, 'starting');
    const change = await agent.reaches(serverId, 'running', from);
    await agent.log(serverId, 'ready', 20e3, from);
    return { from, change };
}

async function stops(context, serverId) {
    const { agent, report, row } = context;
    for (const signal of ['SIGTERM', 'SIGINT']) {
        await row(`stop_server: ${signal} reaches the server, which ends within the timeout`, async () => {
            const { from, seconds } = await stopped(context, serverId, { signal, timeout: 30 });
            report.check(await agent.log(serverId, `got ${signal.slice(3)}`, 5e3, from), `the server did not get ${signal}`);
            report.check(seconds < 15, `it took ${seconds} s`);
            report.check(agent.changes(serverId, from)[0]?.currentStatus === 'stopping', 'no event says stopping');
            await started(context, serverId);
        });
    }
    await row('stop_server: without a payload', async () => {
        await stopped(context, serverId);
        await started(context, serverId);
    });
}

export async function control(context) {
    const { agent, report, row, image, engine, name } = context;
    const serverId = name('server');
    await row('start_server: acknowledged as starting, then running with the pid of the process', async () => {
        const change = await running(context, serverId, await egg(image, waits));
        report.check(change?.previousStatus === 'starting', `previousStatus is ${change?.previousStatus}`);
        const state = await agent.ask(agent.command('get_status', serverId));
        const real = (await engine.inspect(state?.data?.containerId))?.State?.Pid;
        report.check(change?.pid === real, `pid is ${change?.pid}, the engine says ${real}`);
    });
    await stops(context, serverId);
    await row('restart_server: stops and starts again', async () => {
        const from = agent.frames.length;
        await agent.acknowledged('restart_server', serverId, 'stopping');
        await agent.reaches(serverId, 'running', from);
        const words = agent.changes(serverId, from).map((c) => c.currentStatus).filter((w) => w !== 'offline');
        report.check(words.join() === 'stopping,starting,running', `the events say ${words}`);
        const state = await agent.ask(agent.command('get_status', serverId));
        report.check(state?.data?.uptime < 10, `uptime is ${state?.data?.uptime} s right after a restart`);
    });
    await row('stop_server: a server that ignores the signal is killed after the timeout', async () => {
        const stubborn = name('stubborn');
        await running(context, stubborn, await egg(image, 'trap "" TERM; echo ready; while :; do sleep 0.1; done'));
        await agent.log(stubborn, 'ready');
        const { seconds } = await stopped(context, stubborn, { signal: 'SIGTERM', timeout: 3 });
        report.check(seconds >= 2.5 && seconds < 12, `it ended after ${seconds} s, the timeout is 3 s`);
    });
    await row('stop_server: acknowledged as stopping while a long stop goes on', async () => {
        const slow = name('slow');
        await running(context, slow, await egg(image, 'trap "" TERM; echo ready; while :; do sleep 0.1; done'));
        await agent.log(slow, 'ready');
        const from = agent.frames.length;
        const reply = await agent.acknowledged('stop_server', slow, 'stopping', { signal: 'SIGTERM', timeout: 13 });
        report.check(reply?.data?.status === 'stopping', `status is ${reply?.data?.status}`);
        await agent.reaches(slow, 'offline', from);
    });
    await row('a server that ends by itself with a failure is crashed', async () => {
        const failing = name('failing');
        await agent.create(failing, await egg(image, 'echo ready; sleep 1; exit 3'));
        await agent.reaches(failing, 'offline');
        await agent.acknowledged('start_server', failing, 'starting');
        await agent.reaches(failing, 'crashed');
    });
    agent.answeredOnce();
}
