// The service, and beside it the revocation of one certificate of its own issue when told to.
import { CaService } from '../../src/pki/index.js';
import { startService } from '../../src/service.js';
import { generateTestKeyPair } from '../../src/testing/index.js';
import { certificationRequest } from '../../test/support/certification-request.js';
import { configurationIn } from '../support/configuration.js';

const folder = process.argv[2] ?? '';
const service = await startService(
  configurationIn(folder, '0', { VERITAS_HTTP_MAX_CONNECTIONS: '20000', VERITAS_LOG_LEVEL: 'silent' }),
);
const ca = service.application.get(CaService);
const requester = { actor: 'bench', requestId: 'bench-cut' };
const { privateKey: key } = generateTestKeyPair();
const request = certificationRequest({ commonName: 'veritas-worker', key });
const { certificate, chainPem } = await ca.issue({ request, requester });
process.on('message', () => {
  const at = Date.now();
  void ca.revoke({ serialNumber: certificate.serialNumber, reason: 'keyCompromise', requester }).then(() => {
    process.send?.({ revokedAt: at });
  });
});
process.on('disconnect', () => process.exit());
process.send?.({
  port: service.ports.https,
  cert: chainPem,
  key: key.export({ type: 'pkcs8', format: 'pem' }),
});
