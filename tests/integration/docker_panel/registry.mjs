// A registry for tests, by HTTP on loopback, with one image under several names. FOLDER has layer.tar, and gets the files port and log.
//   good/game     comes slowly, so that progress is seen      broken/game    its layer is not what the manifest says
//   private/game  for bot with the password of FOLDER/password  endless/game   its layer never ends
//   limited/game  answers 429                                  else           404
// Usage: registry.mjs FOLDER
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import zlib from 'node:zlib';

const folder = process.argv[2];
const digest = (bytes) => `sha256:${crypto.createHash('sha256').update(bytes).digest('hex')}`;
const tar = fs.readFileSync(`${folder}/layer.tar`);
const other = Buffer.concat([tar, crypto.randomBytes(512)]); // no engine has this layer
const layer = zlib.gzipSync(tar, { level: 1 });
const password = fs.existsSync(`${folder}/password`) ? fs.readFileSync(`${folder}/password`, 'utf8').trim() : '';

function image(name) {
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', config: {}, author: name,
    rootfs: { type: 'layers', diff_ids: [digest(tar)] }, history: [{ created_by: 'test' }] }));
  const said = name === 'broken/game' || name === 'endless/game' ? other : layer;
  const type = 'application/vnd.docker';
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: `${type}.distribution.manifest.v2+json`,
    config: { mediaType: `${type}.container.image.v1+json`, size: config.length, digest: digest(config) },
    layers: [{ mediaType: `${type}.image.rootfs.diff.tar.gzip`, size: layer.length, digest: digest(said) }] }));
  return { config, manifest };
}

function send(response, status, body, headers = {}) {
  response.writeHead(status, { 'docker-distribution-api-version': 'registry/2.0', 'content-length': body.length, ...headers });
  response.end(body);
}
const error = (response, status, code, headers = {}) =>
  send(response, status, Buffer.from(JSON.stringify({ errors: [{ code, message: code.toLowerCase() }] })),
    { 'content-type': 'application/json', ...headers });

async function send_layer(response, name) {
  response.writeHead(200, { 'content-length': layer.length, 'content-type': 'application/octet-stream' });
  const parts = 20, size = Math.ceil(layer.length / parts);
  for (let i = 0; i < parts; i += 1) {
    if (name === 'endless/game' && i === parts - 1) return;
    response.write(layer.subarray(i * size, (i + 1) * size));
    if (name !== 'broken/game') await new Promise((done) => setTimeout(done, 100));
  }
  response.end();
}

const server = http.createServer((request, response) => {
  fs.appendFileSync(`${folder}/log`, `${request.method} ${request.url} ${request.headers.authorization ?? '-'}\n`);
  const given = request.headers.authorization === `Basic ${Buffer.from(`bot:${password}`).toString('base64')}`;
  const challenge = { 'www-authenticate': 'Basic realm="registry"' };
  if (request.url === '/v2/')
    return password && !given ? error(response, 401, 'UNAUTHORIZED', challenge) : send(response, 200, Buffer.from('{}'));
  const [, name, kind, reference] = request.url.match(/^\/v2\/(.+)\/(manifests|blobs)\/(.+)$/) ?? [];
  if (name === 'limited/game') return error(response, 429, 'TOOMANYREQUESTS');
  if (name === 'private/game' && !given) return error(response, 401, 'UNAUTHORIZED', challenge);
  if (!['good/game', 'private/game', 'broken/game', 'endless/game'].includes(name)) return error(response, 404, 'MANIFEST_UNKNOWN');
  const { config, manifest } = image(name);
  if (kind === 'manifests')
    return send(response, 200, request.method === 'HEAD' ? Buffer.alloc(0) : manifest,
      { 'content-type': 'application/vnd.docker.distribution.manifest.v2+json', 'content-length': manifest.length,
        'docker-content-digest': digest(manifest) });
  if (reference === digest(config)) return send(response, 200, config);
  return send_layer(response, name);
});
server.listen(0, '127.0.0.1', () => {
  fs.writeFileSync(`${folder}/port.part`, String(server.address().port));
  fs.renameSync(`${folder}/port.part`, `${folder}/port`);
});
