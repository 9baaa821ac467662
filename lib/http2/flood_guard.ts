import {
  FLOOD_ALLOWANCE_FRAMES,
  FLOOD_FRAMES_PER_ANSWER,
  FLOOD_FRAMES_PER_SECOND,
} from "../limits.ts";
import { ErrorCode, Http2Error } from "./http2_error.ts";

const MS_PER_SECOND = 1_000;

/**
 * How many frames a peer may send that cost us work and carry nothing.
 *
 * A reset, a PING, a SETTINGS, a stream that breaks the rules: each is lawful or answered by the
 * protocol, and cheaper to send than to handle. So each is taken from an allowance, which frames of
 * ours that carry data earn back, since control frames of an honest peer are reactions to those;
 * and time, slowly. The clock is read only when the allowance has run out.
 *
 * Source: RFC 9113 §10.5; CVE-2019-9512 to 9518, CVE-2023-44487, CVE-2025-8671.
 */
export class FloodGuard {
  #allowance = FLOOD_ALLOWANCE_FRAMES;
  #refilledMs = performance.now();

  /** We have sent data, or ended a stream as the protocol means it to end. */
  earn(): void {
    if (this.#allowance < FLOOD_ALLOWANCE_FRAMES) this.#allowance += FLOOD_FRAMES_PER_ANSWER;
  }

  /**
   * Takes `frames` off the allowance.
   *
   * @param what was sent too often, for the error
   * @throws {Http2Error} ENHANCE_YOUR_CALM of the connection when nothing is left.
   */
  spend(frames: number, what: string): void {
    this.#allowance -= frames;
    if (this.#allowance < 0) this.#refill(what);
  }

  #refill(what: string): void {
    const nowMs = performance.now();
    const earned = (nowMs - this.#refilledMs) / MS_PER_SECOND * FLOOD_FRAMES_PER_SECOND;
    this.#refilledMs = nowMs;
    this.#allowance = Math.min(FLOOD_ALLOWANCE_FRAMES, this.#allowance + Math.floor(earned));
    if (this.#allowance >= 0) return;
    throw Http2Error.connection(
      ErrorCode.ENHANCE_YOUR_CALM,
      `too many frames for nothing: ${what}`,
    );
  }
}
