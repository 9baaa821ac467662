/** The permissions of a worker that may do nothing: what one needs stands over these. */
export const NO_PERMISSIONS = {
  read: false,
  write: false,
  net: false,
  env: false,
  sys: false,
  run: false,
  ffi: false,
  import: false,
} as const satisfies Deno.PermissionOptionsObject;
