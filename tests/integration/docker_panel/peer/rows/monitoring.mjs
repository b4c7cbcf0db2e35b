// "Status Update", "Real-time Events" and "Heartbeat".

import { egg, running, waits } from './eggs.mjs';
import { bytes, players as playersShape, restingStatus, runningStatus } from '../shapes.mjs';

// Holds 24 MiB, keeps one core busy, and leaves 30 MiB in the data folder.
const busy = 'head -c 31457280 /dev/zero > data.bin; echo written; (while :; do :; done) & '
    + 'head -c 25165824 /dev/zero | (tail -c 25165824; sleep 1000) | sleep 1000';

export async function status(context) {
    const { agent, report, row, image, engine, name, pause } = context;
    const serverId = name('server');
    await row('get_status of a server that does not run', async () => {
        await agent.create(serverId, await egg(image, busy, { limits: { memory: '96m', cpu: '0.5', disk: '100m' } }));
        await agent.reaches(serverId, 'offline');
        const data = await agent.query('get_status', serverId, restingStatus);
        report.check(data?.serverId === serverId && data?.status === 'offline', `data is ${JSON.stringify(data)}`);
    });
    await row('get_status: every field of a running server', async () => {
        await agent.acknowledged('start_server', serverId, 'starting');
        await agent.reaches(serverId, 'running');
        await agent.log(serverId, 'written');
        const data = await agent.query('get_status', serverId, runningStatus);
        const real = await engine.inspect(data?.containerId);
        report.check(real?.State?.Running, `containerId ${data?.containerId} is no running container`);
    });
    await row('get_status: uptime in seconds, cpu in percent of a core, memory in m, network in total bytes', async () => {
        await pause(4e3);
        const first = await agent.query('get_status', serverId, runningStatus);
        await pause(3e3);
        const second = await agent.query('get_status', serverId, runningStatus);
        const grown = second.uptime - first.uptime;
        report.check(grown >= 2 && grown <= 8, `uptime grew by ${grown} in about 3 s`);
        report.check(second.resources.cpu > 5 && second.resources.cpu < 80, `cpu is ${second.resources.cpu}, the limit is half a core`);
        report.check(second.resources.memory.available === '96m', `memory.available is ${second.resources.memory.available}`);
        const used = bytes(second.resources.memory.used) / 2 ** 20;
        report.check(used >= 20 && used <= 96, `memory.used is ${second.resources.memory.used}, the server holds 24 MiB`);
        report.check(second.resources.network.rx >= first.resources.network.rx, 'network.rx went back');
        report.check(second.resources.network.tx >= first.resources.network.tx, 'network.tx went back');
    });
    agent.answeredOnce();
}

export async function realtime(context) {
    const { agent, report, row, image, name } = context;
    const serverId = name('server');
    const lines = [['INFO', '[10:05:30] [Server thread/INFO]: player1 joined the game'],
        ['WARN', '[10:05:31] [Server thread/WARN]: Can not keep up'], ['ERROR', '[10:05:32] [Server thread/ERROR]: Failed'],
        ['INFO', 'a plain line']];
    await row('server_status_changed: previousStatus, currentStatus and pid', async () => {
        const printed = lines.map(([, line]) => `echo "${line}"`).join('; ');
        const change = await running(context, serverId,
            await egg(image, `${printed}; ${busy}`, { limits: { memory: '96m', cpu: '0.5', disk: '100m' } }));
        report.check(change?.previousStatus === 'starting' && change?.pid > 0, `the event is ${JSON.stringify(change)}`);
    });
    for (const [level, line] of lines) {
        await row(`server_log: "${line}" as ${level}`, async () => {
            const frame = await agent.log(serverId, line);
            report.check(frame?.data.message.split('\n').includes(line), `message is ${JSON.stringify(frame?.data.message)}`);
            report.check(frame?.data.logLevel === level, `logLevel is ${frame?.data.logLevel}`);
        });
    }
    await row('server_log: the lines come in order and once', () => {
        const seen = agent.frames.filter((f) => f.event === 'server_log').flatMap((f) => f.data.message.split('\n'));
        const wanted = lines.map(([, line]) => line);
        report.check(JSON.stringify(seen.filter((m) => wanted.includes(m))) === JSON.stringify(wanted), `lines: ${JSON.stringify(seen)}`);
    });
    await row('resource_update: cpu, memory and disk with their share of the limit', async () => {
        const frame = await agent.find((f) => f.event === 'resource_update' && f.data.serverId === serverId
            && bytes(f.data.disk?.used) >= 30 * 2 ** 20 && bytes(f.data.memory?.used) >= 20 * 2 ** 20, 90e3);
        const last = agent.frames.filter((f) => f.event === 'resource_update').at(-1);
        if (!report.check(frame, `no event shows 30 MiB of disk; the last is ${JSON.stringify(last?.data)}`)) return;
        const share = (part, limit) => Math.abs(bytes(part.used) / 2 ** 20 / limit * 100 - part.percentage) <= 100 / limit + 0.5;
        report.check(share(frame.data.memory, 96), `memory is ${JSON.stringify(frame.data.memory)} of 96m`);
        report.check(share(frame.data.disk, 100), `disk is ${JSON.stringify(frame.data.disk)} of 100m`);
        report.check(frame.data.cpu > 1 && frame.data.cpu < 80, `cpu is ${frame.data.cpu}`);
    });
}

export async function heartbeat(context) {
    const { agent, report, row, image, name } = context;
    await row('ping: answered by a pong with the same id, healthy, no server, load in percent', async () => {
        const data = await agent.ping();
        report.check(data?.agentStatus === 'healthy', `agentStatus is ${data?.agentStatus}`);
        report.check(data?.activeServers === 0, `activeServers is ${data?.activeServers}`);
        report.check(data?.systemLoad?.memory > 0 && data?.systemLoad?.disk > 0, `systemLoad is ${JSON.stringify(data?.systemLoad)}`);
    });
    await row('ping: activeServers counts the servers that run', async () => {
        await running(context, name('server'), await egg(image, waits));
        await agent.create(name('resting'), await egg(image, waits));
        const data = await agent.ping();
        report.check(data?.activeServers === 1, `activeServers is ${data?.activeServers}, expected 1`);
    });
}

// Answers a Minecraft Server List Ping, whatever it is asked.
async function gameWithPlayers(image) {
    const status = JSON.stringify({ version: { name: '1.20.4', protocol: 765 }, description: { text: 'peer' }, players: { max: 20, online: 2,
        sample: [{ name: 'player1', id: '4566e69f-c907-48ee-8d71-d7ba5aa00d20' }, { name: 'player2', id: '4566e69f-c907-48ee-8d71-d7ba5aa00d21' }] } });
    const varint = (n) => (n < 128 ? [n] : [(n & 127) | 128, n >> 7]);
    const body = [0, ...varint(status.length), ...Buffer.from(status)];
    const octal = [...varint(body.length), ...body].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
    const config = await egg(image, '', { query: 'minecraft', environment: { ANSWER: octal } });
    const [port] = Object.keys(config.ports);
    config.startup = `sh -c 'exec nc -ll -p ${port} -e sh -c "printf \\"\\$ANSWER\\"; sleep 1"'`;
    return config;
}

export async function players(context) {
    const { agent, report, row, image, name } = context;
    const serverId = name('server');
    await row('get_status: players online, max and list, from the game itself', async () => {
        await running(context, serverId, await gameWithPlayers(image));
        let data;
        for (let i = 0; i < 20 && !data?.players; i += 1) {
            data = (await agent.ask(agent.command('get_status', serverId)))?.data;
            await context.pause(500);
        }
        await agent.query('get_status', serverId, { ...runningStatus, players: playersShape });
        report.check(data?.players?.online === 2 && data.players.max === 20 && data.players.list.join() === 'player1,player2',
            `players is ${JSON.stringify(data?.players)}`);
    });
}
