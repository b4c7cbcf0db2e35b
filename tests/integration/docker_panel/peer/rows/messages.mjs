// "Base Message Structure", input validation, delivery over a lost connection, and "Rate Limiting".

import { egg, running, waits } from './eggs.mjs';
import { restingStatus } from '../shapes.mjs';

export async function commands(context) {
    const { agent, report, row, image, name } = context;
    const serverId = name('server');
    await agent.create(serverId, await egg(image, waits));
    await agent.reaches(serverId, 'offline');
    const works = async (frame) => {
        const reply = await agent.ask(frame);
        report.check(reply?.success && reply.data?.serverId === serverId, `answered by ${JSON.stringify(reply)}`);
    };
    await row('agentId and serverId are optional: a command without agentId', () =>
        works({ ...agent.command('get_status', serverId), agentId: undefined }));
    await row('serverId in the payload', () => works(agent.command('get_status', undefined, { serverId })));
    await row('a command nested under data', () => {
        const { action, ...rest } = agent.command('get_status');
        return works({ ...rest, data: { action, serverId } });
    });
    await row('fields that nobody knows are ignored', () =>
        works(agent.command('get_status', serverId, { colour: 'green' }, { priority: 9, trace: { a: [1] } })));
    await row('a command for another agent is refused', () => agent.refused({ ...agent.command('get_status', serverId),
        agentId: 'someone-else' }, 'AGENT_OFFLINE', 'INVALID_REQUEST', 'PERMISSION_DENIED', 'DENIED'));
    await row('an action that does not exist is UNKNOWN_ACTION', () => agent.refused(agent.command('paint_server', serverId), 'UNKNOWN_ACTION'));
    await row('input validation: a serverId of the wrong kind is refused', async () => {
        for (const wrong of [7, '', '../../etc', 'a/b', 'a\0b', 'x'.repeat(5000), ['a']]) {
            const reply = await agent.ask(agent.command('get_status', wrong));
            report.check(reply?.success === false, `serverId ${JSON.stringify(wrong).slice(0, 40)}: ${JSON.stringify(reply)}`);
            const created = await agent.ask(agent.command('create_server', undefined, { serverId: wrong, eggConfig: await egg(image, waits) }));
            report.check(created?.success === false, `create_server of ${JSON.stringify(wrong).slice(0, 40)} is accepted`);
        }
    });
    await row('input validation: a stop signal or timeout of the wrong kind is refused', async () => {
        for (const payload of [{ signal: 'SIGNOTHING' }, { signal: 7.5 }, { timeout: -1 }, { timeout: 'long' }, { signal: 'TERM; rm -rf /' }]) {
            await agent.refused(agent.command('stop_server', serverId, payload), 'INVALID_REQUEST');
        }
    });
    await row('start of a running server and stop of a resting one are answered', async () => {
        await agent.acknowledged('stop_server', serverId, 'offline');
        report.check((await agent.query('get_status', serverId, restingStatus))?.status === 'offline', 'it is not offline');
        await agent.acknowledged('start_server', serverId, 'starting');
        const first = await agent.reaches(serverId, 'running');
        const from = agent.frames.length;
        await agent.acknowledged('start_server', serverId, 'running');
        await context.pause(1500);
        const after = agent.changes(serverId, from);
        report.check(after.length === 0, `pid was ${first?.pid}; starting it again gave ${JSON.stringify(after)}`);
    });
    agent.answeredOnce();
}

export async function delivery(context) {
    const { panel, agent, report, row, image, name } = context;
    const serverId = name('server');
    let live = agent;
    let frame;
    await row('an id that comes twice is executed once and has the same answer', async () => {
        await running(context, serverId, await egg(image, waits));
        frame = live.command('restart_server', serverId);
        const before = live.frames.length;
        const first = await live.ask(frame);
        await live.reaches(serverId, 'running', before);
        const from = live.frames.length;
        live.send(frame);
        const second = await live.find((f) => f.type === 'response' && f.id === frame.id, 15e3, from);
        report.check(second && JSON.stringify(second.data) === JSON.stringify(first.data), `the second answer is ${JSON.stringify(second)}`);
        await context.pause(1500);
        report.check(live.changes(serverId, from).length === 0, 'the server restarted twice');
    });
    await row('an id that comes with other content is refused', async () => {
        const from = live.frames.length;
        live.send({ ...live.command('stop_server', serverId), id: frame.id });
        const reply = await live.find((f) => f.type === 'response' && f.id === frame.id, 15e3, from);
        report.check(reply?.success === false && reply.error?.code === 'ID_REUSED', `answered by ${JSON.stringify(reply)}`);
    });
    await row('an answer that the connection lost is sent on the next one', async () => {
        const next = panel.connection();
        frame = live.command('stop_server', serverId, { signal: 'SIGTERM', timeout: 30 });
        live.ws.send(JSON.stringify(frame), () => live.ws.terminate());
        live = await next;
        let reply = await live.find((f) => f.type === 'response' && f.id === frame.id, 5e3);
        reply ??= await live.ask(frame); // the command itself may have been lost: a panel sends it again
        report.check(reply?.success && reply.data?.status === 'stopping', `answered by ${JSON.stringify(reply)}`);
        let state;
        for (let i = 0; i < 60 && state?.status !== 'offline'; i += 1) {
            state = (await live.ask(live.command('get_status', serverId)))?.data;
            if (state?.status !== 'offline') await context.pause(250);
        }
        await live.query('get_status', serverId, restingStatus);
        report.check(state?.status === 'offline', `the server is ${state?.status}`);
        report.check(panel.registrations.length === 1, 'the agent registered again');
    });
}

export async function flood({ agent, report, row, name, pause }) {
    await row('rate limiting: a flood of commands is answered, each id once, and partly refused', async () => {
        const ids = new Set();
        for (let i = 0; i < 5000; i += 1) ids.add(agent.send(agent.command('get_status', name('absent'))));
        const answers = () => agent.frames.filter((f) => f.type === 'response' && ids.has(f.id));
        for (let i = 0; i < 60 && answers().length < ids.size; i += 1) await pause(500);
        report.check(answers().length === ids.size, `${answers().length} answers to ${ids.size} commands`);
        const codes = {};
        for (const f of answers()) codes[f.error?.code] = (codes[f.error?.code] ?? 0) + 1;
        report.check(codes.RATE_LIMIT > 0, `no command was refused with RATE_LIMIT: ${JSON.stringify(codes)}`);
        report.check(agent.ws.readyState === 1, 'the agent is disconnected');
    });
    await row('rate limiting: the agent serves again after the flood', async () => {
        await pause(3e3);
        await agent.refused(agent.command('get_status', name('absent')), 'SERVER_NOT_FOUND');
    });
    agent.answeredOnce();
}
