/**
 * Every bound that is not a flag, with its reason. Nothing here imports anything of ours.
 *
 * Units stand last in each name: `Bytes`, `Ms`, `Entries`.
 */

/** The most serving threads: a thread costs about 16 MB, and no machine we know gains past its cores. */
export const THREADS_MAX = 256;

/**
 * The HPACK dynamic table that each side of a connection keeps (RFC 9113 §6.5.2's default).
 * gRPC repeats a dozen short fields; a larger table buys nothing and is memory per connection.
 */
export const HPACK_TABLE_BYTES = 4096;

/**
 * The most bytes a decoded header list may take, each field counted as name + value + 32
 * (RFC 9113 §10.5.1). 16 KiB is what gRPC's C core and Go accept for metadata.
 */
export const HEADER_LIST_BYTES_MAX = 16_384;

/**
 * The most bytes of one HPACK-encoded header block over HEADERS and its CONTINUATIONs: a block
 * longer than the list that it may stand for is an attack (CVE-2024-27316), not metadata.
 */
export const HEADER_BLOCK_BYTES_MAX = 16_384;

/**
 * The most CONTINUATION frames of one header block. Any sender that fills its frames needs one;
 * without this bound empty frames would cost us work for ever (CVE-2024-27316).
 */
export const CONTINUATION_FRAMES_MAX = 32;

/**
 * Streams that a peer may have open on one connection (SETTINGS_MAX_CONCURRENT_STREAMS), what
 * RFC 9113 §6.5.2 recommends as the least and most servers announce.
 */
export const CONCURRENT_STREAMS_MAX = 100;

/**
 * Flow-control window of each stream, in bytes: what one stream that nobody reads can hold of our
 * memory. 256 KiB keeps 40 Mbit/s busy over 50 ms.
 */
export const STREAM_WINDOW_BYTES = 262_144;

/**
 * Flow-control window of each connection, in bytes. Its credit is given back on arrival, so that a
 * stream that is not read never stalls the others; the stream windows bound what is held.
 */
export const CONNECTION_WINDOW_BYTES = 1_048_576;

/**
 * Bytes of frames that may wait in a connection's output before it takes no more data from its
 * streams; at twice as many it stops reading. A peer that does not read its answers costs no more.
 */
export const OUTPUT_BYTES_MAX = 262_144;

/** Below this many queued bytes a stream is told that it may send again. */
export const STREAM_QUEUE_BYTES_LOW = 65_536;

/**
 * Streams that we reset and remember, so that what was on its way when the reset left is ignored
 * (RFC 9113 §5.4.2); more than a connection may have open at once.
 */
export const RESET_STREAMS_REMEMBERED = 256;

/** How long a connection that is being closed waits for its peer to read the last frames. */
export const LINGER_MS = 1_000;

/** How long a graceful shutdown waits for the PING that tells which streams were still on their way. */
export const SHUTDOWN_PING_MS = 1_000;

/** Deadlines are told up to this much late, so that thousands of calls can share one timer. */
export const DEADLINE_STEP_MS = 8;

/**
 * Messages of the largest size that the calls of one connection may hold together, unfinished or
 * unread. Four let a connection upload in parallel; a hundred would let it hold 400 MiB.
 */
export const BUFFERED_MESSAGES_PER_CONNECTION = 4;

/** Calls that wait for a connection or for a free stream on it before the client refuses more. */
export const CLIENT_WAITING_CALLS_MAX = 10_000;

/** How long the client tries to connect: leaves a second to start in and still answer within five. */
export const CONNECT_TIMEOUT_MS = 4_000;

/** A serving thread that dies younger than this is not replaced before this time is over. */
export const THREAD_RESTART_MS = 250;

/**
 * How long a listener whose certificate was replaced goes on accepting while there is somebody in its
 * queue; under a steady stream of clients there always may be.
 */
export const LISTENER_OVERLAP_MS = 500;

/** After a failed accept (no file descriptors left) a thread waits this long before the next. */
export const ACCEPT_RETRY_MS = 50;

/** The largest message unless a flag says otherwise: what other gRPC libraries accept. */
export const MESSAGE_BYTES_MAX_DEFAULT = 4_194_304;

/** The most entries of a cache: 32 B of record and of buckets each keep every index within an int32. */
export const CACHE_ENTRIES_MAX = 16_777_216;

/** The most bytes of a cache: the indexes of its words stay within an int32, with room to spare. */
export const CACHE_BYTES_MAX = 4_294_967_296;

/**
 * How long a call of a workload may take before the run is given up: no latency worth measuring is
 * as long, and a server that has stopped ends the run.
 */
export const WORKLOAD_CALL_TIMEOUT_MS = 30_000;

/** How long a new connection has to say that it speaks HTTP/2. */
export const PREFACE_TIMEOUT_MS = 10_000;

/**
 * What a message that waits to be read costs beside its bytes. Without it a window of empty messages
 * would be 52 428 of them for nothing.
 */
export const MESSAGE_OVERHEAD_BYTES = 512;

/**
 * What the calls of all connections of one serving thread may hold in unfinished and unread messages:
 * with more, a thousand connections could take a machine's memory.
 */
export const SERVER_BUFFERED_BYTES_MAX = 268_435_456;

/** The largest file of certificates, keys or tokens that is read: a bundle of all public roots has 250 KB. */
export const CREDENTIAL_FILE_BYTES_MAX = 1_048_576;

/** The most tokens that are valid at once: each presented one is compared with all, 1 µs each. */
export const TOKENS_MAX = 100;

/** The least characters of a token: in base64, 96 bits that nobody guesses. */
export const TOKEN_CHARS_MIN = 16;

/** The most characters of a token: it must fit a request's header list, HEADER_LIST_BYTES_MAX. */
export const TOKEN_CHARS_MAX = 4_096;
