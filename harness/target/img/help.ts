/** What image tools say of themselves. */

/**
 * The capabilities of an image tool by its `--help`: `img`, `img:commit` for each command that is listed, `driver:raw` for
 * each format.
 */
export function capabilitiesIn(help: string): string[] {
  const commands = [...help.matchAll(/^ {2}([a-z]+) (?=[-([])/gm)].map(([, name]) => `img:${name}`);
  return ['img', ...commands, ...formatsIn(help).map((format) => `driver:${format}`)];
}

/** "Supported formats: blkdebug …", or in newer versions "Supported image formats:" and a paragraph. */
export function formatsIn(help: string): string[] {
  const list = /^Supported (?:image )?formats:\s*((?:\S.*\n? *)+)/m.exec(help)?.[1] ?? '';
  return list.split(/\s+/).filter((word) => word !== '');
}
