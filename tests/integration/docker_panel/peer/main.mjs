// Runs one group of the document's rows against the agent that connects:
//   node main.mjs GROUP --image IMAGE [--engine SOCKET] [--cert FILE --key FILE] [--admin-token TOKEN]
// Prints "listening PORT" at the start, then one line a row, and ends with 0 when every row holds.

import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { pause } from './agent.mjs';
import { Engine } from './engine.mjs';
import { Panel } from './panel.mjs';
import { Report } from './report.mjs';
import { groups } from './rows/index.mjs';
import { registrationOfASlowEngine, registrationWithoutEngine } from './shapes.mjs';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { image: { type: 'string' },
    engine: { type: 'string' }, cert: { type: 'string' }, key: { type: 'string' },
    'slow-engine': { type: 'boolean', default: false }, // it may answer only after the registration; an event tells when
    'admin-token': { type: 'string', default: 'panel_admin_token' } } });
const group = groups[positionals[0]];
if (!group) {
    console.error(`unknown group "${positionals[0]}"; use one of ${Object.keys(groups).join(', ')}`);
    process.exit(2);
}

const report = new Report();
const panel = new Panel({ adminToken: values['admin-token'], report, cert: values.cert, key: values.key });
if (group.withoutEngine) panel.registered = registrationWithoutEngine;
if (values['slow-engine']) panel.registered = registrationOfASlowEngine;
console.log(`listening ${await panel.listen()}`);
const context = { panel, report, image: values.image, engine: new Engine(values.engine), pause,
    row: (name, steps) => report.row(name, steps), name: (word) => `${word}-${randomUUID().slice(0, 8)}` };
try {
    context.agent = await panel.connection();
    if (values['slow-engine']) await context.agent.find((f) => f.event === 'capabilities_changed', 30e3);
    await group(context);
} catch (problem) {
    report.fault(problem.stack);
}
process.exit(report.end());
