/** What a program that died says of it: what failed, and where it was. */

/** What a person would call the crash; without chance in it. */
export function crashCause(message: string, stderr: string): string {
  const text = `${stderr}\n${message}`;
  const cause = assertionIn(text) ?? sanitizerIn(text) ?? exceptionIn(text) ?? signalIn(text) ?? 'ended';
  const frames = framesIn(text);
  return frames.length === 0 ? cause : `${cause} in ${frames.join(' < ')}`;
}

/** Assertions as the C library, GLib and QEMU print them. */
function assertionIn(text: string): string | undefined {
  const [, where, what] =
    /:\d+: (?:[\w *]*?[ *])?(\w+)(?:\([^\n]*\))?: Assertion [`'](.*)' failed/.exec(text) ?? [];
  if (what !== undefined) return `assertion ${what} in ${where}`;
  const [, inGlib, glib] = /^(?:\*\*\s*)?ERROR:[^:\n]*:\d+:(\w+): (.+)$/m.exec(text) ?? [];
  if (glib !== undefined) return `${glib.replace(/\d+/g, 'N')} in ${inGlib}`;
  const [, unexpected, why] = /Unexpected error in (\w+)\(\)[^\n]*\n(?:[^:\n]+: )?(.*)/.exec(text) ?? [];
  if (unexpected !== undefined) return `unexpected error in ${unexpected}: ${plain(why ?? '')}`;
  const [, thread] = /\bqemu: (qemu_(?:mutex|cond|sem|thread|rec_mutex)\w*: [A-Z][a-z ]+)$/m.exec(text) ?? [];
  if (thread !== undefined) return thread;
  const [memory] = /failed to allocate \d+ bytes/.exec(text) ?? [];
  return memory?.replace(/\d+/, 'N');
}

function sanitizerIn(text: string): string | undefined {
  const [, sanitizer, what] = /ERROR: (\w+Sanitizer): ([\w-]+)/.exec(text) ?? [];
  if (what !== undefined) return `${sanitizer} ${what}`;
  return /runtime error: (.*)/.exec(text)?.[1]?.replace(/0x[0-9a-f]+|\d+/g, 'N');
}

/** An exception that ended a program of Node or Python. */
function exceptionIn(text: string): string | undefined {
  const [, name, what] = /^(?:Uncaught )?([A-Z]\w*(?:Error|Exception)): (.*)$/m.exec(text) ?? [];
  return name === undefined ? undefined : `${name}: ${plain(what!)}`;
}

function signalIn(text: string): string | undefined {
  const signal = /\bkilled by (?:signal )?(SIG[A-Z]+|\d+)/.exec(text)?.[1];
  if (signal !== undefined) return signal;
  const code = /\bended with code (\d+)/.exec(text)?.[1];
  return code === undefined ? undefined : `exit code ${code}`;
}

/** Names of functions on the stack, the innermost three, if somebody printed them. */
function framesIn(text: string): string[] {
  const native = [...text.matchAll(/^\s*#\d+\s+(?:0x[0-9a-f]+ in )?([A-Za-z_]\w*)/gm)].map(
    ([, name]) => name!,
  );
  const script = [...text.matchAll(/^\s*(?:\| )?at (?:async )?([\w.#<>]+) \(/gm)].map(([, name]) => name!);
  return (native.length > 0 ? native : script)
    .filter((name) => !/^(?:abort|raise|__|gsignal|pthread_kill|g_assertion|process\.)/.test(name))
    .slice(0, 3);
}

function plain(text: string): string {
  return text
    .replace(/'[^']*'|"[^"]*"/g, 'X')
    .replace(/0x[0-9a-f]+|\d+/g, 'N')
    .trim();
}
