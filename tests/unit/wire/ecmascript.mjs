// A second opinion from another implementation, line by line of FILE:
//   numbers FILE           16 hex digits of a double -> JSON.stringify of it
//   canonical FILE         a JSON text -> JSON.stringify(JSON.parse(text))
//   verify FILE SECRET     a signed frame -> "ok", or what is wrong with it
//   sign FILE SECRET       {"order":[keys], "blanks":n, envelope...} -> a signed frame with its keys in that order
// verify and sign are written from the protocol's document and notes alone; they share nothing with the codec.
import {createHmac, timingSafeEqual} from 'node:crypto';
import {readFileSync} from 'node:fs';

const [, , what, file, secret] = process.argv;

const signature = ({type, agentId, ts, nonce, payload}) =>
    createHmac('sha256', secret).update(JSON.stringify({type, agentId, ts, nonce, payload})).digest('hex');

function verify(line) {
    const frame = JSON.parse(line);
    for (const key of ['type', 'agentId', 'nonce', 'signature'])
        if (typeof frame[key] !== 'string' || frame[key] === '') return `no ${key}`;
    if (typeof frame.ts !== 'number') return 'no ts';
    const given = Buffer.from(frame.signature, 'hex'), right = Buffer.from(signature(frame), 'hex');
    return given.length === right.length && timingSafeEqual(given, right) ? 'ok' : 'invalid_signature';
}

function sign(line) {
    const {order, blanks, ...envelope} = JSON.parse(line);
    const frame = {...envelope, signature: signature(envelope)};
    const blank = ' '.repeat(blanks ?? 0);
    // The payload goes as it was signed; blanks only between the members of the envelope.
    return '{' + order.map(key => `${blank}"${key}"${blank}:${blank}${JSON.stringify(frame[key])}`).join(blank + ',') + blank + '}';
}

const act = {
    numbers: line => JSON.stringify(Buffer.from(line, 'hex').readDoubleBE(0)),
    canonical: line => JSON.stringify(JSON.parse(line)),
    verify,
    sign,
}[what];
process.stdout.write(readFileSync(file, 'utf8').split('\n').filter(line => line !== '').map(act).join('\n') + '\n');
