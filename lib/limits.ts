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

/**
 * Free output buffers that a serving thread keeps for its connections. Only connections with a write under
 * way hold one: 4 MiB are the buffers of two thousand with small answers; with more they are allocated.
 */
export const OUTPUT_POOL_BYTES_MAX = 4_194_304;

/**
 * Free buffers for long request messages that a serving thread keeps: without them each message would be
 * garbage of twice its length, and collecting that a quarter of what it costs.
 */
export const MESSAGE_POOL_BYTES_MAX = 8_388_608;

/** … and for long answers of models. */
export const RESPONSE_POOL_BYTES_MAX = 8_388_608;

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

/**
 * The most entries of a cache: 32 B of record and of buckets each, twice that with the ghosts of `s3-fifo`,
 * keep every index within an int32.
 */
export const CACHE_ENTRIES_MAX = 16_777_216;

/** The most bytes of a cache: the indexes of its words stay within an int32, with room to spare. */
export const CACHE_BYTES_MAX = 4_294_967_296;

/** The most keys of a NumStore: 32 B of record and 8 of buckets each keep every index within an int32. */
export const NUM_STORE_KEYS_MAX = 16_777_216;

/** The most bytes of a NumStore's keys: the indexes of their words stay within an int32. */
export const NUM_STORE_BYTES_MAX = 4_294_967_296;

/** Keys that a NumStore has room for unless a flag says otherwise: a table of under 3 MB. */
export const NUM_STORE_KEYS_DEFAULT = 65_536;

/** Bytes of a NumStore's keys unless a flag says otherwise: 256 for each. */
export const NUM_STORE_BYTES_DEFAULT = 16_777_216;

/** Factorials that a NumStore's cache holds unless a flag says otherwise. Source: spec numstore. */
export const NUM_STORE_CACHE_ENTRIES_DEFAULT = 10;

/** The most factorials that a NumStore's cache may hold: there are no more in int64, 0! to 20!. */
export const NUM_STORE_CACHE_ENTRIES_MAX = 21;

/** The longest key of a NumStore: it is hashed and compared under the lock, which takes 1 µs then. */
export const NUM_STORE_KEY_BYTES_MAX = 1_024;

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

/**
 * Frames that cost work and carry nothing (resets, PING, SETTINGS, refused streams, …) that a peer may
 * send at once: any client that starts, or cancels all of its streams, stays far below.
 */
export const FLOOD_ALLOWANCE_FRAMES = 1_000;

/**
 * … what each frame of ours that carries data, or ends a stream well, adds to them: a reset, a PING and
 * two WINDOW_UPDATEs are all that any client we know sends for one.
 */
export const FLOOD_FRAMES_PER_ANSWER = 4;

/** … and each second adds: keepalive of hundreds of streams; as an attack it costs us 0.1 ms a second. */
export const FLOOD_FRAMES_PER_SECOND = 100;

/**
 * What a header list over HEADER_LIST_BYTES_MAX counts for among them: it is decoded to its end, for the
 * sake of the HPACK table, which costs as much as twenty resets.
 */
export const FLOOD_FRAMES_PER_HEADER_LIST = 20;

/** Bytes of SETTINGS that count as one such frame. */
export const FLOOD_SETTINGS_BYTES = 64;

/**
 * A DATA frame that a peer's flow control has cut to fewer bytes earns it nothing: windows of one byte
 * would make us send a frame for each byte of an answer (CVE-2019-9511).
 */
export const FLOOD_DATA_BYTES_MIN = 256;

/**
 * Input that is handled for one connection before the others have their turn. The runtime would go on
 * with a sender that is always ahead for up to 128 reads: 8 MiB, or a second of the costliest frames.
 */
export const TURN_BYTES_MAX = 65_536;

/**
 * … and frames of it. The costliest, a call that is begun and reset, takes 25 µs: a turn of them lasts 3 ms
 * rather than 15. A client's hundred small calls at once still are one turn.
 */
export const TURN_FRAMES_MAX = 256;

/** How often the connections of a thread are looked at for those that are dead, idle, stalled or old. */
export const KEEPER_ROUND_MS = 1_000;

/** How long a peer has to answer the PING of a connection that has been quiet: gRPC's usual 20 s. */
export const KEEPALIVE_ANSWER_MS = 20_000;

/**
 * How long a peer may leave a frame, a header block or a unary request unfinished, or our bytes untaken,
 * without any progress: a network that is slower than this has lost the connection.
 */
export const STALLED_MS = 60_000;

/**
 * How long a peer whose flow control holds back our data may take none of it. Long, since a program that
 * reads a stream at its own pace is no attack; finite, since the data are in our memory.
 */
export const HELD_BACK_MS = 300_000;

/** How long calls have to finish on a connection that has reached its age. */
export const AGE_GRACE_MS = 300_000;

/** Ages and idle times are scattered by this share of themselves, so that clients do not come back as one. */
export const AGE_JITTER = 0.1;

/** How often it is asked whether one more serving thread would help: load that lasts, not a burst. */
export const LOAD_ROUND_MS = 1_000;

/**
 * Refused connections that are told why before they are closed, in each thread; more are closed at once.
 * Each takes up to LINGER_MS.
 */
export const REFUSALS_MAX = 64;

/** The most services that an answer to `grpc.health.v1.Health.List` may name; health.proto's own limit. */
export const HEALTH_LIST_SERVICES_MAX = 100;

/** The largest file of certificates, keys or tokens that is read: a bundle of all public roots has 250 KB. */
export const CREDENTIAL_FILE_BYTES_MAX = 1_048_576;

/** The most tokens that are valid at once: each presented one is compared with all, 1 µs each. */
export const TOKENS_MAX = 100;

/** The least characters of a token: in base64, 96 bits that nobody guesses. */
export const TOKEN_CHARS_MIN = 16;

/** The most characters of a token: it must fit a request's header list, HEADER_LIST_BYTES_MAX. */
export const TOKEN_CHARS_MAX = 4_096;

/**
 * Calls that an open loop of `client bench` has in flight on each connection: what a server allows by
 * default. More would wait in the client for a stream, and be counted as sent.
 */
export const BENCH_OPEN_INFLIGHT_MAX = CONCURRENT_STREAMS_MAX;

/** Calls of one run: what is due and never sent is counted one by one, and this many take half a minute. */
export const BENCH_CALLS_MAX = 1_000_000_000;

/** The longest run, and warm-up: a day. */
export const BENCH_DURATION_MS_MAX = 86_400_000;

/** Connections of one run; a client has no more ports to spare for one server. */
export const BENCH_CONNECTIONS_MAX = 16_384;

/** Floats of all vectors of a run together: 64 MiB in each thread. */
export const BENCH_FLOATS_MAX = 16_777_216;

/** How long a closed loop's slot waits when no server is there: attempts without end tell nothing more. */
export const BENCH_RETRY_PAUSE_MS = 100;

/** How long calls in flight at the end of a timed run have to end; the others are counted as cut off. */
export const BENCH_END_GRACE_MS = 5_000;

/** … and at its end by a signal: somebody waits. */
export const BENCH_STOP_GRACE_MS = 1_000;

/**
 * How many seconds back a call that is given up is counted in the one in which it was due, or in the
 * earliest of these: each is held for it, with some thousand counts at most, 16 kB.
 */
export const BENCH_SECONDS_KEPT = 3_600;

/** A call that is sent this much after it was due is late: a hundred times what our pacing takes. */
export const BENCH_LATE_MS = 1;

/** A timer that is this much late is late: timers count in milliseconds, and the rest is the client's. */
export const BENCH_LAG_MS = 5;

/** How long a version may take to load and warm up: the largest models are read from disk in minutes. */
export const MODEL_LOAD_MS_MAX = 600_000;

/**
 * How long after a version of a watched folder could not be loaded it is tried again; twice as long each
 * time. Long enough that a service that its script needs has come back from a restart.
 */
export const MODEL_RETRY_MS = 10_000;

/** … at most: a version that never loads then costs some seconds of a processor in each five minutes. */
export const MODEL_RETRY_MS_MAX = 300_000;

/** How long after an instance could not be loaded anew it is tried again; twice as long each time. */
export const INSTANCE_RESTART_MS = 250;

/** … at most: an operator who has mended the cause waits no longer. */
export const INSTANCE_RESTART_MS_MAX = 30_000;

/** An instance that has served for this long did not die of being started: it is replaced without a pause. */
export const INSTANCE_STEADY_MS = 10_000;

/**
 * Threads of instances that are kept without a model, for the next ones: a dozen megabytes each. As many as most
 * machines' models have, so that one that is replaced again and again always finds those of the one before.
 */
export const INSTANCE_THREADS_IDLE_MAX = 16;

/** How often instances are looked at for those that hang; they are found this much late. */
export const INSTANCE_ROUND_MS = 100;

/** How long after it was told to end a thread surely has: Deno stops one that goes on after two seconds. */
export const INSTANCE_GONE_MS = 3_000;

/** How long the calls of a version that was replaced or unloaded have to end. */
export const MODEL_DRAIN_MS = 60_000;

/**
 * Multiply-adds per row up to which a model runs on the serving threads: 64 Ki take some 50 µs, which is
 * what other requests of the thread wait at most; handing over to an instance costs 10 µs.
 */
export const INLINE_OPERATIONS_MAX = 65_536;
/** The largest model.json: room for the data of its warm-up samples; all of it is in memory at once. */
export const MODEL_CONFIG_BYTES_MAX = 1_048_576;

/** The longest name of a model: it is a folder's name, and a label of every metric. */
export const MODEL_NAME_CHARS_MAX = 128;

/** The most digits of a version: every such number is exact, and a date with its time has 14. */
export const MODEL_VERSION_DIGITS_MAX = 15;

/** Models of one repository: each has its queue and, on the least, one thread; no machine holds more. */
export const REPOSITORY_MODELS_MAX = 4_096;

/** Versions of one model that may serve at once, each with its own instances, queue and cache. */
export const MODEL_VERSIONS_MAX = 64;

/** Files in a version's folder, at any depth: each is looked at in every scan. */
export const MODEL_FILES_MAX = 4_096;

/** Folders within folders of a version. */
export const MODEL_FOLDER_DEPTH_MAX = 16;

/** Inputs, and outputs, of a model; models of tabular columns have some hundred. */
export const MODEL_TENSORS_MAX = 1_024;

/** The longest name of a tensor: each request repeats it. */
export const MODEL_TENSOR_NAME_CHARS_MAX = 256;

/** The most dimensions of a tensor: what NumPy's arrays may have. */
export const MODEL_TENSOR_RANK_MAX = 64;

/** Rows of one batch: past this a model's throughput no longer grows, and its answer takes seconds. */
export const MODEL_BATCH_ROWS_MAX = 65_536;

/** How long a request may wait for others of its batch; a longer wait is an offline job. */
export const MODEL_BATCH_DELAY_MS_MAX = 10_000;

/** Batch sizes that a model may prefer: each is compared whenever a request arrives. */
export const MODEL_PREFERRED_SIZES_MAX = 32;

/** Requests that may wait for a model: with more, the last would wait for minutes. */
export const MODEL_QUEUE_SIZE_MAX = 65_536;

/** The least bytes of a model's queue: room for some requests of a few hundred numbers. */
export const MODEL_QUEUE_BYTES_MIN = 65_536;

/** The most bytes of a model's queue: the indexes of its words stay within an int32, with room to spare. */
export const MODEL_QUEUE_BYTES_MAX = 4_294_967_296;

/** Priority levels of a model: each is a queue that is looked at for every batch. */
export const MODEL_PRIORITY_LEVELS_MAX = 32;

/** The least bytes of a model's cache: room for an entry and its index. */
export const MODEL_CACHE_BYTES_MIN = 4_096;

/** Decimal places to which inputs may be rounded: a float64 of 1 has no more. */
export const MODEL_CACHE_ROUND_MAX = 15;

/** Instances of a version: each is a thread with a copy of the model, and no machine has more cores. */
export const MODEL_INSTANCES_MAX = 256;

/** The longest time that a model may compute for before its instance counts as hung: an hour. */
export const MODEL_TIMEOUT_MS_MAX = 3_600_000;

/** Samples with which a model is warmed up: what is compiled or grown per shape needs one of each. */
export const MODEL_WARMUP_SAMPLES_MAX = 64;

/** How often each sample is run: after a thousand no compiler has anything left to do. */
export const MODEL_WARMUP_COUNT_MAX = 1_000;

/** The longest address of a model's file; proxies and stores refuse longer ones. */
export const MODEL_SOURCE_URL_CHARS_MAX = 2_048;

/** The largest file that is fetched for a model: beyond this no processor serves it. */
export const MODEL_SOURCE_BYTES_MAX = 68_719_476_736;

/** How long a server has to begin its answer when a model's file is asked for. */
export const MODEL_SOURCE_ANSWER_MS = 30_000;

/** How long a fetch may bring no byte: as long as any peer may stall, STALLED_MS. */
export const MODEL_SOURCE_STALLED_MS = STALLED_MS;

/** How long a fetch may take as a whole: 64 GB at 10 MB/s take under two hours. */
export const MODEL_SOURCE_TOTAL_MS = 7_200_000;

/** Redirects that are followed for a file: what Fetch allows is 20, and no store needs over three. */
export const MODEL_SOURCE_REDIRECTS_MAX = 5;

/** Files that are fetched at once: more share the same line. */
export const MODEL_SOURCE_FETCHES_MAX = 4;

/** How long a source that failed is left alone: a wrong hash would fetch gigabytes at every scan. */
export const MODEL_SOURCE_RETRY_MS = 60_000;

/**
 * How long a version's files must have been the same before it counts: a copy that is under way writes
 * more often, one over a slow network included.
 */
export const REPOSITORY_SETTLE_MS = 1_000;

/**
 * How long a server that starts with a watched folder waits for files that were being written then: a copy
 * that has just ended is quiet after REPOSITORY_SETTLE_MS, one that goes on must not keep the others.
 */
export const REPOSITORY_AWAITED_MS_MAX = 10_000;

/** How long after an event of the folder it is looked at: what copies a model makes many at once. */
export const REPOSITORY_DEBOUNCE_MS = 200;

/** … but with events that never pause it is looked at this long after the first. */
export const REPOSITORY_DEBOUNCE_MS_MAX = 2_000;

/** How often a watched folder is looked at without an event: network file systems tell of none. */
export const REPOSITORY_RESCAN_MS = 30_000;
/** Files of an archive of weights: one for each of the most tensors, and some of the archive's own. */
export const ZIP_ENTRIES_MAX = 65_600;

/** Tensors of a file of weights: the largest language models have some ten thousand. */
export const WEIGHTS_TENSORS_MAX = 65_536;

/** Dimensions of a tensor from a file: NumPy's and PyTorch's own most. */
export const TENSOR_RANK_MAX = 64;

/** The most bytes of a pickle of a state_dict: what WEIGHTS_TENSORS_MAX tensors take, 250 each. */
export const PICKLE_BYTES_MAX = 16_777_216;

/** The most bytes of a safetensors header, for the same reason; the format itself allows 100 MB. */
export const SAFETENSORS_HEADER_BYTES_MAX = 16_777_216;

/** Values in a pickle's memo: a tensor has nine. */
export const PICKLE_MEMO_MAX = 1_048_576;

/** Values on a pickle's stack: Python's pickler writes a dict in batches of 1000 keys and values. */
export const PICKLE_STACK_MAX = 65_536;

/** How deep values of a pickle stand in each other: five in a state_dict. */
export const PICKLE_DEPTH_MAX = 32;

/** The longest name in a pickle: none that is known has more than 32 bytes. */
export const PICKLE_NAME_BYTES_MAX = 256;

/** The largest file of weights that is read into memory: 500 million floats. */
export const WEIGHTS_FILE_BYTES_MAX = 2_147_483_648;

/** … and the largest in base64: it has to be one string, whose length has a bound of 2²⁹ - 24. */
export const WEIGHTS_BASE64_BYTES_MAX = 268_435_456;

/** Layers of a dense network: even a hundred are rare, and each costs its calls for every request. */
export const MLP_LAYERS_MAX = 1_024;

/** The largest file of a linear model's coefficients: a million of them with all their digits. */
export const COEFS_FILE_BYTES_MAX = 33_554_432;
/** Names under which a model may record figures: each is a line of the statistics of every version. */
export const RECORDED_NAMES_MAX = 100;

/** Characters of an entry that a script logs, and of its fields as JSON: a line that somebody reads. */
export const SCRIPT_LOG_CHARS_MAX = 4_096;

/** Entries that a script may log in a second: each is a message to the main thread, which others need. */
export const SCRIPT_LOGS_PER_SECOND = 100;

/** The largest source file of a script: larger ones are bundles that hold data, which belong in files. */
export const SCRIPT_FILE_BYTES_MAX = 8_388_608;

/** What the modules of a script may take once each stands in all that import it. */
export const SCRIPT_LINKED_BYTES_MAX = 67_108_864;
/** Inputs, or requested outputs, of one inference request: the widest models we know have some 200. */
export const INFER_TENSORS_MAX = 1_024;

/** Dimensions of a tensor of a request: as many as a model's may have. */
export const TENSOR_DIMENSIONS_MAX = MODEL_TENSOR_RANK_MAX;

/** Characters of a request's id: it comes back in the answer. */
export const INFER_ID_CHARS_MAX = 1_024;

/**
 * Elements of the BYTES tensors of one request: each is an object of 100 bytes here, whatever its four on
 * the wire were.
 */
export const BYTES_ELEMENTS_MAX = 262_144;

/** Parameters of one inference request; they are part of the key of every cached answer. */
export const INFER_PARAMETERS_MAX = 64;

/**
 * What a thread keeps for the elements of the request at hand rather than allocate it each time; the
 * tensors of larger requests are allocated.
 */
export const INFER_SCRATCH_BYTES_MAX = 4_194_304;

/**
 * Requests of one ModelStreamInfer stream that are answered at the same time: a batch's worth. Answers wait
 * for those before them, so it also is what a stream may hold of them.
 */
export const STREAM_INFERENCES_MAX = 16;
/**
 * HTTP requests that a serving thread answers at once; more are told to come again. As many as ten gRPC
 * connections may have, and at a few kB each no memory to speak of beside their bodies.
 */
export const HTTP_REQUESTS_MAX = 1_024;

/** How long the body of an HTTP request may take to arrive: the largest by default then comes at 70 kB/s. */
export const HTTP_BODY_RECEIVE_MS = 60_000;

/**
 * Inferences of a serving thread that may wait for their traces' export, whatever OTEL_BSP_MAX_QUEUE_SIZE
 * says: at half a kB each 32 MB; a collector that is that far behind does not catch up.
 */
export const SPAN_QUEUE_MAX = 65_536;

/** How long a thread that drains waits for its last traces: an orchestrator kills soon, traces can be lost. */
export const SPAN_FLUSH_MS = 1_000;

/** Characters of a text in a trace: names and messages that callers may choose are as long as they like. */
export const SPAN_TEXT_CHARS_MAX = 1_024;

/** Characters of a `tracestate` that is passed on: what W3C Trace Context asks for at least. */
export const TRACE_STATE_CHARS_MAX = 512;

/** How long a serving thread may take to serve other models; it does so between two requests, in milliseconds. */
export const SERVE_MODELS_MS_MAX = 30_000;

/** Pairs of a run's input, or of its output: each is an object here, whatever its two bytes on the wire. */
export const INVOCATION_METADATA_MAX = 4_096;

/** Runs in one page of a list: each is a few dozen bytes, so a page stays under 100 KB. */
export const INVOCATION_LIST_MAX = 1_000;

/** … and unless the request says: a screenful or two. */
export const INVOCATION_LIST_DEFAULT = 100;
/** Bytes of runs that the store in memory keeps: what a server on a small machine can spare. */
export const STORE_MEMORY_BYTES_MAX = 268_435_456;

/** Calls of one serving thread that the store has not answered: at 10,000 saves a second, half a second's. */
export const STORE_CALLS_MAX = 4_096;

/** … and bytes of their runs; a single run may be larger, as a message may. */
export const STORE_CALL_BYTES_MAX = 67_108_864;

/** How long after the store's thread died or could not open the store it is tried again; twice as long each time. */
export const STORE_RESTART_MS = 250;

/** … at most: whoever has mended the cause waits no longer, and a try costs 30 ms. */
export const STORE_RESTART_MS_MAX = 5_000;

/** How long the store's thread has to finish at the end of the server, beyond what calls may take. */
export const STORE_CLOSE_MS = 1_000;

/** How long SQLite itself waits for a lock, and the store between two tries: what others wait for meanwhile. */
export const SQLITE_BUSY_MS = 20;

/** Changes of one transaction: at a few microseconds each, those who only read wait 10 ms for it. */
export const SQLITE_COMMIT_CHANGES_MAX = 1_024;

/** … and bytes; a single change may be larger. */
export const SQLITE_COMMIT_BYTES_MAX = 16_777_216;

/** What SQLite's log is cut to once all of it is in the file: a log that was large once is no reason to keep it. */
export const SQLITE_LOG_BYTES_MAX = 67_108_864;

/** How often it is looked whether there are runs to remove, beside with each save. */
export const SQLITE_SWEEP_MS = 1_000;

/** Runs that a transaction removes beyond twice as many as it saves: a few milliseconds' work. */
export const SQLITE_SWEPT_MAX = 256;

/** For how long a store counts as not ready since its last save has failed; then who asks again may try. */
export const SQLITE_FAULT_MS = 10_000;

/** How long after a connection to Redis was lost it is tried again; twice as long each time. */
export const REDIS_RECONNECT_MS = 25;

/** … at most: this long after Redis is back runs are kept again. */
export const REDIS_RECONNECT_MS_MAX = 1_000;

/** How often Redis is asked for runs that are over: their parts it removes itself, their places in the list not. */
export const REDIS_SWEEP_MS = 1_000;

/** Runs that one script removes: a millisecond, in which Redis does nothing else. */
export const REDIS_SWEPT_MAX = 256;
/** Pixels of an image that is decoded for a script: 4096×4096, more than most cameras' pictures have. */
export const IMAGE_PIXELS_MAX = 16_777_216;

/**
 * Samples of an image that is decoded for a script, in bytes: red, green, blue and opacity of the largest, of 8
 * bits each. Decoding takes six times that for a moment.
 */
export const IMAGE_BYTES_MAX = 67_108_864;

/**
 * Pixels that the scans of a JPEG go over together: a second or few of work. A progressive one of the
 * largest size may have sixteen scans; programs write ten.
 */
export const JPEG_SCANNED_PIXELS_MAX = 268_435_456;

/** ONNX sessions that a script may have open at a time: each is a model in memory. */
export const SCRIPT_ONNX_SESSIONS_MAX = 64;
/** Parts of a form: the two that are looked for, and what a browser's page may add. */
export const FORM_PARTS_MAX = 16;

/** Bytes of the head of a form's part: a name, a file's name, a type. */
export const FORM_HEAD_CHARS_MAX = 4_096;

/**
 * The largest upload of weights to the Pipeline: its one network takes 5 408 bytes as PyTorch writes it, and
 * checking base64 and a pickle of this many takes a worker some milliseconds.
 */
export const PIPELINE_UPLOAD_BYTES_MAX = 1_048_576;

/** Uploads that wait for those before them: each is an operator's act, and takes tens of milliseconds. */
export const PIPELINE_UPLOADS_MAX = 16;

/**
 * How long a worker may take to load an upload: a thousand times what it does on an idle machine. From its sources a
 * first start compiles the worker, too.
 */
export const PIPELINE_LOAD_MS_MAX = 120_000;

/**
 * How long a prediction may wait while workers are replaced: a thousand times what starting one takes. Who asks
 * for the sum of two numbers does not wait for longer.
 */
export const PIPELINE_PREDICT_MS_MAX = 30_000;

/**
 * Memory for one prediction that waits, with its answer: 64 B each for two numbers and one. So the queue's length is
 * what bounds it.
 */
export const PIPELINE_PREDICTION_BYTES = 128;

/** … and what there is for larger requests over V2: 65 536 rows. Each upload has memory of its own for it. */
export const PIPELINE_BATCH_BYTES_MAX = 1_048_576;

/** Requests whose times are averaged for the Pipeline's status. Source: spec pipeline. */
export const PIPELINE_AVERAGED_REQUESTS = 100;

/**
 * Predictions of the Pipeline that may wait or run at once unless a flag says otherwise: at 10 µs each the last of
 * them waits for 10 ms.
 */
export const PIPELINE_QUEUE_DEFAULT = 1_024;
