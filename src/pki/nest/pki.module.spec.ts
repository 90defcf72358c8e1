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
});
