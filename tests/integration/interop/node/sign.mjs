// What the signed protocol signs, for both of its ends; checked against the vector its notes give.
import crypto from 'node:crypto';
import assert from 'node:assert/strict';

// hex(HMAC-SHA256(secret, JSON.stringify of the five in this order)).
export const signature = ({ type, agentId, ts, nonce, payload }, key) =>
  crypto.createHmac('sha256', key).update(JSON.stringify({ type, agentId, ts, nonce, payload })).digest('hex');
assert.equal(signature({ type: 'auth', agentId: 'test-agent', ts: 1731819422000, nonce: '550e8400-e29b-41d4-a716-446655440000',
  payload: { hostname: 'test-server', version: '1.0.0' } }, 'testsecret'), 'bff4b9e5e426d4bcecc8985c2ec59865e6d3458f9cbe7b8ba3be167b803562d2');
