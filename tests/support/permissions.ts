/** Whether this test run may start servers: threads are read from files, sockets need the network. */
export const mayServe = ["read", "net"].every((name) =>
  Deno.permissions.querySync({ name } as Deno.PermissionDescriptor).state === "granted"
);

/** Whether this test run may start other programs, with files and the network. */
export const mayRunPrograms = mayServe &&
  ["run", "env", "write"].every((name) =>
    Deno.permissions.querySync({ name } as Deno.PermissionDescriptor).state === "granted"
  );

/** Whether this test run may load models: files in a temporary folder, native libraries, threads. */
export const mayLoadModels = ["read", "write", "net", "env", "ffi", "run", "sys"].every((name) =>
  Deno.permissions.querySync({ name } as Deno.PermissionDescriptor).state === "granted"
);
