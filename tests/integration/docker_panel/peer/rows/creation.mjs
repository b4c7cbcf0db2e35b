// "Server Creation", and "Multi-server management".

import { egg, freePort, running, waits } from './eggs.mjs';

const MiB = 2 ** 20;

export async function creation(context) {
    const { agent, report, row, image, engine, name } = context;
    const serverId = name('server');
    const udp = await freePort();
    const config = await egg(image,
        'echo jar={{SERVER_JARFILE}} memory={{SERVER_MEMORY}} port={{SERVER_PORT}} version=$MINECRAFT_VERSION; ' + waits,
        { environment: { SERVER_JARFILE: 'server.jar', MINECRAFT_VERSION: '1.20.4' }, limits: { memory: '96m', cpu: '0.5', disk: '100m' } });
    const [port] = Object.keys(config.ports);
    config.ports['25566/udp'] = udp;
    let container;

    await row('create_server: acknowledged as installing, then an event says offline', async () => {
        await agent.create(serverId, config);
        await agent.reaches(serverId, 'offline');
        const changes = agent.changes(serverId);
        report.check(changes.at(-1)?.previousStatus === 'installing', `the last event is ${JSON.stringify(changes.at(-1))}`);
    });
    await row('create_server: startup with the values of environment, SERVER_MEMORY and SERVER_PORT', async () => {
        await agent.acknowledged('start_server', serverId, 'starting');
        await agent.reaches(serverId, 'running');
        const message = (await agent.log(serverId, 'jar='))?.data.message;
        const wanted = new RegExp(`^jar=server\\.jar memory=(\\d+) port=${port} version=1\\.20\\.4$`, 'm');
        const memory = Number(wanted.exec(message)?.[1]); // the document does not say how much of the limit it is
        report.check(memory > 76 && memory <= 96, `the server's first line is "${message}", the limit 96m`);
    });
    await row('create_server: image, environment, ports and limits reach the container', async () => {
        const state = await agent.ask(agent.command('get_status', serverId));
        container = await engine.inspect(state?.data?.containerId);
        const host = container?.HostConfig ?? {};
        report.check(container?.Config?.Image === image || container?.Image, `image is ${container?.Config?.Image}`);
        report.check(container?.Config?.Env?.includes('MINECRAFT_VERSION=1.20.4'), `environment is ${container?.Config?.Env}`);
        report.check(host.Memory === 96 * MiB, `Memory is ${host.Memory}`);
        report.check((host.NanoCpus || (host.CpuQuota / host.CpuPeriod) * 1e9) === 5e8, `cpu is ${host.NanoCpus}, ${host.CpuQuota}`);
        const bound = (key) => host.PortBindings?.[key]?.[0]?.HostPort;
        report.check(bound(`${port}/tcp`) === port, `${port}/tcp is bound to ${bound(`${port}/tcp`)}`);
        report.check(bound('25566/udp') === String(udp), `25566/udp is bound to ${bound('25566/udp')}`);
    });
    await row('agent isolation: no privileges and no engine socket in the container', () => {
        const host = container?.HostConfig ?? {};
        report.check(host.Privileged === false, 'the container is privileged');
        report.check(!JSON.stringify(container?.Mounts ?? []).includes('.sock'), 'a socket is mounted into the container');
        report.check(['', 'private'].includes(host.PidMode ?? '') && host.NetworkMode !== 'host', 'the container shares namespaces');
    });
    await row('create_server: an id that exists, with another configuration, is refused', async () => {
        const other = { ...config, image: `${image}-other` };
        await agent.refused(agent.command('create_server', undefined, { serverId, eggConfig: other }), 'SERVER_EXISTS');
        const state = await agent.ask(agent.command('get_status', serverId));
        report.check(state?.data?.status === 'running', `the server is ${state?.data?.status}`);
    });
    agent.answeredOnce();
}

export async function several(context) {
    const { agent, report, row, image, name } = context;
    const [one, two] = [name('one'), name('two')];
    await row('several servers run at the same time, each with its own events', async () => {
        const config = (word) => egg(image, `while :; do echo I am ${word}; sleep 0.2; done`);
        const [first, second] = await Promise.all([running(context, one, await config('one')), running(context, two, await config('two'))]);
        report.check(first?.pid !== second?.pid, 'both have the same pid');
        await agent.log(one, 'I am one');
        await agent.log(two, 'I am two');
        const crossed = agent.frames.filter((f) => f.event === 'server_log'
            && ((f.data.serverId === one && f.data.message.includes('am two')) || (f.data.serverId === two && f.data.message.includes('am one'))));
        report.check(crossed.length === 0, 'a log line names the wrong server');
        report.check((await agent.ping())?.activeServers === 2, 'activeServers is not 2');
    });
    await row('several servers: stopping one leaves the other alone', async () => {
        const from = agent.frames.length;
        await agent.acknowledged('stop_server', one, 'stopping', { signal: 'SIGKILL', timeout: 5 });
        await agent.reaches(one, 'offline', from);
        const other = await agent.ask(agent.command('get_status', two));
        report.check(other?.data?.status === 'running', `the other is ${other?.data?.status}`);
        report.check((await agent.ping())?.activeServers === 1, 'activeServers is not 1');
    });
    agent.answeredOnce();
}
