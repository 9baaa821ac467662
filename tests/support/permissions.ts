/** Whether this test run may start servers: threads are read from files, sockets need the network. */
export const mayServe = ["read", "net"].every((name) =>
  Deno.permissions.querySync({ name } as Deno.PermissionDescriptor).state === "granted"
);

/** Whether this test run may start other programs, with files and the network. */
export const mayRunPrograms = mayServe &&
  ["run", "env", "write"].every((name) =>
    Deno.permissions.querySync({ name } as Deno.PermissionDescriptor).state === "granted"
  );
