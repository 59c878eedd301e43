import { z } from 'zod';
import { readControlBody } from '../faults/faults.routes';
import { type Route } from '../server/route';
import { type EmulatorClock } from './emulator-clock';

const changeSchema = z.union([
  /** Seconds to move time by. */
  z.strictObject({ advanceSeconds: z.number() }),
  /** The time that it shall be now, ISO 8601. */
  z.strictObject({ set: z.iso.datetime({ offset: true }) }),
]);

/** `/_emulator/clock`: read, move or set the emulator's time. For tests; Azure has no such thing. */
export function clockRoutes(clock: EmulatorClock): Route[] {
  const show = () => ({ status: 200, body: { now: clock.now().toISOString() } });
  return [
    { method: 'GET', pattern: '/_emulator/clock', access: { kind: 'anonymous' }, handle: show },
    {
      method: 'POST',
      pattern: '/_emulator/clock',
      access: { kind: 'anonymous' },
      handle: (request) => {
        const change = readControlBody(request, changeSchema);
        if ('set' in change) clock.set(new Date(change.set));
        else clock.advance(change.advanceSeconds * 1000);
        return show();
      },
    },
  ];
}
