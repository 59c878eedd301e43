import { ConfigurationError, loadSettings } from '@managed-consul/config';
import { createLogger } from '@managed-consul/observability';
import { startEmulator } from './emulator';
import { emulatorSettings } from './settings';

/** Runs the emulator until SIGTERM or SIGINT. */
async function main(): Promise<void> {
  const settings = loadSettings(emulatorSettings);
  const log = createLogger({ app: 'azure-emulator', level: settings.LOG_LEVEL });
  const emulator = await startEmulator({ settings, log });
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) return;
    isStopping = true;
    emulator.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

main().catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof ConfigurationError ? error.message : String(error instanceof Error ? error.stack : error)}\n`,
  );
  process.exit(1);
});
