/** A transcript: the dialogue of one case with one target, line by line, each line knowing its step. */

export interface TranscriptLine {
  readonly text: string;
  /** index of the step it belongs to; -1 in a golden */
  readonly step: number;
}

export type Transcript = readonly TranscriptLine[];

/** The text of a transcript, with a line feed after every line. */
export function transcriptText(transcript: Transcript): string {
  return transcript.map((line) => `${line.text}\n`).join('');
}

/** Lines of a text without steps. A missing last line feed makes no difference. */
export function transcriptOf(text: string): Transcript {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) => ({ text: line, step: -1 }));
}
