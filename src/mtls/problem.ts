import { STATUS_CODES } from 'node:http';

/** A problem document (RFC 9457 §3), with `code`, `request_id` and the two fields that older clients read. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly request_id: string;
  /** The first sentence of `detail`. */
  readonly error: string;
  /** The same as `status`. */
  readonly status_code: number;
  /** With `rate_limited`: the seconds until another request is allowed. */
  readonly retry_after?: number;
}

export const PROBLEM_CONTENT_TYPE = 'application/problem+json';

/** Builds a problem document; `type` is `urn:veritas:problem:` and the code. */
export function problemOf(problem: {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly code: string;
  readonly requestId: string;
}): Problem {
  const { status, title, detail, code, requestId } = problem;
  return {
    type: `urn:veritas:problem:${code}`,
    title,
    status,
    detail,
    code,
    request_id: requestId,
    error: firstSentenceOf(detail),
    status_code: status,
  };
}

const firstSentenceOf = (text: string): string => /^.*?\.(?= [A-Z])/s.exec(text)?.[0] ?? text;

/** The problem document for an HTTP status that has no code of its own: the code is the status's name in lower case, as in `not_found`. */
export function problemOfStatus(status: number, requestId: string, detail?: string): Problem {
  const title = STATUS_CODES[status] ?? 'Error';
  const code = title.toLowerCase().replaceAll(/[^a-z]+/g, '_');
  return problemOf({ status, title, detail: detail ?? title, code, requestId });
}

/** A problem document as an HTTP/1.1 answer that ends the connection, for a socket on which nothing else answers. `more` are further header lines. */
export function problemOctets(problem: Problem, more: readonly string[] = []): string {
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`,
    `Content-Type: ${PROBLEM_CONTENT_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'Connection: close',
    ...more,
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}
