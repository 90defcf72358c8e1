import { describe, expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { existsSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { certificationRequest } from '../../../test/support/certification-request.js';
import { temporaryFolder } from '../../../test/support/folder.js';
import { openTemporaryAuthority, somebody, temporarySettings } from '../../../test/support/temporary-authority.js';
import { EventBus } from '../../events/index.js';
import { CaService } from '../ca.service.js';
import type { CertificationAuthority } from '../certification-authority.js';
import { CrlService } from '../crl/crl.service.js';
import { CERTIFICATION_AUTHORITY, PkiModule } from './pki.module.js';
import { RevocationRegistry } from '../revocation/revocation-registry.js';
import { RevocationService } from '../revocation/revocation.service.js';

describe('PkiModule', () => {
  it('provides an open CA that keeps its lists fresh, and closes the store that it opened', async () => {
    const folder = temporaryFolder();
    const events = new EventBus();
    const published = new Promise<void>((resolve) => {
      events.on('crl.published', ({ issuer }) => {
        if (issuer === 'issuing') resolve();
      });
    });
    const application = await Test.createTestingModule({
      imports: [
        PkiModule.forRootAsync({
          useFactory: () => ({
            settings: temporarySettings(folder),
            store: { path: join(folder, 'var/veritas.db') },
            events,
            pollInterval: 20,
            create: true,
          }),
        }),
      ],
    }).compile();
    await application.init();
    await published;
    const { certificate } = await application
      .get(CaService)
      .issue({ request: certificationRequest(), requester: somebody });
    await application.get(RevocationService).revoke({ serialNumber: certificate.serialNumber, requester: somebody });
    const { ca } = application.get<CertificationAuthority>(CERTIFICATION_AUTHORITY);
    expect(application.get(RevocationRegistry).statusOf(ca.issuing.certificate, certificate.serialNumber).status).toBe(
      'revoked',
    );
    expect(application.get(CrlService).current('issuing')?.number).toBeGreaterThanOrEqual(1);
    expect(application.get(EventBus)).toBe(events);
    const { store } = application.get<CertificationAuthority>(CERTIFICATION_AUTHORITY);
    await application.close();
    await expect(store.dataVersion()).rejects.toThrow();
    rmSync(folder, { recursive: true });
  });

  it('closes the store that it opened when there is no CA to open', async () => {
    const path = join(temporaryFolder(), 'veritas.db');
    const module = Test.createTestingModule({
      imports: [PkiModule.forRoot({ settings: temporarySettings(dirname(path)), store: { path } })],
    });
    await expect(module.compile()).rejects.toMatchObject({ code: 'authority_missing' });
    // SQLite removes its log when the last connection closes.
    expect(existsSync(path)).toBe(true);
    expect(existsSync(`${path}-wal`)).toBe(false);
  });

  it('leaves a store that it was given to its owner, and signs nothing when it shall not', async () => {
    const temporary = await openTemporaryAuthority();
    const application = await Test.createTestingModule({
      imports: [
        PkiModule.forRoot({ settings: temporary.settings, store: temporary.store, publishCrls: false, isGlobal: true }),
      ],
    }).compile();
    await application.init();
    expect(application.get(CrlService).current('issuing')).toBeUndefined();
    await application.close();
    expect(await temporary.store.dataVersion()).not.toBe('');
    await temporary.close();
  });

  const given = { settings: temporarySettings('nowhere'), store: { path: 'nowhere/veritas.db' } };
  const settings = (more: object): object => ({ ...given, settings: { ...given.settings, ...more } });
  it.each<[string, object]>([
    ['PkiModule needs settings', { store: given.store }],
    ['PkiModule needs store', { settings: given.settings }],
    ['PkiModule needs settings.organization', settings({ organization: undefined })],
    ['PkiModule has no option creates: there are settings, ', { ...given, creates: true }],
    ['PkiModule has no option settings.oscp: there are directory, ', settings({ oscp: true })],
    ['PkiModule has no option settings.pkcs11.pin', settings({ pkcs11: { pin: '1234' } })],
    ['PkiModule has no option store.file', { ...given, store: { file: 'veritas.db' } }],
    ['a store is opened by a path or a URL', { ...given, store: {} }],
    ['no option settings.profiles[0].requester: ', settings({ profiles: [{ name: 'x', requester: [] }] })],
    ['settings.renewalGrace is no number of seconds: 1d', settings({ renewalGrace: '1d' })],
    ['settings.crlLifetime is no number of seconds: NaN', settings({ crlLifetime: Number.NaN })],
    ['settings.keyType must be one of', settings({ keyType: 'P-224' })],
    ['settings.crlShards must be a whole number', settings({ crlShards: 1.5 })],
    ['pollInterval is no number of milliseconds: 0', { ...given, pollInterval: 0 }],
    ['create must be true or false', { ...given, create: 'yes' }],
  ])('%s: stops the start, and writes nothing', async (message, options) => {
    const module = Test.createTestingModule({
      imports: [PkiModule.forRootAsync({ useFactory: () => options as never })],
    });
    await expect(module.compile()).rejects.toThrow(message);
    expect(existsSync('nowhere')).toBe(false);
  });
});
