import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const ROOT = resolve(import.meta.dirname, '../..');

interface Rule {
  record?: string;
  alert?: string;
  expr: string;
  annotations?: { runbook?: string };
}
interface Dashboard {
  panels: { title: string; targets: { expr: string }[] }[];
}
interface AlertTests {
  tests: { alert_rule_test: { alertname: string }[] }[];
}

const read = (name: string) => readFileSync(join(import.meta.dirname, name), 'utf8');
const rules = (parse(read('alerts.yaml')) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules);
const alerts = rules.filter(({ alert }) => alert !== undefined);
const dashboard = JSON.parse(read('service.dashboard.json')) as Dashboard;

/** The figures that the processes register, by their names in the source, and those that others give. */
function offered(): Set<string> {
  const names = globSync('{apps,libs}/*/src/**/*.ts', { cwd: ROOT })
    .filter((file) => !file.endsWith('.spec.ts'))
    .flatMap((file) => [...readFileSync(join(ROOT, file), 'utf8').matchAll(/\.(gauge|counter|histogram)\(\s*'([a-z_]+)'/g)])
    .flatMap(([, type, name = '']) => (type === 'histogram' ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name]));
  const others = ['up', 'nodejs_eventloop_lag_p99_seconds', 'managed_consul_metric_read_failures_total'];
  return new Set([...names, ...others, ...rules.flatMap(({ record }) => record ?? [])]);
}

const namedIn = (expr: string): string[] => expr.match(/\b(managed_consul[a-zA-Z0-9_:]*|nodejs_\w+|process_\w+|up(?=\{))/g) ?? [];

const promtool = (process.env['PATH'] ?? '').split(':').find((folder) => existsSync(join(folder, 'promtool')));

const known = offered();

describe('the alerts and the dashboard', () => {
  it.each([
    ...rules.map(({ record, alert, expr }) => [alert ?? record, expr]),
    ...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr])),
  ])('name only figures that a process gives: %s', (_name, expr = '') => {
    const named = namedIn(expr);
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });

  it('have a runbook for every alert, and no runbook is without one', () => {
    const named = new Set(alerts.map(({ annotations }) => annotations?.runbook));
    const written = readdirSync(join(ROOT, 'docs/runbooks')).map((file) => `docs/runbooks/${file}`);
    expect([...named].sort()).toEqual(written.sort());
  });

  it('have a case for every alert', () => {
    const { tests } = parse(read('alerts.test.yaml')) as AlertTests;
    const tried = tests.flatMap((test) => test.alert_rule_test.map(({ alertname }) => alertname));
    expect(tried.sort()).toEqual(alerts.map(({ alert = '' }) => alert).sort());
  });

  const evaluated = 'fire in their cases, evaluated by Prometheus itself (needs promtool on the PATH)';
  // Days of samples on a machine that is busy.
  it.skipIf(promtool === undefined)(evaluated, { timeout: 120_000 }, () => {
    const said = execFileSync('promtool', ['test', 'rules', join(import.meta.dirname, 'alerts.test.yaml')], { encoding: 'utf8' });
    expect(said).toContain('SUCCESS');
  });
});
