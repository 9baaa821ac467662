/** Bytes of connections, whole frames and all, from their start. */
export interface ChannelTraffic {
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

const NONE: ChannelTraffic = { bytesSent: 0, bytesReceived: 0 };

/** What all of them make together. */
export function sumTraffic(all: readonly ChannelTraffic[]): ChannelTraffic {
  return all.reduce((sum, { bytesSent, bytesReceived }) => ({
    bytesSent: sum.bytesSent + bytesSent,
    bytesReceived: sum.bytesReceived + bytesReceived,
  }), NONE);
}
