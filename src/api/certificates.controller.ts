import {
  Controller,
  Get,
  Header,
  HttpCode,
  Inject,
  Param,
  Post,
  Query,
  Req,
  Res,
  UseGuards,
  type OnModuleInit,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type * as z from 'zod';
import {
  AllowAnyService,
  AllowExpired,
  RequireRoles,
  identityOf,
  Public,
  type IdentifiedRequest,
} from '../mtls/index.js';
import { CaService, certificateRecord, EnrollmentService, PkiError, type IssuedCertificate } from '../pki/index.js';
import { encodePem, generalNameToString, nameToString, serialNumberFromString } from '../x509/index.js';
import { prefersType } from './accepted-type.js';
import { Answers, TakesQuery, Documented, OfCaller, Takes, TakesRequest } from './answers.decorator.js';
import { CertificateAccess } from './certificate-access.service.js';
import {
  acceptBodies,
  bearerTokenOf,
  checkNoQuery,
  csrOf,
  idempotencyKeyOf,
  issuanceOf,
  parse,
} from './certificate-request-body.js';
import {
  enrollmentSchema,
  issuanceSchema,
  issuanceTermsSchema,
  issuedSchema,
  listQuerySchema,
  pageSchema,
  recordWithPemSchema,
  renewalSchema,
  revocationRequestSchema,
  revokedSchema,
} from './certificates.schemas.js';
import { IDEMPOTENCY_CODES, REQUEST_CODES, SIGNING_CODES } from './documented-codes.js';
import { SameOriginGuard } from './same-origin.guard.js';

type Call = FastifyRequest & IdentifiedRequest;

// RFC 8555 §9.1.
const PEM_CHAIN = 'application/pem-certificate-chain';

/** The certification authority over HTTP: issue, renew, list, show and revoke. */
@Controller('api/v1/certificates')
@UseGuards(SameOriginGuard)
export class CertificatesController implements OnModuleInit {
  constructor(
    @Inject(CaService) private readonly ca: CaService,
    @Inject(EnrollmentService) private readonly enrollment: EnrollmentService,
    @Inject(CertificateAccess) private readonly access: CertificateAccess,
    @Inject(HttpAdapterHost) private readonly adapterHost: HttpAdapterHost,
  ) {}

  onModuleInit(): void {
    acceptBodies(this.adapterHost.httpAdapter.getInstance<FastifyInstance>());
  }

  /**
   * With the role `issuer`: what the profile allows and its rules grant to the caller; the name of a service that has roles only with the role of an
   * administrator. Everybody else: another certificate of the kind that they hold, for the same or a new key.
   */
  @Post()
  @OfCaller()
  @TakesRequest(issuanceSchema, issuanceTermsSchema)
  @Answers(issuedSchema, 201, { mediaTypes: [PEM_CHAIN] })
  @Documented({
    codes: [...REQUEST_CODES, 'not_the_holder', 'profile_not_allowed', ...IDEMPOTENCY_CODES, ...SIGNING_CODES],
    role: { name: 'issuer', or: 'another certificate of the kind that they hold' },
    idempotent: true,
  })
  async issue(@Req() request: Call, @Res({ passthrough: true }) reply: FastifyReply): Promise<unknown> {
    const wanted = {
      ...issuanceOf(request),
      idempotencyKey: idempotencyKeyOf(request),
      requester: this.access.requesterOf(request),
    };
    const issued = this.access.hasRole(request, 'issuer')
      ? await this.ca.issue(wanted)
      : await this.ca.issueToHolder({ ...wanted, holder: identityOf(request) });
    return answer(issued, request, reply);
  }

  /** For whoever holds a good certificate of this CA, or one that expired within `pki.renewalGrace`: the same names, for a new key. */
  @Post('renewal')
  @OfCaller()
  @AllowAnyService()
  @AllowExpired()
  @TakesRequest(renewalSchema)
  @Answers(issuedSchema, 201, { mediaTypes: [PEM_CHAIN] })
  @Documented({
    codes: [
      ...REQUEST_CODES,
      'not_the_holder',
      'profile_not_allowed',
      'key_not_new',
      ...IDEMPOTENCY_CODES,
      ...SIGNING_CODES,
    ],
    idempotent: true,
  })
  async renew(@Req() request: Call, @Res({ passthrough: true }) reply: FastifyReply): Promise<unknown> {
    const issued = await this.ca.renew({
      request: csrOf(request),
      holder: identityOf(request),
      idempotencyKey: idempotencyKeyOf(request),
      requester: this.access.requesterOf(request),
    });
    return answer(issued, request, reply);
  }

  /**
   * For whoever has a one-time token (`Authorization: Bearer …`): the first certificate, on the token's terms. The token replaces an Idempotency-Key:
   * the same token with a request for the same key gives the same certificate.
   */
  @Post('enrollment')
  @Public()
  @Header('cache-control', 'no-store')
  @TakesRequest(enrollmentSchema)
  @Answers(issuedSchema, 201, { mediaTypes: [PEM_CHAIN] })
  @Documented({ codes: ['route_not_allowed', 'token_not_valid', ...REQUEST_CODES, ...SIGNING_CODES], byToken: true })
  async enroll(@Req() request: Call, @Res({ passthrough: true }) reply: FastifyReply): Promise<unknown> {
    const token = bearerTokenOf(request);
    const issued = await this.enrollment.enroll({ token, request: () => csrOf(request), requestId: request.id });
    return answer(issued, request, reply);
  }

  @Get()
  @RequireRoles('auditor')
  @TakesQuery(listQuerySchema)
  @Answers(pageSchema)
  @Documented({ codes: ['cursor_malformed'] })
  async list(@Query() query: unknown): Promise<z.infer<typeof pageSchema>> {
    const { expires_before: expiresBefore, ...filter } = parse(listQuerySchema, query, 'the query');
    const { rows, next } = await this.ca.list({
      ...filter,
      ...(expiresBefore === undefined ? {} : { expiresBefore: new Date(expiresBefore) }),
    });
    const now = new Date();
    return { certificates: rows.map((row) => certificateRecord(row, now)), next: next ?? null };
  }

  /** For the role `auditor`, and for a service about its own certificates. */
  @Get(':serial')
  @OfCaller()
  @Answers(recordWithPemSchema)
  @Documented({ codes: ['serial_unknown'], role: { name: 'auditor', or: 'the certificates of their own service' } })
  async show(@Param('serial') text: string, @Req() request: Call): Promise<z.infer<typeof recordWithPemSchema>> {
    const serialNumber = serialNumberOf(text);
    await this.access.checkRoleOrHolder(request, 'auditor', serialNumber);
    const row = await this.ca.find(serialNumber);
    if (!row) throw new PkiError('serial_unknown', 'no certificate has this serial number');
    return { ...certificateRecord(row, new Date()), certificate: encodePem('CERTIFICATE', row.der) };
  }

  /** For the role `issuer`, and for a service about its own certificates. The certificates of CAs need the role `admin`. */
  @Post(':serial/revocation')
  @OfCaller()
  @HttpCode(200)
  @Takes(revocationRequestSchema)
  @Answers(revokedSchema)
  @Documented({
    codes: [
      'reason_not_allowed',
      'invalidity_date_not_allowed',
      'certificate_not_revocable',
      'revocation_final',
      'serial_unknown',
      'requester_not_allowed',
      'profile_unknown',
      ...SIGNING_CODES,
    ],
    role: { name: 'issuer', or: 'the certificates of their own service; those of CAs need the role `admin`' },
  })
  async revoke(@Param('serial') text: string, @Req() request: Call): Promise<z.infer<typeof revokedSchema>> {
    const serialNumber = serialNumberOf(text);
    await this.access.checkMayRevoke(request, serialNumber);
    checkNoQuery(request);
    const { body = {} } = request;
    const { reason, invalidity_date: date } = parse(revocationRequestSchema, body, 'the body');
    if (reason === 'certificateHold' || reason === 'removeFromCRL') this.access.checkMayHold(request);
    const requester = this.access.requesterOf(request);
    if (reason === 'removeFromCRL') {
      if (date !== undefined) throw new PkiError('invalidity_date_not_allowed', 'a release has no invalidity date');
      const { already } = await this.ca.release({ serialNumber, requester });
      return { serial_number: serialNumber, reason, revoked_at: null, already_revoked: already };
    }
    const invalidityDate = date === undefined ? undefined : new Date(date);
    const revocation = await this.ca.revoke({ serialNumber, reason, invalidityDate, requester });
    return {
      serial_number: revocation.serialNumber,
      reason: revocation.reason,
      revoked_at: revocation.revokedAt.toISOString(),
      already_revoked: revocation.already,
    };
  }
}

function serialNumberOf(text: string): string {
  const serialNumber = serialNumberFromString(text);
  if (serialNumber === undefined) throw new PkiError('serial_unknown', 'this is not a serial number in hexadecimal');
  return serialNumber;
}

function answer({ certificate, chainPem }: IssuedCertificate, request: Call, reply: FastifyReply): unknown {
  const { serialNumber, subject, extensions, notBefore, notAfter } = certificate;
  void reply.code(201).header('location', `/api/v1/certificates/${serialNumber}`);
  if (prefersType(request.headers.accept, PEM_CHAIN, 'application/json')) {
    void reply.type(PEM_CHAIN);
    return chainPem;
  }
  return {
    serial_number: serialNumber,
    subject: nameToString(subject),
    names: (extensions.subjectAltName ?? []).map(generalNameToString),
    not_before: notBefore.toISOString(),
    not_after: notAfter.toISOString(),
    chain: chainPem,
  } satisfies z.infer<typeof issuedSchema>;
}
