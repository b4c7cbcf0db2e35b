// "Agent Registration & Authentication", and "JWT Token Rotation".

export async function connection({ panel, agent, report, row }) {
    await row('registration: one POST with the admin token and the capabilities', () => {
        report.check(panel.registrations.length === 1, `${panel.registrations.length} registrations, expected 1`);
    });
    await row('connection: Authorization with the JWT and X-Agent-ID on the upgrade', () => {
        report.check(panel.upgrades.length === 1 && panel.upgrades[0].status === 101, `upgrades: ${JSON.stringify(panel.upgrades)}`);
        report.check(panel.upgrades[0].agentId === panel.agentId, `X-Agent-ID is ${panel.upgrades[0].agentId}`);
    });
    await row('connection: an agent that lost its connection returns with the same token', async () => {
        await agent.ping();
        const next = panel.connection();
        agent.ws.terminate();
        const again = await next;
        await again.ping();
        report.check(panel.registrations.length === 1, 'the agent registered a second time');
        report.check(panel.refreshes.length === 0, 'the agent asked for a new token, which was not needed');
    });
    await row('connection: a frame that is no JSON does not end the agent', async () => {
        let live = await reconnected(panel, agent);
        const next = panel.connection();
        next.catch(() => {});
        live.ws.send('{"id": "broken",');
        const ended = await Promise.race([live.closed, live.ping()]);
        if (typeof ended === 'number') live = await next;
        report.check(await live.ping(), 'the agent is gone');
    });
}

async function reconnected(panel, agent) {
    const next = panel.connection();
    for (const ws of panel.sockets.clients) ws.terminate();
    agent.ws.terminate();
    return next;
}

// An agent that is refused again shortly after a refresh does not refresh once more: then it registers.
const settles = 11e3;

export async function token({ panel, agent, report, row, pause }) {
    let live = agent;
    await row('token: a 401 with AUTH_FAILED at the upgrade is answered by one refresh', async () => {
        const old = panel.issued;
        panel.accepts = (claims) => claims.jti !== old;
        live = await reconnected(panel, live);
        report.check(panel.refreshes.length === 1 && panel.refreshes[0], `refreshes: ${JSON.stringify(panel.refreshes)}`);
        report.check(panel.registrations.length === 1, 'the agent registered again, though the refresh was granted');
        await live.ping();
    });
    await row('token: close 1008 is answered by one refresh', async () => {
        await pause(settles);
        const before = panel.refreshes.length;
        const old = panel.issued;
        panel.accepts = (claims) => claims.jti !== old;
        const next = panel.connection();
        live.ws.close(1008, 'AUTH_FAILED');
        live = await next;
        report.check(panel.refreshes.length === before + 1, `${panel.refreshes.length - before} refreshes, expected 1`);
        await live.ping();
    });
    await row('token: a refused refresh is answered by one registration', async () => {
        await pause(settles);
        const old = panel.issued;
        panel.accepts = (claims) => claims.jti !== old;
        panel.refusesRefresh = true;
        live = await reconnected(panel, live);
        report.check(panel.registrations.length === 2, `${panel.registrations.length} registrations, expected 2`);
        panel.refusesRefresh = false;
        await live.ping();
    });
    await row('token: an agent that is refused for good backs off', async () => {
        panel.accepts = () => false;
        panel.refusesRefresh = true;
        const [registered, upgraded] = [panel.registrations.length, panel.upgrades.length];
        live.ws.terminate();
        await pause(8e3);
        const tried = panel.upgrades.length - upgraded;
        report.check(tried >= 1 && tried <= 12, `${tried} attempts to connect in 8 s`);
        report.check(panel.registrations.length - registered <= 1,
            `${panel.registrations.length - registered} registrations in 8 s, expected one at most`);
        panel.accepts = () => true;
        panel.refusesRefresh = false;
    });
}
