// JSON Web Tokens by node's crypto alone, so that libjwt is not tested with itself.
//   node jwt.mjs sign   {"alg","key","header"?,"claims"}   -> the token
//   node jwt.mjs check  {"alg","key","token"}              -> {"header","claims"}, or exit 1. key: the secret, or the public key as PEM
//   node jwt.mjs key    rsa|rsa1024|ec|ec384|ed            -> {"private","public"} as PEM
// The request comes on standard input. `alg` is what signs; `header` may claim something else.
import crypto from 'node:crypto';
import fs from 'node:fs';

const [what, kind] = process.argv.slice(2);
const b64 = (x) => Buffer.from(x).toString('base64url');
const ec = { dsaEncoding: 'ieee-p1363' };

function signature(alg, key, text) {
  if (alg === 'none') return '';
  if (alg === 'HS256') return crypto.createHmac('sha256', key).update(text).digest('base64url');
  if (alg === 'RS256') return crypto.sign('sha256', Buffer.from(text), key).toString('base64url');
  if (alg === 'ES256') return crypto.sign('sha256', Buffer.from(text), { key, ...ec }).toString('base64url');
  throw new Error(`no ${alg}`);
}

function fits(alg, key, text, given) {
  if (alg === 'HS256') return signature(alg, key, text) === given;
  const bytes = Buffer.from(given, 'base64url');
  return crypto.verify('sha256', Buffer.from(text), alg === 'ES256' ? { key, ...ec } : key, bytes);
}

if (what === 'key') {
  const options = {
    rsa: ['rsa', { modulusLength: 2048 }],
    rsa1024: ['rsa', { modulusLength: 1024 }],
    ec: ['ec', { namedCurve: 'P-256' }],
    ec384: ['ec', { namedCurve: 'P-384' }],
    ed: ['ed25519', {}],
  }[kind];
  const pair = crypto.generateKeyPairSync(options[0], options[1]);
  process.stdout.write(JSON.stringify({
    private: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    public: pair.publicKey.export({ type: 'spki', format: 'pem' }),
  }));
} else {
  const { alg, key, header = { alg, typ: 'JWT' }, claims, token } = JSON.parse(fs.readFileSync(0, 'utf8'));
  if (what === 'sign') {
    const text = `${b64(JSON.stringify(header))}.${b64(typeof claims === 'string' ? claims : JSON.stringify(claims))}`;
    process.stdout.write(`${text}.${signature(alg, key, text)}`);
  } else {
    const [head, body, given] = token.split('.');
    if (!fits(alg, key, `${head}.${body}`, given)) process.exit(1);
    const parse = (part) => JSON.parse(Buffer.from(part, 'base64url').toString());
    process.stdout.write(JSON.stringify({ header: parse(head), claims: parse(body) }));
  }
}
