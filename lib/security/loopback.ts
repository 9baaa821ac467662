/**
 * Whether nobody but this machine reaches an address. Of names `localhost` alone is known to be so.
 *
 * Source: RFC 6890 §2.2 (127.0.0.0/8, ::1).
 */
export function isLoopback(host: string): boolean {
  if (host.toLowerCase() === "localhost") return true;
  if (!host.includes(":")) return /^127(\.\d{1,3}){3}$/.test(host);
  // URL writes an IPv6 address in its one shortest form.
  const { hostname } = new URL(`http://[${host}]/`);
  return hostname === "[::1]" || hostname.startsWith("[::ffff:7f");
}
