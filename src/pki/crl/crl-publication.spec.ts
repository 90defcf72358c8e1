import { expect, it } from '@jest/globals';
import { hash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { openTemporaryAuthority } from '../../../test/support/temporary-authority.js';
import { EventBus } from '../../events/index.js';
import { CrlReason, encodeRevokedCertificate } from '../../x509/index.js';
import { CheckedEntries } from './checked-entries.js';
import { CrlFile } from './crl-file.js';
import { CrlPublication } from './crl-publication.js';
import { SignedCrl } from './signed-crl.js';

const place = { issuer: 'issuing', scope: 'complete' };
const algorithm = { oid: '1.2.3', parameters: undefined, der: Uint8Array.of(0x05, 0x00) };

it('a list that was so long in the making that its draft was taken for one left behind is published all the same', async () => {
  const { store, folder, close } = await openTemporaryAuthority();
  const crlFolder = join(folder, 'crl');
  const publication = new CrlPublication({ store, events: new EventBus(), folder: crlFolder });
  const draft = publication.draft(place) ?? '';
  const about = { isDelta: false, thisUpdate: new Date(), isLarge: true };
  const entry = encodeRevokedCertificate({
    serialNumber: randomBytes(16),
    revocationDate: new Date(0),
    reason: CrlReason.superseded,
  });
  const openFile = () => CrlFile.open(draft, { ...about, room: 90 });
  const entries = await CheckedEntries.check([Buffer.from(entry)], { ...about, openFile });
  const crl = new SignedCrl({ before: randomBytes(90), entries, after: randomBytes(60) }, algorithm, randomBytes(64));
  const written = await publication.complete(place, crl);
  const whole = Buffer.from(await crl.whole());
  // An hour passes, or the clock is set forward, and another list is begun in the same folder.
  utimesSync(draft, new Date(0), new Date(0));
  publication.draft({ ...place, scope: 'delta' });
  publication.draft(place);
  expect(readdirSync(crlFolder)).not.toContain(draft.slice(crlFolder.length + 1));
  await written?.place();
  const path = join(crlFolder, 'issuing.crl');
  expect(readFileSync(path).equals(whole)).toBe(true);
  expect(hash('sha256', whole)).toBe(written?.sha256);
  expect(statSync(path).mode & 0o777).toBe(0o644);
  await crl.dispose();
  publication.close();
  await close();
});
