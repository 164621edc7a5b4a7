/**
 * Memory of Hetzner's x86 server types, in GiB, for the capacity check (docs.hetzner.com, server types, November 2026).
 * A type that is missing here is not refused: the check is skipped and the plan says so.
 */
export const SERVER_MEMORY_GIB: Readonly<Record<string, number>> = {
  cx22: 4,
  cx23: 4,
  cx32: 8,
  cx33: 8,
  cx42: 16,
  cx43: 16,
  cx52: 32,
  cx53: 32,
  cpx11: 2,
  cpx21: 4,
  cpx22: 4,
  cpx31: 8,
  cpx32: 8,
  cpx41: 16,
  cpx42: 16,
  cpx51: 32,
  cpx52: 24,
  cpx62: 32,
  ccx13: 8,
  ccx23: 16,
  ccx33: 32,
  ccx43: 64,
  ccx53: 128,
  ccx63: 192,
};
