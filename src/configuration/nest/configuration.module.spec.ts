import { describe, expect, test } from '@jest/globals';
import { Inject, Injectable, Module } from '@nestjs/common';
import { ConfigService, type ConfigType } from '@nestjs/config';
import { Test } from '@nestjs/testing';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfiguration } from '../index.js';
import {
  ConfigurationModule,
  healthConfig,
  httpConfig,
  logConfig,
  metricsConfig,
  mtlsConfig,
  pkiConfig,
  repositoryConfig,
  microserviceConfig,
  storeConfig,
  tlsConfig,
} from './index.js';

@Injectable()
class Reader {
  constructor(@Inject(tlsConfig.KEY) readonly tls: ConfigType<typeof tlsConfig>) {}
}

// A room of its own, that imports no configuration: the namespaces are global.
@Module({ providers: [Reader], exports: [Reader] })
class ReadingModule {}

const namespaces = {
  http: httpConfig,
  tls: tlsConfig,
  mtls: mtlsConfig,
  pki: pkiConfig,
  store: storeConfig,
  repository: repositoryConfig,
  microservice: microserviceConfig,
  log: logConfig,
  health: healthConfig,
  metrics: metricsConfig,
} as const;

describe('ConfigurationModule', () => {
  test('gives every namespace of the one configuration, frozen, and keeps its secret from process.env', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'veritas-configuration-'));
    try {
      const secret = join(folder, 'passphrase');
      const file = join(folder, 'veritas.yaml');
      writeFileSync(secret, 'hunter2\n', { mode: 0o600 });
      writeFileSync(file, `tls: { minVersion: TLSv1.3, keyPassphraseFile: ${secret} }\nhttp: { port: 0 }\n`);
      const configuration = loadConfiguration({ file, environment: {} });
      const before = { ...process.env };

      const application = await Test.createTestingModule({
        imports: [ReadingModule, ConfigurationModule.forRoot(configuration)],
      }).compile();

      expect(process.env).toEqual(before);
      expect(Object.keys(namespaces)).toEqual(Object.keys(configuration));
      for (const [name, { KEY }] of Object.entries(namespaces)) {
        expect(application.get(KEY, { strict: false })).toBe(configuration[name as keyof typeof namespaces]);
      }
      const { tls } = application.get(Reader, { strict: false });
      expect(tls.minVersion).toBe('TLSv1.3');
      expect(tls.keyPassphrase).toBe('hunter2');
      expect(Object.isFrozen(tls.ciphers)).toBe(true);
      const service = application.get(ConfigService, { strict: false });
      expect(service.get('tls.minVersion')).toBe('TLSv1.3');
      expect(service.get('http.port')).toBe(0);
      expect(service.get('PATH')).toBeUndefined();
      await application.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('without an argument takes the configuration of the process, the same at each call', async () => {
    const application = await Test.createTestingModule({ imports: [ConfigurationModule.forRoot()] }).compile();
    expect(application.get(tlsConfig.KEY, { strict: false })).toBe(tlsConfig());
    expect(tlsConfig()).toBe(tlsConfig());
    await application.close();
  });
});
