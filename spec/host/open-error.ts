/** Why an image could not be opened by its name, as people are told. */
export class OpenImageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'OpenImageError';
  }
}
