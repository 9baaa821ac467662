import { z } from "zod";
import { onnxOptionsSchema } from "./onnx_options.ts";

const ONNX = "true or an object of onnxruntime's options";
const NAMES = "true or a list of names";

/** True grants what the server itself has. */
const grant = z.union([
  z.literal(true),
  z.array(z.string({ error: "a name" }).min(1, { error: "a name" })).nonempty({ error: NAMES }),
], { error: NAMES }).optional();

/** What a script may do beside reading its folder: by kind, which hosts, paths, variables or programs. */
const permissionsSchema = z.strictObject({
  net: grant,
  read: grant,
  write: grant,
  env: grant,
  sys: grant,
  run: grant,
  ffi: grant,
}, { error: "an object of net, read, write, env, sys, run and ffi" });

/** A script's own options. */
export const scriptOptionsSchema = z.strictObject({
  permissions: permissionsSchema.default({}),
  /** Handed to the script as it stands here. */
  device: z.string({ error: "a name" }).min(1, { error: "a name" }).default("cpu"),
  /** Absolute; the script may read and write it. */
  tempFolder: z.string({ error: "an absolute path" })
    .regex(/^\//, { error: "an absolute path" }).optional(),
  /** How the script gets BYTES: as text, which has to be UTF-8, or as they are. */
  bytes: z.enum(["text", "binary"], { error: '"text" or "binary"' }).default("text"),
  /** Lets the script open ONNX files of its folder, and says how onnxruntime computes them; true for all defaults. */
  onnx: z.preprocess(
    (given) => given === true ? {} : given,
    z.strictObject(onnxOptionsSchema.shape, { error: ONNX }).optional(),
  ),
}, { error: "an object" });

export type ScriptOptions = z.infer<typeof scriptOptionsSchema>;
export type ScriptPermissions = ScriptOptions["permissions"];
