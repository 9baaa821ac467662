import { CONNECTION_WINDOW_BYTES, HEADER_LIST_BYTES_MAX, STREAM_WINDOW_BYTES } from "../limits.ts";
import { WINDOW_BYTES_DEFAULT } from "./flow_window.ts";
import { CLIENT_PREFACE, FrameType } from "./frame.ts";
import type { FrameWriter } from "./frame_writer.ts";
import { encodeSettings, SettingId } from "./settings.ts";
import type { Side } from "./stream_table.ts";

/**
 * Adds what a side says first: its preface, its limits, its connection's window.
 *
 * Source: RFC 9113 §3.4.
 *
 * @param streamsMax the streams that a client may have open at once; of no use on a client's side
 */
export function addGreeting(writer: FrameWriter, side: Side, streamsMax: number): void {
  if (side === "client") writer.addBytes(CLIENT_PREFACE);
  const settings = encodeSettings([
    side === "server" ? [SettingId.MAX_CONCURRENT_STREAMS, streamsMax] : [SettingId.ENABLE_PUSH, 0],
    [SettingId.INITIAL_WINDOW_SIZE, STREAM_WINDOW_BYTES],
    [SettingId.MAX_HEADER_LIST_SIZE, HEADER_LIST_BYTES_MAX],
  ]);
  writer.addFrame(FrameType.SETTINGS, 0, 0, settings);
  const increment = CONNECTION_WINDOW_BYTES - WINDOW_BYTES_DEFAULT;
  writer.addUint32Frame(FrameType.WINDOW_UPDATE, 0, increment);
}
