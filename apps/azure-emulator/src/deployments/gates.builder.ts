import type { ResourceProvider } from '../arm/resource-provider';
import type { JsonObject as TemplateObject } from '../template-language/json-value';

/** For tests: a type whose making waits until the test lets it go, or fails, to hold a deployment in the middle. */
export class Gates {
  readonly started: string[] = [];
  private readonly gates = new Map<string, () => void>();

  readonly provider = (): ResourceProvider => ({
    namespace: 'Test.Gates',
    types: [
      {
        namespace: 'Test.Gates',
        type: 'gates',
        apiVersions: ['2020-01-01'],
        location: 'optional',
        longRunning: true,
        provision: ({ id, signal }) =>
          new Promise((resolve, reject) => {
            this.started.push(id.name);
            this.gates.set(id.name, resolve);
            signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
          }),
      },
    ],
  });

  open(name: string): void {
    this.gates.get(name)?.();
  }
}

/** For tests: such a resource in a template. */
export const gate = (name: string, more: TemplateObject = {}): TemplateObject => ({
  type: 'Test.Gates/gates',
  apiVersion: '2020-01-01',
  name,
  ...more,
});
