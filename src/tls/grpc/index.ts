import { credentials, type ChannelCredentials, type ChannelInterface, type ChannelOptions } from '@grpc/grpc-js';
import type { PeerOptions, TlsClient } from '../client/tls-client.js';
import { ClientChannel } from './client-channel.js';

/** What a client of grpc-js takes besides its address; it needs both. */
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
 * Options for gRPC calls in the name of a service: spread them into the options of `Transport.GRPC` in Nest's `ClientsModule`, or pass them to a
 * client of grpc-js (`new Orders(address, credentials, channelOptions)`). Both OpenSSL and we must accept the server, which is known by the name in
 * its address, or as `peer`. After a change of the files, new calls go over new connections, and calls under way end on theirs.
 */
export function grpcClientOptions(client: TlsClient, peer: PeerOptions = {}): GrpcClientOptions {
  return {
    // Used only by a client that was not given the channels below: whatever it sends by these credentials alone fails.
    credentials: credentials.createFromSecureContext(client.generation.context, {
      checkServerIdentity: () => new Error('channelOptions of grpcClientOptions() are missing'),
    }),
    channelOptions: {
      channelFactoryOverride: (target, _, channel) => new ClientChannel(client, target, { ...peer, channel }),
    },
  };
}
