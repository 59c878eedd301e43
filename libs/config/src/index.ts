/**
 * What a process is given from outside: settings (one typed, documented list an app, read once at start), secrets that
 * cannot be printed, and the clock. The only code that may read `process.env`.
 */
export { SecretValue } from './secret-value';
export {
  ConfigurationError,
  defineSettings,
  loadSettings,
  setting,
  type Setting,
  type Settings,
  type SettingsDefinition,
} from './settings';
export { systemClock, type Clock } from './clock';
export { hours, minutes, seconds, type Milliseconds } from './durations';
