import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { OrdersSettings } from './orders.settings.js';

/**
 * HTTPS that asks every client for a certificate and rejects none: the handshake cannot say why it refuses, the guard can, and public routes
 * answer anybody.
 */
export function httpsAdapter({
  certificate,
  key,
  trustAnchors,
}: Pick<OrdersSettings, 'certificate' | 'key' | 'trustAnchors'>): FastifyAdapter {
  return new FastifyAdapter({
    https: {
      cert: certificate,
      key,
      ca: trustAnchors,
      minVersion: 'TLSv1.2',
      requestCert: true,
      rejectUnauthorized: false,
    },
  });
}
