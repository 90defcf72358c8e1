import { credentials, type ChannelCredentials, type ChannelInterface, type ChannelOptions } from '@grpc/grpc-js';
import type { PeerOptions, TlsClient } from '../client/tls-client.js';
import { ClientChannel } from './client-channel.js';

/** What a client of grpc-js takes besides its address: both are needed. */
export interface GrpcClientOptions {
  readonly credentials: ChannelCredentials;
  readonly channelOptions: {
    readonly channelFactoryOverride: (
      target: string,
      credentials: ChannelCredentials,
      options: ChannelOptions,
    ) => ChannelInterface;
  };
}

/**
 * For gRPC in the name of a service: to be spread into the options of `Transport.GRPC` in Nest's `ClientsModule`, or given to a client of grpc-js
 * (`new Orders(address, credentials, channelOptions)`). Both OpenSSL and we must accept the server, which is known by the name in its address or as
 * `peer`. After new files new calls go over new connections, and calls that are under way end on theirs.
 */
export function grpcClientOptions(client: TlsClient, peer: PeerOptions = {}): GrpcClientOptions {
  return {
    // Looked at by nobody but a client that is not given the channels below: what would go out by it alone fails.
    credentials: credentials.createFromSecureContext(client.generation.context, {
      checkServerIdentity: () => new Error('channelOptions of grpcClientOptions() are missing'),
    }),
    channelOptions: {
      channelFactoryOverride: (target, _, channel) => new ClientChannel(client, target, { ...peer, channel }),
    },
  };
}
