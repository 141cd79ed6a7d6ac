/**
 * `$name` in a case stands for the path of a file that the case creates. The two directions: to paths when asking,
 * back to symbols in what comes back, so that no path of a machine reaches a transcript.
 */

/** Replaces `$name` by its path in `directory`, for the names in `files`; other dollars stay. */
export function resolveSymbols(text: string, files: ReadonlySet<string>, directory: string | null): string {
  if (directory === null || !text.includes('$')) return text;
  return text.replace(/\$([A-Za-z0-9_][A-Za-z0-9_.-]*)/g, (whole, name: string) => {
    // "$base.qcow2" may mean the file "base.qcow2", or "base" followed by a text: the longest created name wins.
    for (let length = name.length; length > 0; length--) {
      const head = name.slice(0, length);
      if (files.has(head)) return `${directory}/${head}${name.slice(length)}`;
    }
    return whole;
  });
}

/** Replaces the path of `directory` by `$`: a file in it becomes `$name`. */
export function restoreSymbols(text: string, directory: string | null): string {
  if (directory === null || directory === '' || !text.includes(directory)) return text;
  return text.replaceAll(`${directory}/`, '$').replaceAll(directory, '$');
}
