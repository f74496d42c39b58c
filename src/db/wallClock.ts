const formats = new Map<string, Intl.DateTimeFormat>();

/** The format of a zone; made once, since making one costs far more than using it. */
function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    formats.set(timeZone, format);
  }
  return format;
}

/**
 * Formats instants as the seed stored them: `YYYY-MM-DD HH:mm:ss` on the wall clock of a zone.
 * @param timeZone IANA name, as in `TZ`
 * @returns a function of epoch milliseconds
 * @throws RangeError if the zone is unknown
 */
export function wallClock(timeZone: string): (epochMs: number) => string {
  const format = formatOf(timeZone);
  return (epochMs) => {
    // Its text is `11/22/2026, 20:31:07`: a third of the time that `formatToParts` takes, and a user may have 1000 sessions.
    const [month, day, year = "", ...time] = format.format(epochMs).match(/\d+/g) ?? [];
    return `${year.padStart(4, "0")}-${month}-${day} ${time.join(":")}`;
  };
}
