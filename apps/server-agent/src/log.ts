export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

type Write = (fields: Record<string, unknown>, message: string) => void;

/** The shape of the control plane's logger, in the few lines that an agent needs: its bundle and memory stay small. */
export type Log = Record<LogLevel, Write>;

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** JSON lines; constant message, data as fields; errors with their causes. `write` gets whole lines. */
export function createLog(least: LogLevel, write: (line: string) => void = (line) => process.stdout.write(line)): Log {
  const line =
    (level: LogLevel): Write =>
    (fields, message) => {
      if (LEVELS.indexOf(level) < LEVELS.indexOf(least)) return;
      const shown = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, showError(value)]));
      write(`${JSON.stringify({ level, time: new Date().toISOString(), app: 'server-agent', ...shown, msg: message })}\n`);
    };
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
}

function showError(value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  return { name: value.name, message: value.message, ...(value.cause === undefined ? {} : { cause: showError(value.cause) }) };
}
