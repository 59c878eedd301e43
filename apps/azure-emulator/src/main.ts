import { ConfigurationError, loadSettings } from '@managed-consul/config';
import { createLogger } from '@managed-consul/observability';
import { startEmulator } from './emulator';
import { emulatorSettings } from './settings';

/** Runs the emulator until SIGTERM, after which its machines run on, or SIGINT, which takes them down too. */
async function main(): Promise<void> {
  const settings = loadSettings(emulatorSettings);
  const log = createLogger({ app: 'azure-emulator', level: settings.LOG_LEVEL });
  const emulator = await startEmulator({ settings, log });
  let isStopping = false;
  const stop = (withMachines: boolean): void => {
    if (isStopping) return;
    isStopping = true;
    emulator.stop({ withMachines }).then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => stop(false));
  process.on('SIGINT', () => stop(true));
}

main().catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof ConfigurationError ? error.message : String(error instanceof Error ? error.stack : error)}\n`,
  );
  process.exit(1);
});
