import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { expect, test } from '@jest/globals';
import { CERTIFICATE_HEADERS, takeHeaders } from './carried-headers.js';
import { TrustedProxies } from './trusted-proxies.js';

const own = new TrustedProxies([{ service: 'edge', format: 'base64-der', header: 'X-Edge-Certificate' }]);

function messageWith(rawHeaders: string[]): IncomingMessage {
  const message = new IncomingMessage(new Socket());
  message.rawHeaders = rawHeaders;
  message.headers = Object.fromEntries(
    rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [[name.toLowerCase(), rawHeaders[i + 1]]] : [])),
  );
  return message;
}

test('every name is taken, in every spelling, wherever it stands; all else stays in its order', () => {
  for (const name of [...CERTIFICATE_HEADERS, 'x-edge-certificate'])
    for (const spelling of [name, name.toUpperCase(), name.replaceAll('-', '_'), name.replace('-', '.')])
      for (const at of [0, 2, 4]) {
        const rawHeaders = ['Host', 'a', 'X-Certainly', 'b'];
        rawHeaders.splice(at, 0, spelling, 'value');
        const message = messageWith(rawHeaders);
        expect(takeHeaders(message, own.headers)).toEqual([{ name: spelling.toLowerCase(), value: 'value' }]);
        expect(message.rawHeaders).toEqual(['Host', 'a', 'X-Certainly', 'b']);
        expect(message.headers).toEqual({ host: 'a', 'x-certainly': 'b' });
      }
});

test('a request without one stays as it is', () => {
  const message = messageWith(['Host', 'a', 'X-SSL-Client-Verify', 'SUCCESS', 'Order', 'b', 'Certainly', 'c']);
  const before = structuredClone([message.rawHeaders, message.headers]);
  expect(takeHeaders(message, own.headers)).toBeUndefined();
  expect([message.rawHeaders, message.headers]).toEqual(before);
});

test('a list of proxies that contradicts itself is refused', () => {
  const edge = { service: 'edge', format: 'base64-der' } as const;
  for (const list of [
    [edge, { ...edge, format: 'xfcc' } as const],
    [{ ...edge, header: 'authorization' }],
    [{ ...edge, header: 'client-cert-chain' }],
    [{ ...edge, format: 'rfc9440', header: 'x-cert' } as const],
  ])
    expect(() => new TrustedProxies(list)).toThrow(RangeError);
});
