import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { isExpectedError } from '../expected-error.ts';
import { compareCommand } from './compare.ts';
import { dataCommand } from './data.ts';
import { lintCommand } from './lint.ts';
import { methodsCommand } from './methods.ts';
import { tasksCommand } from './tasks.ts';
import { trainCommand } from './train.ts';

/** What each kind of end is to a shell. */
const EXIT_STATUS = { failed: 1, 'bad-input': 2, interrupted: 130 } as const;

/**
 * Runs the `znorm` command and returns its exit status: 0 · 1 it failed · 2 bad input · 130 interrupted. Results go to
 * standard output, everything else to standard error.
 *
 * @param argv   what was typed after `znorm`
 */
export async function main(
  argv: readonly string[],
  commands: readonly Command[] = [
    trainCommand(),
    compareCommand(),
    tasksCommand(),
    methodsCommand(),
    dataCommand(),
    lintCommand(),
  ],
): Promise<number> {
  process.stdout.off('error', endQuietlyWithReader).on('error', endQuietlyWithReader);
  const program = new Command('znorm')
    .description('Gradient normalization for training deep networks.')
    .version(version(), '-V, --version');
  for (const command of commands) program.addCommand(command);
  for (const command of withSubcommands(program)) letMainEndIt(command);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    return report(error);
  }
}

/** The reader of a pipe may have seen enough: `znorm data list | head -1`. */
function endQuietlyWithReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
}

/** Says what went wrong, on standard error, and returns the exit status. */
function report(error: unknown): number {
  // Commander has printed its message, or the help or version that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_STATUS['bad-input'];
  if (isExpectedError(error)) {
    process.stderr.write(`${error.message}\n`);
    return EXIT_STATUS[error.code];
  }
  // What the operating system refuses is no fault of znorm: `EACCES: permission denied, unlink '/data/x'`.
  if (error instanceof Error && 'syscall' in error) {
    process.stderr.write(`znorm: ${error.message}\n`);
    return EXIT_STATUS.failed;
  }
  const detail = error instanceof Error ? error.stack : String(error);
  process.stderr.write(`znorm: unexpected error; this is a fault in znorm itself.\n${detail}\n`);
  return EXIT_STATUS.failed;
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}

/** Commander would end the process itself, and in words of its own. */
function letMainEndIt(command: Command): void {
  command
    .exitOverride()
    .helpCommand(false)
    .configureHelp({ helpWidth: 80 })
    .configureOutput({ outputError: (text, write) => write(inOurWords(text, command)) });
}

/**
 * `error: unknown option '--sorce'\n(Did you mean --source?)` →
 * `znorm: unknown option '--sorce'. Did you mean '--source'?`
 */
function inOurWords(text: string, command: Command): string {
  const parts = /^error: (.*?)\.?\n(?:\(Did you mean (?:one of )?(.*)\?\)\n)?$/s.exec(text);
  const message = parts?.[1] ?? text.trim();
  const near = parts?.[2];
  const names: string[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) names.unshift(at.name());
  const next =
    near === undefined
      ? `See \`${names.join(' ')} --help\`.`
      : `Did you mean '${near.replace(/, /g, "' or '")}'?`;
  return `znorm: ${message}. ${next}\n`;
}

function version(): string {
  const manifest = new URL('../../package.json', import.meta.url);
  return JSON.parse(readFileSync(manifest, 'utf8')).version;
}
