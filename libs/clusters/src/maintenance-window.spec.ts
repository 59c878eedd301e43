import { describe, expect, test } from 'vitest';
import { findWindow, isWindowOpen, type MaintenanceWindow } from './maintenance-window';

const sunday: MaintenanceWindow = { weekday: 'Sunday', hour: 3 };
/** 22 November 2026 is a Sunday. */
const at = (moment: string) => new Date(`2026-${moment}:00Z`);
const found = (now: string, limits = {}, window: MaintenanceWindow | null = sunday) =>
  findWindow(window, at(now), limits)?.toISOString().slice(5, 16);

describe('the next maintenance window', () => {
  test.each([
    ['in the week before', '11-18T12:00', '11-22T03:00'],
    ['a minute before it opens', '11-22T02:59', '11-22T03:00'],
    ['at the moment it opens', '11-22T03:00', '11-22T03:00'],
    ['while it is open', '11-22T03:59', '11-22T03:00'],
    ['once it has closed', '11-22T04:00', '11-29T03:00'],
    ['over the end of a month', '11-30T00:00', '12-06T03:00'],
  ])('%s', (_, now, expected) => {
    expect(found(now)).toBe(expected);
  });

  test('leaves out blackout dates', () => {
    expect(found('11-22T03:30', { blackoutDates: ['2026-11-22', '2026-11-29'] })).toBe('12-06T03:00');
  });

  test('does not open before the moment until which upgrades are deferred', () => {
    expect(found('11-20T00:00', { deferredUntil: at('11-22T03:01') })).toBe('11-29T03:00');
    expect(found('11-20T00:00', { deferredUntil: at('11-22T03:00') })).toBe('11-22T03:00');
    expect(found('11-22T03:30', { deferredUntil: at('11-01T00:00') })).toBe('11-22T03:00');
  });

  test('is none when there is no window', () => {
    expect(found('11-22T03:00', {}, null)).toBeUndefined();
    expect(isWindowOpen(null, at('11-22T03:00'))).toBe(false);
  });

  test('is found behind as many blackout dates as a cluster may have', () => {
    const blackoutDates = Array.from({ length: 100 }, (_, week) =>
      new Date(at('11-22T00:00').getTime() + week * 7 * 86_400_000).toISOString().slice(0, 10),
    );
    expect(findWindow(sunday, at('11-22T00:00'), { blackoutDates })).toBeInstanceOf(Date);
  });
});

test('a window is open for its hour, but not on a blackout date', () => {
  expect(isWindowOpen(sunday, at('11-22T03:59'))).toBe(true);
  expect(isWindowOpen(sunday, at('11-22T04:00'))).toBe(false);
  expect(isWindowOpen(sunday, at('11-22T03:59'), { blackoutDates: ['2026-11-22'] })).toBe(false);
});
