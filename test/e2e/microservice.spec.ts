import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { connect } from 'node:tls';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ClientProxyFactory, Transport, type ClientProxy } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import type { RunningService } from '../../src/service.js';
import { decodeCertificate } from '../../src/x509/index.js';
import { callerOf } from '../support/certificate-client.js';
import { get } from '../support/client.js';
import { replaceFile, temporaryFolder } from '../support/folder.js';
import { developmentTls, startIn } from '../support/service.js';

describe('the TCP microservice', () => {
  let service: RunningService & { folder: string };
  let port: number;
  const proxies: ClientProxy[] = [];
  beforeAll(async () => {
    service = await startIn(temporaryFolder(), {
      VERITAS_MICROSERVICE_PORT: '0',
      VERITAS_MICROSERVICE_HOST: '127.0.0.1',
    });
    port = service.ports.microservice ?? 0;
  });
  afterAll(async () => {
    for (const proxy of proxies) await proxy.close();
    await service.close();
  });

  function send(pattern: string, tlsOptions: ConnectionOptions): Promise<unknown> {
    const proxy = ClientProxyFactory.create({
      transport: Transport.TCP,
      options: { host: '127.0.0.1', port, tlsOptions },
    });
    proxies.push(proxy);
    return firstValueFrom(proxy.send(pattern, {}));
  }

  test.each([
    ['test', '/api/v1/test'],
    ['whoami', '/api/v1/whoami'],
    ['certificate-info', '/api/v1/certificate-info'],
  ])('answers %s as HTTPS answers %s', async (pattern, path) => {
    const tls = developmentTls(service.folder, 'client');
    const { json } = await get(service.ports.https, path, tls);
    expect(await send(pattern, tls)).toEqual(json);
  });

  test('refuses whoever has no certificate, as HTTPS does, and names no pattern', async () => {
    for (const pattern of ['whoami', 'made-up'])
      await expect(send(pattern, developmentTls(service.folder))).rejects.toMatchObject({
        code: 'client_certificate_required',
        status: 401,
      });
  });

  test('takes up a new certificate with the HTTPS listener', async () => {
    const before = await presented(port);
    expect(before).toBe(await presented(service.ports.https));
    const folder = join(service.folder, 'certs');
    const other = await callerOf(service, 'orders', 'server');
    replaceFile(join(folder, 'server_key.pem'), other.key.export({ format: 'pem', type: 'pkcs8' }));
    replaceFile(join(folder, 'server_cert.pem'), other.chainPem);
    let now = before;
    while (now === before) now = await presented(port);
    expect(now).toBe(other.serialNumber);
    expect(await presented(service.ports.https)).toBe(now);
  });

  async function presented(to: number): Promise<string> {
    const socket = connect({ ...developmentTls(service.folder), port: to, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const serial = decodeCertificate(socket.getPeerX509Certificate()!.raw).serialNumber;
    socket.destroy();
    return serial;
  }
});
