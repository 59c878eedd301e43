/** What a command is told. */
export interface CommandLine {
  /** Root of the clone. */
  root: string;
  /** What stands after the command's name. */
  args: readonly string[];
}
