import { Command, CommanderError, Option } from "commander";
import { OperationError } from "../errors.ts";
import type { Flag, GivenArguments, GivenText } from "./flag.ts";
import { EXIT_SUCCESS, EXIT_USAGE, type ParseOutcome } from "./parse_outcome.ts";
import { VERSION } from "./version.ts";

/** Columns of the help: a fixed number, so that no terminal has to be asked. */
const HELP_COLUMNS = 100;

/** What a program takes on its command line. */
export interface Program {
  readonly name: string;
  readonly summary: string;
  /** In order; `<needed>` or `[optional]`. */
  readonly positionals: readonly { readonly name: string; readonly summary: string }[];
  readonly flags: readonly Flag<unknown>[];
}

/**
 * Reads a command line, and gives what `build` makes of it.
 *
 * `--help` and `--version` end in code 0 with a text for stdout. Anything wrong, also what `build`
 * throws as an OperationError, ends in code 2 with a message and the usage for stderr. Nothing is
 * written, and nothing read but what is passed: no terminal, no file, no environment.
 *
 * @param args without the program's name
 * @param env a variable's value; it is asked only for variables of flags that are not in `args`
 * @throws what `build` throws, unless it is an OperationError
 */
export function parseCommandLine<Flags>(
  program: Program,
  args: readonly string[],
  env: (name: string) => string | undefined,
  build: (given: GivenArguments) => Flags,
): ParseOutcome<Flags> {
  let stdout = "";
  const command = newCommand(program, (text) => stdout += text);
  try {
    command.parse(args, { from: "user" });
    rejectExcess(command);
    const texts = givenTexts(program.flags, command.opts(), env);
    return { kind: "run", flags: build({ positionals: command.args, texts }) };
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) {
      return { kind: "exit", code: EXIT_SUCCESS, stdout, stderr: "" };
    }
    const stderr = [
      `${program.name}: ${explain(error, program)}`,
      `Usage: ${program.name} ${command.usage()}`,
      `Try: ${program.name} --help\n`,
    ].join("\n");
    return { kind: "exit", code: EXIT_USAGE, stdout: "", stderr };
  }
}

/**
 * Every flag is text to commander: its own parsing would word errors of arguments and variables in
 * two ways, and `Option.env` reads process.env, which tests and servers may not be allowed to.
 */
function newCommand(program: Program, writeOut: (text: string) => void): Command {
  const command = new Command(program.name)
    .description(program.summary)
    .version(VERSION)
    .allowExcessArguments()
    .exitOverride()
    .configureOutput({
      writeOut,
      writeErr: () => {},
      getOutHelpWidth: () => HELP_COLUMNS,
      getErrHelpWidth: () => HELP_COLUMNS,
      // Commander would read NO_COLOR, FORCE_COLOR and CLICOLOR_FORCE.
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  for (const { name, summary } of program.positionals) command.argument(name, summary);
  for (const flag of program.flags) command.addOption(newOption(flag));
  return command;
}

function newOption({ name, placeholder, summary, kind, fallback, variable }: Flag<unknown>) {
  if (placeholder === undefined) return new Option(name, summary);
  const details = [
    ...(fallback === undefined ? [] : [`default ${fallback}`]),
    ...(variable === undefined ? [] : [`env ${variable}`]),
  ];
  const more = details.length === 0 ? "" : ` (${details.join(", ")})`;
  return new Option(`${name} <${placeholder}>`, `${summary}: ${kind.expected}${more}`);
}

function rejectExcess(command: Command): void {
  const accepted = command.registeredArguments.length;
  if (command.args.length <= accepted) return;
  throw new OperationError(
    "invalid-argument",
    `unexpected argument ${JSON.stringify(command.args[accepted])}, expected ` +
      (accepted === 0 ? "flags only" : `at most ${accepted} beside the flags`),
  );
}

function givenTexts(
  flags: readonly Flag<unknown>[],
  options: Readonly<Record<string, unknown>>,
  env: (name: string) => string | undefined,
): ReadonlyMap<string, GivenText> {
  const texts = new Map<string, GivenText>();
  for (const flag of flags) {
    const argument = options[newOption(flag).attributeName()];
    const source = argument === undefined ? flag.variable : flag.name;
    if (source === undefined) continue;
    // A flag without a value is given as true.
    const text = argument === undefined ? env(source) : String(argument);
    if (text !== undefined) texts.set(flag.name, { source, text });
  }
  return texts;
}

/** The message for an error that the user made; any other error goes on. */
function explain(error: unknown, { flags }: Program): string {
  if (error instanceof OperationError) return error.message;
  if (!(error instanceof CommanderError)) throw error;
  if (error.code === "commander.optionMissingArgument") {
    const flag = flags.find(({ name }) => error.message.includes(`'${name} <`));
    if (flag !== undefined) return `${flag.name} has no value, expected ${flag.kind.expected}`;
  }
  return error.message.replace(/^error: /, "").replaceAll("\n", " ");
}
