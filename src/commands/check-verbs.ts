import { Command, Option } from 'commander';
import { endpointArgument, pathArgument } from './arguments.js';
import type { DoctorOptions } from './doctor.js';
import type { VerifyOptions } from './verify.js';
import { sessionOf, verb, type CommonOptions, type Host } from './verb.js';

/** `veritas verify`. */
export function addVerify(program: Command, host: Host): void {
  verb(program, 'verify', 'Explain whether a certificate would be let in, check by check.', [
    ['veritas verify worker.pem', 'as a client of this service'],
    ['veritas verify certs/server_cert.pem --purpose server', 'as a server'],
    ['veritas verify worker.pem --key worker.key', 'and whether the key belongs to it'],
  ])
    .argument('<file>', 'the certificate, followed by its issuing CA, - for stdin')
    .addOption(new Option('--purpose <purpose>', 'what it is for').choices(['client', 'server']).default('client'))
    .option('--key <file>', 'the private key that should belong to it')
    .action(async (file: string, options: CommonOptions & VerifyOptions) => {
      const { verify } = await import('./verify.js');
      await verify(sessionOf(host, options), file, options);
    });
}

/** `veritas doctor`. */
export function addDoctor(program: Command, host: Host): void {
  verb(program, 'doctor', 'Say where a client gets stuck on its way into a service, or why a request was refused.', [
    ['veritas doctor --cert worker.pem --connect api.example.org:5000', 'step by step, with the mend'],
    ['veritas doctor --request 9b1f6c3d02ae-4 --log veritas.log', 'the checks of a refused request, from the log'],
    ['journalctl -u veritas -o cat | veritas doctor --request 9b1f6c3d02ae-4', 'the same, from a pipe'],
  ])
    .option('--cert <file>', "the client's certificate, followed by its issuing CA (default: none is presented)")
    .addOption(new Option('--certificate <file>', 'the same').hideHelp())
    .option('--key <file>', 'its private key (default: in the same file, or beside it: worker.key, worker_key.pem)')
    .option('--connect <host:port>', 'where the service listens (default port: 443)', endpointArgument)
    .option('--ca <file>', "the CA bundle that the service's certificate must lead to (default: tls.caFile)")
    .addOption(new Option('--path <path>', 'what is asked for').argParser(pathArgument).default('/api/v1/whoami'))
    .option('--request <id>', 'the request_id of a refusal')
    .option('--log <file>', 'the log of the service, lines of JSON, - for stdin', '-')
    .action(async (options: CommonOptions & DoctorOptions & { readonly certificate?: string }) => {
      const { doctor } = await import('./doctor.js');
      await doctor(sessionOf(host, options), { ...options, cert: options.cert ?? options.certificate });
    });
}
