import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https';

// Posts the same body again and again, in a process of its own: asked over IPC for one round at a time.

/** Where to, and how often at once. PEM makes it HTTPS with a client certificate. */
export interface PostRound {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Base64. */
  readonly body: string;
  readonly pem?: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly atOnce: number;
  readonly milliseconds: number;
}

/** What a round came to. Latencies in milliseconds. */
export interface PostOutcome {
  readonly count: number;
  readonly seconds: number;
  readonly p99: number;
}

const agents = new Map<string, HttpAgent>();

function agentFor({ port, pem }: PostRound): HttpAgent {
  const key = `${port} ${pem?.cert ?? ''}`;
  const known = agents.get(key);
  if (known) return known;
  const agent = pem ? new HttpsAgent({ keepAlive: true, ...pem }) : new HttpAgent({ keepAlive: true });
  agents.set(key, agent);
  return agent;
}

function post(round: PostRound, body: Buffer): Promise<void> {
  const { port, path, headers, pem } = round;
  const options: RequestOptions = {
    agent: agentFor(round),
    host: '127.0.0.1',
    servername: 'localhost',
    port,
    path,
    method: 'POST',
    headers: { ...headers, 'content-length': body.length },
  };
  return new Promise((resolve, reject) => {
    (pem ? httpsRequest : httpRequest)(options, (response) => {
      response.resume().on('end', () => {
        if (response.statusCode === 200 || response.statusCode === 201) resolve();
        else reject(new Error(`status ${response.statusCode}`));
      });
    })
      .on('error', reject)
      .end(body);
  });
}

async function run(round: PostRound): Promise<PostOutcome> {
  const body = Buffer.from(round.body, 'base64');
  const latencies: number[] = [];
  const start = performance.now();
  const end = start + round.milliseconds;
  const lane = async (): Promise<void> => {
    for (let from = performance.now(); from < end; from = performance.now()) {
      await post(round, body);
      latencies.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: round.atOnce }, lane));
  const seconds = (performance.now() - start) / 1000;
  latencies.sort((a, b) => a - b);
  return { count: latencies.length, seconds, p99: latencies[Math.floor(latencies.length * 0.99)] ?? 0 };
}

process.on('message', (round: PostRound) => {
  void run(round).then((outcome) => process.send?.(outcome));
});
process.on('disconnect', () => process.exit());
