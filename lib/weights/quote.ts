/** Characters of a name from a file that an error message repeats. */
const NAME_CHARS_MAX = 80;

/** A name from a file, for an error message: in quotes, escaped, and cut when it is long. */
export function quote(name: string): string {
  return JSON.stringify(shorten(name));
}

/** A name from a file, cut when it is long. */
export function shorten(name: string): string {
  return name.length > NAME_CHARS_MAX ? `${name.slice(0, NAME_CHARS_MAX)}…` : name;
}
