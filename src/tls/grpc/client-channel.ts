import { Channel, credentials, type ChannelInterface, type ChannelOptions } from '@grpc/grpc-js';
import type { PeerOptions, TlsClient } from '../client/tls-client.js';

type Call = ReturnType<ChannelInterface['createCall']>;

/** A channel of grpc-js, whose credentials are fixed, with the number of calls under way on it. */
interface OneGeneration {
  readonly of: object;
  readonly channel: ChannelInterface;
  calls: number;
}

/**
 * A gRPC channel whose connections are those of a {@link TlsClient}. Each generation has a channel of grpc-js; the previous one is closed once its
 * calls are answered.
 */
export class ClientChannel implements ChannelInterface {
  #newest: OneGeneration;
  #isClosed = false;
  readonly #stopListening: () => void;

  /** Throws Error when the client is closed. */
  constructor(
    private readonly client: TlsClient,
    private readonly target: string,
    private readonly options: PeerOptions & { readonly channel: ChannelOptions },
  ) {
    client.checkOpen();
    this.#newest = this.#open();
    this.#stopListening = client.onChange(
      () => {
        this.#renew();
      },
      () => {
        this.close();
      },
    );
  }

  createCall(...args: Parameters<ChannelInterface['createCall']>): Call {
    let on = this.#current;
    let call = on.channel.createCall(...args);
    let setUp = (_: Call): void => undefined;
    return {
      start: (metadata, listener) => {
        // An interceptor may have taken its time, and the channel may be closed by now.
        if (on !== this.#current) {
          on = this.#newest;
          call = on.channel.createCall(...args);
          setUp(call);
        }
        this.#start(on, call, metadata, listener);
      },
      setCredentials: (credentials) => {
        setUp = (each) => {
          each.setCredentials(credentials);
        };
        setUp(call);
      },
      cancelWithStatus: (status, details) => {
        call.cancelWithStatus(status, details);
      },
      sendMessageWithContext: (context, message) => {
        call.sendMessageWithContext(context, message);
      },
      startRead: () => {
        call.startRead();
      },
      halfClose: () => {
        call.halfClose();
      },
      getPeer: () => call.getPeer(),
      getCallNumber: () => call.getCallNumber(),
      getAuthContext: () => call.getAuthContext(),
    };
  }

  #start(
    on: OneGeneration,
    call: Call,
    metadata: Parameters<Call['start']>[0],
    listener: Parameters<Call['start']>[1],
  ): void {
    on.calls++;
    call.start(metadata, {
      onReceiveMetadata: (received) => {
        listener.onReceiveMetadata(received);
      },
      onReceiveMessage: (message) => {
        listener.onReceiveMessage(message);
      },
      onReceiveStatus: (status) => {
        listener.onReceiveStatus(status);
        on.calls--;
        this.#closeIfOver(on);
      },
    });
  }

  getTarget(): string {
    return this.#newest.channel.getTarget();
  }

  getConnectivityState(tryToConnect: boolean): ReturnType<ChannelInterface['getConnectivityState']> {
    return this.#current.channel.getConnectivityState(tryToConnect);
  }

  watchConnectivityState(...args: Parameters<ChannelInterface['watchConnectivityState']>): void {
    this.#current.channel.watchConnectivityState(...args);
  }

  getChannelzRef(): ReturnType<ChannelInterface['getChannelzRef']> {
    return this.#newest.channel.getChannelzRef();
  }

  close(): void {
    this.#isClosed = true;
    this.#stopListening();
    this.#newest.channel.close();
  }

  /** Reading the generation looks at the clock, which may itself reveal a change. */
  get #current(): OneGeneration {
    if (this.client.generation !== this.#newest.of) this.#renew();
    return this.#newest;
  }

  #renew(): void {
    // A new channel would open again what was closed.
    if (this.#isClosed || this.client.generation === this.#newest.of) return;
    const before = this.#newest;
    this.#newest = this.#open();
    this.#closeIfOver(before);
  }

  #closeIfOver(one: OneGeneration): void {
    if (one !== this.#newest && one.calls === 0) one.channel.close();
  }

  #open(): OneGeneration {
    const { channel, ...peer } = this.options;
    const { generation } = this.client;
    const { checkServerIdentity } = this.client.connectionOptions(peer);
    const secure = credentials.createFromSecureContext(generation.context, { checkServerIdentity });
    return { of: generation, channel: new Channel(this.target, secure, channel), calls: 0 };
  }
}
