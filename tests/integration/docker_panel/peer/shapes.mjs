// Shapes of what an agent sends, word for word from the panel document. A shape is a check (a function that returns
// nothing or what is wrong), a list with one shape for all its items, or an object of shapes. An object is exact:
// a missing field and a field that neither the document nor `additions` names are both faults. A name that ends in "?"
// may be absent.

const shown = (value) => {
    const text = JSON.stringify(value) ?? 'nothing';
    return text.length > 120 ? `${text.slice(0, 120)}...` : text;
};
const when = (good, wanted) => (value) => (good(value) ? undefined : `is ${shown(value)}, expected ${wanted}`);

export const text = when((v) => typeof v === 'string' && v !== '', 'a non-empty string');
export const number = when((v) => typeof v === 'number' && v >= 0, 'a number of at least 0');
export const count = when((v) => Number.isInteger(v) && v >= 0, 'an integer of at least 0');
export const positive = when((v) => Number.isInteger(v) && v > 0, 'an integer above 0');
export const percent = when((v) => typeof v === 'number' && v >= 0 && v <= 100, 'a percentage from 0 to 100');
export const exactly = (wanted) => when((v) => v === wanted, shown(wanted));
export const oneOf = (...words) => when((v) => words.includes(v), `one of ${words.join(', ')}`);
export const size = when((v) => typeof v === 'string' && /^\d+(\.\d+)?[mg]$/.test(v), 'a size such as "1024m" or "2.1g"');
export const bytes = (v) => Number.parseFloat(v) * { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }[String(v).slice(-1)];
export const now = when((v) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(v)
    && Math.abs(Date.parse(v) - Date.now()) < 120e3, 'an ISO 8601 time in UTC of about now');
export const past = when((v) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(v)
    && Date.parse(v) < Date.now() + 60e3, 'an ISO 8601 time in UTC that has passed');

// Every fault of a value, each with the path of the field.
export function faults(shape, value, path = '') {
    if (typeof shape === 'function') {
        const wrong = shape(value);
        return wrong ? [`${path || 'it'} ${wrong}`] : [];
    }
    if (Array.isArray(shape)) {
        if (!Array.isArray(value)) return [`${path} is ${shown(value)}, expected a list`];
        return value.flatMap((item, i) => faults(shape[0], item, `${path}[${i}]`));
    }
    if (value === null || typeof value !== 'object' || Array.isArray(value)) {
        return [`${path || 'it'} is ${shown(value)}, expected an object`];
    }
    const found = [];
    for (const [key, inner] of Object.entries(shape)) {
        const name = key.replace(/\?$/, '');
        if (name in value) found.push(...faults(inner, value[name], path ? `${path}.${name}` : name));
        else if (name === key) found.push(`${path ? `${path}.` : ''}${name} is missing`);
    }
    for (const key of Object.keys(value)) {
        if (!(key in shape) && !(`${key}?` in shape)) {
            found.push(`${path ? `${path}.` : ''}${key} is not in the document (${shown(value[key])})`);
        }
    }
    return found;
}

// What this agent's own documents (plugins/docker/GUIDE.md, sdk/wire/panel/PROTOCOL.md) add to the panel document: always
// optional, and a panel that ignores all of it misses nothing that the document promises.
const any = () => undefined;
const additions = {
    error: { 'outcome?': text, 'detail?': text, 'data?': any },
    status: { 'name?': text, 'desired?': text, 'engine?': text, 'error?': any, 'pulling?': number, 'actionNumber?': positive },
    disk: { 'disk?': { used: size, 'available?': size, 'countedBy?': oneOf('kernel', 'agent') } },
    changed: { 'containerId?': text, 'reason?': text, 'actionNumber?': positive },
    acknowledged: { 'actionNumber?': positive },
    log: { 'position?': count, 'entries?': count, 'dropped?': count, 'stream?': text, 'time?': past },
    usage: { 'network?': { tx: count, rx: count } },
    listing: { 'serverId?': text, 'total?': count, 'next?': text },
    file: { 'mode?': text, 'target?': text },
    content: { 'serverId?': text, 'mode?': text, 'modified?': past, 'offset?': count, 'bytes?': count },
    capabilities: { 'features?': [text] },
};

const base = { type: text, timestamp: now, 'agentId?': text, 'serverId?': text };
const error = { code: text, message: text, ...additions.error };
export const states = oneOf('installing', 'offline', 'starting', 'running', 'stopping', 'crashed');

// "Command Acknowledgment", "Error Response", and the answer to a query, which has no message.
export const acknowledgment = { ...base, id: text, success: exactly(true), message: text, data: { serverId: text, status: states, ...additions.acknowledged } };
export const refusal = { ...base, id: text, success: exactly(false), error };
export const answer = (data) => ({ ...base, id: text, success: exactly(true), data });

// "Status Update": a server that runs has all of it. `players` needs a source (a query type in the egg).
const resources = { cpu: number, memory: { used: size, available: size }, network: { tx: count, rx: count },
    ...additions.disk };
export const players = { online: count, max: count, list: [text] };
export const runningStatus = { serverId: text, status: exactly('running'), containerId: text, uptime: count, resources,
    ...additions.status };
export const restingStatus = { serverId: text, status: oneOf('offline', 'crashed', 'installing'), 'containerId?': text,
    'resources?': { ...additions.disk }, ...additions.status };

// "Real-time Events"; NOTES.md: an event carries an id too, and a failure is `error` in a status change.
const event = (name, data) => ({ ...base, 'id?': text, event: exactly(name), data });
export const events = {
    server_status_changed: event('server_status_changed',
        { serverId: text, previousStatus: states, currentStatus: states, 'pid?': positive, 'error?': error, ...additions.changed }),
    server_log: event('server_log', { serverId: text, logLevel: oneOf('DEBUG', 'INFO', 'WARN', 'ERROR'),
        message: when((v) => typeof v === 'string', 'a string'), ...additions.log }),
    resource_update: event('resource_update', { serverId: text, cpu: number,
        memory: { used: size, percentage: percent }, disk: { used: size, percentage: percent },
        ...additions.usage }),
    // Additions: a panel may ignore these events.
    capabilities_changed: event('capabilities_changed', any),
    engine_changed: event('engine_changed', any),
    pull_progress: event('pull_progress', any),
    server_deleted: event('server_deleted', any),
};

export const pong = { ...base, id: text, data: { agentStatus: oneOf('healthy', 'degraded'), activeServers: count,
    systemLoad: { cpu: percent, memory: percent, disk: percent } } };

const machine = { maxMemory: when((v) => /^\d+(\.\d+)?[MG]B$/.test(v), 'a size such as "16GB"'), maxCpuCores: positive,
    supportedArchitectures: [oneOf('amd64', 'arm64', 'arm', '386', 'riscv64', 'ppc64le', 's390x')], ...additions.capabilities };
const registered = (capabilities) => ({ name: text, hostname: text, port: count, capabilities });
export const registration = registered({ ...machine, dockerVersion: text });
export const registrationWithoutEngine = registered(machine);
export const registrationOfASlowEngine = registered({ ...machine, 'dockerVersion?': text });

export const listing = { path: text, files: [{ name: text,
    type: oneOf('file', 'directory', 'symlink', 'other'), size: count, modified: past, ...additions.file }], ...additions.listing };
export const content = { path: text, size: count, encoding: oneOf('utf8', 'utf-8', 'base64'),
    content: when((v) => typeof v === 'string', 'a string'), ...additions.content };
