import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { MtlsGate, type IdentifiedRequest } from '../mtls/index.js';

const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/**
 * Refuses requests that another site makes a browser send, because a browser presents its client certificate for any page. It goes by
 * `Sec-Fetch-Site` (Fetch Metadata), and by `Origin` for browsers that send only that; programs send neither. Throws MtlsRefusal `route_not_allowed`.
 */
@Injectable()
export class SameOriginGuard implements CanActivate {
  constructor(@Inject(MtlsGate) private readonly gate: MtlsGate) {}

  canActivate(context: ExecutionContext): true {
    const request = context.switchToHttp().getRequest<IdentifiedRequest>();
    if (SAFE.has(request.method)) return true;
    const { 'sec-fetch-site': site, origin, host, ':authority': authority } = request.raw.headers;
    const foreignSite = site !== undefined && site !== 'same-origin' && site !== 'none';
    const foreignOrigin = origin !== undefined && origin !== `https://${String(authority ?? host)}`;
    if (foreignSite || foreignOrigin) this.gate.refuse(request, 'a page of another site may not ask for this');
    return true;
  }
}
