/** How many other people's pictures fit. Screens count as pictures. */

/** Video slots to negotiate, by the shorter side of the device's screen in CSS pixels. */
export function videoSlotsFor(shorterSide: number): number {
  if (shorterSide < 600) return 6;
  return shorterSide < 1000 ? 12 : 16;
}

/** Tiles in the class now, by the size of the area they share. */
export function tileCapacity(width: number, height: number): number {
  if (width < 520 || height < 360) return 6;
  if (width < 1000) return 9;
  return width < 1500 ? 12 : 16;
}
