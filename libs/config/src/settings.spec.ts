import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ConfigurationError, defineSettings, loadSettings, setting } from './settings';
import { SecretValue } from './secret-value';

const definition = defineSettings({
  PORT: setting.integer({ description: 'Where to listen.', min: 1, max: 65535, default: '8080' }),
  NAME: setting.text({ description: 'What to be called.' }),
  MODE: setting.choice({ description: 'How to work.', options: ['fast', 'slow'], default: 'fast' }),
  VERBOSE: setting.flag({ description: 'Say more.', default: 'false' }),
  TOKEN: setting.secret({ description: 'What opens the door.' }),
  NOTE: setting.optionalText({ description: 'Anything.' }),
});

const refusal = (environment: Record<string, string>): ConfigurationError => {
  try {
    loadSettings(definition, environment);
  } catch (error) {
    if (error instanceof ConfigurationError) return error;
    throw error;
  }
  throw new Error('the settings were accepted');
};

describe('loadSettings', () => {
  it('gives typed values, and the default where nothing is set', () => {
    const settings = loadSettings(definition, { NAME: 'api', TOKEN: 'sesame', PORT: '9000' });
    expect(settings).toMatchObject({ PORT: 9000, NAME: 'api', MODE: 'fast', VERBOSE: false, NOTE: undefined });
    expect(settings.TOKEN.reveal()).toBe('sesame');
  });

  it('names every bad setting at once and shows no value', () => {
    const { problems, message } = refusal({ PORT: '99999', MODE: 'lazy-secret' });
    expect(problems).toHaveLength(4);
    expect(message).toContain('PORT must be whole number, 1 to 65535');
    expect(message).toContain('NAME is not set: What to be called.');
    expect(message).not.toContain('99999');
    expect(message).not.toContain('lazy-secret');
  });

  it.each(['1.5', 'ten', '', '0x10'])('refuses %j as a whole number', (PORT) => {
    expect(refusal({ NAME: 'api', TOKEN: 'sesame', PORT }).problems).toHaveLength(1);
  });
});

describe('SecretValue', () => {
  it('shows its value to nobody who prints, logs or serialises it', () => {
    const secret = new SecretValue('sesame');
    const shown = [String(secret), `${secret}`, JSON.stringify({ secret }), inspect({ secret }, { depth: 5 })].join(' ');
    expect(shown).not.toContain('sesame');
    expect(secret.reveal()).toBe('sesame');
  });
});
