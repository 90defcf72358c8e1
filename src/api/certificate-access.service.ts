import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { identityOf, MtlsGate, ServiceRoles, type IdentifiedRequest } from '../mtls/index.js';
import { CaService, isAuthorityProfile, type Requester } from '../pki/index.js';

/** The caller's name for the record: a service, with the proxy that forwarded its certificate. */
export function actorOf(request: IdentifiedRequest): string {
  const { service } = identityOf(request);
  return request.forwardedBy === undefined ? service : `${service} via ${request.forwardedBy}`;
}

/** Who may do what with the certificates of the CA, where that depends on more than the route. */
@Injectable()
export class CertificateAccess {
  constructor(
    @Inject(CaService) private readonly ca: CaService,
    @Inject(ServiceRoles) private readonly roles: ServiceRoles,
    @Inject(MtlsGate) private readonly gate: MtlsGate,
  ) {}

  hasRole(request: IdentifiedRequest, role: string): boolean {
    return this.roles.of(identityOf(request)).has(role);
  }

  /** The caller, with the roles that its service has now. */
  requesterOf(request: FastifyRequest & IdentifiedRequest): Requester {
    const identity = identityOf(request);
    const standing = { service: identity.service, roles: this.roles.of(identity) };
    return { actor: actorOf(request), requestId: request.id, standing };
  }

  /**
   * Lets a service with `role` pass, and whoever holds a good certificate of this CA for the same service as the certificate `serialNumber`. Throws
   * MtlsRefusal `route_not_allowed`, which is the same whether there is such a certificate or not.
   */
  async checkRoleOrHolder(
    request: FastifyRequest & IdentifiedRequest,
    role: string,
    serialNumber: string,
  ): Promise<void> {
    if (this.hasRole(request, role) || (await this.#holds(request, serialNumber))) return;
    this.gate.refuse(request, `this needs the role ${role}, or a certificate of the service that it is about`);
  }

  /** As {@link checkRoleOrHolder} with the role `issuer`. For the certificate of a CA, our own or one below, it needs the role `admin`. */
  async checkMayRevoke(request: FastifyRequest & IdentifiedRequest, serialNumber: string): Promise<void> {
    const row = await this.ca.find(serialNumber);
    const isAuthority = row !== undefined && isAuthorityProfile(row.profile);
    if (isAuthority && this.hasRole(request, 'admin')) return;
    await this.checkRoleOrHolder(request, 'issuer', serialNumber);
    if (isAuthority) this.gate.refuse(request, 'revoking the certificate of a CA needs the role admin');
  }

  /** Lets the role `issuer` put certificates on hold and release them. Throws MtlsRefusal `route_not_allowed`. */
  checkMayHold(request: IdentifiedRequest): void {
    if (!this.hasRole(request, 'issuer')) this.gate.refuse(request, 'a hold, and its release, need the role issuer');
  }

  async #holds(request: IdentifiedRequest, serialNumber: string): Promise<boolean> {
    const { serialNumber: own, fingerprint256 } = identityOf(request);
    const held = await this.ca.find(own);
    // The same name from another CA that is trusted here is another holder.
    if (held?.fingerprint !== fingerprint256 || held.service === null) return false;
    const wanted = await this.ca.find(serialNumber);
    return wanted?.service === held.service;
  }
}
