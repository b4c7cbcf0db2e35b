// "File Management Commands": list_files and get_file.

import { egg, running } from './eggs.mjs';
import { content, listing } from '../shapes.mjs';

const script = 'mkdir -p world/region; echo motd=hello > server.properties; printf "\\303\\244 text" > umlaut.txt; '
    + 'printf "\\377\\376\\000\\001" > raw.bin; : > empty.txt; head -c 524288 /dev/zero | tr "\\000" a > half.txt; '
    + 'head -c 524289 /dev/zero | tr "\\000" a > more.txt; ln -s /etc/passwd outside; ln -s / root; echo written; sleep 1000';

async function lists(context, serverId) {
    const { agent, report, row } = context;
    for (const path of ['/server', '/']) {
        await row(`list_files: ${path} is the server's data folder`, async () => {
            const data = await agent.query('list_files', serverId, listing, { path });
            report.check(data?.path === path, `path is ${data?.path}`);
            const found = new Map(data?.files.map((file) => [file.name, file]));
            report.check(found.get('server.properties')?.type === 'file' && found.get('server.properties')?.size === 11,
                `server.properties is ${JSON.stringify(found.get('server.properties'))}`);
            report.check(found.get('world')?.type === 'directory', `world is ${JSON.stringify(found.get('world'))}`);
            const modified = Date.parse(found.get('server.properties')?.modified);
            report.check(Date.now() - modified < 120e3, `modified is ${found.get('server.properties')?.modified}`);
        });
    }
    await row('list_files: a folder in the data folder', async () => {
        const data = await agent.query('list_files', serverId, listing, { path: '/server/world' });
        report.check(data?.files.length === 1 && data.files[0].name === 'region', `files: ${JSON.stringify(data?.files)}`);
    });
}

async function contents(context, serverId) {
    const { agent, report, row } = context;
    const read = async (path) => {
        const data = await agent.query('get_file', serverId, content, { path });
        report.check(data?.path === path, `path is ${data?.path}`);
        return data ?? {};
    };
    await row('get_file: text', async () => {
        const data = await read('/server/server.properties');
        report.check(data.content === 'motd=hello\n' && data.size === 11 && data.encoding !== 'base64', JSON.stringify(data));
    });
    await row('get_file: text beyond ASCII; size in bytes', async () => {
        const data = await read('/server/umlaut.txt');
        report.check(data.content === 'ä text' && data.size === 7, JSON.stringify(data));
    });
    await row('get_file: an empty file', async () => {
        const data = await read('/server/empty.txt');
        report.check(data.content === '' && data.size === 0, JSON.stringify(data));
    });
    await row('get_file: bytes that are no text come as base64', async () => {
        const data = await read('/server/raw.bin');
        report.check(data.encoding === 'base64' && data.content === '//4AAQ==' && data.size === 4, JSON.stringify(data));
    });
    await row('get_file: 512 KiB is the most', async () => {
        const data = await read('/server/half.txt');
        report.check(data.content?.length === 524288 && data.size === 524288, `${data.content?.length} bytes of content`);
        const more = await read('/server/more.txt'); // its size tells that there is more
        report.check(more.content?.length === 524288 && more.size === 524289, `${more.content?.length} bytes of content, size ${more.size}`);
    });
}

async function refusals(context, serverId) {
    const { agent, report, row } = context;
    await row('files: what does not exist is FILE_NOT_FOUND', async () => {
        await agent.refused(agent.command('get_file', serverId, { path: '/server/absent.txt' }), 'FILE_NOT_FOUND');
        await agent.refused(agent.command('list_files', serverId, { path: '/server/absent' }), 'FILE_NOT_FOUND');
    });
    await row('input validation: no path leaves the data folder', async () => {
        for (const path of ['/server/../../../../etc/passwd', '../../etc/passwd', '/server/outside', '/server/root/etc/passwd',
            '/server/./../../etc/passwd', '/server/server.properties\0']) {
            const reply = await agent.ask(agent.command('get_file', serverId, { path }));
            report.check(reply?.success === false, `get_file ${JSON.stringify(path)}: ${JSON.stringify(reply).slice(0, 200)}`);
        }
        const reply = await agent.ask(agent.command('list_files', serverId, { path: '/server/root' }));
        report.check(reply?.success === false, `list_files through a link to /: ${JSON.stringify(reply).slice(0, 200)}`);
    });
    await row('input validation: a path of the wrong kind is refused', async () => {
        for (const payload of [{}, { path: 7 }, { path: ['/server'] }, { path: null }]) {
            await agent.refused(agent.command('get_file', serverId, payload), 'INVALID_REQUEST');
        }
    });
}

export async function files(context) {
    const serverId = context.name('server');
    await running(context, serverId, await egg(context.image, script));
    await context.agent.log(serverId, 'written');
    await lists(context, serverId);
    await contents(context, serverId);
    await refusals(context, serverId);
    context.agent.answeredOnce();
}
